"""A node's state follows from the facts; the curve and the difference of two lists from what was stored."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.web.portal.listing import LIST_STATES
from governance.permissions import convergence, delivery, differences

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FACTS = delivery.Facts(
    listed=True,
    wanted=3,
    told=2,
    applied=2,
    mismatch=False,
    refused_at=None,
    pulled_at=None,
    wanted_at=NOW - timedelta(seconds=5),
)
LONG_AGO = NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "waiting"),
        ({"told": 3}, "told"),
        ({"told": 3, "pulled": 3}, "pulled"),
        ({"applied": 3}, "applied"),
        ({"applied": 3, "verified": 2}, "applied"),
        ({"applied": 3, "verified": 3}, "verified"),
        ({"wanted": 0, "applied": 0}, "applied"),
        ({"wanted_at": LONG_AGO}, "behind"),
        ({"told": 3, "pulled": 3, "wanted_at": LONG_AGO}, "behind"),
        ({"held": 3}, "held"),
        ({"held": 3, "wanted_at": LONG_AGO}, "held"),
        ({"held": 2, "wanted_at": LONG_AGO}, "behind"),
        ({"declined": 3}, "declined"),
        ({"declined": 3, "held": 3}, "declined"),
        ({"declined": 2}, "waiting"),
        ({"mismatch": True, "declined": 3}, "mismatch"),
        ({"listed": False, "mismatch": True}, "unlisted"),
        ({"refused_at": NOW}, "refused"),
        ({"refused_at": NOW, "pulled_at": NOW + timedelta(seconds=1)}, "waiting"),
    ],
)
def test_a_state_follows_from_the_facts(changes: dict[str, object], state: str) -> None:
    facts = dataclasses.replace(FACTS, **changes)  # type: ignore[arg-type]
    assert delivery.state(facts, NOW) == state


def test_every_state_has_a_name_for_people() -> None:
    assert set(LIST_STATES) == set(delivery.STATES)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300))
def test_a_curve_is_short_climbs_and_ends_with_everybody(times: list[float]) -> None:
    times.sort()
    points = convergence.curve(times)
    assert len(points) <= convergence.POINTS
    assert points == sorted(points)
    assert [nodes for _, nodes in points] == sorted(nodes for _, nodes in points)
    assert points[-1] == (round(times[-1], 3), len(times))


def listed(*nodes: dict[str, object], **more: object) -> bytes:
    head = {"network": "settlement", "epoch": 1, "block": 7, "tx_hash": "", "effective_at": "now"}
    return json.dumps({**head, "nodes": nodes, **more}).encode()


HEMING = {"id": "1", "name": "heming/n1", "role": "sealer", "host": "10.0.0.1", "certificate_serial": "0a"}
NANPU = {"id": "2", "name": "nanpu/n1", "role": "observer", "host": "10.0.0.2", "certificate_serial": "0b"}
ACCOUNT = {"address": "0x" + "1" * 40, "member": "914400", "permission": "transact"}


def test_a_difference_says_who_comes_who_goes_and_what_changes() -> None:
    moved = {**HEMING, "host": "10.0.0.9", "certificate_serial": "0c"}
    before = listed(HEMING, NANPU, accounts=[ACCOUNT])
    after = listed(moved, {**NANPU, "id": "3"}, accounts=[{**ACCOUNT, "permission": "deploy"}])
    nodes, accounts = differences.sections(before, after)
    assert (nodes.name, nodes.entering, nodes.leaving) == (
        "nodes",
        (("3", "nanpu/n1"),),
        (("2", "nanpu/n1"),),
    )
    (changed,) = nodes.changed
    assert changed.name == "heming/n1"
    assert [(field.name, field.before, field.after) for field in changed.fields] == [
        ("certificate_serial", "0a", "0c"),
        ("host", "10.0.0.1", "10.0.0.9"),
    ]
    (account,) = accounts.changed
    assert [(field.name, field.after) for field in account.fields] == [("permission", "deploy")]


def test_the_same_list_under_another_number_differs_in_nothing() -> None:
    after = json.dumps({**json.loads(listed(HEMING)), "epoch": 2, "block": 9}).encode()
    assert differences.sections(listed(HEMING), after) == []


def test_after_no_list_everything_enters() -> None:
    (nodes,) = differences.sections(None, listed(HEMING))
    assert nodes.entering == (("1", "heming/n1"),)


def test_parts_that_came_later_are_told_too() -> None:
    before = json.loads(listed(HEMING))
    (denied,) = differences.sections(
        json.dumps(before).encode(), json.dumps({**before, "denied": {"3.x": ["ab"]}}).encode()
    )
    assert denied.name == "denied"
