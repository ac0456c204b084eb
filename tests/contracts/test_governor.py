"""The governor: who proposes, and whose ballot counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web3 import Web3

from governance.contracts.errors import Refusal
from tests.contracts.alliance import (
    ABSTAIN,
    AGAINST,
    DELAY,
    DONGLI,
    FOR,
    FOUNDERS,
    LANTIAN,
    MALLORY,
    PENDING,
    PERIOD,
    SECRETARIAT,
    WANGCHAO,
    YUNFAN,
    Alliance,
    Proposal,
    ballot_nonce,
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
        text = f"Admit Lantian Trust\n{alliance.binding(SECRETARIAT)}"
        proposal = alliance.draft(admit_lantian(alliance), description=text)

        receipt = alliance.send(alliance.proposing(proposal), SECRETARIAT)

        (event,) = events(alliance.governor, receipt, "ProposalCreated")
        assert event["proposalId"] == proposal.id
        assert event["targets"] == proposal.targets
        assert [Web3.to_hex(data) for data in event["calldatas"]] == proposal.calls
        assert event["description"] == text
        assert event["voteEnd"] - event["voteStart"] == PERIOD

    @pytest.mark.parametrize("sender", [MALLORY.address, LANTIAN.voter])
    def test_nobody_else_may(self, alliance: Alliance, sender: str) -> None:
        draft = alliance.draft(admit_lantian(alliance), sender=sender)

        refusal = alliance.refusal(alliance.proposing(draft), sender)

        assert refusal == Refusal("NotAllowedToPropose", {"account": sender.lower()})
        assert not alliance.governor.functions.mayPropose(sender).call()

    @pytest.mark.parametrize("action", ["suspend", "revoke"])
    def test_nor_a_member_that_was_suspended_or_expelled(self, alliance: Alliance, action: str) -> None:
        alliance.rule(alliance.seats.functions[action](DONGLI.id))

        draft = alliance.draft(admit_lantian(alliance), sender=DONGLI.voter)
        refusal = alliance.refusal(alliance.proposing(draft), DONGLI.voter)

        assert refusal == Refusal("NotAllowedToPropose", {"account": DONGLI.voter.lower()})

    def test_the_same_proposal_is_not_opened_twice(self, alliance: Alliance) -> None:
        proposal = alliance.propose(admit_lantian(alliance))

        assert alliance.refusal(alliance.proposing(proposal), SECRETARIAT) == unexpected(proposal, PENDING)

    def test_an_empty_proposal_is_refused(self, alliance: Alliance) -> None:
        text = f"Nothing\n{alliance.binding(SECRETARIAT)}"
        call = alliance.governor.functions.propose([], [], [], text)

        refusal = alliance.refusal(call, SECRETARIAT)

        assert refusal == Refusal(
            "GovernorInvalidProposalLength", {"targets": 0, "calldatas": 0, "values": 0}
        )

    def test_a_proposal_is_not_opened_by_another_than_its_proposer(self, alliance: Alliance) -> None:
        proposal = alliance.draft(admit_lantian(alliance), sender=SECRETARIAT)

        refusal = alliance.refusal(alliance.proposing(proposal), WANGCHAO.voter)

        assert refusal == Refusal("GovernorRestrictedProposer", {"proposer": WANGCHAO.voter.lower()})
        alliance.send(alliance.proposing(proposal), SECRETARIAT)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda text: "Admit Lantian Trust", id="nothing"),
            pytest.param(lambda text: text[text.index("#proposer") :], id="no governor"),
            pytest.param(lambda text: text[: text.index("#proposer")], id="no proposer"),
            pytest.param(lambda text: text.replace(":20200:", ":1:"), id="another chain"),
            pytest.param(lambda text: text.lower(), id="not in EIP-55 form"),
            pytest.param(lambda text: text.replace("\n", " "), id="on one line"),
            pytest.param(lambda text: text + "\n", id="not at the end"),
            pytest.param(lambda text: text[1:], id="cut off"),
        ],
    )
    def test_a_description_that_could_serve_elsewhere_is_refused(
        self, alliance: Alliance, change: Callable[[str], str]
    ) -> None:
        text = change(alliance.binding(SECRETARIAT))
        draft = alliance.draft(admit_lantian(alliance), description=text)

        refusal = alliance.refusal(alliance.proposing(draft), SECRETARIAT)

        binding = alliance.governor.functions.binding().call()
        assert refusal == Refusal("DescriptionNotBound", {"binding": binding})
        assert alliance.binding(SECRETARIAT) == binding + SECRETARIAT

    def test_nor_is_one_bound_to_another_governor(self, alliance: Alliance) -> None:
        text = alliance.binding(SECRETARIAT).replace(alliance.governor.address, alliance.registry.address)

        refusal = alliance.refusal(
            alliance.proposing(alliance.draft(admit_lantian(alliance), description=text)), SECRETARIAT
        )

        assert refusal.name == "DescriptionNotBound"

    def test_a_proposer_that_is_no_address_reserves_nothing(self, alliance: Alliance) -> None:
        text = alliance.binding("0x" + "z" * 40)
        draft = alliance.draft(admit_lantian(alliance), description=text)

        for sender in (SECRETARIAT, WANGCHAO.voter):
            refusal = alliance.refusal(alliance.proposing(draft), sender)
            assert refusal == Refusal("GovernorRestrictedProposer", {"proposer": sender.lower()})

    def test_the_proposer_may_be_written_in_lower_case(self, alliance: Alliance) -> None:
        text = alliance.binding(SECRETARIAT.lower())

        alliance.send(
            alliance.proposing(alliance.draft(admit_lantian(alliance), description=text)), SECRETARIAT
        )

    def test_several_are_open_side_by_side(self, alliance: Alliance) -> None:
        suspend = alliance.propose(alliance.seats.functions.suspend(DONGLI.id))
        admit = alliance.opened(admit_lantian(alliance))

        alliance.cast(WANGCHAO, suspend, AGAINST)
        alliance.cast(WANGCHAO, admit, FOR)

        assert (alliance.tally(suspend), alliance.tally(admit)) == ((1, 0, 0), (0, 1, 0))


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
        proposal = alliance.opened(alliance.admission(WANGCHAO))

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
            pytest.param(lambda alliance: {"nonce": 0}, id="a nonce for no proposal"),
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

        second = alliance.sign(WANGCHAO, proposal, AGAINST, nonce=ballot_nonce(proposal) + 1)
        refusal = alliance.refusal(alliance.casting(WANGCHAO, proposal, AGAINST, second), SECRETARIAT)

        assert refusal == Refusal("GovernorAlreadyCastVote", {"voter": WANGCHAO.voter.lower()})
        assert alliance.tally(proposal) == (0, 1, 0)

    def test_ballots_on_different_proposals_do_not_wait_for_each_other(self, alliance: Alliance) -> None:
        suspend = alliance.propose(alliance.seats.functions.suspend(DONGLI.id))
        admit = alliance.opened(admit_lantian(alliance))
        signed = [(proposal, alliance.sign(WANGCHAO, proposal, FOR)) for proposal in (suspend, admit)]

        for proposal, signature in reversed(signed):
            alliance.send(alliance.casting(WANGCHAO, proposal, FOR, signature), SECRETARIAT)

        assert (alliance.tally(suspend), alliance.tally(admit)) == ((0, 1, 0), (0, 1, 0))

    def test_the_nonce_of_a_ballot_follows_from_the_proposal(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        nonces = alliance.governor.functions.nonces

        assert nonces(WANGCHAO.voter, proposal.id % 2**192).call() == ballot_nonce(proposal)
        alliance.cast(WANGCHAO, proposal, FOR)

        assert nonces(WANGCHAO.voter, proposal.id % 2**192).call() == ballot_nonce(proposal) + 1
        assert nonces(WANGCHAO.voter).call() == 0

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

    def test_a_ballot_with_parameters_is_refused(self, alliance: Alliance) -> None:
        proposal = alliance.opened(admit_lantian(alliance))
        governor = alliance.governor.functions

        for call in (
            governor.castVoteWithReasonAndParams(proposal.id, FOR, "Yes.", b"1"),
            governor.castVoteWithReasonAndParamsBySig(proposal.id, FOR, WANGCHAO.voter, "Yes.", b"", b""),
        ):
            assert alliance.refusal(call, WANGCHAO.voter) == Refusal("GovernorInvalidVoteParams", {})
