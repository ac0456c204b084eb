"""From success to effect: the queue, the wait, the execution; and who may stop a proposal on its way."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    CANCELED,
    DEFEATED,
    DONGLI,
    EXECUTED,
    EXECUTOR_ROLE,
    FOR,
    FOUNDER,
    FOUNDERS,
    LANTIAN,
    MALLORY,
    NOBODY,
    OPEN,
    PENDING,
    QUEUED,
    SECRETARIAT,
    SUCCEEDED,
    WAIT,
    WANGCHAO,
    Alliance,
    Proposal,
    events,
)
from tests.contracts.test_governor import admit_lantian, unexpected


def cancelling(alliance: Alliance, proposal: Proposal) -> Any:
    return alliance.governor.functions.cancel(*proposal.executable)


def in_timelock(alliance: Alliance, proposal: Proposal) -> tuple[Any, ...]:
    """How the timelock knows a proposal: its content, no predecessor, and a salt of the governor's."""
    *content, digest = proposal.executable
    salt = int(alliance.governor.address, 16) << 96 ^ int.from_bytes(digest, "big")
    return *content, bytes(32), salt.to_bytes(32, "big")


def proposal_in(alliance: Alliance, state: int) -> Proposal:
    """A proposal in this state."""
    if state == PENDING:
        return alliance.propose(admit_lantian(alliance))
    if state == OPEN:
        return alliance.opened(admit_lantian(alliance))
    proposal = alliance.passed(admit_lantian(alliance))
    if state == QUEUED:
        alliance.queue(proposal)
    assert alliance.state(proposal) == state
    return proposal


