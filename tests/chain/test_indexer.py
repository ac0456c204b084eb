"""The ledger's events become rows: once each, in order, and the same again after anything that can happen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import pytest
from django.db import connection
from web3 import Web3

from consortium.core.models import Event
from consortium.members.models import Institution
from consortium.members.states import Status
from consortium.stack.embedded import EmbeddedLedger
from governance.chain import calls, indexer, selectors, tasks
from governance.chain import ledger as gateway
from governance.chain.errors import LedgerUnreachable, NoLedger, OtherLedger
from governance.chain.models import CastVote, ChainEvent, OnChainProposal, RegistryEntry, Seat
from tests.chain.world import AGAINST, World, rows
from tests.factories import InstitutionFactory, NetworkFactory, NodeFactory, voter_of

OBSERVER, SEALER = 1, 2


def _actions(prefix: str) -> list[str]:
    return list(
        Event.objects.filter(action__startswith=prefix).order_by("id").values_list("action", flat=True)
    )


def test_the_founding_becomes_seats_and_activates_the_institutions(
    founded: World, banks: list[Institution]
) -> None:
    seats = {seat.member_id: seat for seat in Seat.objects.all()}
    assert set(seats) == {bank.uscc for bank in banks} == selectors.active_member_ids()
    for bank in banks:
        bank.refresh_from_db()
        assert bank.status == Status.ACTIVE
        seat = seats[bank.uscc]
        assert (seat.voting_address, seat.category_number) == (bank.voting_address, bank.category.number)
    founded.ledger.refresh_from_db()
    assert founded.ledger.founding_closed_at is not None
    assert _actions("seat.") == ["seat.changed"] * 5


def test_following_again_finds_nothing_and_changes_nothing(founded: World) -> None:
    before, recorded = rows(founded.ledger), Event.objects.count()
    assert founded.follow() == 0
    assert (rows(founded.ledger), Event.objects.count()) == (before, recorded)


def test_a_decision_is_projected_from_the_proposal_to_its_effect(
    founded: World, banks: list[Institution]
) -> None:
    node = NodeFactory(institution=banks[0])
    admission = calls.set_role(
        founded.ledger,
        network=node.network_id,
        consensus_id=node.consensus_id,
        uscc=banks[0].uscc,
        role=OBSERVER,
    )
    proposal = founded.decides(admission, banks=banks[:3])
    founded.follow()
    projected = OnChainProposal.objects.get()
    assert projected.proposal_id == str(proposal)
    assert projected.executed_at is not None
    assert (projected.electorate, projected.quorum) == (5, 2)  # a third of 5, rounded up
    assert set(CastVote.objects.values_list("member_id", flat=True)) == {bank.uscc for bank in banks[:3]}
    entry = RegistryEntry.objects.get()
    assert (entry.network, entry.consensus_id, entry.role) == (node.network_id, node.consensus_id, OBSERVER)
    told = Event.objects.get(action="registry.changed")
    assert (told.node_id, told.institution_id) == (node.pk, banks[0].pk)
    assert told.data["tx_hash"] == entry.tx_hash
    assert _actions("chain.proposal") == [
        "chain.proposal_created",
        "chain.proposal_queued",
        "chain.proposal_executed",
    ]


def test_electorate_and_quorum_are_those_that_the_contract_counts_with(
    founded: World, banks: list[Institution]
) -> None:
    suspension = calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)
    founded.decides(suspension, banks=banks[:3], text="Suspend the fifth")
    proposal = founded.opens(calls.reinstate_seat(founded.ledger, uscc=banks[4].uscc), text="Reinstate it")
    founded.follow()
    for projected in OnChainProposal.objects.all():
        snapshot = founded.governor.functions.proposalSnapshot(int(projected.proposal_id)).call()
        assert projected.electorate == founded.seats.functions.getPastTotalSupply(snapshot).call()
        _, rule = founded.governor.functions.ruleOf(int(projected.proposal_id)).call()
        assert projected.quorum == -(-projected.electorate * rule[0] // rule[1])
    assert OnChainProposal.objects.get(proposal_id=str(proposal)).electorate == 4
    banks[4].refresh_from_db()
    assert banks[4].status == Status.SUSPENDED


def test_a_seat_that_changes_before_a_delayed_snapshot_changes_the_electorate(
    founded: World, banks: list[Institution]
) -> None:
    suspension = [calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)]
    passed = founded.opens(*suspension, text="Suspend the fifth")
    for bank in banks[:3]:
        founded.votes(bank, passed)
    delay = calls.Call(founded.ledger.governor, 0, founded.governor.encode_abi("setVotingDelay", args=[7200]))
    founded.decides(delay, banks=banks[:4], text="A delay of two hours")
    late = [calls.reinstate_seat(founded.ledger, uscc=banks[4].uscc)]
    founded.sends("open:late", calls.propose(founded.ledger, late, founded.described("Reinstate it")))
    founded.follow()
    assert OnChainProposal.objects.get(description__startswith="Reinstate it").electorate == 5
    founded.carries_out(*suspension, text="Suspend the fifth")
    founded.pass_time(7300)
    founded.follow()
    proposal = founded.id_of(*late, text="Reinstate it")
    snapshot = founded.governor.functions.proposalSnapshot(proposal).call()
    assert founded.seats.functions.getPastTotalSupply(snapshot).call() == 4
    assert OnChainProposal.objects.get(description__startswith="Reinstate it").electorate == 4


def test_a_vote_belongs_to_whoever_had_the_address_at_the_snapshot(
    founded: World, banks: list[Institution]
) -> None:
    fresh = InstitutionFactory.build(voting=True, category=None)
    move = calls.change_voter(founded.ledger, uscc=banks[0].uscc, voter=voter_of(fresh).address)
    open_before = founded.opens(
        calls.suspend_seat(founded.ledger, uscc=banks[4].uscc), text="Open before the change"
    )
    founded.pass_time(1800)
    first = founded.opens(move, text="Another address for the first")
    for bank in banks[:4]:
        founded.votes(bank, first)
    founded.votes(banks[0], open_before, AGAINST)
    founded.pass_time(3601)
    founded.carries_out(move, text="Another address for the first")
    founded.follow()
    vote = CastVote.objects.get(proposal_id=str(open_before))
    assert (vote.member_id, vote.voter) == (banks[0].uscc, voter_of(banks[0]).address)
    assert Seat.objects.get(member_id=banks[0].uscc).voting_address == voter_of(fresh).address


def test_logs_are_asked_for_in_bounded_ranges_without_a_gap(world: World, settings: Any) -> None:
    settings.LEDGER_LOG_RANGE = 7
    world.mine(30)
    first = selectors.head().block + 1
    asked: list[tuple[int, int]] = []
    _record_ranges(gateway.connect(), asked)
    world.follow()
    assert len(asked) >= 5  # more where the ledger was slow to answer: then less is asked for at once
    assert all(end - start < 7 for start, end in asked)
    assert [start for start, _ in asked] == [first, *(end + 1 for _, end in asked[:-1])]
    assert asked[-1][1] == world.height


def _record_ranges(client: Web3, asked: list[tuple[int, int]]) -> None:
    provider = gateway.provider(client)
    ask = provider.ask_many

    def recorded(questions: Any) -> list[Any]:
        for method, (wanted, *_) in questions:
            if method == "eth_getLogs":
                asked.append((int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)))
        return ask(questions)

    provider.ask_many = recorded  # type: ignore[method-assign]


def test_a_rebuild_comes_out_the_same(founded: World, banks: list[Institution]) -> None:
    _some_history(founded, banks)
    before, recorded = rows(founded.ledger), Event.objects.count()
    assert indexer.rebuild(founded.ledger) == ChainEvent.objects.count() > 10
    assert rows(founded.ledger) == before
    assert Event.objects.count() == recorded


def test_a_rebuild_repairs_what_somebody_changed_by_hand_and_says_so(
    founded: World, banks: list[Institution]
) -> None:
    _some_history(founded, banks)
    before = rows(founded.ledger)
    Seat.objects.filter(member_id=banks[0].uscc).update(status=Seat.Status.REVOKED)
    CastVote.objects.all().delete()
    ChainEvent.objects.filter(name="SeatGranted").delete()
    RegistryEntry.objects.create(
        ledger=founded.ledger, network="forged", consensus_id="00" * 64, member_id=banks[0].uscc,
        role=SEALER, block=1, block_time=banks[0].created_at, tx_hash="0x" + "00" * 32,
    )  # fmt: skip
    last = Event.objects.latest("id").pk
    indexer.rebuild(founded.ledger)
    assert rows(founded.ledger) == before
    told = Event.objects.filter(pk__gt=last)
    assert set(told.values_list("action", flat=True)) >= {
        "seat.changed",
        "chain.vote_cast",
        "registry.changed",
    }


def _roles_against_the_order_of_keys(world: World, banks: list[Institution]) -> list[RegistryEntry]:
    """Three nodes on one network, the one that sorts last admitted first; entries in the ledger's order."""
    network = NetworkFactory()
    for leading in ("ff", "77", "00"):
        node = NodeFactory(institution=banks[0], network=network, consensus_id=leading + token_hex(63))
        role = calls.set_role(
            world.ledger, network=network.pk, consensus_id=node.consensus_id, uscc=banks[0].uscc, role=SEALER
        )
        world.decides(role, banks=banks[:3], text=f"Admit {leading}")
    world.follow()
    return sorted(selectors.registry(network.pk), key=lambda entry: entry.block)


