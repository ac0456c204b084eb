"""The log's heads on a real ledger, asked by the agent alone: another list for one size can't be hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import urllib3
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from governance.agent import anchors, log
from governance.agent.anchors import NotRead
from governance.agent.log import Anchored, Document, LogNotTrusted
from tests.agent.test_log import NETWORK, entries, published
from tests.chain.faulty import FaultyNode
from tests.contracts.alliance import FOUNDER, deploy, padded
from tests.contracts.conftest import running_anvil

QUICK = urllib3.Timeout(connect=1, read=0.3)
LISTED = entries(9)


@pytest.fixture(scope="module")
def ledger() -> Iterator[Web3]:
    with running_anvil() as ledger:
        yield ledger


@pytest.fixture
def contract(ledger: Web3) -> Contract:
    return deploy(ledger, "EpochAnchors", FOUNDER, FOUNDER)


@pytest.fixture
def node(ledger: Web3) -> Iterator[FaultyNode]:
    """The JSON-RPC of the node beside the agent."""
    assert isinstance(ledger.provider, HTTPProvider)
    made = FaultyNode(str(ledger.provider.endpoint_uri))
    yield made
    made.close()


def head(size: int, listed: list[tuple[int, str]] = LISTED) -> str:
    return log.follow(NETWORK, log.START, listed)[size - 1]


def anchored(contract: Contract, size: int, value: str) -> None:
    contract.functions.anchor(padded(NETWORK), size, bytes.fromhex(value)).transact(
        {"from": FOUNDER, "gasPrice": 0}
    )


def test_the_questions_are_those_of_the_contract() -> None:
    asked = {name: Web3.keccak(text=name)[:4].hex() for name in ("headAt(bytes32,uint64)", "latest(bytes32)")}
    assert asked == {"headAt(bytes32,uint64)": anchors._HEAD_AT, "latest(bytes32)": anchors._LATEST}


def test_nothing_is_anchored_yet(node: FaultyNode, contract: Contract) -> None:
    found = anchors.check(node.url, contract.address, published(LISTED))
    assert (found.size, found.agreed) == (0, 0)


def test_an_anchor_of_this_very_log_is_taken(node: FaultyNode, contract: Contract) -> None:
    anchored(contract, 7, head(7))
    found = anchors.check(node.url, contract.address, published(LISTED))
    assert (found.size, found.head) == (found.agreed, found.agreed_head) == (7, head(7))
    assert len(node.asked) == 1, "one small question"


def test_a_console_that_shows_this_node_another_list_is_caught(node: FaultyNode, contract: Contract) -> None:
    """The others were given what was anchored; this node was given a list of its own for the fifth epoch."""
    anchored(contract, 7, head(7))
    apart = [*LISTED[:4], (LISTED[4][0], "d" * 64), *LISTED[5:]]
    with pytest.raises(LogNotTrusted) as error:
        anchors.check(node.url, contract.address, published(apart))
    assert error.value.what == "anchor"
    assert "for 7 entries" in str(error.value)


def test_so_it_is_when_the_anchor_is_of_a_longer_log(node: FaultyNode, contract: Contract) -> None:
    anchored(contract, 5, head(5))
    anchored(contract, 9, head(9))
    behind = published([*entries(9)[:4], (10, log.digest_of({}))])
    behind = replace(behind, files={})
    with pytest.raises(LogNotTrusted) as error:
        anchors.check(node.url, contract.address, behind)
    assert error.value.what == "anchor"


def test_who_is_only_behind_is_told_how_far(node: FaultyNode, contract: Contract) -> None:
    anchored(contract, 5, head(5))
    anchored(contract, 9, head(9))
    five = replace(published(LISTED[:5]), files={})
    found = anchors.check(node.url, contract.address, five)
    assert (found.size, found.agreed, found.agreed_head) == (9, 5, head(5))
    four = replace(published(LISTED[:4]), files={})
    found = anchors.check(node.url, contract.address, four)
    assert (found.size, found.agreed) == (9, 0), "nothing was anchored for four entries"


def test_a_console_that_showed_the_fork_before_the_true_anchor_came_is_caught_by_its_own_word(
    node: FaultyNode, contract: Contract
) -> None:
    """It anchored five for everybody, and nine; to this node it shows six, of which the fourth is another."""
    anchored(contract, 5, head(5))
    anchored(contract, 9, head(9))
    apart = [*LISTED[:3], (LISTED[3][0], "d" * 64), *LISTED[4:6]]
    forked = says_anchored(published(apart), 5, head(5, apart), contract)
    with pytest.raises(LogNotTrusted, match="the ledger has another head for 5 entries"):
        anchors.check(node.url, contract.address, forked)


def test_an_anchor_that_the_ledger_never_took_is_a_lie(node: FaultyNode, contract: Contract) -> None:
    anchored(contract, 9, head(9))
    lying = says_anchored(published(LISTED[:6]), 5, head(5), contract)
    with pytest.raises(LogNotTrusted, match="said to be anchored at 5 entries, and the ledger has none"):
        anchors.check(node.url, contract.address, lying)


def test_so_is_one_of_another_log_than_the_one_it_stands_in(node: FaultyNode, contract: Contract) -> None:
    anchored(contract, 5, head(5))
    lying = says_anchored(published(LISTED), 5, "e" * 64, contract)
    with pytest.raises(LogNotTrusted, match="not the log that is said to be anchored"):
        anchors.check(node.url, contract.address, lying)


def test_an_anchor_that_this_node_has_not_seen_yet_is_no_lie(node: FaultyNode, contract: Contract) -> None:
    """Its own ledger may be some blocks behind the console's."""
    anchored(contract, 5, head(5))
    found = anchors.check(node.url, contract.address, says_anchored(published(LISTED), 9, head(9), contract))
    assert (found.size, found.agreed) == (5, 5)


