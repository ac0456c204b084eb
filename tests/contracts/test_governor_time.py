"""When a vote is open, and who has a vote in it."""

from __future__ import annotations

from typing import Any

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    DEFEATED,
    DONGLI,
    FOR,
    LANTIAN,
    MALLORY,
    OPEN,
    PENDING,
    QIONGTAI,
    SECRETARIAT,
    WANGCHAO,
    Alliance,
    Proposal,
    person,
)

SUCCESSOR = str(person("the secretariat's next relay").address)


def admit_lantian(alliance: Alliance) -> Any:
    return alliance.seats.functions.grant(*LANTIAN.seat)


def states(*allowed: int) -> bytes:
    """As OpenZeppelin encodes the states in which a call would have been right."""
    return sum(1 << state for state in allowed).to_bytes(32, "big")


def unexpected(proposal: Proposal, state: int, *allowed: int) -> Refusal:
    arguments = {"proposalId": proposal.id, "current": state, "expectedStates": states(*allowed)}
    return Refusal("GovernorUnexpectedProposalState", arguments)


class TestTime:
    def test_the_vote_opens_one_second_after_the_snapshot(self, alliance: Alliance) -> None:
        proposal = alliance.propose(admit_lantian(alliance))
        vote = alliance.governor.functions.castVote(proposal.id, FOR)

        alliance.mine_at(alliance.snapshot(proposal))
        refusal = alliance.refusal(vote, WANGCHAO.voter, block="latest")
        alliance.next_block_at(alliance.snapshot(proposal) + 1)
        alliance.send(vote, WANGCHAO.voter)

        assert refusal == unexpected(proposal, PENDING, OPEN)
        assert alliance.tally(proposal) == (0, 1, 0)

    def test_the_deadline_is_the_last_moment_to_vote(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        alliance.next_block_at(alliance.deadline(proposal))
        alliance.cast(WANGCHAO, proposal, FOR)

        assert alliance.now == alliance.deadline(proposal)
        assert alliance.tally(proposal) == (0, 1, 0)

    def test_a_late_ballot_is_refused(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.close(proposal)

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, FOR), SECRETARIAT, block="latest")

        assert refusal == unexpected(proposal, DEFEATED, OPEN)

    def test_without_a_delay_the_vote_opens_one_second_after_proposing(self, ledger: Web3) -> None:
        alliance = Alliance.established(ledger, delay=0)
        proposal = alliance.propose(admit_lantian(alliance))
        vote = alliance.governor.functions.castVote(proposal.id, FOR)
        opened = alliance.now

        refusal = alliance.refusal(vote, WANGCHAO.voter, block="latest")
        alliance.next_block_at(opened + 1)
        alliance.send(vote, WANGCHAO.voter)

        assert alliance.snapshot(proposal) == opened
        assert refusal == unexpected(proposal, PENDING, OPEN)
        assert alliance.tally(proposal) == (0, 1, 0)

    def test_without_a_delay_a_seat_of_the_same_block_votes(self, ledger: Web3) -> None:
        alliance = Alliance.established(ledger, delay=0)
        proposal = alliance.draft(alliance.seats.functions.suspend(DONGLI.id))
        second = alliance.now + 10

        alliance.together_at(
            second,
            (alliance.proposing(proposal), SECRETARIAT),
            (admit_lantian(alliance), alliance.timelock.address),
        )
        alliance.next_block_at(second + 1)
        alliance.cast(LANTIAN, proposal, FOR)

        assert alliance.snapshot(proposal) == second
        assert alliance.tally(proposal) == (0, 1, 0)

    def test_without_a_delay_a_ballot_in_the_proposals_own_block_is_too_early(self, ledger: Web3) -> None:
        alliance = Alliance.established(ledger, delay=0)
        proposal = alliance.draft(admit_lantian(alliance))
        vote = alliance.governor.functions.castVote(proposal.id, FOR)

        statuses = alliance.together_at(
            alliance.now + 10, (alliance.proposing(proposal), SECRETARIAT), (vote, WANGCHAO.voter)
        )

        assert statuses == [1, 0]
        assert alliance.tally(proposal) == (0, 0, 0)


class TestElectorate:
    """Who votes, and with what weight, is settled at the snapshot."""

    def vote_of(self, alliance: Alliance, proposal: Proposal, bank: Any) -> Refusal | None:
        call = alliance.casting(bank, proposal, FOR)
        before = sum(alliance.tally(proposal))
        if alliance.governor.functions.getVotes(bank.voter, alliance.snapshot(proposal)).call() == 0:
            return alliance.refusal(call, SECRETARIAT)
        alliance.send(call, SECRETARIAT)
        assert sum(alliance.tally(proposal)) == before + 1
        return None

    @pytest.mark.parametrize("action", ["suspend", "revoke"])
    def test_a_member_that_goes_keeps_its_vote_in_open_proposals_alone(
        self, alliance: Alliance, action: str
    ) -> None:
        older = alliance.opened(admit_lantian(alliance))
        alliance.rule(alliance.seats.functions[action](DONGLI.id))
        later = alliance.opened(alliance.seats.functions.suspend(QIONGTAI.id))

        assert self.vote_of(alliance, older, DONGLI) is None
        assert self.vote_of(alliance, later, DONGLI) == Refusal(
            "NoSeatAtSnapshot", {"account": DONGLI.voter.lower(), "snapshot": alliance.snapshot(later)}
        )

    def test_one_that_goes_before_the_snapshot_has_no_vote(self, alliance: Alliance) -> None:
        proposal = alliance.propose(admit_lantian(alliance))
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))
        alliance.mine_at(alliance.snapshot(proposal) + 1)

        refusal = self.vote_of(alliance, proposal, DONGLI)

        assert refusal is not None
        assert refusal.name == "NoSeatAtSnapshot"

    def test_one_that_comes_later_votes_in_later_proposals_alone(self, alliance: Alliance) -> None:
        older = alliance.opened(alliance.seats.functions.suspend(QIONGTAI.id))
        alliance.rule(admit_lantian(alliance))
        later = alliance.opened(alliance.seats.functions.suspend(DONGLI.id))

        refusal = self.vote_of(alliance, older, LANTIAN)

        assert refusal is not None
        assert refusal.name == "NoSeatAtSnapshot"
        assert self.vote_of(alliance, later, LANTIAN) is None

    def test_a_reinstated_member_votes_in_later_proposals_alone(self, alliance: Alliance) -> None:
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))
        older = alliance.opened(admit_lantian(alliance))
        alliance.rule(alliance.seats.functions.reinstate(DONGLI.id))
        later = alliance.opened(alliance.seats.functions.suspend(QIONGTAI.id))

        assert self.vote_of(alliance, older, DONGLI) is not None
        assert self.vote_of(alliance, later, DONGLI) is None

    def test_a_new_voting_address_gives_no_second_vote(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.cast(WANGCHAO, proposal, FOR)
        alliance.rule(alliance.seats.functions.changeVoter(WANGCHAO.id, SUCCESSOR))

        refusal = alliance.refusal(alliance.governor.functions.castVote(proposal.id, FOR), SUCCESSOR)

        assert refusal == Refusal(
            "NoSeatAtSnapshot", {"account": SUCCESSOR.lower(), "snapshot": alliance.snapshot(proposal)}
        )

    @pytest.mark.parametrize("sender", [SECRETARIAT, MALLORY.address])
    def test_who_has_no_seat_has_no_vote(self, alliance: Alliance, sender: str) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        refusal = alliance.refusal(alliance.governor.functions.castVote(proposal.id, FOR), sender)

        assert refusal.name == "NoSeatAtSnapshot"
