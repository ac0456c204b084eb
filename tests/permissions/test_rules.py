"""Who is listed, and the bytes of the four formats."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.permissions import rules

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HEADER = rules.Header("settlement", 7, 120, "0x" + "ab" * 32, NOW)
HEMING, QINGCHUAN = "91310115000000001X", "91310115000000002Y"


def consensus_id(letter: str) -> str:
    return letter * 128


def entry(letter: str = "a", member: str = HEMING, role: int = 2) -> rules.Entry:
    return rules.Entry(consensus_id(letter), member, role)


def endpoint(letter: str = "a", member: str = HEMING, host: str = "10.0.0.1") -> rules.Endpoint:
    return rules.Endpoint(
        f"node-{letter}", f"heming-bank/{letter}", member, consensus_id(letter), "besu", "26.3.0", host, 30303
    )


def credential(letter: str = "a", tls_id: str | None = None) -> rules.Credential:
    value = "C" + letter * 511 if tls_id is None else tls_id
    return rules.Credential(f"0{letter}", value, NOW + timedelta(days=365))


def one(**changes: object) -> tuple[rules.ListedNode, ...]:
    nodes = rules.listed([entry()], [endpoint()], {"node-a": credential()}, {HEMING})
    return tuple(dataclasses.replace(node, **changes) for node in nodes)  # type: ignore[arg-type]


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
    assert rules.compile_list(HEADER, nodes) == rules.compile_list(HEADER, again)


def test_every_file_of_every_format_is_written() -> None:
    assert set(rules.compile_list(HEADER, one())) == set(rules.FORMAT_OF)


def test_the_json_says_everything_and_names_its_epoch() -> None:
    found = json.loads(rules.compile_list(HEADER, one())[rules.JSON_PATH])
    assert found["epoch"] == 7
    assert found["block"] == 120
    assert found["effective_at"] == "2026-11-23T08:00:00Z"
    assert found["nodes"][0]["consensus_id"] == consensus_id("a")


def test_besus_file_has_both_keys_and_an_enode_with_discovery_port() -> None:
    found = tomllib.loads(rules.compile_list(HEADER, one())[rules.BESU_PATH].decode())
    assert found == {
        "accounts-allowlist": [],
        "nodes-allowlist": [f"enode://{consensus_id('a')}@10.0.0.1:30303?discport=30303"],
    }


def test_an_ipv6_address_is_bracketed() -> None:
    found = json.loads(rules.compile_list(HEADER, one(host="fd00::7"))[rules.GOQUORUM_PATH])
    assert found == [f"enode://{consensus_id('a')}@[fd00::7]:30303?discport=30303"]


def test_goquorums_disallowed_file_is_an_empty_list_never_empty_bytes() -> None:
    assert json.loads(rules.compile_list(HEADER, ())[rules.GOQUORUM_DISALLOWED_PATH]) == []


def test_fisco_bcos_lists_the_modulus_without_prefix() -> None:
    files = rules.compile_list(HEADER, one())
    assert b"\n    cal.0=c" + b"a" * 511 + b"\n" in files[rules.FISCO_CERTIFICATES_PATH]
    assert json.loads(files[rules.FISCO_NODES_PATH]) == {"nodes": ["10.0.0.1:30303"]}


@pytest.mark.parametrize("nodes", [(), one(tls_id="")], ids=["nobody", "only keys it can't list"])
def test_fisco_bcos_never_gets_an_empty_white_list(nodes: tuple[rules.ListedNode, ...]) -> None:
    content = rules.compile_list(HEADER, nodes)[rules.FISCO_CERTIFICATES_PATH].decode()
    listed = [line.split("=")[1] for line in content.splitlines() if "cal." in line]
    assert listed == [rules.NOBODY_TLS_ID]


def test_the_id_of_nobody_has_the_length_of_a_modulus_but_can_be_none() -> None:
    number = int(rules.NOBODY_TLS_ID, 16)
    assert number.bit_length() == 2048, "a shorter or zero id is invalid, and would mean: allow everyone"
    assert number % 2 == 0, "an RSA modulus is odd"


def test_the_content_hash_ignores_the_epoch_but_no_endpoint() -> None:
    assert rules.content_hash("settlement", one()) == rules.content_hash("settlement", one())
    assert rules.content_hash("settlement", one()) != rules.content_hash("settlement", one(port=30304))


def test_a_renewed_certificate_changes_the_content() -> None:
    assert rules.content_hash("s", one()) != rules.content_hash("s", one(certificate_serial="99"))


def test_the_digest_of_one_file_is_its_own_hash_and_of_two_another() -> None:
    assert rules.digest({"a": "1" * 64}) == "1" * 64
    assert rules.digest({"a": "1" * 64, "b": "2" * 64}) == rules.digest({"b": "2" * 64, "a": "1" * 64})
    assert rules.digest({"a": "1" * 64, "b": "2" * 64}) not in {"1" * 64, "2" * 64}


FACTS = rules.DeliveryFacts(
    listed=True,
    wanted=3,
    told=2,
    applied=2,
    mismatch=False,
    refused_at=None,
    pulled_at=None,
    wanted_at=NOW - timedelta(seconds=5),
)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "waiting"),
        ({"told": 3}, "told"),
        ({"applied": 3}, "applied"),
        ({"wanted_at": NOW - timedelta(minutes=1)}, "behind"),
        ({"told": 3, "wanted_at": NOW - timedelta(minutes=1)}, "behind"),
        ({"mismatch": True}, "mismatch"),
        ({"listed": False}, "unlisted"),
        ({"refused_at": NOW}, "refused"),
        ({"refused_at": NOW, "pulled_at": NOW + timedelta(seconds=1)}, "waiting"),
    ],
)
def test_a_delivery_state_follows_from_the_facts(changes: dict[str, object], state: str) -> None:
    facts = dataclasses.replace(FACTS, **changes)  # type: ignore[arg-type]
    assert rules.delivery_state(facts, NOW) == state
