"""The heads of the lists' logs on the ledger: by the publisher alone, and never another for one size."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.contract import Contract

from governance.contracts.errors import Refusal
from tests.contracts.alliance import MALLORY, NOBODY, SECRETARIAT, Alliance, deploy, events, padded, person

NETWORK, CUSTODY = padded("settlement-main"), padded("custody")
HEAD, OTHER = bytes(Web3.keccak(text="one head")), bytes(Web3.keccak(text="another head"))


@pytest.fixture
def anchors(alliance: Alliance) -> Contract:
    """The relay account publishes; the timelock may name another."""
    return deploy(alliance.ledger, "EpochAnchors", alliance.timelock.address, SECRETARIAT)


def test_an_anchor_is_there_for_everybody(alliance: Alliance, anchors: Contract) -> None:
    receipt = alliance.send(anchors.functions.anchor(NETWORK, 7, HEAD), SECRETARIAT)
    assert anchors.functions.headAt(NETWORK, 7).call() == HEAD
    assert anchors.functions.latest(NETWORK).call() == [7, HEAD]
    assert events(anchors, receipt, "Anchored") == [{"network": NETWORK, "size": 7, "head": HEAD}]


def test_what_was_not_anchored_is_zero(anchors: Contract) -> None:
    assert anchors.functions.headAt(NETWORK, 7).call() == bytes(32)
    assert anchors.functions.latest(NETWORK).call() == [0, bytes(32)]


def test_each_network_has_its_own(alliance: Alliance, anchors: Contract) -> None:
    alliance.send(anchors.functions.anchor(NETWORK, 7, HEAD), SECRETARIAT)
    alliance.send(anchors.functions.anchor(CUSTODY, 2, OTHER), SECRETARIAT)
    assert anchors.functions.latest(NETWORK).call() == [7, HEAD]
    assert anchors.functions.latest(CUSTODY).call() == [2, OTHER]


def test_earlier_anchors_stay(alliance: Alliance, anchors: Contract) -> None:
    alliance.send(anchors.functions.anchor(NETWORK, 7, HEAD), SECRETARIAT)
    alliance.send(anchors.functions.anchor(NETWORK, 9, OTHER), SECRETARIAT)
    assert anchors.functions.headAt(NETWORK, 7).call() == HEAD
    assert anchors.functions.headAt(NETWORK, 8).call() == bytes(32), "no anchor, no claim"
    assert anchors.functions.latest(NETWORK).call() == [9, OTHER]


@pytest.mark.parametrize("size", [0, 6, 7])
def test_a_log_only_grows(alliance: Alliance, anchors: Contract, size: int) -> None:
    alliance.send(anchors.functions.anchor(NETWORK, 7, HEAD), SECRETARIAT)
    refusal = alliance.refusal(anchors.functions.anchor(NETWORK, size, OTHER), SECRETARIAT)
    assert refusal == Refusal("SizeNotRising", {"network": NETWORK, "actual": size, "latest": 7})


def test_an_empty_log_is_no_anchor(alliance: Alliance, anchors: Contract) -> None:
    refusal = alliance.refusal(anchors.functions.anchor(NETWORK, 0, HEAD), SECRETARIAT)
    assert refusal == Refusal("SizeNotRising", {"network": NETWORK, "actual": 0, "latest": 0})


def test_nor_is_zero_a_head(alliance: Alliance, anchors: Contract) -> None:
    refusal = alliance.refusal(anchors.functions.anchor(NETWORK, 1, bytes(32)), SECRETARIAT)
    assert refusal == Refusal("NoHead", {"network": NETWORK, "size": 1})


@pytest.mark.parametrize(
    "name", [bytes(32), b"Main".ljust(32, b"\0"), b"\xff" * 32, b"a\0b".ljust(32, b"\0")]
)
def test_a_network_has_a_readable_name(alliance: Alliance, anchors: Contract, name: bytes) -> None:
    refusal = alliance.refusal(anchors.functions.anchor(name, 1, HEAD), SECRETARIAT)
    assert refusal == Refusal("InvalidNetwork", {"actual": name})


def test_nobody_else_anchors(alliance: Alliance, anchors: Contract) -> None:
    refusal = alliance.refusal(anchors.functions.anchor(NETWORK, 1, HEAD), MALLORY.address)
    lower = {"actual": MALLORY.address.lower(), "expected": SECRETARIAT.lower()}
    assert refusal == Refusal("PublisherOnly", lower)


def test_nobody_but_the_members_names_another_publisher(alliance: Alliance, anchors: Contract) -> None:
    for somebody in (SECRETARIAT, MALLORY.address, alliance.governor.address):
        refusal = alliance.refusal(anchors.functions.setPublisher(MALLORY.address), somebody)
        lower = {"actual": somebody.lower(), "expected": alliance.timelock.address.lower()}
        assert refusal == Refusal("ExecutorOnly", lower)


def test_the_members_name_another_by_vote(alliance: Alliance, anchors: Contract) -> None:
    heir = str(person("the next relay account").address)
    receipt = alliance.decide(anchors.functions.setPublisher(heir))
    told = {"former": SECRETARIAT, "publisher": heir}
    assert events(anchors, receipt, "PublisherChanged") == [told]
    assert alliance.refusal(anchors.functions.anchor(NETWORK, 1, HEAD), SECRETARIAT).name == "PublisherOnly"
    alliance.send(anchors.functions.anchor(NETWORK, 1, HEAD), heir)


def test_or_nobody(alliance: Alliance, anchors: Contract) -> None:
    alliance.rule(anchors.functions.setPublisher(NOBODY))
    assert anchors.functions.publisher().call() == NOBODY
    assert alliance.refusal(anchors.functions.anchor(NETWORK, 1, HEAD), SECRETARIAT).name == "PublisherOnly"


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), max_size=10))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_tried_each_size_has_one_head(founded: Alliance, tried: list[tuple[int, int]]) -> None:
    """Against a model: a dictionary that takes what is above its highest key."""
    before = founded.rpc("evm_snapshot")
    anchors = deploy(founded.ledger, "EpochAnchors", founded.timelock.address, SECRETARIAT)
    model: dict[int, bytes] = {}
    for size, number in tried:
        call = anchors.functions.anchor(NETWORK, size, bytes([number]) * 32)
        if size > max(model, default=0):
            founded.send(call, SECRETARIAT)
            model[size] = bytes([number]) * 32
        else:
            assert founded.refusal(call, SECRETARIAT).name == "SizeNotRising"
    heads = {size: anchors.functions.headAt(NETWORK, size).call() for size in range(13)}
    assert heads == {size: model.get(size, bytes(32)) for size in range(13)}
    assert founded.rpc("evm_revert", before)