class TestQueue:
    def test_anyone_queues_what_the_members_decided(self, alliance: Alliance) -> None:
        proposal = alliance.passed(admit_lantian(alliance))

        receipt = alliance.queue(proposal, sender=MALLORY.address)

        assert alliance.state(proposal) == QUEUED
        assert alliance.effective(proposal) == alliance.now + WAIT
        assert events(alliance.governor, receipt, "ProposalQueued") == [
            {"proposalId": proposal.id, "etaSeconds": alliance.now + WAIT}
        ]

    def test_it_is_queued_even_before_the_deadline_of_its_vote(self, alliance: Alliance) -> None:
        proposal = alliance.passed(admit_lantian(alliance))
        assert alliance.deadline(proposal) > alliance.now + WAIT

        alliance.queue(proposal)
        alliance.wait(proposal)
        alliance.execute(proposal)

        assert alliance.deadline(proposal) > alliance.now
        assert alliance.state(proposal) == EXECUTED

    def test_once(self, alliance: Alliance) -> None:
        proposal = proposal_in(alliance, QUEUED)

        refusal = alliance.refusal(alliance.queuing(proposal), SECRETARIAT)

        assert refusal == unexpected(proposal, QUEUED, SUCCEEDED)

    def test_not_while_the_vote_is_open(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        assert alliance.refusal(alliance.queuing(proposal), SECRETARIAT) == unexpected(
            proposal, OPEN, SUCCEEDED
        )

    def test_not_when_it_was_defeated(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.close(proposal)

        refusal = alliance.refusal(alliance.queuing(proposal), SECRETARIAT, block="latest")

        assert refusal == unexpected(proposal, DEFEATED, SUCCEEDED)

    def test_nobody_puts_anything_into_the_timelock_past_the_governor(self, alliance: Alliance) -> None:
        proposal = alliance.draft(admit_lantian(alliance))
        call = alliance.timelock.functions.scheduleBatch(*proposal.content, bytes(32), bytes(32), WAIT)

        for sender in (SECRETARIAT, WANGCHAO.voter, MALLORY.address):
            assert alliance.refusal(call, sender).name == "AccessControlUnauthorizedAccount"


class TestExecution:
    def test_anyone_carries_out_what_the_members_decided(self, alliance: Alliance) -> None:
        proposal = alliance.queued(admit_lantian(alliance))

        receipt = alliance.execute(proposal, sender=MALLORY.address)

        assert alliance.state(proposal) == EXECUTED
        assert alliance.seats.functions.isActive(LANTIAN.id).call()
        assert events(alliance.governor, receipt, "ProposalExecuted") == [{"proposalId": proposal.id}]

    def test_once(self, alliance: Alliance) -> None:
        proposal = alliance.queued(admit_lantian(alliance))
        alliance.execute(proposal)

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT)

        assert refusal == unexpected(proposal, EXECUTED, SUCCEEDED, QUEUED)

    def test_not_before_the_delay_is_over(self, alliance: Alliance) -> None:
        proposal = proposal_in(alliance, QUEUED)
        alliance.mine_at(alliance.effective(proposal) - 1)

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest")
        alliance.next_block_at(alliance.effective(proposal))
        alliance.execute(proposal)

        assert refusal.name == "TimelockUnexpectedOperationState"

    def test_not_without_the_queue(self, alliance: Alliance) -> None:
        proposal = alliance.passed(admit_lantian(alliance))

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT)

        assert refusal.name == "TimelockUnexpectedOperationState"

    def test_not_while_the_vote_is_open(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        for bank in FOUNDERS[:3]:
            alliance.cast(bank, proposal, FOR)

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT)

        assert refusal == unexpected(proposal, OPEN, SUCCEEDED, QUEUED)

    def test_not_when_it_was_defeated(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.close(proposal)

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest")

        assert refusal == unexpected(proposal, DEFEATED, SUCCEEDED, QUEUED)

    def test_not_with_another_content(self, alliance: Alliance) -> None:
        proposal = alliance.queued(admit_lantian(alliance))
        other = Proposal(proposal.targets, proposal.calls, "another text")

        refusal = alliance.refusal(alliance.executing(other), SECRETARIAT)

        assert refusal.name == "GovernorNonexistentProposal"

    def test_nobody_carries_it_out_past_the_governor(self, alliance: Alliance) -> None:
        """The governor would not tell of it: no ProposalExecuted for whoever follows its events."""
        proposal = alliance.queued(admit_lantian(alliance))
        call = alliance.timelock.functions.executeBatch(*in_timelock(alliance, proposal))

        for sender in (MALLORY.address, SECRETARIAT, WANGCHAO.voter, FOUNDER, alliance.break_glass.address):
            assert alliance.refusal(call, sender) == Refusal(
                "AccessControlUnauthorizedAccount",
                {"account": sender.lower(), "neededRole": EXECUTOR_ROLE},
            )
        receipt = alliance.execute(proposal, sender=MALLORY.address)

        assert events(alliance.governor, receipt, "ProposalExecuted") == [{"proposalId": proposal.id}]
        assert alliance.seats.functions.isActive(LANTIAN.id).call()

    def test_a_decision_that_the_contract_refuses_says_why_and_stays_open_to_a_later_try(
        self, alliance: Alliance
    ) -> None:
        proposal = alliance.queued(alliance.seats.functions.reinstate(DONGLI.id))

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest")
        assert alliance.state(proposal) == QUEUED
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))
        alliance.execute(proposal)

        assert refusal == Refusal("UnexpectedSeatStatus", {"memberId": DONGLI.id, "actual": 1, "expected": 2})
        assert alliance.seats.functions.isActive(DONGLI.id).call()

    def test_several_actions_take_effect_together_or_not_at_all(self, alliance: Alliance) -> None:
        together = alliance.queued(admit_lantian(alliance), alliance.seats.functions.reinstate(DONGLI.id))

        refusal = alliance.refusal(alliance.executing(together), SECRETARIAT)

        assert refusal.name == "UnexpectedSeatStatus"
        assert not alliance.seats.functions.isActive(LANTIAN.id).call()