def test_the_last_change_of_a_networks_registry_is_the_ledgers_last_one_also_after_a_rebuild(
    founded: World, banks: list[Institution]
) -> None:
    entries = _roles_against_the_order_of_keys(founded, banks)
    network = entries[0].network
    elsewhere = NodeFactory(institution=banks[1], network=NetworkFactory(slug="custody"))
    assert selectors.last_registry_change(network) == entries[-1].tx_hash
    assert selectors.last_registry_change(elsewhere.network_id) == ""
    founded.decides(
        calls.set_role(
            founded.ledger,
            network=elsewhere.network_id,
            consensus_id=elsewhere.consensus_id,
            uscc=banks[1].uscc,
            role=OBSERVER,
        ),
        banks=banks[:3],
        text="Elsewhere",
    )
    founded.follow()
    assert selectors.last_registry_change(network) == entries[-1].tx_hash
    RegistryEntry.objects.all().delete()
    indexer.rebuild(founded.ledger)
    assert selectors.last_registry_change(network) == entries[-1].tx_hash
    leaves = calls.remove_node(founded.ledger, network=network, consensus_id=entries[0].consensus_id)
    founded.decides(leaves, banks=banks[:3], text="Remove the first")
    founded.follow()
    removal = ChainEvent.objects.filter(name="NodeRoleChanged").latest("block")
    assert removal.args["role"] == 0
    assert selectors.last_registry_change(network) == removal.tx_hash != entries[-1].tx_hash


