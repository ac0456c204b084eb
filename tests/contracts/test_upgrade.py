"""A new governor takes over by a constitutional vote; what the old one decided stays to be read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    CONSTITUTIONAL,
    EXECUTED,
    EXECUTOR_ROLE,
    FOUNDERS,
    GOVERNORS_ROLES,
    GUARDIANS,
    GUARDIANS_NEEDED,
    LANTIAN,
    OPEN,
    PENDING,
    PROPOSER_ROLE,
    RULES,
    SECRETARIAT,
    SUCCEEDED,
    WANGCHAO,
    Alliance,
    Proposal,
    deploy,
    encoded,
    events,
    governor_settings,
)
from tests.contracts.guardians import admit, freeze, is_frozen, ratification
from tests.contracts.test_governor_timelock import in_timelock


def succession(alliance: Alliance, new: Contract) -> list[ContractFunction]:
    """The timelock takes its proposals from the new governor and executes for it, and not for the old one."""
    timelock, old = alliance.timelock.functions, alliance.governor
    return [
        *(timelock.grantRole(role, new.address) for role in GOVERNORS_ROLES),
        *(timelock.revokeRole(role, old.address) for role in GOVERNORS_ROLES),
    ]


@pytest.fixture
def successor(alliance: Alliance) -> Alliance:
    """The same alliance under a governor that nobody has put into power yet."""
    settings = governor_settings(alliance.timelock, rules=(RULES[1], RULES[1], RULES[2]))
    new = deploy(
        alliance.ledger, "ConsortiumGovernor", alliance.seats.address, alliance.registry.address, settings
    )
    return replace(alliance, governor=new)


@pytest.fixture
def decided(alliance: Alliance) -> Proposal:
    """What was decided before the change."""
    proposal = alliance.queued(alliance.admission(WANGCHAO))
    alliance.execute(proposal)
    return proposal


def test_it_takes_a_constitutional_vote(alliance: Alliance, successor: Alliance) -> None:
    draft = alliance.draft(*succession(alliance, successor.governor))

    assert alliance.governor.functions.kindOf(draft.targets, draft.calls).call() == CONSTITUTIONAL


def test_before_it_the_new_one_carries_out_nothing(alliance: Alliance, successor: Alliance) -> None:
    proposal = successor.passed(successor.admission(WANGCHAO))

    refusal = successor.refusal(successor.queuing(proposal), SECRETARIAT)

    assert refusal == Refusal(
        "AccessControlUnauthorizedAccount",
        {"account": successor.governor.address.lower(), "neededRole": PROPOSER_ROLE},
    )


def test_after_it_the_new_one_decides_by_its_own_rules(alliance: Alliance, successor: Alliance) -> None:
    alliance.decide(*succession(alliance, successor.governor))

    admit = successor.opened(successor.admission(WANGCHAO))
    successor.decide(successor.seats.functions.grant(*LANTIAN.seat))

    assert successor.seats.functions.isActive(LANTIAN.id).call()
    assert successor.governor.functions.ruleOf(admit.id).call()[1] == RULES[1]
    assert successor.seats.functions.executor().call() == alliance.timelock.address


def test_after_it_the_old_one_can_do_nothing_any_more(alliance: Alliance, successor: Alliance) -> None:
    before = alliance.passed(alliance.admission(WANGCHAO, name="decided before"))
    alliance.decide(*succession(alliance, successor.governor))
    after = alliance.passed(alliance.admission(WANGCHAO, name="decided after"))

    for proposal in (before, after):
        assert alliance.state(proposal) == SUCCEEDED
        refusal = alliance.refusal(alliance.queuing(proposal), SECRETARIAT)
        assert refusal.name == "AccessControlUnauthorizedAccount"
    roles = [
        alliance.timelock.functions.hasRole(role, alliance.governor.address).call()
        for role in GOVERNORS_ROLES
    ]
    assert roles == [False, False, False]


def test_the_new_one_can_stop_what_the_old_one_had_queued(alliance: Alliance, successor: Alliance) -> None:
    queued = alliance.queued(alliance.admission(WANGCHAO, name="queued before"))
    alliance.decide(*succession(alliance, successor.governor))
    timelock = alliance.timelock.functions
    operation = timelock.hashOperationBatch(*in_timelock(alliance, queued)).call()
    stop = timelock.cancel(operation)

    successor.decide(
        successor.governor.functions.relay(alliance.timelock.address, 0, stop._encode_transaction_data())
    )

    assert not timelock.isOperation(operation).call()
    assert alliance.refusal(alliance.executing(queued), SECRETARIAT).name == "GovernorUnexpectedProposalState"


def test_what_the_old_one_had_queued_is_not_executed_unless_the_new_one_has_it_done(
    alliance: Alliance, successor: Alliance
) -> None:
    queued = alliance.queued(alliance.admission(WANGCHAO, name="queued before"))
    alliance.decide(*succession(alliance, successor.governor))
    refusal = alliance.refusal(alliance.executing(queued), SECRETARIAT)
    timelock = alliance.timelock
    do_it = encoded(timelock.functions.executeBatch(*in_timelock(alliance, queued)))

    receipt = successor.decide(successor.governor.functions.relay(timelock.address, 0, do_it))

    assert refusal == Refusal(
        "AccessControlUnauthorizedAccount",
        {"account": alliance.governor.address.lower(), "neededRole": EXECUTOR_ROLE},
    )
    assert len(events(alliance.registry, receipt, "NodeRoleChanged")) == 1
    assert alliance.state(queued) == EXECUTED


def test_the_new_ones_guardians_freeze_from_the_hand_over_on(alliance: Alliance, successor: Alliance) -> None:
    guardians = [guardian.address for guardian in GUARDIANS]
    settings = alliance.registry.address, successor.governor.address, guardians, GUARDIANS_NEEDED
    break_glass = deploy(alliance.ledger, "BreakGlass", *settings)
    name_it = successor.governor.functions.setProposalGuardian(break_glass.address)
    outsiders = (SECRETARIAT, WANGCHAO.voter, alliance.governor.address, break_glass.address)
    refusals = {alliance.refusal(name_it, sender).name for sender in outsiders}

    alliance.decide(
        *succession(alliance, successor.governor),
        alliance.registry.functions.setGuardian(break_glass.address),
        name_it,
    )
    guarded = replace(successor, break_glass=break_glass)
    admit(guarded)
    freeze(guarded)

    assert refusals == {"GovernorOnlyExecutor"}
    assert is_frozen(guarded)
    assert guarded.state(ratification(guarded)) == PENDING


def test_history_stays_readable(alliance: Alliance, successor: Alliance, decided: Proposal) -> None:
    views = ("ruleOf", "tally", "outlook", "proposalVotes", "proposalSnapshot", "proposalDeadline")
    before = {view: alliance.governor.functions[view](decided.id).call() for view in views}

    alliance.decide(*succession(alliance, successor.governor))

    assert {view: alliance.governor.functions[view](decided.id).call() for view in views} == before
    assert alliance.state(decided) == EXECUTED
    voted = [alliance.governor.functions.hasVoted(decided.id, bank.voter).call() for bank in FOUNDERS]
    assert sum(voted) == sum(before["proposalVotes"]) > 0


def test_a_proposal_of_one_is_none_of_the_other(alliance: Alliance, successor: Alliance) -> None:
    proposal = alliance.opened(alliance.admission(WANGCHAO))

    refusal = successor.refusal(successor.proposing(proposal), SECRETARIAT)

    assert alliance.state(proposal) == OPEN
    assert refusal == Refusal(
        "DescriptionNotBound", {"binding": successor.governor.functions.binding().call()}
    )


def test_a_ballot_for_one_does_not_count_with_the_other(alliance: Alliance, successor: Alliance) -> None:
    proposal = alliance.opened(alliance.admission(WANGCHAO))
    elsewhere = successor.opened(successor.admission(WANGCHAO))
    ballot = successor.sign(WANGCHAO, proposal, 1)

    refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, 1, ballot), SECRETARIAT)

    assert refusal.name == "GovernorInvalidSignature"
    assert elsewhere.id != proposal.id
