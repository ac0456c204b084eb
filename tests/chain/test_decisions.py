"""What members decide becomes rows: rules, electorate by category, queue, accounts, freezes, governors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Institution, Node
from consortium.stack.embedded import EmbeddedLedger
from governance.chain import calls, contracts, deployment, folds, indexer, selectors
from governance.chain.calls import Call
from governance.chain.errors import RelayFailed
from governance.chain.folds import Fact
from governance.chain.models import (
    AccountPermission,
    ActionKind,
    CastVote,
    ChainEvent,
    Governor,
    OnChainProposal,
    RegistryEntry,
    VotingRule,
)
from governance.proposals import view
from tests.chain.faulty import FaultyNode
from tests.chain.world import ABSTAIN, AGAINST, FOR, GUARDIANS, World, rows
from tests.factories import InstitutionFactory, NodeFactory, voter

SEALER = 2
CATEGORIES = ("banking", "banking", "banking", "funds", "funds", "securities", "insurance")
THREE_DAYS = 72 * 3600
REASON = "0x" + sha256(b"The node's key was seen abroad").hexdigest()


@pytest.fixture
def members(world: World) -> list[Institution]:
    """Seven in four categories, seated, the founding closed."""
    made = [InstitutionFactory(admitted=True, voting=True, category=code) for code in CATEGORIES]
    world.found()
    return made


def _action(name: str) -> list[str]:
    return list(Event.objects.filter(action=name).values_list("action", flat=True))


def _same_after_a_rebuild(world: World) -> None:
    before, recorded = rows(world.ledger), Event.objects.count()
    indexer.rebuild(world.ledger)
    assert rows(world.ledger) == before
    assert Event.objects.count() == recorded


def _admission(world: World, node: Node, role: int = SEALER) -> Call:
    return calls.set_role(
        world.ledger,
        network=node.network_id,
        consensus_id=node.consensus_id,
        uscc=node.institution.uscc,
        role=role,
    )


# --- Rules and electorate ---------------------------------------------------------------------------------
def test_a_proposal_keeps_the_rule_and_the_electorate_that_it_opened_with(
    world: World, members: list[Institution]
) -> None:
    asked = {
        ActionKind.ROUTINE: _admission(world, NodeFactory(institution=members[0])),
        ActionKind.MEMBERSHIP: calls.suspend_seat(world.ledger, uscc=members[3].uscc),
        ActionKind.CONSTITUTIONAL: calls.revoke_seat(world.ledger, uscc=members[3].uscc),
    }
    ids = {kind: world.opens(action, text=kind.label) for kind, action in asked.items()}
    world.follow()
    for kind, proposal in ids.items():
        row = OnChainProposal.objects.get(proposal_id=str(proposal))
        on_chain, rule = world.governor.functions.ruleOf(proposal).call()
        assert (row.kind, row.rule) == (on_chain, folds.voting_rule(list(rule)))
        assert on_chain == kind
        electorate = world.governor.functions.tally(proposal).call()[0]
        assert row.electorate_by_category == electorate
        assert sorted(electorate) == [0, 0, 1, 1, 2, 3]
        assert row.governor == world.ledger.governor
    quorums = [OnChainProposal.objects.get(proposal_id=str(ids[kind])).quorum for kind in ids]
    assert quorums == [3, 4, 5]  # thirds, half, two thirds of seven, rounded up
    _same_after_a_rebuild(world)


def test_the_electorate_follows_seats_that_left_and_came_with_another_category(
    world: World, members: list[Institution]
) -> None:
    leaver = members[3]
    world.decides(
        calls.revoke_seat(world.ledger, uscc=leaver.uscc), banks=members[:3] + members[4:], text="Out"
    )
    back = calls.grant_seat(world.ledger, uscc=leaver.uscc, category=6, voter=str(leaver.voting_address))
    world.decides(back, banks=members[:3] + members[4:6], text="Back, in another category")
    proposal = world.opens(calls.suspend_seat(world.ledger, uscc=members[0].uscc), text="And now")
    world.votes(leaver, proposal, AGAINST)
    world.follow()
    for row in OnChainProposal.objects.all():
        electorate = world.governor.functions.tally(int(row.proposal_id)).call()[0]
        assert row.electorate_by_category == electorate
        assert row.electorate == sum(electorate)
    vote = CastVote.objects.get(proposal_id=str(proposal))
    assert (vote.member_id, vote.category_number) == (leaver.uscc, 6)
    snapshot = world.governor.functions.proposalSnapshot(proposal).call()
    assert world.seats.functions.categoryOf(leaver.voting_address, snapshot).call() == 6
    _same_after_a_rebuild(world)


def test_votes_are_counted_by_category_as_the_contract_counts_them(
    world: World, members: list[Institution]
) -> None:
    proposal = world.opens(calls.suspend_seat(world.ledger, uscc=members[0].uscc))
    for member, support in zip(members, (FOR, AGAINST, ABSTAIN, FOR, ABSTAIN, FOR), strict=False):
        world.votes(member, proposal, support)
    world.follow()
    _, against, in_favour, abstain = world.governor.functions.tally(proposal).call()
    counted = {AGAINST: [0] * 6, FOR: [0] * 6, ABSTAIN: [0] * 6}
    for vote in CastVote.objects.all():
        counted[vote.support][vote.category_number - 1] += vote.weight
    assert counted == {AGAINST: against, FOR: in_favour, ABSTAIN: abstain}


def test_a_changed_rule_holds_for_what_opens_from_then_on(world: World, members: list[Institution]) -> None:
    action = calls.suspend_seat(world.ledger, uscc=members[0].uscc)
    before = world.opens(action, text="Before")
    stricter = calls.set_rule(world.ledger, kind=1, quorum=(3, 4), approval=(4, 5), categories=4)
    proposal = world.opens(stricter, text="Stricter")
    for member in [members[0], *members[2:]]:  # all four categories
        world.votes(member, proposal)
    world.carries_out(stricter, text="Stricter")
    after = world.opens(action, text="After")
    world.follow()
    rule = {"quorum": [3, 4], "approval": [4, 5], "categories": 4}
    assert VotingRule.objects.get(kind=1).rule == rule == selectors.voting_rules()[1]
    assert OnChainProposal.objects.get(proposal_id=str(after)).rule == rule
    assert OnChainProposal.objects.get(proposal_id=str(before)).rule != rule
    assert Event.objects.filter(action="rule.changed").count() == 4  # three to begin with
    _same_after_a_rebuild(world)


# --- The way of a proposal --------------------------------------------------------------------------------
def test_queue_and_effective_time_are_projected(founded: World, banks: list[Institution]) -> None:
    action = calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)
    proposal = founded.opens(action, text="Suspend")
    for bank in banks[:4]:
        founded.votes(bank, proposal)
    queued = founded.queues(action, text="Suspend")  # decided before the deadline: the fifth can't change it
    founded.follow()
    row = OnChainProposal.objects.get()
    assert (row.queued_tx, row.executed_at) == (queued.tx_hash, None)
    eta = founded.governor.functions.proposalEta(proposal).call()
    assert row.effective_at is not None
    assert int(row.effective_at.timestamp()) == eta
    assert row.queued_at == row.effective_at - timedelta(seconds=founded.timelock_delay)
    founded.pass_time(founded.timelock_delay + 1)
    founded.executes(action, text="Suspend")
    founded.follow()
    row.refresh_from_db()
    assert row.executed_at is not None
    told = Event.objects.filter(action__startswith="chain.proposal").order_by("id")
    assert [event.action.removeprefix("chain.proposal_") for event in told] == [
        "created",
        "queued",
        "executed",
    ]
    _same_after_a_rebuild(founded)


def test_a_quorum_reached_late_moves_the_end(world: World, settings: Any, banks: list[Institution]) -> None:
    world.found()
    later = calls.set_terms(world.ledger, late_quorum_extension=1800)
    world.decides(*later, banks=banks[:4], text="Late quorum")
    proposal = world.opens(calls.suspend_seat(world.ledger, uscc=banks[4].uscc), text="Late")
    world.pass_time(3500)
    for bank, support in zip(banks[:3], (FOR, ABSTAIN, ABSTAIN), strict=True):
        world.votes(bank, proposal, support)
    world.follow()
    row = OnChainProposal.objects.get(proposal_id=str(proposal))
    deadline = world.governor.functions.proposalDeadline(proposal).call()
    assert int(row.vote_end.timestamp()) == deadline
    assert row.vote_end - row.vote_start > timedelta(seconds=3600)
    assert _action("chain.proposal_extended") == ["chain.proposal_extended"]
    _same_after_a_rebuild(world)


def test_a_description_that_binds_to_no_governor_is_refused(founded: World, banks: list[Institution]) -> None:
    action = calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)
    for text in ("No binding at all", founded.described("Another's", proposer=calls.NOBODY)):
        with pytest.raises(RelayFailed, match=r"DescriptionNotBound|GovernorRestrictedProposer"):
            founded.sends(f"open:{text}", calls.propose(founded.ledger, [action], text))


# --- Accounts ---------------------------------------------------------------------------------------------
def test_an_accounts_permission_is_given_changed_and_taken_away(
    founded: World, banks: list[Institution]
) -> None:
    account = voter(991).address
    steps = {AccountPermission.Permission.TRANSACT: "One", AccountPermission.Permission.DEPLOY: "Two"}
    for permission, text in steps.items():
        given = calls.set_account(
            founded.ledger, network="settlement", account=account, uscc=banks[0].uscc, permission=permission
        )
        founded.decides(given, banks=banks[:3], text=text)
        founded.follow()
        (row,) = selectors.accounts("settlement")
        assert (row.address, row.member_id, row.permission) == (account, banks[0].uscc, permission)
    taken = calls.set_account(
        founded.ledger, network="settlement", account=account, uscc=banks[0].uscc, permission=0
    )
    checkpoint = founded.rpc("evm_snapshot")
    founded.decides(taken, banks=banks[:3], text="None")
    founded.follow()
    assert selectors.accounts("settlement") == []
    _same_after_a_rebuild(founded)
    assert founded.rpc("evm_revert", checkpoint)
    founded.mine()
    founded.follow()
    assert selectors.accounts("settlement")[0].permission == AccountPermission.Permission.DEPLOY
    told = Event.objects.filter(action="registry.account_changed").order_by("id")
    assert [event.data["permission"] for event in told] == [1, 2, 0, 2]


# --- Freezes ----------------------------------------------------------------------------------------------
@pytest.fixture
def node(founded: World, banks: list[Institution]) -> Node:
    """A sealer of the first bank."""
    made = NodeFactory(institution=banks[0])
    founded.decides(_admission(founded, made), banks=banks[:3], text="Admit")
    founded.follow()
    return made


def _freeze(world: World, node: Node, guardians: list[LocalAccount] = GUARDIANS[:2]) -> None:
    """By as many guardians as it takes, each with its own account."""
    arguments = [contracts.network_bytes(node.network_id), bytes.fromhex(node.consensus_id)]
    confirm = contracts.break_glass(world.ledger).encode_abi(
        "confirmFreeze", args=[*arguments, bytes.fromhex(REASON[2:])]
    )
    for guardian in guardians:
        assert world.from_account(guardian, Call(world.ledger.break_glass, 0, confirm))["status"] == 1


def test_a_freeze_is_projected_and_opens_its_ratification(founded: World, node: Node) -> None:
    checkpoint = founded.rpc("evm_snapshot")
    before = rows(founded.ledger)
    _freeze(founded, node)
    founded.follow()
    entry = RegistryEntry.objects.get()
    until = founded.registry.functions.frozenUntil(
        contracts.network_bytes(node.network_id), bytes.fromhex(node.consensus_id)
    ).call()
    assert entry.frozen_until is not None
    assert int(entry.frozen_until.timestamp()) == until
    assert (entry.role, entry.freeze_ratified, entry.freeze_number) == (SEALER, False, 1)
    ratification = OnChainProposal.objects.latest("block")
    opened = ChainEvent.objects.get(name="RatificationOpened")
    assert ratification.proposal_id == opened.args["proposalId"]
    assert (ratification.proposer, ratification.kind) == (founded.ledger.break_glass, ActionKind.ROUTINE)
    assert Event.objects.get(action="registry.frozen").node_id == node.pk
    _same_after_a_rebuild(founded)
    assert founded.rpc("evm_revert", checkpoint)
    founded.mine()
    founded.follow()
    assert {**rows(founded.ledger), "newest": None} == {**before, "newest": None}


def test_a_frozen_node_is_not_admitted_until_the_freeze_lapses_without_an_event(
    founded: World, node: Node
) -> None:
    _freeze(founded, node)
    founded.follow()
    entry = RegistryEntry.objects.get()
    assert entry.frozen_until is not None
    last = entry.frozen_until - timedelta(seconds=1)
    assert selectors.admitted(node.network_id, last) == []
    assert selectors.admitted(node.network_id, entry.frozen_until) == [entry]
    events = ChainEvent.objects.count()
    founded.pass_time(THREE_DAYS)
    key = contracts.network_bytes(node.network_id), bytes.fromhex(node.consensus_id)
    assert not founded.registry.functions.isFrozen(*key).call()
    founded.follow()
    assert ChainEvent.objects.count() == events


def test_a_ratified_freeze_lasts_until_the_members_end_it(
    founded: World, node: Node, banks: list[Institution]
) -> None:
    _freeze(founded, node)
    founded.follow()
    opened = OnChainProposal.objects.latest("block")
    for bank in banks[1:4]:
        founded.votes(bank, int(opened.proposal_id))
    content = [Call(opened.targets[0], 0, opened.calldatas[0])]
    assert content == [
        calls.ratify_freeze(founded.ledger, network=node.network_id, consensus_id=node.consensus_id, number=1)
    ]
    founded.sends("queue", calls.queue(founded.ledger, content, opened.description))
    founded.pass_time(2)
    founded.sends("ratify", calls.execute(founded.ledger, content, opened.description))
    founded.follow()
    entry = RegistryEntry.objects.get()
    assert entry.freeze_ratified
    assert entry.frozen_until is not None
    assert selectors.admitted(node.network_id, entry.frozen_until + timedelta(days=900)) == []
    thaw = calls.thaw_node(founded.ledger, network=node.network_id, consensus_id=node.consensus_id)
    founded.decides(thaw, banks=banks[:3], text="Thaw")
    founded.follow()
    entry.refresh_from_db()
    assert (entry.frozen_until, entry.freeze_ratified, entry.freeze_number) == (None, False, None)
    assert _action("registry.freeze_ratified") + _action("registry.thawed") == [
        "registry.freeze_ratified",
        "registry.thawed",
    ]
    _same_after_a_rebuild(founded)


def test_a_frozen_node_that_is_removed_and_admitted_anew_is_not_frozen(
    founded: World, node: Node, banks: list[Institution]
) -> None:
    _freeze(founded, node)
    leave = calls.remove_node(founded.ledger, network=node.network_id, consensus_id=node.consensus_id)
    founded.decides(leave, banks=banks[:3], text="Remove")
    founded.decides(_admission(founded, node), banks=banks[:3], text="Admit once more")
    founded.follow()
    entry = RegistryEntry.objects.get()
    assert (entry.frozen_until, entry.freeze_number) == (None, None)
    _same_after_a_rebuild(founded)


# --- Governors --------------------------------------------------------------------------------------------
def _second_governor(world: World) -> str:
    """Another governor over the same seats and timelock, as an operator would deploy it."""
    ledger = world.ledger
    return deployment.successor(ledger, name="second")


def test_another_governor_takes_over_and_history_stays_readable(
    founded: World, banks: list[Institution]
) -> None:
    first, registry = founded.ledger.governor, founded.registry
    old = founded.decides(
        calls.suspend_seat(founded.ledger, uscc=banks[4].uscc), banks=banks[:4], text="Under the first"
    )
    left_open = founded.opens(calls.revoke_seat(founded.ledger, uscc=banks[4].uscc), text="Left open")
    second = _second_governor(founded)
    hand_over = calls.hand_over(founded.ledger, governor=second)
    handing_over = founded.opens(*hand_over, text="Hand over")
    for bank in banks[:3]:  # four seats can vote: the fourth can't change it any more
        founded.votes(bank, handing_over)
    founded.carries_out(*hand_over, text="Hand over")
    founded.anybody_sends(_late_ballot(founded, banks[0], left_open, first))
    founded.follow()
    founded.ledger.refresh_from_db()
    assert founded.ledger.governor == second
    assert founded.ledger.break_glass == ""
    assert registry.functions.guardian().call() == calls.NOBODY
    told = Event.objects.get(action="ledger.governor_changed")
    assert (told.data["before"], told.data["after"]) == (first, second)
    terms = {row.address: row.left_at for row in Governor.objects.all()}
    assert terms[first] is not None
    assert terms[second] is None
    new = founded.decides(
        calls.reinstate_seat(founded.ledger, uscc=banks[4].uscc), banks=banks[:3], text="Under the second"
    )
    founded.follow()
    by_governor = dict(OnChainProposal.objects.values_list("proposal_id", "governor"))
    assert (by_governor[str(old)], by_governor[str(new)]) == (first, second)
    assert CastVote.objects.filter(proposal_id=str(left_open)).count() == 1  # the first is followed on
    assert selectors.voting_rules().keys() == {0, 1, 2}
    _same_after_a_rebuild(founded)


def _late_ballot(world: World, bank: Institution, proposal: int, governor: str) -> Call:
    in_office, world.ledger.governor = world.ledger.governor, governor
    try:
        return world.ballot(bank, proposal)
    finally:
        world.ledger.governor = in_office


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_is_known_of_a_newcomer_does_not_depend_on_how_it_was_read(
    founded: World, banks: list[Institution], settings: Any, size: int
) -> None:
    second = _second_governor(founded)
    early = founded.described("Too early").replace(founded.ledger.governor, second)
    action = [calls.suspend_seat(founded.ledger, uscc=banks[4].uscc)]
    before = calls.propose(founded.ledger, action, early)
    founded.sends("early", Call(second, 0, before.data))
    hand_over = calls.hand_over(founded.ledger, governor=second)
    founded.decides(*hand_over, banks=banks[:4], text="Hand over")
    founded.pass_time(5)
    founded.follow()
    known = rows(founded.ledger)
    assert not OnChainProposal.objects.filter(governor=second).exists()
    settings.LEDGER_LOG_RANGE = size
    indexer.rebuild(founded.ledger)
    assert rows(founded.ledger) == known


def test_a_hand_over_that_a_reorganisation_takes_back_leaves_the_first_in_office(
    founded: World, banks: list[Institution]
) -> None:
    first = founded.ledger.governor
    second = _second_governor(founded)
    founded.follow()
    before, checkpoint = rows(founded.ledger), founded.rpc("evm_snapshot")
    founded.decides(*calls.hand_over(founded.ledger, governor=second), banks=banks[:4], text="Hand over")
    founded.follow()
    assert founded.ledger.governor == second
    assert founded.rpc("evm_revert", checkpoint)
    founded.mine()
    founded.follow()
    assert founded.ledger.governor == first
    assert {**rows(founded.ledger), "newest": None} == {**before, "newest": None}


# --- The clock --------------------------------------------------------------------------------------------
def test_on_a_clock_of_milliseconds_moments_are_the_same(founded: World) -> None:
    seconds = folds.moment(1_800_000_000, 1)
    assert folds.moment(1_800_000_000_000, 1000) == seconds
    assert folds.moment("1800000000500", 1000) - seconds == timedelta(milliseconds=500)
    assert folds.moment(2**256 - 1, 1000) == folds.moment(2**48 - 1, 1)


def in_seconds(header: Any) -> Any:
    """As FISCO BCOS shows a block: seconds, though contracts are told milliseconds."""
    return header and {**header, "timestamp": hex(int(header["timestamp"], 16) // 1000)}


@pytest.fixture
def millisecond_world(
    transactional_db: None, anvil: EmbeddedLedger, relay_key: Path, settings: Any
) -> Iterator[World]:
    """Its contracts count milliseconds, its blocks' JSON says seconds."""
    World.rpc_at(anvil.url, "evm_setNextBlockTimestamp", int(clock.now().timestamp()) * 1000)
    World.rpc_at(anvil.url, "evm_mine")
    node = FaultyNode(anvil.url)
    node.tells("eth_getBlockByNumber", in_seconds)
    node.tells("eth_getBlockByHash", in_seconds)
    settings.LEDGER_URL = node.url
    yield World(anvil, relay_key)
    node.close()


