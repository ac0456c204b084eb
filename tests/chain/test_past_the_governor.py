"""What passed can be carried out, or cancelled, at the timelock itself only by whom the members let do it.

The governor says nothing of it.
"""

from __future__ import annotations

from web3 import Web3

from consortium.core.models import Event
from consortium.members.models import Institution
from consortium.members.states import Status
from governance.chain import calls, indexer
from governance.chain.calls import Call
from governance.chain.contracts import CANCELLER_ROLE, EXECUTOR_ROLE, TIMELOCK, offline
from governance.chain.models import ChainEvent, OnChainProposal
from tests.chain.world import World, rows
from tests.factories import voter_of

NOTHING_BEFORE = bytes(32)


def _salt(world: World, text: str) -> bytes:
    """As GovernorTimelockControl makes it: the governor's address over the description's hash."""
    hashed, governor = Web3.keccak(text=world.described(text)), bytes.fromhex(world.ledger.governor[2:])
    return bytes(a ^ b for a, b in zip(hashed, governor.ljust(32, b"\0"), strict=True))


def _content(actions: list[Call]) -> tuple[list[str], list[int], list[bytes]]:
    datas = [bytes.fromhex(action.data[2:]) for action in actions]
    return [action.target for action in actions], [0] * len(actions), datas


def _at_the_timelock(world: World, actions: list[Call], text: str) -> Call:
    arguments = [*_content(actions), NOTHING_BEFORE, _salt(world, text)]
    return Call(world.ledger.timelock, 0, offline(TIMELOCK).encode_abi("executeBatch", args=arguments))


def _operation(world: World, actions: list[Call], text: str) -> bytes:
    arguments = [*_content(actions), NOTHING_BEFORE, _salt(world, text)]
    timelock = world.client.eth.contract(
        Web3.to_checksum_address(world.ledger.timelock), abi=offline(TIMELOCK).abi
    )
    return bytes(timelock.functions.hashOperationBatch(*arguments).call())


def _queued(world: World, banks: list[Institution], actions: list[Call], text: str) -> OnChainProposal:
    proposal = world.opens(*actions, text=text)
    for bank in banks[:4]:
        world.votes(bank, proposal)
    world.queues(*actions, text=text)
    world.pass_time(world.timelock_delay + 1)
    world.follow()
    return OnChainProposal.objects.get(proposal_id=str(proposal))


def _same_again(world: World) -> None:
    before, recorded = rows(world.ledger), Event.objects.count()
    indexer.rebuild(world.ledger)
    assert rows(world.ledger) == before
    assert Event.objects.count() == recorded


def _let(world: World, banks: list[Institution], role: str, account: str) -> None:
    """By vote."""
    granted = offline(TIMELOCK).encode_abi("grantRole", args=[bytes.fromhex(role[2:]), account])
    world.decides(Call(world.ledger.timelock, 0, granted), banks=banks[:4], text="Let somebody")


def test_nobody_carries_anything_out_at_the_timelock(founded: World, banks: list[Institution]) -> None:
    both = [calls.suspend_seat(founded.ledger, uscc=bank.uscc) for bank in banks[3:]]
    waiting = _queued(founded, banks, both, "Suspend two")
    receipt = founded.anybody_sends(_at_the_timelock(founded, both, "Suspend two"))
    assert receipt["status"] == 0
    founded.executes(*both, text="Suspend two")
    founded.follow()
    assert OnChainProposal.objects.get(pk=waiting.pk).executed_at


def test_what_somebody_carries_out_at_the_timelock_is_executed(
    founded: World, banks: list[Institution]
) -> None:
    _let(founded, banks, EXECUTOR_ROLE, calls.NOBODY)  # that is anybody
    both = [calls.suspend_seat(founded.ledger, uscc=bank.uscc) for bank in banks[3:]]
    waiting = _queued(founded, banks, both, "Suspend two")
    assert waiting.executed_at is None
    before, checkpoint = rows(founded.ledger), founded.rpc("evm_snapshot")
    receipt = founded.anybody_sends(_at_the_timelock(founded, both, "Suspend two"))
    assert receipt["status"] == 1
    founded.follow()
    waiting.refresh_from_db()
    assert waiting.executed_tx == receipt["transactionHash"].to_0x_hex()
    about = f"proposal:{waiting.proposal_id}"
    assert not ChainEvent.objects.filter(name="ProposalExecuted", about=about).exists()
    told = Event.objects.filter(action="chain.proposal_executed", subject_id=str(waiting.pk))
    assert [event.data["tx_hash"] for event in told] == [waiting.executed_tx]
    assert {Institution.objects.get(pk=bank.pk).status for bank in banks[3:]} == {Status.SUSPENDED}
    _same_again(founded)
    assert founded.rpc("evm_revert", checkpoint)
    founded.follow()
    assert rows(founded.ledger) == before


def test_what_is_executed_by_the_governor_is_told_once(founded: World, banks: list[Institution]) -> None:
    both = [calls.suspend_seat(founded.ledger, uscc=bank.uscc) for bank in banks[3:]]
    proposal = _queued(founded, banks, both, "Suspend two")
    founded.executes(*both, text="Suspend two")
    founded.follow()
    named = ChainEvent.objects.filter(about=f"proposal:{proposal.proposal_id}").order_by("block", "log_index")
    told = list(named.values_list("name", flat=True))
    assert told[-3:] == ["CallExecuted", "CallExecuted", "ProposalExecuted"]
    assert Event.objects.filter(action="chain.proposal_executed").count() == 1


def test_what_is_cancelled_at_the_timelock_is_cancelled(founded: World, banks: list[Institution]) -> None:
    _let(founded, banks, CANCELLER_ROLE, voter_of(banks[0]).address)
    suspension = [calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)]
    waiting = _queued(founded, banks, suspension, "Suspend one")
    cancel = offline(TIMELOCK).encode_abi("cancel", args=[_operation(founded, suspension, "Suspend one")])
    receipt = founded.bank_sends(banks[0], Call(founded.ledger.timelock, 0, cancel))
    assert receipt["status"] == 1
    founded.follow()
    waiting.refresh_from_db()
    assert (waiting.executed_at, waiting.canceled_at is None) == (None, False)
    assert founded.governor.functions.state(int(waiting.proposal_id)).call() == 2  # Canceled
    told = Event.objects.get(action="chain.proposal_canceled")
    assert told.data["tx_hash"] == receipt["transactionHash"].to_0x_hex()
    _same_again(founded)
