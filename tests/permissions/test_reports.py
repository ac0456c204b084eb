"""Reading what an agent says: each field by a table, and that nothing else comes through."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.permissions import reports
from governance.permissions.errors import InvalidReport

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OLD_AGENT = {
    "network": "settlement",
    "epoch": 12,
    "files": {"permissions.json": "ab" * 32},
    "agent_version": "1.0",
    "applied_at": "2026-11-23T08:00:00Z",
}
FULL = {
    **OLD_AGENT,
    "clock": "2026-11-23T12:00:00.250Z",
    "node": {"software": "besu", "version": "besu/v25.1.0"},
    "read_back": "node",
    "refused": {"epoch": 13, "reason": "no bootnode\nin the list"},
    "held": {"epoch": 14},
    "log": {"size": 12, "head": "cd" * 32},
    "withheld": {"size": 14},
}


def read(body: Any) -> reports.Report:
    return reports.read(json.dumps(body).encode(), NOW)


def test_an_old_agents_report_leaves_all_that_is_new_unsaid() -> None:
    report = read(OLD_AGENT)
    assert (report.epoch, report.clock, report.software, report.read_back) == (12, None, "", "")
    assert (report.refused_epoch, report.held_epoch, report.log_size) == (0, 0, None)


def test_a_full_report_is_read_wholly() -> None:
    report = read(FULL)
    assert report.clock == NOW + timedelta(milliseconds=250)
    assert (report.software, report.software_version) == ("besu", "besu/v25.1.0")
    assert (report.refused_epoch, report.refused_reason) == (13, "no bootnode in the list")
    assert (report.held_epoch, report.log_size, report.log_head) == (14, 12, "cd" * 32)
    assert report.withheld_size == 14


def test_what_a_node_says_of_itself_is_kept_on_one_line_and_not_at_any_length() -> None:
    said = {**OLD_AGENT, "node": {"software": "command", "version": "1.2\n(built\u0000 today)" + "x" * 100}}
    assert read(said).software_version.startswith("1.2 (built today)xxx")
    assert len(read(said).software_version) == reports.LONGEST_VERSION


def test_nothing_in_force_needs_a_reason() -> None:
    refusing = {**OLD_AGENT, "epoch": 0, "files": {}, "refused": {"epoch": 13, "reason": "no"}}
    assert (read(refusing).epoch, read(refusing).refused_epoch) == (0, 13)
    assert read({**OLD_AGENT, "epoch": 0, "files": {}, "held": {"epoch": 13}}).held_epoch == 13
    with pytest.raises(InvalidReport, match="epoch"):
        read({**OLD_AGENT, "epoch": 0, "files": {}})


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"epoch": 0}, "epoch"),
    ({"epoch": 0, "held": {"epoch": 1}}, "files"),
    ({"files": {}}, "files"),
    ({"files": {"permissions.json": "AB" * 32}}, "files"),
    ({"clock": None}, "clock"),
    ({"clock": "2026-11-23T12:00:00"}, "clock"),
    ({"clock": "2026-11-23 12:00:00Z"}, "clock"),
    ({"clock": "1970-01-01T00:00:00Z"}, "clock"),
    ({"clock": 1763900000}, "clock"),
    ({"node": "besu"}, "node"),
    ({"node": {"software": "besu"}}, "node"),
    ({"node": {"software": "", "version": ""}}, "node.software"),
    ({"node": {"software": "besu", "version": "x" * 201}}, "node.version"),
    ({"node": {"software": "besu", "version": 25}}, "node.version"),
    ({"node": {"software": "besu", "version": "1", "host": "h"}}, "node"),
    ({"read_back": ""}, "read_back"),
    ({"read_back": "console"}, "read_back"),
    ({"read_back": ["node"]}, "read_back"),
    ({"refused": {"epoch": 12, "reason": "no"}}, "refused.epoch"),  # it is in force
    ({"refused": {"epoch": 0, "reason": "no"}}, "refused.epoch"),
    ({"refused": {"epoch": "13", "reason": "no"}}, "refused.epoch"),
    ({"refused": {"epoch": 13, "reason": ""}}, "refused.reason"),
    ({"refused": {"epoch": 13, "reason": "\u0007\n"}}, "refused.reason"),
    ({"refused": {"epoch": 13, "reason": "x" * 501}}, "refused.reason"),
    ({"refused": {"epoch": 13}}, "refused"),
    ({"held": {"epoch": 12}}, "held.epoch"),  # nobody waits for what is in force
    ({"held": {"epoch": True}}, "held.epoch"),
    ({"held": 13}, "held"),
    ({"log": {"size": -1, "head": "cd" * 32}}, "log.size"),
    ({"log": {"size": 1, "head": "cd" * 31}}, "log.head"),
    ({"log": {"size": 1}}, "log"),
    ({"withheld": {"size": 0}}, "withheld.size"),
    (
        {"withheld": {"size": 12}, "log": {"size": 12, "head": "cd" * 32}},
        "withheld.size",
    ),  # it was given that
    ({"withheld": 14}, "withheld"),
    ({"nodes": {}}, "nodes"),  # a word that is none of ours
)


@pytest.mark.parametrize(("changes", "field"), WRONG)
def test_what_makes_no_sense_is_refused_by_the_fields_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidReport) as refused:
        read({**OLD_AGENT, **changes})
    assert refused.value.params["reason"] == field


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(FULL)), JSON, max_size=4))
def test_whatever_is_sent_is_a_report_or_a_refusal(changes: dict[str, Any]) -> None:
    try:
        report = read({**FULL, **changes})
    except InvalidReport:
        return
    assert report.epoch >= 0
    assert len(report.refused_reason) <= reports.LONGEST_REASON
    assert report.refused_reason.isprintable()


@given(st.binary(max_size=200))
def test_whatever_bytes_are_sent_too(body: bytes) -> None:
    with pytest.raises(InvalidReport):
        reports.read(body, NOW)