def test_a_rebuild_tells_in_the_ledgers_order(founded: World, banks: list[Institution]) -> None:
    entries = _roles_against_the_order_of_keys(founded, banks)
    RegistryEntry.objects.all().delete()
    last = Event.objects.latest("id").pk
    indexer.rebuild(founded.ledger)
    told = Event.objects.filter(pk__gt=last, action="registry.changed").order_by("id")
    assert [event.data["consensus_id"] for event in told] == [entry.consensus_id for entry in entries]


def _some_history(world: World, banks: list[Institution]) -> None:
    node = NodeFactory(institution=banks[1])
    admission = calls.set_role(
        world.ledger, network=node.network_id, consensus_id=node.consensus_id, uscc=banks[1].uscc, role=SEALER
    )
    world.decides(admission, banks=banks[:3], text="Admit a node")
    world.decides(calls.suspend_seat(world.ledger, uscc=banks[4].uscc), banks=banks[:4], text="Suspend")
    world.decides(calls.revoke_seat(world.ledger, uscc=banks[4].uscc), banks=banks[:3], text="Expel")
    world.follow()


# --- Crashes and company ----------------------------------------------------------------------------------
@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_indexer_killed_in_the_middle_of_a_range_leaves_none_of_it(
    founded: World, banks: list[Institution], victim: Callable[..., Any], settings: Any, at: int
) -> None:
    settings.LEDGER_LOG_RANGE = 2
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.all_vote(banks, proposal)
    newest = selectors.head().block
    victim("follow", hold="governance.chain.projections.apply", at=at, after=True).arrives().killed()
    assert selectors.head().block == newest + 2 * (at - 1)
    founded.follow()
    _assert_exactly_once(founded)
    assert CastVote.objects.count() == 5


def test_two_indexers_at_once_index_each_event_once(
    founded: World, banks: list[Institution], victim: Callable[..., Any], settings: Any
) -> None:
    settings.LEDGER_LOG_RANGE = 1
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.all_vote(banks, proposal)
    pair = [victim("follow"), victim("follow")]
    for one in pair:
        one.finishes()
    _assert_exactly_once(founded)
    assert _actions("chain.vote_cast") == ["chain.vote_cast"] * 5


def test_who_need_not_wait_leaves_the_work_to_the_indexer_that_is_at_it(
    founded: World, victim: Callable[..., Any]
) -> None:
    founded.mine(3)
    busy = victim("follow", hold="governance.chain.projections.apply").arrives()
    before = selectors.head()
    assert indexer.follow(founded.ledger, wait=False) == 0
    assert selectors.head() == before
    busy.killed()
    founded.follow()
    assert selectors.head().block == founded.height


def _assert_exactly_once(world: World) -> None:
    """What is there is what a fresh look at the whole ledger gives, and nothing was told twice."""
    before, recorded = rows(world.ledger), Event.objects.count()
    indexer.rebuild(world.ledger)
    assert rows(world.ledger) == before
    assert Event.objects.count() == recorded


