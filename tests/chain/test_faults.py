"""Whatever fails between a ballot and the ledger: none is lost, none counts twice, no nonce is left open."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from consortium.core import clock
from consortium.core.models import Event, OutboxMessage
from consortium.core.outbox import Later
from consortium.members.models import Institution
from consortium.members.states import Status as Standing
from consortium.stack import child
from governance.chain import calls, indexer, relay, tasks, watching
from governance.chain.models import CastVote, RelayTransaction, RpcNode, Seat
from tests.chain.faulty import FaultyNode
from tests.chain.test_rpc import FAULTS
from tests.chain.world import World, rows

Status = RelayTransaction.Status
GWEI = 10**9


@pytest.fixture
def proposal(founded: World, banks: list[Institution]) -> int:
    """Open for votes: suspend the fifth bank. The worker has nothing left to do."""
    opened = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.work()
    return opened


def ballots(world: World, banks: list[Institution], proposal: int) -> list[RelayTransaction]:
    """Each bank's ballot, wanted but not sent."""
    return [world.wants(f"vote:{bank.uscc}", world.ballot(bank, proposal)) for bank in banks]


def fresh(row: RelayTransaction) -> RelayTransaction:
    return RelayTransaction.objects.get(pk=row.pk)


def works_until_done(world: World) -> None:
    """As beat would have it: follow, reconcile, drain, until nothing is owed."""

    def work() -> bool:
        OutboxMessage.objects.filter(done_at__isnull=True).update(due_at=clock.now())
        tasks.follow()
        world.work()
        still = OutboxMessage.objects.filter(topic__startswith="chain.", done_at__isnull=True)
        return not still.exists()

    if not child.wait_until(work, time.monotonic() + 180):
        raise AssertionError(list(OutboxMessage.objects.filter(done_at__isnull=True).values()))


def assert_each_counts_once(world: World, proposal: int, wanted: list[RelayTransaction]) -> None:
    """On the ledger, in the tables, and in the account's numbers."""
    assert {fresh(row).status for row in wanted} == {Status.MINED}
    assert sum(world.governor.functions.proposalVotes(proposal).call()) == len(wanted)
    assert CastVote.objects.filter(proposal_id=str(proposal)).count() == len(wanted)
    used = sorted(RelayTransaction.objects.exclude(nonce=None).values_list("nonce", flat=True))
    assert used == list(range(len(used))), "no gap, nothing twice"
    assert world.client.eth.get_transaction_count(world.ledger.relay_address) == len(used)  # type: ignore[arg-type]
    before = rows(world.ledger)
    indexer.rebuild(world.ledger)
    assert rows(world.ledger) == before


# --- The ledger's process -----------------------------------------------------------------------------------
@pytest.mark.parametrize("hold", ["", "governance.chain.relay.broadcast"])
def test_the_ledgers_process_is_killed_and_started_again(
    founded: World,
    banks: list[Institution],
    proposal: int,
    victim: Callable[..., Any],
    hold: str,
) -> None:
    wanted = ballots(founded, banks[:3], proposal)
    relay.send(wanted[0].pk)
    worker = victim("drain", hold=hold).arrives() if hold else None
    # As whoever runs it does every few seconds: the kill may come while it writes its file.
    assert child.wait_until(founded.anvil.keep_copy, time.monotonic() + 60)
    assert founded.anvil.popen is not None
    founded.anvil.popen.kill()
    founded.anvil.popen.wait()
    founded.work()
    if worker:
        worker.killed()
    founded.anvil.start()
    works_until_done(founded)
    assert_each_counts_once(founded, proposal, wanted)


def lost_with_its_proposal(world: World, bank: Institution, other: Institution) -> RelayTransaction:
    """A ballot that was on the ledger, and comes there again in the very block of its proposal."""
    checkpoint = world.rpc("evm_snapshot")
    opened = world.opens(calls.suspend_seat(world.ledger, uscc=other.uscc))
    row = ballots(world, [bank], opened)[0]
    world.work()
    assert fresh(row).status == Status.MINED
    assert world.rpc("evm_revert", checkpoint)
    world.rpc("evm_setAutomine", False)
    tasks.follow()
    world.work()
    assert world.rpc("txpool_status")["pending"] == "0x2"
    world.mine()
    world.rpc("evm_setAutomine", True)
    return row


