"""A transaction is stored before it is sent, sent until the ledger has it, and counted once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from consortium.core import clock
from consortium.core.models import Event, OutboxMessage
from consortium.core.outbox import Later
from consortium.members.models import Institution
from consortium.stack import child
from governance.chain import asking, calls, keys, relay, tasks, waiting
from governance.chain.errors import RelayFailed, RelayKeyNotAvailable
from governance.chain.models import CastVote, RelayTransaction, Seat
from tests.chain.world import ABSTAIN, AGAINST, FOR, World
from tests.factories import InstitutionFactory, voter_of

Status = RelayTransaction.Status
BROADCAST = "governance.chain.relay.broadcast"


@pytest.fixture
def proposal(founded: World, banks: list[Institution]) -> int:
    """Open for votes: suspend the fifth bank. The worker has nothing left to do."""
    opened = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.work()
    return opened


def ballots(world: World, banks: list[Institution], proposal: int) -> list[RelayTransaction]:
    """Each bank's ballot, wanted but not sent: undecided until the last of five, then defeated."""
    votes = zip(banks, (FOR, ABSTAIN, ABSTAIN, AGAINST, AGAINST), strict=False)
    return [world.wants(f"vote:{bank.uscc}", world.ballot(bank, proposal, vote)) for bank, vote in votes]


def fresh(row: RelayTransaction) -> RelayTransaction:
    return RelayTransaction.objects.get(pk=row.pk)


def open_messages() -> int:
    return OutboxMessage.objects.filter(
        topic__startswith="chain.", done_at__isnull=True, dead_at__isnull=True
    ).count()


def sent_from_relay(world: World) -> int:
    """Transactions of the relay account that are on the ledger."""
    return int(world.client.eth.get_transaction_count(world.ledger.relay_address))  # type: ignore[arg-type]


def due_now() -> None:
    """As if the pause before the next attempt were over."""
    OutboxMessage.objects.filter(done_at__isnull=True).update(due_at=clock.now())


def works_until_done(world: World) -> None:
    def work() -> bool:
        due_now()
        world.work()
        return not open_messages()

    # A ledger that was started again has the world's time, which may have to catch up with the test's.
    if not child.wait_until(work, time.monotonic() + 60):
        raise AssertionError(list(OutboxMessage.objects.filter(done_at__isnull=True).values()))


