"""Clock, transition tables and typed errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from consortium.core import clock, errors, transitions
from consortium.core.errors import ConsoleError, IllegalTransition

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TABLE = {"open": frozenset({"closed", "lost"}), "closed": frozenset({"open"})}
STATES = ["open", "closed", "lost"]


def test_the_clock_is_aware_and_in_utc() -> None:
    now = clock.now()
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)


def test_a_frozen_clock_stands_and_goes_on_afterwards() -> None:
    with clock.frozen(NOON):
        assert clock.now() == clock.now() == NOON
        with clock.frozen(NOON + timedelta(days=1)):
            assert clock.now() == NOON + timedelta(days=1)
        assert clock.now() == NOON
    assert clock.now() != NOON


def test_a_frozen_clock_goes_on_after_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), clock.frozen(NOON):
        _ = 1 / 0
    assert clock.now() != NOON


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(TypeError), clock.frozen(datetime(2026, 11, 23)):  # noqa: DTZ001 - that is the point
        pass


@given(st.sampled_from([*STATES, "unheard"]), st.sampled_from([*STATES, "unheard"]))
def test_a_step_passes_exactly_when_the_table_has_it(current: str, wanted: str) -> None:
    try:
        transitions.check(TABLE, subject="door", current=current, wanted=wanted)
    except IllegalTransition:
        assert wanted not in TABLE.get(current, frozenset())
    else:
        assert wanted in TABLE[current]


def test_a_refused_step_names_what_is_and_what_may_follow_in_people_s_words() -> None:
    labels = {"open": gettext_lazy("active"), "closed": "shut", "lost": "gone"}
    with pytest.raises(IllegalTransition) as refused:
        transitions.check(TABLE, subject="The door", current="closed", wanted="lost", labels=labels)
    assert refused.value.params["current"] == "shut"
    assert refused.value.params["wanted"] == "gone"
    with pytest.raises(IllegalTransition) as nothing_left:
        transitions.check(TABLE, subject="The door", current="lost", wanted="open")
    assert nothing_left.value.params["allowed"] == "–"


def test_illegal_pairs_are_all_the_table_lacks() -> None:
    assert set(transitions.illegal_pairs(TABLE, STATES)) == {
        ("open", "open"), ("closed", "closed"), ("closed", "lost"),
        ("lost", "open"), ("lost", "closed"), ("lost", "lost"),
    }  # fmt: skip


def all_errors(base: type[ConsoleError] = ConsoleError) -> list[type[ConsoleError]]:
    found = [base]
    for error in base.__subclasses__():
        found += all_errors(error)
    return found


def test_every_typed_error_of_core_and_members_has_a_code_of_its_own_and_a_status_of_a_refusal() -> None:
    from consortium.members import errors as members_errors

    ours = [e for e in all_errors() if e.__module__ in {errors.__name__, members_errors.__name__}]
    codes = [error.code for error in ours]
    assert len(ours) > 10
    assert len(set(codes)) == len(codes)
    assert all(400 <= error.status < 500 for error in ours)


def test_an_error_s_sentence_is_in_the_reader_s_language_not_the_writer_s() -> None:
    with translation.override("zh-hans"):
        error = errors.InvalidInput(field="uscc", reason="…")
    with translation.override("en"):
        assert str(error) == "uscc: …"
        assert str(errors.NotFound()) == "There is no such entry."


def test_a_percent_sign_in_a_parameter_is_harmless() -> None:
    assert "100%s %(x)s" in str(errors.InvalidInput(field="name", reason="100%s %(x)s"))
