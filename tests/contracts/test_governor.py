"""The governor: who proposes, who votes, what passes, and who may change the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    ABSTAIN,
    AGAINST,
    CANCELED,
    DEFEATED,
    DELAY,
    DONGLI,
    EXECUTED,
    FOR,
    FOUNDERS,
    HAITANG,
    LANTIAN,
    MALLORY,
    OPEN,
    PENDING,
    PERIOD,
    QIONGTAI,
    QUORUM,
    SECRETARIAT,
    SUCCEEDED,
    WANGCHAO,
    YUNFAN,
    Alliance,
    Proposal,
    deploy,
    events,
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


class TestProposing:
    @pytest.mark.parametrize("sender", [SECRETARIAT, WANGCHAO.voter, YUNFAN.voter])
    def test_the_secretariat_and_every_member_may(self, alliance: Alliance, sender: str) -> None:
        proposal = alliance.propose(admit_lantian(alliance), sender=sender)

        assert alliance.governor.functions.proposalProposer(proposal.id).call() == sender
        assert alliance.snapshot(proposal) == alliance.now + DELAY
        assert alliance.deadline(proposal) == alliance.now + DELAY + PERIOD
        assert alliance.state(proposal) == PENDING

    def test_the_proposal_tells_everything_in_one_event(self, alliance: Alliance) -> None:
        proposal = alliance.draft(admit_lantian(alliance), description="Admit Lantian Trust")

        receipt = alliance.send(alliance.proposing(proposal), SECRETARIAT)

        (event,) = events(alliance.governor, receipt, "ProposalCreated")
        assert event["proposalId"] == proposal.id
        assert event["targets"] == proposal.targets
        assert [Web3.to_hex(data) for data in event["calldatas"]] == proposal.calls
        assert event["description"] == "Admit Lantian Trust"
        assert event["voteEnd"] - event["voteStart"] == PERIOD

    @pytest.mark.parametrize("sender", [MALLORY.address, LANTIAN.voter])
    def test_nobody_else_may(self, alliance: Alliance, sender: str) -> None:
        refusal = alliance.refusal(alliance.proposing(alliance.draft(admit_lantian(alliance))), sender)

        assert refusal == Refusal("NotAllowedToPropose", {"account": sender.lower()})
        assert not alliance.governor.functions.mayPropose(sender).call()

    @pytest.mark.parametrize("action", ["suspend", "revoke"])
    def test_nor_a_member_that_was_suspended_or_expelled(self, alliance: Alliance, action: str) -> None:
        alliance.rule(alliance.seats.functions[action](DONGLI.id))

        refusal = alliance.refusal(alliance.proposing(alliance.draft(admit_lantian(alliance))), DONGLI.voter)

        assert refusal == Refusal("NotAllowedToPropose", {"account": DONGLI.voter.lower()})

    def test_the_same_proposal_is_not_opened_twice(self, alliance: Alliance) -> None:
        proposal = alliance.propose(admit_lantian(alliance))

        assert alliance.refusal(alliance.proposing(proposal), SECRETARIAT) == unexpected(proposal, PENDING)

    def test_an_empty_proposal_is_refused(self, alliance: Alliance) -> None:
        call = alliance.governor.functions.propose([], [], [], "Nothing")

        refusal = alliance.refusal(call, SECRETARIAT)

        assert refusal == Refusal(
            "GovernorInvalidProposalLength", {"targets": 0, "calldatas": 0, "values": 0}
        )

    def test_a_proposal_reserved_for_its_proposer_is_not_opened_by_another(self, alliance: Alliance) -> None:
        text = f"Admit Lantian Trust #proposer={SECRETARIAT}"
        proposal = alliance.draft(admit_lantian(alliance), description=text)

        refusal = alliance.refusal(alliance.proposing(proposal), WANGCHAO.voter)

        assert refusal == Refusal("GovernorRestrictedProposer", {"proposer": WANGCHAO.voter.lower()})
        alliance.send(alliance.proposing(proposal), SECRETARIAT)

    def test_several_are_open_side_by_side(self, alliance: Alliance) -> None:
        suspend = alliance.propose(alliance.seats.functions.suspend(DONGLI.id))
        admit = alliance.opened(admit_lantian(alliance))

        alliance.cast(WANGCHAO, suspend, AGAINST)
        alliance.cast(WANGCHAO, admit, FOR)

        assert (alliance.tally(suspend), alliance.tally(admit)) == ((1, 0, 0), (0, 1, 0))

    def test_the_proposer_withdraws_it_while_it_is_pending(self, alliance: Alliance) -> None:
        proposal = alliance.propose(admit_lantian(alliance))
        cancel = alliance.governor.functions.cancel(*proposal.executable)

        refusal = alliance.refusal(cancel, WANGCHAO.voter)
        alliance.send(cancel, SECRETARIAT)

        assert refusal == Refusal(
            "GovernorUnableToCancel", {"proposalId": proposal.id, "account": WANGCHAO.voter.lower()}
        )
        assert alliance.state(proposal) == CANCELED

    def test_nobody_withdraws_it_once_the_vote_is_open(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        refusal = alliance.refusal(alliance.governor.functions.cancel(*proposal.executable), SECRETARIAT)

        assert refusal.name == "GovernorUnableToCancel"


class TestVotingBySignature:
    def test_a_relayed_ballot_counts_for_its_signer(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        receipt = alliance.cast(WANGCHAO, proposal, FOR)

        assert alliance.tally(proposal) == (0, 1, 0)
        assert alliance.governor.functions.hasVoted(proposal.id, WANGCHAO.voter).call()
        assert not alliance.governor.functions.hasVoted(proposal.id, SECRETARIAT).call()
        assert events(alliance.governor, receipt, "VoteCast") == [
            {
                "voter": WANGCHAO.voter,
                "proposalId": proposal.id,
                "support": FOR,
                "weight": 1,
                "reason": "",
            }
        ]

    def test_for_against_and_abstain_are_counted_apart(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        for bank, support in zip(FOUNDERS, [FOR, AGAINST, ABSTAIN, FOR, FOR], strict=True):
            alliance.cast(bank, proposal, support)

        assert alliance.tally(proposal) == (1, 3, 1)

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param(lambda alliance: {"key": MALLORY}, id="another's key"),
            pytest.param(lambda alliance: {"key": DONGLI.key}, id="another member's key"),
            pytest.param(lambda alliance: {"chain": 1}, id="another chain"),
            pytest.param(lambda alliance: {"contract": alliance.registry.address}, id="another contract"),
            pytest.param(lambda alliance: {"nonce": 1}, id="a nonce too early"),
        ],
    )
    def test_a_false_signature_is_refused(
        self, alliance: Alliance, wrong: Callable[[Alliance], dict[str, Any]]
    ) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        signature = alliance.sign(WANGCHAO, proposal, FOR, **wrong(alliance))

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, FOR, signature), SECRETARIAT)

        assert refusal == Refusal("GovernorInvalidSignature", {"voter": WANGCHAO.voter.lower()})
        assert alliance.tally(proposal) == (0, 0, 0)

    def test_a_ballot_that_was_changed_on_the_way_is_refused(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        against = alliance.sign(WANGCHAO, proposal, AGAINST)

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, FOR, against), SECRETARIAT)

        assert refusal.name == "GovernorInvalidSignature"

    def test_a_ballot_for_another_proposal_is_refused(self, alliance: Alliance) -> None:
        suspend = alliance.propose(alliance.seats.functions.suspend(DONGLI.id))
        admit = alliance.opened(admit_lantian(alliance))
        signature = alliance.sign(WANGCHAO, admit, FOR)

        refusal = alliance.refusal(alliance.casting(WANGCHAO, suspend, FOR, signature), SECRETARIAT)

        assert refusal.name == "GovernorInvalidSignature"

    @pytest.mark.parametrize("garbage", [b"", b"\x01", b"\x00" * 65, b"\xff" * 65], ids=len)
    def test_garbage_is_no_signature(self, alliance: Alliance, garbage: bytes) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, FOR, garbage), SECRETARIAT)

        assert refusal.name == "GovernorInvalidSignature"

    def test_the_same_ballot_is_not_cast_twice(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        ballot = alliance.sign(WANGCHAO, proposal, FOR)
        alliance.send(alliance.casting(WANGCHAO, proposal, FOR, ballot), SECRETARIAT)

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, FOR, ballot), SECRETARIAT)

        assert refusal.name == "GovernorInvalidSignature"  # its nonce is spent

    def test_nor_does_a_member_change_its_mind(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.cast(WANGCHAO, proposal, FOR)

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, AGAINST), SECRETARIAT)

        assert refusal == Refusal("GovernorAlreadyCastVote", {"voter": WANGCHAO.voter.lower()})
        assert alliance.tally(proposal) == (0, 1, 0)

    def test_a_refused_ballot_does_not_spend_the_nonce(self, alliance: Alliance) -> None:
        proposal = alliance.propose(admit_lantian(alliance))
        ballot = alliance.sign(WANGCHAO, proposal, FOR)
        alliance.refusal(alliance.casting(WANGCHAO, proposal, FOR, ballot), SECRETARIAT)  # too early

        alliance.mine_at(alliance.snapshot(proposal) + 1)
        alliance.send(alliance.casting(WANGCHAO, proposal, FOR, ballot), SECRETARIAT)

        assert alliance.tally(proposal) == (0, 1, 0)

    def test_anyone_may_relay_a_members_ballot(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        alliance.send(alliance.casting(WANGCHAO, proposal, FOR), MALLORY.address)

        assert alliance.tally(proposal) == (0, 1, 0)

    def test_a_fourth_kind_of_vote_is_refused(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, 3), SECRETARIAT)

        assert refusal == Refusal("GovernorInvalidVoteType", {})

    def test_an_unknown_proposal_is_refused(self, alliance: Alliance) -> None:
        unknown = Proposal([], [], "", id=42)

        refusal = alliance.refusal(alliance.casting(WANGCHAO, unknown, FOR), SECRETARIAT)

        assert refusal == Refusal("GovernorNonexistentProposal", {"proposalId": 42})


class TestVotingWithoutTheConsole:
    def test_a_member_votes_by_a_transaction_of_its_own(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))

        alliance.send(alliance.governor.functions.castVote(proposal.id, FOR), WANGCHAO.voter)
        alliance.send(
            alliance.governor.functions.castVoteWithReason(proposal.id, AGAINST, "No."), DONGLI.voter
        )

        assert alliance.tally(proposal) == (1, 1, 0)

    def test_and_not_once_more_by_signature(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.send(alliance.governor.functions.castVote(proposal.id, FOR), WANGCHAO.voter)

        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, FOR), SECRETARIAT)

        assert refusal.name == "GovernorAlreadyCastVote"


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
            (admit_lantian(alliance), alliance.governor.address),
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


class TestOutcome:
    @pytest.mark.parametrize(
        ("ballots", "outcome"),
        [
            ([], DEFEATED),
            ([FOR, FOR], DEFEATED),  # quorum is 3 of 5
            ([FOR, FOR, FOR], SUCCEEDED),
            ([FOR, ABSTAIN, ABSTAIN], SUCCEEDED),  # abstentions count for the quorum
            ([FOR, FOR, AGAINST], DEFEATED),  # votes against don't
            ([FOR, FOR, FOR, AGAINST, AGAINST], SUCCEEDED),
            ([FOR, FOR, ABSTAIN, AGAINST, AGAINST], DEFEATED),  # a tie
            ([ABSTAIN, ABSTAIN, ABSTAIN], DEFEATED),
            ([AGAINST, AGAINST, AGAINST, AGAINST, AGAINST], DEFEATED),
        ],
    )
    def test_quorum_and_majority_decide(self, alliance: Alliance, ballots: list[int], outcome: int) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        for bank, support in zip(FOUNDERS, ballots, strict=False):
            alliance.cast(bank, proposal, support)

        assert alliance.state(proposal) == OPEN
        alliance.close(proposal)
        assert alliance.state(proposal) == outcome

    def test_the_quorum_is_of_the_seats_that_could_vote_at_the_snapshot(self, alliance: Alliance) -> None:
        alliance.rule(alliance.seats.functions.suspend(YUNFAN.id))
        alliance.rule(alliance.seats.functions.suspend(HAITANG.id))
        proposal = alliance.opened(admit_lantian(alliance))

        assert alliance.governor.functions.quorum(alliance.snapshot(proposal)).call() == 1  # 60 % of 3
        alliance.rule(alliance.seats.functions.reinstate(YUNFAN.id))
        alliance.mine_at(alliance.now + 10)
        assert alliance.governor.functions.quorum(alliance.snapshot(proposal)).call() == 1


class TestExecution:
    def test_anyone_carries_out_what_the_members_decided(self, alliance: Alliance) -> None:
        proposal = alliance.passed(admit_lantian(alliance))

        receipt = alliance.execute(proposal, sender=MALLORY.address)

        assert alliance.state(proposal) == EXECUTED
        assert alliance.seats.functions.isActive(LANTIAN.id).call()
        assert events(alliance.governor, receipt, "ProposalExecuted") == [{"proposalId": proposal.id}]

    def test_once(self, alliance: Alliance) -> None:
        proposal = alliance.passed(admit_lantian(alliance))
        alliance.execute(proposal)

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT)

        assert refusal == unexpected(proposal, EXECUTED, SUCCEEDED, 5)

    def test_not_while_the_vote_is_open(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        for bank in FOUNDERS:
            alliance.cast(bank, proposal, FOR)

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT)

        assert refusal == unexpected(proposal, OPEN, SUCCEEDED, 5)

    def test_not_when_it_was_defeated(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.close(proposal)

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest")

        assert refusal == unexpected(proposal, DEFEATED, SUCCEEDED, 5)

    def test_not_with_another_content(self, alliance: Alliance) -> None:
        proposal = alliance.passed(admit_lantian(alliance))
        other = Proposal(proposal.targets, proposal.calls, "another text")

        refusal = alliance.refusal(alliance.executing(other), SECRETARIAT)

        assert refusal.name == "GovernorNonexistentProposal"

    def test_a_decision_that_the_contract_refuses_says_why_and_stays_open_to_a_later_try(
        self, alliance: Alliance
    ) -> None:
        proposal = alliance.passed(alliance.seats.functions.reinstate(DONGLI.id))

        refusal = alliance.refusal(alliance.executing(proposal), SECRETARIAT, block="latest")
        alliance.rule(alliance.seats.functions.suspend(DONGLI.id))
        alliance.execute(proposal)

        assert refusal == Refusal("UnexpectedSeatStatus", {"memberId": DONGLI.id, "actual": 1, "expected": 2})
        assert alliance.seats.functions.isActive(DONGLI.id).call()

    def test_several_actions_take_effect_together_or_not_at_all(self, alliance: Alliance) -> None:
        together = alliance.passed(admit_lantian(alliance), alliance.seats.functions.reinstate(DONGLI.id))

        refusal = alliance.refusal(alliance.executing(together), SECRETARIAT)

        assert refusal.name == "UnexpectedSeatStatus"
        assert not alliance.seats.functions.isActive(LANTIAN.id).call()


class TestRules:
    """Delay, period, quorum, convener and relay change by proposal alone."""

    def test_they_start_as_deployed(self, alliance: Alliance) -> None:
        governor = alliance.governor.functions
        assert governor.name().call() == "Consortium Governor"
        assert governor.version().call() == "1"
        assert governor.votingDelay().call() == DELAY
        assert governor.votingPeriod().call() == PERIOD
        assert governor.quorumNumerator().call() == QUORUM
        assert governor.quorumDenominator().call() == 100
        assert governor.convener().call() == SECRETARIAT
        assert governor.token().call() == governor.seats().call() == alliance.seats.address
        assert governor.CLOCK_MODE().call() == "mode=timestamp"
        assert governor.COUNTING_MODE().call() == "support=bravo&quorum=for,abstain"

    @pytest.mark.parametrize(
        ("change", "value", "reading"),
        [
            ("setVotingDelay", 5, "votingDelay"),
            ("setVotingPeriod", 77, "votingPeriod"),
            ("updateQuorumNumerator", 80, "quorumNumerator"),
            ("setConvener", SUCCESSOR, "convener"),
            ("setProposalThreshold", 0, "proposalThreshold"),
        ],
    )
    def test_the_members_change_them(self, alliance: Alliance, change: str, value: Any, reading: str) -> None:
        alliance.decide(alliance.governor.functions[change](value))

        assert alliance.governor.functions[reading]().call() == value

    @pytest.mark.parametrize("sender", [SECRETARIAT, WANGCHAO.voter, MALLORY.address])
    def test_nobody_else_does(self, alliance: Alliance, sender: str) -> None:
        governor = alliance.governor.functions
        for call in (
            governor.setVotingDelay(5),
            governor.setVotingPeriod(77),
            governor.updateQuorumNumerator(1),
            governor.setConvener(sender),
            governor.setProposalThreshold(0),
            governor.relay(alliance.seats.address, 0, "0x"),
        ):
            refusal = alliance.refusal(call, sender)
            assert refusal == Refusal("GovernorOnlyExecutor", {"account": sender.lower()})

    def test_a_new_quorum_leaves_open_proposals_alone(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        alliance.rule(alliance.governor.functions.updateQuorumNumerator(100))
        for bank in FOUNDERS[:3]:
            alliance.cast(bank, proposal, FOR)
        alliance.close(proposal)

        assert alliance.state(proposal) == SUCCEEDED

    def test_the_former_convener_proposes_no_more(self, alliance: Alliance) -> None:
        receipt = alliance.decide(alliance.governor.functions.setConvener(SUCCESSOR))
        proposal = alliance.draft(admit_lantian(alliance))

        refusal = alliance.refusal(alliance.proposing(proposal), SECRETARIAT)
        alliance.send(alliance.proposing(proposal), SUCCESSOR)

        assert refusal == Refusal("NotAllowedToPropose", {"account": SECRETARIAT.lower()})
        assert events(alliance.governor, receipt, "ConvenerSet") == [
            {"oldConvener": SECRETARIAT, "newConvener": SUCCESSOR}
        ]

    def test_a_threshold_that_would_lock_everybody_out_is_refused(self, alliance: Alliance) -> None:
        call = alliance.governor.functions.setProposalThreshold(2)

        refusal = alliance.refusal(call, alliance.governor.address)

        assert refusal == Refusal("ProposalThresholdRefused", {"threshold": 2})

    def test_so_are_a_quorum_above_all_and_a_vote_without_time(self, alliance: Alliance) -> None:
        governor, itself = alliance.governor.functions, alliance.governor.address

        quorum = alliance.refusal(governor.updateQuorumNumerator(101), itself)
        period = alliance.refusal(governor.setVotingPeriod(0), itself)

        assert quorum == Refusal(
            "GovernorInvalidQuorumFraction", {"quorumNumerator": 101, "quorumDenominator": 100}
        )
        assert period == Refusal("GovernorInvalidVotingPeriod", {"votingPeriod": 0})

    def test_there_may_be_no_convener(self, ledger: Web3) -> None:
        seats = deploy(ledger, "Seats")
        nobody = "0x" + "0" * 40

        governor = deploy(ledger, "ConsortiumGovernor", seats.address, DELAY, PERIOD, QUORUM, nobody)

        assert not governor.functions.mayPropose(SECRETARIAT).call()
