"""The pure rules, over more values than anybody would write down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs import building, rules
from certs.errors import KeyNotAccepted, NameMismatch, WeakExponent
from certs.rules import KeyFacts

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(TIMES, st.timedeltas(timedelta(days=1), timedelta(days=9000)))
def test_a_period_has_exactly_its_length_with_both_ends_counted(start: datetime, length: timedelta) -> None:
    whole = timedelta(seconds=length // timedelta(seconds=1))
    not_before, not_after = rules.period(start, whole, None)
    assert not_after - not_before + timedelta(seconds=1) == whole
    assert timedelta(0) <= start - not_before < timedelta(seconds=1)  # never backdated


@given(TIMES, TIMES)
def test_a_period_ends_with_its_issuer_at_the_latest(start: datetime, ceiling: datetime) -> None:
    assert rules.period(start, timedelta(days=365), ceiling)[1] <= ceiling


@given(st.integers(1, 20_000))
def test_fisco_takes_rsa_2048_and_nothing_else(bits: int) -> None:
    spec, key = rules.profile("fisco-bcos-3"), KeyFacts("RSA", bits, 65537)
    if bits == 2048:
        rules.check_key(spec, key)
    else:
        with pytest.raises(KeyNotAccepted):
            rules.check_key(spec, key)


@given(
    st.one_of(st.integers(0, 2**40), st.sampled_from([1, 3, 17, 65535, 65537, 65539, 2**256, 2**2047 + 1]))
)
def test_the_exponent_is_65537(exponent: int) -> None:
    key = KeyFacts("RSA", 3072, exponent)
    if exponent == 65537:
        rules.check_exponent(key)
    else:
        with pytest.raises(WeakExponent) as refusal:
            rules.check_exponent(key)
        assert len(str(refusal.value)) < 300


@given(st.text(min_size=1))
def test_any_other_name_is_refused_and_shown_harmlessly(name: str) -> None:
    own = {"CN": ("settlement-1",)}
    if name == "settlement-1":
        rules.check_names({"CN": [name]}, own)
        return
    with pytest.raises(NameMismatch) as refusal:
        rules.check_names({"CN": ["settlement-1", name]}, own)
    assert refusal.value.params["found"].isprintable()
    assert len(refusal.value.params["found"]) <= 80


def test_serial_numbers_are_random_and_of_one_length() -> None:
    serials = {building.new_serial() for _ in range(1000)}
    assert len(serials) == 1000
    assert {serial.bit_length() for serial in serials} == {127}
    assert {len(building.serial_text(serial)) for serial in serials} == {32}
    assert building.serial_text(0xABC) == "0abc"
