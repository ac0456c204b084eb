"""Several addresses of a governed ledger: who lies, lags or withholds is left, and taken again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from consortium.core.models import Event
from governance.chain import endpoint, standing
from governance.chain.errors import NoTrustedNode
from governance.chain.ledgers import indexing, registering, tasks
from governance.chain.ledgers.models import GovernedLedger, LedgerReading
from governance.chain.models import RpcNode
from governance.chain.standing import Fault
from tests.chain.faulty import FaultyNode
from tests.ledgers.fisco.front import Front
from tests.ledgers.fisco.world import NODES, Town


@pytest.fixture
def nodes(town: Town, front: Front) -> Iterator[list[FaultyNode]]:
    """Two ways to the ledger; each can be given faults."""
    made = [FaultyNode(front.url) for _ in range(2)]
    town.ledger.rpc_addresses = [node.url for node in made]
    town.ledger.save()
    yield made
    for node in made:
        node.close()


@pytest.fixture
def town(transactional_db: None, make_town: Any) -> Town:
    """Who is left is written down on a connection of its own."""
    made: Town = make_town()
    return made


def row(town: Town, node: FaultyNode) -> RpcNode:
    return RpcNode.objects.get(key=endpoint.key_of(node.url, town.ledger.pk))


def another_chain(question: Any, answer: Any) -> Any:
    return {**answer, "result": hex(31337)}


def no_logs(question: Any, answer: Any) -> Any:
    return {**answer, "result": []}


def test_the_watch_shows_every_address_and_how_far_it_is(town: Town, nodes: list[FaultyNode]) -> None:
    tasks.watch_nodes()
    found = RpcNode.objects.filter(ledger="harbour", native=False)
    assert {each.head for each in found} == {town.web3.eth.block_number}
    assert {each.fault for each in found} == {""}
    [native] = RpcNode.objects.filter(ledger="harbour", native=True)
    assert (native.head, native.fault) == (None, "")


def test_one_of_another_chain_is_left_and_taken_again(town: Town, nodes: list[FaultyNode]) -> None:
    nodes[0].lies["eth_chainId"] = another_chain
    tasks.watch_nodes()
    assert row(town, nodes[0]).fault == Fault.OTHER_LEDGER
    assert Event.objects.get(action="ledger_node.left").data["fault"] == Fault.OTHER_LEDGER
    nodes[0].heals()
    tasks.watch_nodes()
    assert row(town, nodes[0]).fault == Fault.OTHER_LEDGER, "one good look is not enough"
    tasks.watch_nodes()
    assert row(town, nodes[0]).fault == ""


def test_one_that_is_behind_is_asked_no_more(town: Town, nodes: list[FaultyNode]) -> None:
    town.mine(standing.tolerance() + 5)
    nodes[0].lies["eth_blockNumber"] = lambda question, answer: {**answer, "result": "0x1"}
    tasks.watch_nodes()
    assert row(town, nodes[0]).fault == Fault.BEHIND
    standing._read.clear()
    assert town.committee.head() == town.web3.eth.block_number


def test_one_that_withholds_results_is_left_and_the_blocks_are_read_again(
    town: Town, nodes: list[FaultyNode]
) -> None:
    nodes[0].lies["eth_getLogs"] = no_logs
    town.vote("Dongli", town.open("Wangchao", 51, node=NODES[4], weight=0, add=True))
    indexing.follow(town.ledger)
    tasks.watch_nodes()
    assert row(town, nodes[0]).fault == Fault.LOGS_MISSING
    assert row(town, nodes[1]).fault == ""
    tasks.attend(town.ledger)
    assert town.ledger.calls.exclude(exec_code=None).count() == 1


def test_an_address_entered_for_the_wrong_ledger_stays_trusted_where_it_belongs(
    town: Town, nodes: list[FaultyNode], ledger_url: str
) -> None:
    town.ledger.rpc_addresses = [ledger_url, nodes[0].url]
    town.ledger.save()
    tasks.watch_nodes()
    assert RpcNode.objects.get(key=endpoint.key_of(ledger_url, "harbour")).fault == Fault.OTHER_LEDGER
    assert standing.left([endpoint.key_of(ledger_url)]) == {}


def test_where_nothing_but_liars_is_left_nothing_is_believed(town: Town, nodes: list[FaultyNode]) -> None:
    for node in nodes:
        node.lies["eth_chainId"] = another_chain
    tasks.watch_nodes()
    standing._read.clear()
    with pytest.raises(NoTrustedNode):
        town.committee.head()
    tasks.follow()
    reading = LedgerReading.objects.get(ledger=town.ledger)
    assert (reading.trouble, reading.read_at) == ("no_trusted_ledger_node", None)


def test_one_governed_elsewhere_is_read_by_its_own_lists_as_the_worker_does(town: Town) -> None:
    """Outside any transaction of a test's."""
    other = registering.register(
        "customs",
        kind=GovernedLedger.Kind.REGISTRY_ONLY,
        rpc_addresses=[town.front.url],
        native_addresses=[town.front.url],
        actor=registering.COMMAND,
    )
    tasks.follow()
    assert {each.consensus_id for each in other.nodes.all()} == set(NODES[:2])
    reading = LedgerReading.objects.get(ledger=other)
    assert (reading.trouble, reading.head) == ("", town.web3.eth.block_number)
    assert reading.nodes_read_at is not None


def test_an_address_that_is_entered_no_more_is_shown_no_more(town: Town, nodes: list[FaultyNode]) -> None:
    tasks.watch_nodes()
    town.ledger.rpc_addresses = [nodes[1].url]
    town.ledger.save()
    tasks.watch_nodes()
    assert [each.address for each in RpcNode.objects.filter(ledger="harbour", native=False)] == [nodes[1].url]