def test_a_ballot_that_came_too_early_after_a_loss_is_sent_again_with_another_number(
    founded: World, banks: list[Institution]
) -> None:
    row = lost_with_its_proposal(founded, banks[0], banks[4])
    early = fresh(row)
    works_until_done(founded)
    assert_each_counts_once(founded, founded.id_of(_suspension(founded, banks[4]), text="A decision"), [row])
    spent = RelayTransaction.objects.get(key=f"spent:{row.pk}:{early.nonce}")
    assert (spent.status, spent.tx_hash) == (Status.REVERTED, early.tx_hash)
    assert spent.error_code == "GovernorUnexpectedProposalState"
    assert Event.objects.get(action="relay.tried_again").data["tx_hash"] == early.tx_hash
    assert not Event.objects.filter(action="relay.refused").exists()


def test_what_comes_too_early_again_and_again_is_given_up_in_the_end(
    founded: World, banks: list[Institution], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "ATTEMPTS", 1)
    row = lost_with_its_proposal(founded, banks[0], banks[4])
    works_until_done(founded)
    assert (fresh(row).status, fresh(row).error_code) == (Status.REVERTED, "GovernorUnexpectedProposalState")
    assert Event.objects.get(action="relay.refused").data["key"] == row.key


def test_a_ballot_is_not_refused_for_want_of_a_proposal_that_the_ledger_has_lost(
    founded: World, banks: list[Institution]
) -> None:
    """The worker hears of it before the indexer does."""
    checkpoint = founded.rpc("evm_snapshot")
    opened = founded.opens(_suspension(founded, banks[4]))
    founded.work()
    row = ballots(founded, banks[:1], opened)[0]
    assert founded.rpc("evm_revert", checkpoint)
    with pytest.raises(Later, match="GovernorNonexistentProposal"):
        relay.send(row.pk)
    works_until_done(founded)
    assert_each_counts_once(founded, opened, [row])


def _suspension(world: World, bank: Institution) -> calls.Call:
    return calls.suspend_seat(world.ledger, uscc=bank.uscc)


# --- The RPC ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name", ["silent for ever", "HTTP 500", "garbage", "cut off", "internal error", "another chain"]
)
def test_a_node_that_fails_while_ballots_are_relayed(
    founded: World, banks: list[Institution], proposal: int, nodes: list[FaultyNode], name: str
) -> None:
    wanted = ballots(founded, banks[:3], proposal)
    relay.send(wanted[0].pk)
    if name == "another chain":
        nodes[0].tells("eth_chainId", lambda known: "0x539")
    else:
        FAULTS[name][0](nodes[0])
    works_until_done(founded)
    assert_each_counts_once(founded, proposal, wanted)
    if name == "another chain":  # who it is, is asked now and then; the worker's watch asks every few seconds
        assert child.wait_until(_seen_and_left, time.monotonic() + 60)
    assert RpcNode.objects.exclude(fault="").get().address == nodes[0].url
    nodes[0].heals()

    def trusted() -> bool:
        watching.watch()
        return not RpcNode.objects.exclude(fault="").exists()

    assert child.wait_until(trusted, time.monotonic() + 60), "it is taken again when it is well"


def _seen_and_left() -> bool:
    watching.watch()
    return RpcNode.objects.exclude(fault="").exists()


def test_an_answer_that_is_lost_after_the_transaction_was_taken(
    founded: World, banks: list[Institution], proposal: int, nodes: list[FaultyNode]
) -> None:
    """The worst of all: the ledger has it, and nobody told us. The same bytes are sent elsewhere."""
    wanted = ballots(founded, banks[:3], proposal)
    nodes[0].lies_about("eth_sendRawTransaction", lambda question, answer: {})
    works_until_done(founded)
    assert_each_counts_once(founded, proposal, wanted)
    assert nodes[0].methods.count("eth_sendRawTransaction") >= 1
    assert nodes[1].methods.count("eth_sendRawTransaction") >= 1


def test_a_node_that_swallows_transactions(
    founded: World, banks: list[Institution], proposal: int, nodes: list[FaultyNode]
) -> None:
    """It says that it took them, and keeps them to itself."""

    class Swallowing(FaultyNode):
        def answer(self, body: bytes) -> bytes:
            return super().answer(body.replace(b"eth_sendRawTransaction", b"web3_sha3"))

    wanted = ballots(founded, banks[:3], proposal)
    nodes[0].answer = Swallowing.answer.__get__(nodes[0])  # type: ignore[method-assign]
    works_until_done(founded)
    assert_each_counts_once(founded, proposal, wanted)


