"""What a ballot is refused for, and that a refused one leaves nothing but an event."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account

from consortium.core.errors import ConsoleError, InvalidInput
from consortium.members.models import Institution, User
from governance.ballot import typed_data
from governance.chain.models import RelayTransaction
from governance.proposals import selectors, services
from governance.proposals.errors import (
    AlreadyVoted,
    AnotherMembersBallot,
    RefusedByLedger,
    StaleNonce,
    UnknownVoter,
    VotingClosed,
    VotingNotOpen,
    WrongLedger,
    WrongSigner,
)
from governance.proposals.models import Ballot, Proposal
from governance.proposals.selectors import BallotStatus
from tests.factories import UserFactory, voter, voter_of
from tests.proposals.stage import AGAINST, FOR, Stage

MALLORY = Account.from_key(b"m" * 32)
ELSEWHERE = "0x000000000000000000000000000000000000dEaD"


def refused(stage: Stage, proposal: Proposal, kind: type[ConsoleError], actor: User, **ballot: Any) -> Any:
    """Handing this in raises exactly ``kind``, and leaves an event of it and nothing else."""
    before = Ballot.objects.count(), RelayTransaction.objects.count()
    with pytest.raises(ConsoleError) as caught:
        services.cast(proposal, actor=actor, **ballot)
    assert type(caught.value) is kind
    assert (Ballot.objects.count(), RelayTransaction.objects.count()) == before
    event = stage.events(proposal, "ballot.refused")[-1]
    assert event.data["code"] == kind.code
    assert event.actor_label == actor.username
    return caught.value


class TestAGoodBallot:
    def test_is_stored_relayed_and_counted_once(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]

        ballot = stage.cast(bank, proposal, AGAINST)

        assert stage.tally(proposal) == (0, 0, 0)
        assert selectors.own_vote(proposal, bank).status == BallotStatus.RECEIVED
        stage.work()
        assert stage.tally(proposal) == (1, 0, 0)
        own = selectors.own_vote(proposal, bank)
        assert (own.status, own.support, own.ballot) == (BallotStatus.COUNTED, AGAINST, ballot)
        assert own.tx_hash == RelayTransaction.objects.get(key=f"ballot:{ballot.pk}").tx_hash
        (received,) = stage.events(proposal, "ballot.received")
        assert received.institution_id == bank.pk
        (counted,) = stage.events(proposal, "ballot.counted")
        assert (counted.institution_id, counted.data["voter"]) == (bank.pk, voter_of(bank).address)

    def test_at_the_very_deadline_still_counts(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal)
        stage.move_to(stage.deadline(proposal) - 1)
        stage.index()

        services.cast(proposal, actor=stage.officer(bank), **ballot)

        assert Ballot.objects.get().institution == bank

    def test_of_a_bank_that_has_since_changed_its_address_counts_with_the_former_one(
        self, stage: Stage
    ) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        member = bank.uscc.encode().ljust(32, b"\0")
        stage.rule(stage.seats.functions.changeVoter(member, MALLORY.address))

        stage.cast(bank, proposal)
        stage.work()

        assert stage.tally(proposal) == (0, 1, 0)


class TestRefusals:
    def test_signed_with_a_wrong_key(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal, key=MALLORY)

        refused(stage, proposal, WrongSigner, stage.officer(bank), **ballot)

    @pytest.mark.parametrize(
        "changed",
        [{"support": AGAINST}, {"nonce": 1}, {"voter": MALLORY.address}],
        ids=lambda c: next(iter(c)),
    )
    def test_changed_after_signing(self, stage: Stage, changed: dict[str, Any]) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = {**stage.ballot(bank, proposal), **changed}

        refused(stage, proposal, WrongSigner, stage.officer(bank), **ballot)

    def test_signed_for_another_proposal(self, stage: Stage) -> None:
        bank = stage.banks[0]
        one = stage.voting()
        other = stage.voting("suspend", institution=stage.banks[1])

        refused(stage, one, WrongSigner, stage.officer(bank), **stage.ballot(bank, other))

    @pytest.mark.parametrize("signature", ["0x", "zz", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 64])
    def test_with_what_is_no_signature(self, stage: Stage, signature: str) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = {**stage.ballot(bank, proposal), "signature": signature}

        refused(stage, proposal, WrongSigner, stage.officer(bank), **ballot)

    def test_however_it_is_spelled_it_is_kept_in_one_form(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        handed_in = stage.ballot(bank, proposal)
        plain = handed_in["signature"]
        spelled = {**handed_in, "signature": plain[2:].upper()}
        assert services.cast(proposal, **spelled, actor=stage.officer(bank)).signature == plain

    @pytest.mark.parametrize("between", [" ", "\t", "\n"])
    def test_with_blanks_in_its_signature(self, stage: Stage, between: str) -> None:
        """Some readers of hexadecimal digits pass over them; then one ballot had many spellings."""
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal)
        spread = between.join(ballot["signature"][2 + i : 4 + i] for i in range(0, 130, 2))
        refused(stage, proposal, WrongSigner, stage.officer(bank), **{**ballot, "signature": "0x" + spread})

    def test_with_the_other_form_of_a_good_signature(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal)
        raw = bytes.fromhex(ballot["signature"][2:])
        order = 2 * typed_data.HIGHEST_S + 1
        mirrored = (order - int.from_bytes(raw[32:64])).to_bytes(32)
        other = raw[:32] + mirrored + bytes([27 + 28 - raw[64]])

        refused(
            stage, proposal, WrongSigner, stage.officer(bank), **{**ballot, "signature": "0x" + other.hex()}
        )

    @pytest.mark.parametrize("wrong", [{"chain_id": 1}, {"governor": ELSEWHERE}], ids=lambda w: next(iter(w)))
    def test_for_another_ledger(self, stage: Stage, wrong: dict[str, Any]) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal, **wrong)

        error = refused(stage, proposal, WrongLedger, stage.officer(bank), **ballot)

        assert error.params["expected_chain_id"] == stage.ledger.chain_id

    def test_twice_while_the_first_is_under_way(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal)
        services.cast(proposal, actor=stage.officer(bank), **ballot)

        refused(stage, proposal, AlreadyVoted, stage.officer(bank), **ballot)

        stage.work()
        assert stage.tally(proposal) == (0, 1, 0)

    @pytest.mark.parametrize("support", [FOR, AGAINST])
    def test_twice_when_the_first_has_counted(self, stage: Stage, support: int) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        stage.cast(bank, proposal, FOR)
        stage.work()

        again = stage.ballot(bank, proposal, support)
        refused(stage, proposal, AlreadyVoted, stage.officer(bank), **again)

    def test_after_a_vote_cast_without_the_console(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        vote = stage.governor.functions.castVote(int(proposal.chain_proposal_id), FOR)
        stage.send(vote, voter_of(bank).address)
        stage.index()

        refused(stage, proposal, AlreadyVoted, stage.officer(bank), **stage.ballot(bank, proposal))

        assert selectors.own_vote(proposal, bank).ballot is None

    def test_too_late(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal)
        stage.close(proposal)

        refused(stage, proposal, VotingClosed, stage.officer(bank), **ballot)

    def test_too_early(self, stage: Stage) -> None:
        proposal, bank = stage.proposed(), stage.banks[0]
        officer, ballot = stage.officer(bank), stage.ballot(bank, proposal)

        with stage.ledgers_time():
            refused(stage, proposal, VotingNotOpen, officer, **ballot)

    def test_before_the_proposal_is_on_the_ledger(self, stage: Stage) -> None:
        bank = stage.banks[0]
        proposal = services.open(stage.draft(), actor=stage.secretary)

        refused(stage, proposal, VotingNotOpen, stage.officer(bank), **stage.ballot(bank, proposal))

    def test_of_a_bank_that_had_no_seat_when_the_proposal_opened(self, stage: Stage) -> None:
        newcomer = stage.applicant()
        earlier = stage.voting("suspend", institution=stage.banks[-1])
        seat = newcomer.uscc.encode().ljust(32, b"\0"), 1, voter_of(newcomer).address
        stage.rule(stage.seats.functions.grant(*seat))

        ballot = stage.ballot(newcomer, earlier)
        refused(stage, earlier, UnknownVoter, stage.officer(newcomer), **ballot)

    def test_with_another_proposals_number(self, stage: Stage) -> None:
        bank = stage.banks[0]
        one = stage.voting()
        other = stage.voting("suspend", institution=stage.banks[1])
        number = stage.ballot(bank, one)["nonce"]

        ballot = stage.ballot(bank, other, nonce=number)
        error = refused(stage, other, StaleNonce, stage.officer(bank), **ballot)

        assert error.params["expected"] == typed_data.keyed_nonce(int(other.chain_proposal_id))

    def test_once_it_is_decided(self, stage: Stage) -> None:
        proposal, last = stage.passed(), stage.banks[-1]

        refused(stage, proposal, VotingClosed, stage.officer(last), **stage.ballot(last, proposal))

    @pytest.mark.parametrize(
        "wrong", [{"support": 3}, {"support": -1}, {"nonce": -1}, {"nonce": 2**256}, {"voter": "Wangchao"}]
    )
    def test_with_fields_that_mean_nothing(self, stage: Stage, wrong: dict[str, Any]) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = {**stage.ballot(bank, proposal), **wrong}

        refused(stage, proposal, InvalidInput, stage.officer(bank), **ballot)

    def test_by_the_ledger_itself_is_shown(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal)
        services.cast(proposal, actor=stage.officer(bank), **ballot)
        _vote_past_the_console(stage, bank, proposal)

        stage.work()

        own = selectors.own_vote(proposal, bank)
        assert (own.status, own.support) == (BallotStatus.COUNTED, FOR)
        (event,) = stage.events(proposal, "ballot.refused")
        assert event.data["code"] == "refused_by_ledger"
        refused(stage, proposal, AlreadyVoted, stage.officer(bank), **ballot)
        assert stage.tally(proposal) == (0, 1, 0)

    def test_by_the_ledger_and_handed_in_unchanged(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.cast(bank, proposal)
        relays = RelayTransaction.objects.filter(key=f"ballot:{ballot.pk}")
        relays.update(status="refused", error_code="NoSeatAtSnapshot")

        error = refused(stage, proposal, RefusedByLedger, stage.officer(bank), **stage.ballot(bank, proposal))

        assert error.params["reason"] == "NoSeatAtSnapshot"


class TestSeveralAtOnce:
    def test_ballots_on_different_proposals_do_not_wait_for_each_other(self, stage: Stage) -> None:
        bank = stage.banks[0]
        proposals = [stage.voting("suspend", institution=other) for other in stage.banks[1:4]]
        ballots = [stage.ballot(bank, proposal) for proposal in proposals]

        for proposal, ballot in reversed(list(zip(proposals, ballots, strict=True))):
            services.cast(proposal, actor=stage.officer(bank), **ballot)
        stage.relay()

        assert [stage.tally(proposal) for proposal in proposals] == [(0, 1, 0)] * 3

    def test_the_number_need_not_be_said(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        ballot = stage.ballot(bank, proposal)
        number = ballot.pop("nonce")

        services.cast(proposal, actor=stage.officer(bank), **ballot)

        assert Ballot.objects.get().nonce == str(number)


class TestIsolation:
    def test_an_officer_hands_in_no_other_banks_ballot(self, stage: Stage) -> None:
        proposal = stage.voting()
        wangs, lis = stage.banks[:2]

        refused(stage, proposal, AnotherMembersBallot, stage.officer(lis), **stage.ballot(wangs, proposal))

    @pytest.mark.parametrize("role", ["secretariat", "regulator"])
    def test_neither_secretariat_nor_regulator_hands_in_any(self, stage: Stage, role: str) -> None:
        proposal = stage.voting()
        outsider = UserFactory(**{role: True})

        ballot = stage.ballot(stage.banks[0], proposal)
        refused(stage, proposal, AnotherMembersBallot, outsider, **ballot)

    def test_a_deactivated_officer_hands_in_none(self, stage: Stage) -> None:
        proposal, bank = stage.voting(), stage.banks[0]
        officer = stage.officer(bank)
        officer.is_active = False

        refused(stage, proposal, AnotherMembersBallot, officer, **stage.ballot(bank, proposal))


def _vote_past_the_console(stage: Stage, bank: Institution, proposal: Proposal) -> None:
    """By signature, through nobody's relay."""
    ballot = stage.ballot(bank, proposal)
    call = stage.governor.functions.castVoteBySig(
        int(proposal.chain_proposal_id),
        ballot["support"],
        ballot["voter"],
        bytes.fromhex(ballot["signature"][2:]),
    )
    stage.send(call, voter(999_999).address)
