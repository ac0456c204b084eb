"""What the guards find in a list, and what they leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.permissions import guards
from governance.permissions.guards import Facts, Finding, Listed, Policy, findings

USUAL = Policy()
RSA, SM = frozenset({"rsa"}), frozenset({"sm2"})


def node(name: str, role: str = "sealer", software: str = "besu", **more: object) -> Listed:
    return Listed(f"id-{name}", name, role, f"key-{name}", software, **more)  # type: ignore[arg-type]


def many(count: int, role: str = "sealer") -> list[Listed]:
    return [node(f"n{number:02}", role) for number in range(count)]


def facts(nodes: Sequence[Listed], **changes: object) -> Facts:
    """What the ledger says where it agrees with the list."""
    known = Facts(
        sealers={one.consensus_id for one in nodes if one.role == "sealer"},
        admitted={one.consensus_id for one in nodes},
        recent={one.id: one.name for one in nodes},
        confirmed={one.consensus_id: one.role for one in nodes},
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def codes(found: Sequence[Finding]) -> list[str]:
    return [one.code for one in found]


def voted_out(before: Sequence[Listed], after: Sequence[Listed]) -> Facts:
    """The ledger took roles from whoever is not on the list any more."""
    return replace(facts(after), recent={one.id: one.name for one in before})


def test_an_empty_list_after_one_that_named_somebody_is_found_even_when_it_was_one_node() -> None:
    assert codes(findings(many(1), [], facts([]), USUAL)) == [guards.EMPTY_LIST]
    assert codes(findings([], [], facts([]), USUAL)) == []
    assert codes(findings(None, [], facts([]), USUAL)) == []


def test_a_white_list_of_fisco_bcos_that_names_nobody_is_found() -> None:
    before = [node("heming", software="fisco-bcos", forms=RSA), node("qingchuan", software="fisco-bcos")]
    after = [replace(one, forms=frozenset()) for one in before]
    assert guards.EMPTY_WHITE_LIST in codes(findings(before, after, facts(after), USUAL))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 10])
def test_one_node_that_members_voted_out_leaves_quietly_however_small_the_network(count: int) -> None:
    before = many(count)
    assert findings(before, before[1:], voted_out(before, before[1:]), USUAL) == []


def test_sealers_that_the_chain_still_counts_on_are_missed() -> None:
    before = many(4)
    assert findings(before, before[1:], facts(before), USUAL) == []  # four tolerate one
    (found,) = findings(before, before[2:], facts(before), USUAL)
    assert (found.code, found.params) == (
        guards.TOO_FEW_VALIDATORS,
        {"registered": 4, "taking_part": 2, "needed": 3, "count": 2, "nodes": "n00, n01"},
    )


def test_a_network_that_stood_still_before_is_not_held_for_standing_still() -> None:
    listed = many(4)
    elected = {f"key-new{number}" for number in range(4)}  # voted in, still without certificates
    known = facts(listed, sealers={one.consensus_id for one in listed} | elected)
    assert findings(listed, listed[1:], known, USUAL) == []
    assert findings(listed, listed, known, USUAL) == []


def test_one_or_two_sealers_tolerate_no_loss_and_are_left_alone_until_the_last_is_gone() -> None:
    pair = many(2)
    assert findings(pair, pair[1:], facts(pair), USUAL) == []
    watcher = [*many(1), node("watcher", "observer")]
    assert codes(findings(watcher, watcher[1:], facts(watcher), USUAL)) == [guards.TOO_FEW_VALIDATORS]


@pytest.mark.parametrize(
    ("of", "dropped", "is_found"),
    [
        (9, 3, False),
        (9, 4, True),
        (8, 3, True),
        (3, 2, True),
        (2, 1, False),
        (100, 33, False),
        (100, 34, True),
    ],
)
def test_more_than_a_third_and_at_least_three_nodes_are_too_many(
    of: int, dropped: int, is_found: bool
) -> None:
    before = many(of, "observer")
    found = findings(before, before[dropped:], voted_out(before, before[dropped:]), USUAL)
    assert codes(found) == ([guards.TOO_MANY_DROPPED] if is_found else [])


def test_many_small_steps_count_as_the_large_one_that_they_are() -> None:
    hour_ago = many(9, "observer")
    before, after = hour_ago[3:], hour_ago[4:]
    known = voted_out(before, after)
    assert findings(before, after, known, USUAL) == []
    known = replace(known, recent={one.id: one.name for one in hour_ago})
    assert codes(findings(before, after, known, USUAL)) == [guards.TOO_MANY_DROPPED]


def test_a_boot_node_that_members_admitted_is_missed_and_one_voted_out_is_not_unless_it_was_the_last() -> (
    None
):
    before = many(5, "observer")
    one, both = {"id-n00"}, {"id-n00", "id-n01"}
    expired = facts(before, bootnodes=both)
    assert codes(findings(before, before[1:], expired, USUAL)) == [guards.MISSING_BOOTNODE]
    out = voted_out(before, before[1:])
    assert findings(before, before[1:], replace(out, bootnodes=both), USUAL) == []
    assert codes(findings(before, before[1:], replace(out, bootnodes=one), USUAL)) == [guards.NO_BOOTNODE]
    assert findings(before[1:], before[2:], replace(voted_out(before, before), bootnodes=one), USUAL) == [], (
        "it was not on the list in force either"
    )


def test_a_fisco_node_without_a_tls_id_is_cut_off_from_its_peers() -> None:
    before = [node(name, "observer", "fisco-bcos", forms=RSA) for name in ("heming", "nanpu", "lanyu")]
    after = [replace(before[0], forms=frozenset()), *before[1:]]
    (found,) = findings(before, after, facts(after), USUAL)
    assert (found.code, found.params["nodes"]) == (guards.CUT_OFF, "heming")


def test_nodes_of_one_network_meet_only_those_whose_software_and_ids_they_share() -> None:
    fisco, besu = node("heming", software="fisco-bcos", forms=RSA), node("nanpu")
    peer = node("lanyu", software="fisco-bcos", forms=RSA)
    before = [fisco, peer, besu, node("xikou")]
    turned = [fisco, replace(peer, forms=SM), besu, node("xikou")]  # another kind of TLS id
    found = findings(before, turned, facts(turned), USUAL)
    assert [(one.code, one.params["nodes"]) for one in found] == [(guards.CUT_OFF, "heming, lanyu")]
    unknown = [fisco, replace(peer, software="other"), besu, node("xikou")]
    assert findings(before, unknown, facts(unknown), USUAL) == []  # it may speak anything


def test_two_nodes_that_nobody_can_dial_are_cut_off() -> None:
    before = many(2, "observer")
    after = [replace(one, reachable=False) for one in before]
    assert codes(findings(before, after, facts(after), USUAL)) == [guards.CUT_OFF]
    assert findings(before, [after[0], before[1]], facts(before), USUAL) == []


def test_a_new_role_that_the_registry_does_not_confirm_is_found() -> None:
    before = many(4)
    wrong = [*before[:3], replace(before[3], role="observer")]
    assert codes(findings(before, wrong, facts(before), USUAL)) == [guards.ROLE_NOT_CONFIRMED]
    assert findings(before, wrong, facts(before, confirmed=None), USUAL) == [], "it moved: look again later"


def test_a_node_seals_on_its_own_ledger_before_the_list_says_so_and_is_let_in_before_that() -> None:
    old, new = node("heming", "observer"), node("nanpu", "sealer")
    before, admitted = [old, node("lanyu")], [old, node("lanyu"), new]
    own = {"key-heming": "observer", "key-lanyu": "sealer"}
    assert findings(before, admitted, facts(admitted, own_ledger=own), USUAL) == []
    raised = [replace(old, role="sealer"), node("lanyu")]
    assert codes(findings(before, raised, facts(raised, own_ledger=own), USUAL)) == [
        guards.ROLE_NOT_CONFIRMED
    ]
    own["key-heming"] = "sealer"
    assert findings(before, raised, facts(raised, own_ledger=own), USUAL) == []


def test_a_node_leaves_the_list_only_when_its_ledger_waits_for_it_no_longer() -> None:
    before = many(4)
    own = {one.consensus_id: "sealer" for one in before}
    left = voted_out(before, before[1:])
    early = findings(before, before[1:], replace(left, own_ledger=own), USUAL)
    assert codes(early) == [guards.STILL_SEALS]
    own["key-n00"] = "observer"
    assert findings(before, before[1:], replace(left, own_ledger=own), USUAL) == []


def test_a_lost_key_goes_at_once_though_the_network_stops_and_a_third_of_them_too() -> None:
    before = many(3)
    lost = facts(before, urgent={"id-n00"})
    assert findings(before, before[1:], lost, USUAL) == []
    assert codes(findings(before, before[1:], facts(before), USUAL)) == [guards.TOO_FEW_VALIDATORS]
    nine = many(9)
    three = facts(nine, urgent={"id-n00", "id-n01", "id-n02"}, own_ledger={"key-n00": "sealer"})
    assert findings(nine, nine[3:], three, USUAL) == []


def test_whoever_calls_every_key_lost_is_asked_for_a_second_person() -> None:
    before = many(9)
    found = findings(before, before[4:], facts(before, urgent={f"id-n0{n}" for n in range(4)}), USUAL)
    assert codes(found) == [guards.TOO_FEW_VALIDATORS, guards.TOO_MANY_DROPPED]
    alone = many(1)
    assert codes(findings(alone, [], facts(alone, urgent={"id-n00"}), USUAL)) == [guards.EMPTY_LIST]


def test_a_lost_key_excuses_nobody_else() -> None:
    before = many(7)
    known = facts(before, urgent={"id-n00"})
    assert codes(findings(before, before[4:], known, USUAL)) == [
        guards.TOO_FEW_VALIDATORS,
        guards.TOO_MANY_DROPPED,
    ]


# --- Properties -------------------------------------------------------------------------------------------
SOFTWARE = st.sampled_from(["besu", "goquorum", "geth", "fisco-bcos", "other"])


@st.composite
def lists(draw: st.DrawFn) -> list[Listed]:
    return [
        node(
            f"n{number:02}",
            draw(st.sampled_from(["sealer", "observer"])),
            draw(SOFTWARE),
            forms=draw(st.frozensets(st.sampled_from(["rsa", "sm2"]))),
            reachable=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(lists(), st.frozensets(st.integers(0, 11)))
def test_a_list_that_changes_nothing_is_never_held(nodes: list[Listed], picked: frozenset[int]) -> None:
    known = facts(nodes, bootnodes={f"id-n{number:02}" for number in picked})
    assert findings(nodes, nodes, known, USUAL) == []


@given(lists())
def test_emptying_a_list_is_always_held(nodes: list[Listed]) -> None:
    found = codes(findings(nodes, [], facts(nodes, urgent={one.id for one in nodes}), USUAL))
    assert (guards.EMPTY_LIST in found) == bool(nodes)


@given(lists(), lists())
def test_admitting_is_never_held_on_a_network_whose_own_ledger_says_nothing(
    nodes: list[Listed], more: list[Listed]
) -> None:
    new = [replace(one, id=one.id + "b", consensus_id=one.consensus_id + "b") for one in more]
    assert findings(nodes, [*nodes, *new], facts([*nodes, *new]), USUAL) == []


@given(lists(), st.frozensets(st.integers(0, 11)), st.integers(1, 100), st.integers(1, 5))
def test_what_is_dropped_is_found_exactly_where_the_policy_says(
    nodes: list[Listed], gone: frozenset[int], percent: int, least: int
) -> None:
    after = [one for number, one in enumerate(nodes) if number not in gone]
    dropped = len(nodes) - len(after)
    found = codes(findings(nodes, after, voted_out(nodes, after), Policy(percent, least)))
    share = dropped * 100 // len(nodes) if nodes else 0
    most = len(nodes) >= 3 and dropped * 2 > len(nodes)
    assert (guards.TOO_MANY_DROPPED in found) == ((dropped >= least and share > percent) or most)


def test_what_left_earlier_in_the_day_is_not_held_against_a_list_that_drops_nobody() -> None:
    today = many(6, "observer")
    before = today[4:]
    known = replace(voted_out(before, before), of_day={one.id: one.name for one in today})
    assert findings(before, before, known, USUAL) == []
    assert codes(findings(before, before[1:], known, USUAL)) == [guards.TOO_MANY_DROPPED]


@given(lists(), st.frozensets(st.integers(0, 11)))
def test_the_order_of_a_list_plays_no_part(nodes: list[Listed], gone: frozenset[int]) -> None:
    after = [one for number, one in enumerate(nodes) if number not in gone]
    forwards = findings(nodes, after, facts(nodes), USUAL)
    assert forwards == findings(nodes[::-1], after[::-1], facts(nodes), USUAL)


@given(st.integers(0, 200), st.integers(1, 200))
def test_one_lost_key_is_always_spared_and_never_more_than_a_third(urgent: int, listed: int) -> None:
    if guards.spares(urgent, listed):
        assert urgent <= 1 or urgent / listed <= 1 / 3
    assert guards.spares(1, listed)