# --- Reorganisations --------------------------------------------------------------------------------------
def test_a_reorganisation_takes_back_a_vote_and_a_seat(founded: World, banks: list[Institution]) -> None:
    before = rows(founded.ledger)
    checkpoint = founded.rpc("evm_snapshot")
    founded.decides(calls.revoke_seat(founded.ledger, uscc=banks[4].uscc), banks=banks[:4])
    founded.follow()
    banks[4].refresh_from_db()
    assert banks[4].status == Status.EXITED
    assert founded.rpc("evm_revert", checkpoint)
    founded.follow()
    after = rows(founded.ledger)
    assert after == before
    banks[4].refresh_from_db()
    assert banks[4].status == Status.ACTIVE
    assert "institution.ledger_corrected" in _actions("institution.")
    taken_back = Event.objects.get(action="ledger.reorganised")
    assert (
        taken_back.data["events_taken_back"] == 11
    )  # opened, rule, four votes, queued, executed, revoked; two of the timelock


def test_another_branch_of_the_same_length_is_noticed(founded: World, banks: list[Institution]) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.follow()
    checkpoint = founded.rpc("evm_snapshot")
    founded.anybody_sends(founded.ballot(banks[0], proposal))
    founded.follow()
    assert founded.rpc("evm_revert", checkpoint)
    founded.anybody_sends(founded.ballot(banks[1], proposal))
    founded.follow()
    assert list(CastVote.objects.values_list("member_id", flat=True)) == [banks[1].uscc]
    _assert_exactly_once(founded)


def test_a_reorganisation_by_the_ledgers_own_means_ends_in_what_the_ledger_has(
    founded: World, banks: list[Institution]
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.all_vote(banks, proposal)
    founded.follow()
    founded.rpc("anvil_reorg", 3, [])
    founded.follow()
    founded.work()
    founded.follow()
    _assert_exactly_once(founded)
    tally = founded.governor.functions.proposalVotes(proposal).call()
    assert CastVote.objects.count() == sum(tally)


# --- The wrong ledger, and none -----------------------------------------------------------------------------
def _genesis(anvil: EmbeddedLedger) -> str:
    return str(World.rpc_at(anvil.url, "eth_getBlockByNumber", "0x0", False)["hash"])


def test_a_wiped_ledger_is_refused_and_nothing_is_lost(
    founded: World, fresh_ledger: Callable[[], EmbeddedLedger], settings: Any
) -> None:
    before = rows(founded.ledger)
    other = fresh_ledger()
    while _genesis(other) == founded.ledger.genesis_hash:  # made within one second, two ledgers share it
        other.stop()
        other = fresh_ledger()
    World.rpc_at(other.url, "anvil_mine", "0x1")
    settings.LEDGER_URL = other.url
    with pytest.raises(OtherLedger, match="genesis"):
        indexer.follow(founded.ledger)
    with pytest.raises(OtherLedger):
        indexer.rebuild(founded.ledger)
    assert rows(founded.ledger) == before


def test_a_ledger_killed_and_started_from_its_file_is_followed_on(
    founded: World, banks: list[Institution]
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.votes(banks[0], proposal)
    founded.follow()
    founded.anvil.stop()
    with pytest.raises(LedgerUnreachable):
        indexer.follow(founded.ledger)
    founded.anvil.start()
    founded.votes(banks[1], proposal)
    founded.follow()
    assert CastVote.objects.count() == 2
    _assert_exactly_once(founded)


def test_without_contracts_there_is_no_ledger(db: None) -> None:
    with pytest.raises(NoLedger):
        gateway.current()
    with pytest.raises(NoLedger):
        selectors.head()


def test_the_task_follows_and_waits_for_better_times(
    founded: World, banks: list[Institution], caplog: pytest.LogCaptureFixture
) -> None:
    proposal = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.votes(banks[0], proposal)
    tasks.follow()
    assert CastVote.objects.count() == 1
    founded.anvil.stop()
    tasks.follow()
    assert "asked again" in caplog.text
    assert CastVote.objects.count() == 1


def test_the_task_has_nothing_to_do_before_the_contracts_are_there(db: None) -> None:
    tasks.follow()
    assert not ChainEvent.objects.exists()


def test_each_thread_has_a_connection_of_its_own(founded: World) -> None:
    seen: list[Web3] = []

    def look() -> None:
        seen.append(gateway.web3(founded.ledger))
        connection.close()

    worker = threading.Thread(target=look)
    worker.start()
    worker.join()
    assert seen[0] is not gateway.web3(founded.ledger) is gateway.connect()
