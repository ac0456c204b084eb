"""Who is listed, and how far a node is with its list. The files' own tests are in ``formats``."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.permissions import rules
from tests import factories

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HEADER = rules.Header("settlement", 7, 120, "0x" + "ab" * 32, NOW)
HEMING, QINGCHUAN = "91310115000000001X", "91310115000000002Y"


def consensus_id(letter: str) -> str:
    """A real key: what is listed is read back before it is signed."""
    return factories.consensus_id(ord(letter))


def entry(letter: str = "a", member: str = HEMING, role: int = 2) -> rules.Entry:
    return rules.Entry(consensus_id(letter), member, role)


def endpoint(letter: str = "a", member: str = HEMING, host: str = "") -> rules.Endpoint:
    place = (host or f"10.0.0.{ord(letter) - 96}", 30303)
    return rules.Endpoint(
        f"node-{letter}", f"heming-bank/{letter}", member, consensus_id(letter), "besu", "26.3.0", *place
    )


def credential(letter: str = "a", tls_id: str | None = None) -> rules.Credential:
    value = "C" + letter * 511 if tls_id is None else tls_id
    return rules.Credential(f"0{letter}", value, NOW + timedelta(days=365))


def one(**changes: object) -> tuple[rules.ListedNode, ...]:
    nodes = rules.listed([entry()], [endpoint()], {"node-a": credential()}, {HEMING})
    return tuple(node._replace(**changes) for node in nodes)  # type: ignore[arg-type]


def test_a_node_with_role_seat_and_certificate_is_listed_with_its_role() -> None:
    (node,) = one()
    assert (node.id, node.role, node.member) == ("node-a", "sealer", HEMING)


@pytest.mark.parametrize(
    ("entries", "endpoints", "credentials", "active"),
    [
        ([], [endpoint()], {"node-a": credential()}, {HEMING}),
        ([entry()], [], {"node-a": credential()}, {HEMING}),
        ([entry()], [endpoint()], {}, {HEMING}),
        ([entry()], [endpoint()], {"node-a": credential()}, {QINGCHUAN}),
        ([entry(member=QINGCHUAN)], [endpoint()], {"node-a": credential()}, {HEMING, QINGCHUAN}),
        ([entry(role=0)], [endpoint()], {"node-a": credential()}, {HEMING}),
    ],
    ids=["no role", "not in service", "no certificate", "no seat", "of another member", "role unknown"],
)
def test_a_node_is_not_listed_when_anything_is_missing(
    entries: list[rules.Entry],
    endpoints: list[rules.Endpoint],
    credentials: dict[str, rules.Credential],
    active: set[str],
) -> None:
    assert rules.listed(entries, endpoints, credentials, active) == ()


@given(st.permutations("abcdef"), st.permutations("abcdef"))
def test_the_same_facts_give_the_same_bytes_whatever_their_order(one: list[str], other: list[str]) -> None:
    credentials = {f"node-{letter}": credential(letter) for letter in "abcdef"}
    entries, endpoints = [entry(letter) for letter in one], [endpoint(letter) for letter in other]
    nodes = rules.listed(entries, endpoints, credentials, {HEMING})
    again = rules.listed(sorted(entries, key=str), endpoints[::-1], credentials, {HEMING})
    assert len(nodes) == 6
    state, other_state = rules.DesiredState(nodes), rules.DesiredState(again)
    assert rules.compile_list(HEADER, state) == rules.compile_list(HEADER, other_state)


def files(nodes: tuple[rules.ListedNode, ...]) -> dict[str, bytes]:
    return rules.compile_list(HEADER, rules.DesiredState(nodes))


def test_every_file_of_every_format_is_written() -> None:
    assert set(files(one())) == set(rules.FORMAT_OF)


def test_the_json_says_everything_and_names_its_epoch() -> None:
    found = json.loads(files(one())[rules.JSON_PATH])
    assert found["epoch"] == 7
    assert found["block"] == 120
    assert found["effective_at"] == "2026-11-23T08:00:00Z"
    assert found["nodes"][0]["consensus_id"] == consensus_id("a")


def test_fisco_bcos_lists_the_modulus_without_prefix() -> None:
    found = files(one())
    assert b"\n    cal.0=c" + b"a" * 511 + b"\n" in found[rules.FISCO_CERTIFICATES_PATH]
    assert json.loads(found[rules.FISCO_NODES_PATH]) == {"nodes": ["10.0.0.1:30303"]}


def test_a_node_whose_key_fisco_bcos_can_not_list_is_on_the_other_lists() -> None:
    nodes = rules.listed([entry()], [endpoint()], {"node-a": credential(tls_id="")}, {HEMING})
    content = files(nodes)[rules.FISCO_CERTIFICATES_PATH].decode()
    assert [line.split("=")[1] for line in content.splitlines() if "cal." in line] == [rules.NOBODY_TLS_ID]
    assert consensus_id("a").encode() in files(nodes)[rules.BESU_PATH]


def desired(**changes: object) -> rules.DesiredState:
    facts = rules.Facts((entry(),), (entry("b"),), (), {HEMING})
    facts = dataclasses.replace(facts, **changes)  # type: ignore[arg-type]
    keys = {"node-a": credential(), "node-b": credential("b")}
    return rules.desired(facts, [endpoint(), endpoint("b")], rules.Keys(keys))


def test_a_frozen_nodes_key_is_denied_besides_its_not_being_listed() -> None:
    state = desired()
    assert [node.name for node in state.nodes] == ["heming-bank/a"]
    assert [node.name for node in state.frozen] == ["heming-bank/b"]
    assert state.black("3.x") == ["c" + "b" * 511]


def test_a_frozen_node_that_the_console_does_not_know_needs_no_name_since_nobody_lists_it() -> None:
    assert desired(frozen=(entry("c"),)).frozen == ()
    assert desired(frozen=(entry("b", member=QINGCHUAN),)).frozen == ()


ACCOUNT = "0x" + "aB" * 20


@pytest.mark.parametrize(
    ("account", "listed"),
    [
        (rules.Permission(ACCOUNT, HEMING, 1), [(ACCOUNT.lower(), "transact")]),
        (rules.Permission(ACCOUNT, HEMING, 2), [(ACCOUNT.lower(), "deploy")]),
        (rules.Permission(ACCOUNT, HEMING, 0), []),
        (rules.Permission(ACCOUNT, QINGCHUAN, 1), []),
    ],
    ids=["transacts", "deploys", "may nothing", "of a member without a seat"],
)
def test_an_account_is_listed_with_its_permission_while_its_members_seat_is_active(
    account: rules.Permission, listed: list[tuple[str, str]]
) -> None:
    found = desired(permissions=(account,)).accounts
    assert [(one.address, one.permission) for one in found] == listed


def content(**changes: object) -> str:
    return rules.content_hash("settlement", rules.DesiredState(one(**changes)))


def test_the_content_hash_ignores_the_epoch_but_no_endpoint_network_or_account() -> None:
    assert content() == content()
    assert content() != content(port=30304)
    assert content() != rules.content_hash("custody", rules.DesiredState(one()))
    account = rules.ListedAccount(ACCOUNT.lower(), HEMING, "transact")
    assert content() != rules.content_hash("settlement", rules.DesiredState(one(), (account,)))


def test_a_renewed_certificate_changes_the_content() -> None:
    assert content() != content(certificate_serial="99")


def test_the_digest_of_one_file_is_its_own_hash_and_of_two_another() -> None:
    assert rules.digest({"a": "1" * 64}) == "1" * 64
    assert rules.digest({"a": "1" * 64, "b": "2" * 64}) == rules.digest({"b": "2" * 64, "a": "1" * 64})
    assert rules.digest({"a": "1" * 64, "b": "2" * 64}) not in {"1" * 64, "2" * 64}