def test_an_anchor_in_a_former_contract_is_not_looked_for_in_this_one(
    node: FaultyNode, contract: Contract, ledger: Web3
) -> None:
    anchored(contract, 9, head(9))
    former = deploy(ledger, "EpochAnchors", FOUNDER, FOUNDER)
    found = anchors.check(node.url, contract.address, says_anchored(published(LISTED), 5, head(5), former))
    assert found.agreed == 9


def test_what_was_missed_is_compared_when_it_comes(node: FaultyNode, contract: Contract) -> None:
    """By then the ledger is further on: its newest head alone would not tell."""
    anchored(contract, 7, head(7))
    anchored(contract, 9, head(9))
    apart = replace(published([*LISTED[:6], (LISTED[6][0], "d" * 64), LISTED[7]]), files={})
    assert anchors.check(node.url, contract.address, apart).agreed == 0, "eight were never anchored"
    with pytest.raises(LogNotTrusted, match="the ledger has another head for 7 entries"):
        anchors.check(node.url, contract.address, apart, missed=7)


def says_anchored(document: Document, size: int, value: str, contract: Contract) -> Document:
    said = Anchored(size, value, str(contract.address), 31337, "0x" + "ab" * 32, 12)
    return replace(document, anchored=said)


def test_another_networks_anchors_say_nothing(node: FaultyNode, contract: Contract) -> None:
    anchored(contract, 7, "e" * 64)
    found = anchors.check(node.url, contract.address, published(LISTED, network="custody"))
    assert (found.size, found.agreed) == (0, 0)


def test_a_ledger_that_is_away_says_nothing(
    node: FaultyNode, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors, "_WHOLE", 0.3)
    document = published(LISTED)
    for fault in (node.hangs, node.drips, node.hangs_up, node.fails):
        fault()
        with pytest.raises(NotRead):
            anchors.check(node.url, contract.address, document, timeout=QUICK)
    node.heals()
    anchors.check(node.url, contract.address, document)
    with pytest.raises(NotRead, match="at localhost"):
        anchors.check("http://operator:secret@localhost:9", contract.address, document, timeout=QUICK)


def test_nor_does_an_address_without_the_contract(node: FaultyNode, contract: Contract) -> None:
    with pytest.raises(NotRead, match="no contract that knows anchors"):
        anchors.check(node.url, FOUNDER, published(LISTED))


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"[]", b"null", b"{}", b'{"result": null}', b'{"result": 7}', b'{"result": "0xzz"}', b"[" * 9000,
        b'{"error": {"code": -32000}}', b'{"result": "0x"}', b" " * 20_000,
        json.dumps({"result": "0x" + "f" * 128}).encode(),
        json.dumps({"result": "0x" + "0" * 63 + "7" + "0" * 64}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_none(node: FaultyNode, contract: Contract, answer: bytes) -> None:
    node.fails(200, answer)
    with pytest.raises(NotRead):
        anchors.check(node.url, contract.address, published(LISTED))


def test_a_redirect_leads_nowhere(node: FaultyNode, contract: Contract) -> None:
    node.fails(302, b"http://169.254.169.254/")
    with pytest.raises(NotRead, match="HTTP 302"):
        anchors.check(node.url, contract.address, published(LISTED))
