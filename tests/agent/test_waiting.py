"""When the agent comes again: not all agents at once, not sooner than the server asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.agent import gateway, waiting

DICE = st.floats(0, 1)


@given(st.floats(0.1, 86400), st.integers(0, 10_000), st.floats(0, 86400), DICE)
def test_never_sooner_than_the_server_asks_for(poll: float, failures: int, asked: float, dice: float) -> None:
    assert waiting.pause(poll, failures, asked, dice) >= min(asked, waiting.LONGEST)


@given(st.floats(0.1, 600), st.integers(0, 10_000), st.floats(0, 1e300), DICE)
def test_whoever_has_the_servers_key_does_not_silence_the_agent(
    poll: float, failures: int, asked: float, dice: float
) -> None:
    assert waiting.pause(poll, failures, asked, dice) <= 1.2 * 900


@given(st.floats(1, 86400), st.integers(0, 10_000), DICE)
def test_failures_never_make_it_wait_longer_than_the_polling_interval(
    poll: float, failures: int, dice: float
) -> None:
    assert waiting.pause(poll, failures, 0, dice) <= poll * 1.2 + 1e-6


@pytest.mark.parametrize(("failures", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (500, 60)])
def test_the_wait_doubles_up_to_the_polling_interval(failures: int, seconds: float) -> None:
    assert waiting.pause(60, failures, 0, 0.5) == pytest.approx(seconds)


def test_agents_are_spread_by_a_fifth() -> None:
    assert waiting.pause(60, 0, 0, 0) == pytest.approx(48)
    assert waiting.pause(60, 0, 0, 1) == pytest.approx(72)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("", 0),
        ("soon", 0),
        ("-5", 0),
        ("99999999", 86400),
        pytest.param("9" * 5000, 86400, id="long"),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        ("Mon, 01 Jan 2029 00:00:00 +999999", 0),
        ("Mon, 99 Jan 2029 99:99:99 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
    ],
)
def test_retry_after(value: str, seconds: float) -> None:
    assert gateway.retry_after({"Retry-After": value}) == seconds


def test_retry_after_as_a_date() -> None:
    def asked(until: datetime) -> float:
        return gateway.retry_after({"Retry-After": format_datetime(until, usegmt=True)})

    assert 3500 < asked(datetime.now(UTC) + timedelta(hours=1)) <= 3600
    assert asked(datetime.now(UTC) - timedelta(hours=1)) == 0
