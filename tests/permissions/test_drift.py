"""Which alarms a node deserves: each kind by a table, and what holds for all of them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.permissions import drift
from governance.permissions.models import Alarm

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
POLICY = drift.Policy(oldest_agent="1.2", oldest_node={"besu": "25.1", "fisco-bcos": "3.4"})
WELL = drift.Facts(
    listed=True,
    applied=12,
    reported_epoch=12,
    reported_matches=True,
    log_agrees=True,
    log_size=12,
    expected_since=NOW - timedelta(days=1),
    heard_at=NOW - timedelta(minutes=1),
    clock_offset=timedelta(milliseconds=250),
    software="besu",
    version="25.1",
    reported_software="besu",
    reported_version="besu/v25.1.0/linux-x86_64",
    agent_version="1.2",
    certificate_ends=NOW + timedelta(days=90),
)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def test_of_a_node_that_is_well_there_is_none() -> None:
    assert drift.alarms(WELL, POLICY, NOW) == {}


CASES: tuple[tuple[dict[str, object], dict[str, drift.Params]], ...] = (
    ({"reported_matches": False}, {"list": {"epoch": 12}}),
    ({"reported_matches": None, "reported_epoch": None}, {}),
    (
        {"declined": 13, "declined_reason": "no such bootnode"},
        {"declined": {"epoch": 13, "reason": "no such bootnode"}},
    ),
    ({"declined": 12}, {}),  # it took it after all
    ({"log_agrees": False}, {"log": {"size": 12}}),
    ({"log_agrees": None}, {}),
    ({"withheld_size": 14}, {"withheld": {"size": 14, "served": 12}}),
    ({"heard_at": NOW - 15 * MINUTE}, {}),
    ({"heard_at": NOW - 16 * MINUTE}, {"silent": {"since": "2026-11-23T11:44:00+00:00"}}),
    ({"heard_at": None}, {"silent": {"since": "2026-11-22T12:00:00+00:00"}}),
    ({"heard_at": None, "expected_since": NOW - MINUTE}, {}),
    ({"heard_at": None, "expected_since": None}, {}),
    ({"clock_offset": MINUTE}, {}),
    ({"clock_offset": timedelta(seconds=61)}, {"clock": {"seconds": 61}}),
    ({"clock_offset": timedelta(hours=-1)}, {"clock": {"seconds": -3600}}),
    ({"clock_offset": None}, {}),
    (
        {"version": "", "reported_version": "24.12.2"},
        {"old-node": {"version": "24.12.2", "oldest": "25.1"}},
    ),
    (
        {"version": "24.3", "reported_version": ""},
        {"old-node": {"version": "24.3", "oldest": "25.1"}},
    ),
    ({"software": "goquorum", "reported_software": "geth", "version": "1", "reported_version": "1.9"}, {}),
    (
        {"version": "26.3", "reported_version": "25.4.1"},
        {"other-node": {"recorded": "besu 26.3", "reported": "besu 25.4.1"}},
    ),
    (
        {"reported_software": "geth"},
        {"other-node": {"recorded": "besu 25.1", "reported": "geth besu/v25.1.0/linux-x86_64"}},
    ),
    ({"reported_software": "command"}, {}),  # a script knows nothing of the node's kind
    ({"agent_version": "1.1.9"}, {"old-agent": {"version": "1.1.9", "oldest": "1.2"}}),
    ({"agent_version": "2.0"}, {}),
    ({"agent_version": ""}, {}),
    ({"certificate_ends": NOW + 15 * DAY}, {}),
    ({"certificate_ends": NOW + 13 * DAY}, {"certificate": {"ends": "2026-12-06T12:00:00+00:00"}}),
    ({"certificate_ends": NOW + 13 * DAY, "is_renewing": True}, {}),
    ({"certificate_ends": None}, {}),
)


@pytest.mark.parametrize(("changes", "expected"), CASES)
def test_each_drift_is_an_alarm_and_what_is_not_known_is_none(
    changes: dict[str, object], expected: dict[str, drift.Params]
) -> None:
    facts = dataclasses.replace(WELL, **changes)  # type: ignore[arg-type]
    assert drift.alarms(facts, POLICY, NOW) == expected


def test_every_kind_has_its_case_and_its_name() -> None:
    assert {kind for _, expected in CASES for kind in expected} == set(drift.KINDS)
    assert set(Alarm.Kind.values) == set(drift.KINDS)


def test_a_node_on_no_list_may_be_as_it_likes() -> None:
    for changes, _ in CASES:
        facts = dataclasses.replace(WELL, **changes, listed=False)  # type: ignore[arg-type]
        assert drift.alarms(facts, POLICY, NOW) == {}


@given(
    st.lists(st.integers(0, 999), min_size=1, max_size=4),
    st.lists(st.integers(0, 999), min_size=1, max_size=4),
)
def test_versions_are_ordered_as_numbers(one: list[int], other: list[int]) -> None:
    texts = [".".join(map(str, parts)) for parts in (one, other)]
    longest = max(len(one), len(other))
    padded = [[*parts, *[0] * (longest - len(parts))] for parts in (one, other)]
    assert drift.is_older(*texts) == (padded[0] < padded[1])
    assert not (drift.is_older(*texts) and drift.is_older(*reversed(texts)))


@given(st.text(max_size=100))
def test_no_version_that_a_node_may_say_is_too_much(text: str) -> None:
    assert drift.is_older(text, "1.0") in {True, False}