# --- The chain ----------------------------------------------------------------------------------------------
def test_a_reorganisation_across_an_execution(founded: World, banks: list[Institution]) -> None:
    action = calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)
    opened = founded.opens(action)
    for bank in banks[:4]:
        founded.votes(bank, opened)
    founded.pass_time(founded.period + 1)
    founded.queues(action, text="A decision")
    founded.pass_time(founded.timelock_delay + 1)
    founded.follow()
    checkpoint, before = founded.rpc("evm_snapshot"), rows(founded.ledger)
    executed = founded.executes(action, text="A decision")
    founded.follow()
    assert Seat.objects.get(member_id=banks[4].uscc).status == Seat.Status.SUSPENDED
    assert founded.rpc("evm_revert", checkpoint)
    founded.follow()
    assert rows(founded.ledger) == before
    banks[4].refresh_from_db()
    assert banks[4].status == Standing.ACTIVE
    assert fresh(executed).status == Status.SIGNED
    works_until_done(founded)
    assert fresh(executed).status == Status.MINED
    assert Seat.objects.get(member_id=banks[4].uscc).status == Seat.Status.SUSPENDED
    banks[4].refresh_from_db()
    assert banks[4].status == Standing.SUSPENDED


def test_a_reorganisation_by_the_ledgers_own_means_while_ballots_are_on_their_way(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    wanted = ballots(founded, banks[:3], proposal)
    for row in wanted[:3]:
        relay.send(row.pk)
    founded.rpc("anvil_reorg", 2, [])
    works_until_done(founded)
    assert_each_counts_once(founded, proposal, wanted)


def test_a_transaction_that_waits_because_the_fee_has_risen_is_sent_again_with_a_higher_one(
    founded: World, banks: list[Institution], proposal: int, settings: Any
) -> None:
    settings.RELAY_PATIENCE = 0
    founded.rpc("anvil_setBalance", founded.ledger.relay_address, hex(10**21))
    founded.rpc("evm_setAutomine", False)
    wanted = ballots(founded, banks[:3], proposal)
    founded.work()
    sent = [fresh(row).tx_hash for row in wanted]
    founded.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    founded.mine()
    assert {fresh(row).status for row in wanted} == {Status.SIGNED}

    founded.rpc("evm_setAutomine", True)
    works_until_done(founded)
    assert_each_counts_once(founded, proposal, wanted)
    raised = Event.objects.filter(action="relay.fee_raised")
    assert raised.count() >= 1
    assert any(fresh(row).earlier_hashes == [old] for row, old in zip(wanted, sent, strict=True))


def test_whichever_of_two_fees_is_mined_counts(
    founded: World, banks: list[Institution], proposal: int, settings: Any
) -> None:
    """The one that was sent first was under way after all."""
    settings.RELAY_PATIENCE = 0
    founded.rpc("evm_setAutomine", False)
    wanted = ballots(founded, banks[:1], proposal)
    founded.work()
    row = fresh(wanted[0])
    first = row.tx_hash
    row.earlier_hashes, row.tx_hash = [first], "0x" + "ab" * 32
    row.save()
    founded.mine()
    founded.rpc("evm_setAutomine", True)
    works_until_done(founded)
    assert fresh(row).tx_hash == first
    assert_each_counts_once(founded, proposal, wanted)


# --- The workers --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hold", "after", "at", "together"),
    [
        ("governance.chain.relay._next_nonce", True, 1, 100),  # before any is stored
        ("governance.chain.relay._next_nonce", True, 2, 1),
        ("governance.chain.relay.broadcast", False, 1, 100),  # stored, none sent
        ("governance.chain.relay.broadcast", False, 2, 2),  # stored, some sent
        ("governance.chain.relay.broadcast", True, 1, 100),  # sent, not confirmed
        ("governance.chain.relay.broadcast", True, 2, 1),
        ("governance.chain.relay._settle", False, 1, 100),  # seen, not written down
        ("governance.chain.indexer.follow_to", False, 1, 100),  # confirmed, not indexed
        ("governance.chain.projections.apply", True, 1, 100),  # half indexed
    ],
)
def test_one_of_two_workers_is_killed_and_the_other_goes_on(
    founded: World,
    banks: list[Institution],
    proposal: int,
    victim: Callable[..., Any],
    hold: str,
    after: bool,
    at: int,
    together: int,
) -> None:
    wanted = ballots(founded, banks[:3], proposal)
    killed = victim("drain", hold=hold, after=after, at=at, RELAY_BATCH=str(together)).arrives()
    other = victim("drain")
    killed.killed()
    other.finishes()
    works_until_done(founded)
    assert_each_counts_once(founded, proposal, wanted)