class TestWithdrawal:
    def test_the_proposer_withdraws_it_while_it_is_pending(self, alliance: Alliance) -> None:
        proposal = alliance.propose(admit_lantian(alliance))
        cancel = cancelling(alliance, proposal)

        refusal = alliance.refusal(cancel, WANGCHAO.voter)
        alliance.send(cancel, SECRETARIAT)

        assert refusal == Refusal(
            "GovernorUnableToCancel", {"proposalId": proposal.id, "account": WANGCHAO.voter.lower()}
        )
        assert alliance.state(proposal) == CANCELED

    @pytest.mark.parametrize("state", [OPEN, SUCCEEDED, QUEUED])
    def test_not_even_the_proposer_once_the_vote_is_open(self, alliance: Alliance, state: int) -> None:
        proposal = proposal_in(alliance, state)

        assert alliance.refusal(cancelling(alliance, proposal), SECRETARIAT).name == "GovernorUnableToCancel"

    @pytest.mark.parametrize("state", [OPEN, SUCCEEDED])
    def test_nor_where_there_is_no_guardian(self, alliance: Alliance, state: int) -> None:
        alliance.decide(alliance.governor.functions.setProposalGuardian(NOBODY))
        proposal = proposal_in(alliance, state)

        assert alliance.refusal(cancelling(alliance, proposal), SECRETARIAT).name == "GovernorUnableToCancel"


class TestGuardian:
    @pytest.mark.parametrize("state", [PENDING, OPEN, SUCCEEDED, QUEUED])
    def test_it_cancels_a_proposal_at_any_stage_before_its_effect(
        self, alliance: Alliance, state: int
    ) -> None:
        proposal = proposal_in(alliance, state)

        receipt = alliance.send(cancelling(alliance, proposal), alliance.break_glass.address)

        assert alliance.state(proposal) == CANCELED
        assert events(alliance.governor, receipt, "ProposalCanceled") == [{"proposalId": proposal.id}]
        assert alliance.refusal(alliance.executing(proposal), SECRETARIAT) == unexpected(
            proposal, CANCELED, SUCCEEDED, QUEUED
        )

    def test_a_cancelled_one_is_gone_from_the_timelock(self, alliance: Alliance) -> None:
        proposal = proposal_in(alliance, QUEUED)
        hashing = alliance.timelock.functions.hashOperationBatch(*in_timelock(alliance, proposal))
        operation = hashing.call()
        assert alliance.timelock.functions.isOperationPending(operation).call()

        alliance.send(cancelling(alliance, proposal), alliance.break_glass.address)

        assert not alliance.timelock.functions.isOperation(operation).call()

    def test_not_afterwards(self, alliance: Alliance) -> None:
        proposal = alliance.queued(admit_lantian(alliance))
        alliance.execute(proposal)

        refusal = alliance.refusal(cancelling(alliance, proposal), alliance.break_glass.address)

        assert refusal.name == "GovernorUnexpectedProposalState"

    def test_nobody_else_does(self, alliance: Alliance) -> None:
        proposal = proposal_in(alliance, QUEUED)

        for sender in (WANGCHAO.voter, MALLORY.address):
            assert alliance.refusal(cancelling(alliance, proposal), sender).name == "GovernorUnableToCancel"

    def test_it_may_propose(self, alliance: Alliance) -> None:
        guardian = alliance.break_glass.address

        proposal = alliance.propose(alliance.admission(WANGCHAO), sender=guardian)

        assert alliance.governor.functions.proposalProposer(proposal.id).call() == guardian

    def test_the_founder_names_it_until_the_founding_is_closed(self, ledger: Web3) -> None:
        alliance = Alliance.deployed(ledger)
        name_it = alliance.governor.functions.setProposalGuardian(alliance.break_glass.address)

        for sender in (SECRETARIAT, MALLORY.address):
            assert alliance.refusal(name_it, sender) == Refusal(
                "GovernorOnlyExecutor", {"account": sender.lower()}
            )
        alliance.found(*FOUNDERS)
        alliance.hand_over()
        assert alliance.governor.functions.proposalGuardian().call() == alliance.break_glass.address

        alliance.send(alliance.seats.functions.closeFounding(alliance.governor.address), FOUNDER)

        refusal = alliance.refusal(name_it, FOUNDER)
        assert refusal == Refusal("GovernorOnlyExecutor", {"account": FOUNDER.lower()})

    def test_then_the_members_do(self, alliance: Alliance) -> None:
        alliance.decide(alliance.governor.functions.setProposalGuardian(MALLORY.address))

        assert alliance.governor.functions.proposalGuardian().call() == MALLORY.address
        assert not alliance.governor.functions.mayPropose(alliance.break_glass.address).call()