def test_a_ballot_is_relayed_confirmed_and_indexed_by_one_nudge(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    row = ballots(founded, banks[:1], proposal)[0]
    founded.work()
    row = fresh(row)
    assert row.status == Status.MINED
    receipt = founded.client.eth.get_transaction_receipt(row.tx_hash)  # type: ignore[arg-type]
    assert (receipt["status"], receipt["blockNumber"]) == (1, row.block)
    assert CastVote.objects.get().tx_hash == row.tx_hash
    told = Event.objects.filter(action="relay.mined").latest("id")
    assert (told.data["key"], told.subject_id) == (row.key, str(row.pk))
    assert open_messages() == 0


def test_asking_twice_sends_once(founded: World, banks: list[Institution], proposal: int) -> None:
    before = sent_from_relay(founded)
    call = founded.ballot(banks[0], proposal)
    first, second = founded.wants("vote:once", call), founded.wants("vote:once", call)
    assert first.pk == second.pk
    founded.work()
    founded.wants("vote:once", call)
    founded.work()
    assert sent_from_relay(founded) == before + 1


def test_want_is_part_of_the_callers_transaction(founded: World) -> None:
    with transaction.atomic():
        relay.want(founded.ledger, key="never", to=founded.ledger.seats, data="0x")
        assert RelayTransaction.objects.filter(key="never").exists()
        transaction.set_rollback(True)
    assert not RelayTransaction.objects.filter(key="never").exists()
    founded.work()
    assert open_messages() == 0


def test_what_the_contract_refuses_is_never_sent_and_says_why(
    founded: World, banks: list[Institution]
) -> None:
    before = sent_from_relay(founded)
    row = founded.wants("coup", calls.revoke_seat(founded.ledger, uscc=banks[0].uscc))
    founded.work()
    row = fresh(row)
    assert (row.status, row.error_code, row.nonce, row.tx_hash) == (
        Status.REFUSED,
        "ExecutorOnly",
        None,
        None,
    )
    assert Event.objects.get(action="relay.refused").data["error_code"] == "ExecutorOnly"
    assert sent_from_relay(founded) == before
    assert open_messages() == 0


def test_a_second_ballot_of_the_same_member_is_refused(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    founded.votes(banks[0], proposal)
    again = founded.wants("again", founded.ballot(banks[0], proposal))
    founded.work()
    # The number of a member's one ballot on a proposal is used up: none other can be signed for.
    assert (fresh(again).status, fresh(again).error_code) == (Status.REFUSED, "GovernorInvalidSignature")


def test_an_execution_too_early_waits_instead_of_failing(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    for bank in banks[:4]:
        founded.votes(bank, proposal)
    action = [calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)]
    described = founded.described("A decision")
    row = founded.wants("effect", calls.execute(founded.ledger, action, described))
    with pytest.raises(Later, match="TimelockUnexpectedOperationState"):
        relay.send(row.pk)
    founded.queues(*action, text="A decision")
    founded.pass_time(founded.timelock_delay + 1)
    works_until_done(founded)
    assert fresh(row).status == Status.MINED
    assert Seat.objects.get(member_id=banks[4].uscc).status == Seat.Status.SUSPENDED


def test_queueing_before_the_end_of_a_vote_waits_instead_of_failing(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    for bank in banks[:3]:  # two could still turn it
        founded.votes(bank, proposal)
    action = [calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)]
    row = founded.wants("queue", calls.queue(founded.ledger, action, founded.described("A decision")))
    with pytest.raises(Later, match="GovernorUnexpectedProposalState"):
        relay.send(row.pk)
    founded.pass_time(3601)
    works_until_done(founded)
    assert fresh(row).status == Status.MINED


def test_many_are_on_their_way_before_the_first_is_mined(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    founded.rpc("evm_setAutomine", False)
    wanted = ballots(founded, banks, proposal)
    founded.work()
    assert founded.rpc("txpool_status")["pending"] == "0x5"
    assert {fresh(row).status for row in wanted} == {Status.SIGNED}
    founded.mine()
    works_until_done(founded)
    assert {fresh(row).status for row in wanted} == {Status.MINED}
    assert len({fresh(row).block for row in wanted}) == 1
    assert CastVote.objects.count() == 5


# --- Crashes ----------------------------------------------------------------------------------------------
def test_killed_after_storing_and_before_sending_the_stored_bytes_are_sent_later(
    founded: World, banks: list[Institution], proposal: int, victim: Callable[..., Any]
) -> None:
    before = sent_from_relay(founded)
    row = ballots(founded, banks[:1], proposal)[0]
    victim("drain", hold=BROADCAST).arrives().killed()
    stored = fresh(row)
    assert (stored.status, stored.nonce) == (Status.SIGNED, before)
    assert sent_from_relay(founded) == before
    works_until_done(founded)
    done = fresh(row)
    assert (done.status, done.tx_hash, done.raw) == (Status.MINED, stored.tx_hash, stored.raw)
    assert sent_from_relay(founded) == before + 1
    assert CastVote.objects.count() == 1


def test_killed_after_sending_it_is_found_on_the_ledger_and_not_sent_again(
    founded: World, banks: list[Institution], proposal: int, victim: Callable[..., Any]
) -> None:
    before = sent_from_relay(founded)
    row = ballots(founded, banks[:1], proposal)[0]
    victim("drain", hold=BROADCAST, after=True).arrives().killed()
    assert fresh(row).status == Status.SIGNED
    assert sent_from_relay(founded) == before + 1
    works_until_done(founded)
    assert fresh(row).status == Status.MINED
    assert sent_from_relay(founded) == before + 1


def test_killed_before_storing_nothing_is_lost(
    founded: World, banks: list[Institution], proposal: int, victim: Callable[..., Any]
) -> None:
    row = ballots(founded, banks[:1], proposal)[0]
    victim("drain", hold="governance.chain.relay._next_nonce", after=True).arrives().killed()
    assert fresh(row).status == Status.WANTED
    works_until_done(founded)
    assert fresh(row).status == Status.MINED


def test_killed_between_confirming_and_indexing_the_vote_is_indexed_by_the_next_look(
    founded: World, banks: list[Institution], proposal: int, victim: Callable[..., Any]
) -> None:
    row = ballots(founded, banks[:1], proposal)[0]
    victim("drain", hold="governance.chain.indexer.follow_to").arrives().killed()
    assert fresh(row).status == Status.MINED
    assert not CastVote.objects.exists()
    works_until_done(founded)
    assert CastVote.objects.count() == 1


def test_two_relayers_at_once_share_the_nonces_without_gap_or_double(
    founded: World, banks: list[Institution], proposal: int, victim: Callable[..., Any]
) -> None:
    before = sent_from_relay(founded)
    wanted = ballots(founded, banks, proposal)
    pair = [victim("drain"), victim("drain")]
    for one in pair:
        one.finishes()
    works_until_done(founded)
    nonces = sorted(fresh(row).nonce or 0 for row in wanted)
    assert nonces == list(range(before, before + 5))
    assert {fresh(row).status for row in wanted} == {Status.MINED}
    assert sent_from_relay(founded) == before + 5
    assert CastVote.objects.count() == 5


# --- What ledgers do ----------------------------------------------------------------------------------------
def test_what_the_ledger_dropped_is_sent_again(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    founded.rpc("evm_setAutomine", False)
    wanted = ballots(founded, banks[:3], proposal)
    founded.work()
    founded.rpc("anvil_dropTransaction", fresh(wanted[0]).tx_hash)  # the later ones wait for its nonce
    founded.rpc("evm_setAutomine", True)
    works_until_done(founded)
    assert {fresh(row).status for row in wanted} == {Status.MINED}
    assert CastVote.objects.count() == 3


def test_a_nonce_that_somebody_else_used_is_noticed_and_replaced(
    founded: World, banks: list[Institution], proposal: int, victim: Callable[..., Any]
) -> None:
    row = ballots(founded, banks[:1], proposal)[0]
    victim("drain", hold=BROADCAST).arrives().killed()
    stolen = fresh(row)
    _send_directly(founded, nonce=stolen.nonce or 0)
    works_until_done(founded)
    done = fresh(row)
    assert done.status == Status.MINED
    assert done.nonce == (stolen.nonce or 0) + 1
    assert Event.objects.get(action="relay.nonce_taken").data["tx_hash"] == stolen.tx_hash
    assert CastVote.objects.count() == 1


def _send_directly(world: World, *, nonce: int) -> None:
    """The relay account's key used past the console."""
    signed = keys.account().sign_transaction({
        "nonce": nonce, "to": world.ledger.seats, "data": "0x06fdde03", "gas": 100_000, "gasPrice": 0,
        "value": 0, "chainId": world.ledger.chain_id,
    })  # fmt: skip
    world.client.eth.wait_for_transaction_receipt(
        world.client.eth.send_raw_transaction(signed.raw_transaction), timeout=60, poll_latency=0.01
    )


def test_a_transaction_that_the_contract_refuses_after_all_says_why(
    founded: World, banks: list[Institution], proposal: int, victim: Callable[..., Any]
) -> None:
    call = founded.ballot(banks[0], proposal)
    row = founded.wants("vote", call)
    victim("drain", hold=BROADCAST).arrives().killed()
    founded.anybody_sends(call)  # the bank grew tired of waiting
    works_until_done(founded)
    done = fresh(row)
    assert (done.status, done.error_code) == (Status.REVERTED, "GovernorInvalidSignature")
    assert Event.objects.get(action="relay.refused").data["tx_hash"] == done.tx_hash
    assert CastVote.objects.count() == 1


def test_a_vote_that_a_reorganisation_took_back_is_cast_again(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    founded.follow()
    checkpoint = founded.rpc("evm_snapshot")
    row = ballots(founded, banks[:1], proposal)[0]
    founded.work()
    assert CastVote.objects.count() == 1
    assert founded.rpc("evm_revert", checkpoint)
    founded.mine()
    founded.follow()
    assert CastVote.objects.count() == 0
    assert fresh(row).status == Status.SIGNED
    works_until_done(founded)
    founded.follow()
    assert fresh(row).status == Status.MINED
    assert founded.governor.functions.hasVoted(proposal, voter_of(banks[0]).address).call()
    assert CastVote.objects.count() == 1


def test_a_block_that_was_lost_before_it_was_indexed_leaves_no_gap(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    founded.follow()
    checkpoint = founded.rpc("evm_snapshot")
    row = ballots(founded, banks[:1], proposal)[0]
    relay.send(row.pk)
    assert relay.confirm(row.pk).status == Status.MINED
    assert founded.rpc("evm_revert", checkpoint)
    tasks.follow()
    assert fresh(row).status == Status.SIGNED
    works_until_done(founded)
    assert fresh(row).status == Status.MINED
    founded.votes(banks[1], proposal)
    founded.follow()
    assert CastVote.objects.count() == 2


def test_a_ledger_that_does_not_answer_costs_nothing_but_time(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    row = ballots(founded, banks[:1], proposal)[0]
    founded.anvil.stop()
    founded.work()
    assert fresh(row).status == Status.WANTED
    message = OutboxMessage.objects.get(topic="chain.relay", key=str(row.pk))
    assert message.last_error.startswith("ledger_unreachable")
    assert message.attempts == 0  # however long it stays away, the ballot is not given up
    founded.anvil.start()
    works_until_done(founded)
    assert fresh(row).status == Status.MINED


# --- The key ------------------------------------------------------------------------------------------------
def test_a_process_without_the_passphrase_can_not_send(
    founded: World, banks: list[Institution], proposal: int, settings: Any
) -> None:
    row = ballots(founded, banks[:1], proposal)[0]
    settings.RELAY_PASSPHRASE_FILE = None
    with pytest.raises(RelayKeyNotAvailable, match="RELAY_PASSPHRASE_FILE"):
        relay.send(row.pk)
    assert fresh(row).status == Status.WANTED


def test_a_wrong_passphrase_opens_nothing(founded: World, tmp_path: Any) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("eight other words")
    with pytest.raises(RelayKeyNotAvailable):
        keys.account(wrong)


def test_the_relay_key_is_made_once_and_for_its_owner_alone(
    transactional_db: None, settings: Any, tmp_path: Any
) -> None:
    settings.KEY_DIR = tmp_path / "new-keys"
    passphrase_file = tmp_path / "passphrase"
    passphrase_file.write_text("nine words\n")
    address = keys.create(passphrase_file)
    assert keys.create(passphrase_file) == address == keys.account(passphrase_file).address
    assert keys.key_file().stat().st_mode & 0o777 == 0o600
    assert "nine words" not in keys.key_file().read_text()


def test_the_relay_key_is_on_the_disk_when_its_address_is_told(
    transactional_db: None, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KEY_DIR = tmp_path / "new-keys"
    passphrase_file = tmp_path / "passphrase"
    passphrase_file.write_text("nine words\n")
    synced: list[str] = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (synced.append(os.readlink(f"/proc/self/fd/{handle}")), fsync(handle))
    )
    keys.create(passphrase_file)
    assert synced[0] == str(tmp_path)  # the new directory's own entry
    assert synced[-1] == str(settings.KEY_DIR)  # the keystore's


def test_a_command_that_waits_gets_the_contracts_word(founded: World) -> None:
    stranger = InstitutionFactory(voting=True)
    grant = calls.grant_seat(founded.ledger, uscc=stranger.uscc, category=1, voter=voter_of(stranger).address)
    with pytest.raises(RelayFailed, match="ExecutorOnly"):
        waiting.done(founded.ledger, "grant", grant)


def test_ballots_count_as_they_were_cast(founded: World, banks: list[Institution], proposal: int) -> None:
    for support, bank in enumerate(banks[:3]):
        founded.wants(f"vote:{support}", founded.ballot(bank, proposal, support))
    founded.work()
    assert founded.governor.functions.proposalVotes(proposal).call() == [1, 1, 1]
    cast = {vote.member_id: vote.support for vote in CastVote.objects.all()}
    assert cast == {bank.uscc: support for support, bank in enumerate(banks[:3])}
    assert cast[banks[1].uscc] == FOR


def _gas_of(row: RelayTransaction) -> int:
    return int(relay._price_and_gas(fresh(row))[1])


def test_no_more_gas_is_asked_for_than_a_block_holds(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    """A transaction that fits no block is never mined, and every later number would wait for its number."""
    call = founded.ballot(banks[0], proposal)
    estimate = founded.client.eth.estimate_gas({"to": call.target, "data": call.data})  # type: ignore[typeddict-item]
    room = int(estimate * 1.2)  # less than with the margin
    founded.rpc("evm_setBlockGasLimit", hex(room))
    founded.mine()
    row = ballots(founded, banks[:1], proposal)[0]
    founded.work()
    assert (fresh(row).status, _gas_of(row)) == (Status.MINED, room)


def test_what_fits_no_block_takes_no_number(founded: World, banks: list[Institution], proposal: int) -> None:
    founded.rpc("evm_setBlockGasLimit", hex(60_000))
    founded.mine()
    first = ballots(founded, banks[:1], proposal)[0]
    founded.work()
    assert fresh(first).nonce is None
    founded.rpc("evm_setBlockGasLimit", hex(30_000_000))
    founded.mine()
    second = ballots(founded, banks[1:2], proposal)[0]
    works_until_done(founded)
    assert fresh(second).status == Status.MINED


def test_a_ballot_that_asks_for_far_too_much_is_not_paid_for(
    founded: World, banks: list[Institution], proposal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where accounts may run code the voter's could burn what it likes; the others of the batch go on."""
    rows = [founded.wants(f"ballot:{uuid4()}", founded.ballot(bank, proposal)) for bank in banks[:2]]
    monkeypatch.setattr(asking, "BALLOT_GAS", 100_000)
    founded.work()
    assert {(fresh(row).status, fresh(row).error_code, fresh(row).nonce) for row in rows} == {
        (Status.REFUSED, "too_much_gas", None)
    }