def test_where_contracts_count_milliseconds_and_blocks_say_seconds_a_vote_takes_its_course(
    millisecond_world: World,
) -> None:
    world, second = millisecond_world, 1000
    assert world.ledger.ticks_per_second == second
    assert world.seats.functions.ticksPerSecond().call() == second
    banks = [InstitutionFactory(admitted=True, voting=True) for _ in range(5)]
    world.found()
    action = calls.suspend_seat(world.ledger, uscc=banks[4].uscc)
    number = world.opens(action)
    world.pass_time(2 * second)
    for bank in banks[:4]:
        world.sends(f"vote:{bank.uscc}", world.ballot(bank, number))
    world.follow()
    row = OnChainProposal.objects.get()
    opened = ChainEvent.objects.get(name="ProposalCreated").block_time
    assert abs(opened - clock.now()) < timedelta(hours=1)
    assert abs(row.vote_start - opened) <= timedelta(seconds=1)
    assert row.vote_end - row.vote_start == timedelta(seconds=3600)
    assert CastVote.objects.count() == 4
    seen = view.look(world.ledger, world.ledger.governor)
    assert abs(seen.now - clock.now()) < timedelta(hours=1)


def test_events_are_read_in_the_ledgers_unit(founded: World) -> None:
    event = ChainEvent.objects.filter(name="SeatGranted").first()
    assert event is not None
    where: dict[str, Any] = {"contract": founded.ledger.registry, "block": 1, "block_hash": "0x1"}
    where |= {"block_time": event.block_time, "log_index": 0, "tx_hash": "0x2"}
    network = "0x" + contracts.network_bytes("settlement").hex()
    args = {"network": network, "consensusId": "0xab", "memberId": event.args["memberId"]}
    admitted = folds.node(None, Fact("NodeRoleChanged", {**args, "role": 2}, **where, ticks=1000))
    until = int(event.block_time.timestamp() * 1000) + 1500
    frozen = folds.node(
        admitted, Fact("NodeFrozen", {**args, "until": until, "number": 4}, **where, ticks=1000)
    )
    assert frozen is not None
    assert frozen["frozen_until"] == event.block_time + timedelta(milliseconds=1500)
