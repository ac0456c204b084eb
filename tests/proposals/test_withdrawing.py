"""A proposal is taken back, amended into another, or cancelled by the guardians."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.core.errors import NotAllowed, ReasonRequired
from governance.chain.models import RegistryEntry, RelayTransaction
from governance.proposals import services
from governance.proposals.errors import AmendedAlready, NotAmendable, NotWithdrawable
from governance.proposals.models import Proposal
from governance.proposals.rules import State, Weightiness
from governance.proposals.services import Wish
from tests.contracts.alliance import ACTIVE, GUARDIANS, GUARDIANS_NEEDED, padded
from tests.proposals.stage import Stage

WHY = "The applicant asked us to."
WORDS = {"title_zh": "接纳新成员（修订）", "title_en": "Admit a member, amended", "text": "As discussed."}


def withdraw(stage: Stage, proposal: Proposal, **other: Any) -> Proposal:
    return services.withdraw(proposal, **{"actor": stage.secretary, "reason": WHY, **other})


def amend(stage: Stage, proposal: Proposal, **other: Any) -> Proposal:
    return services.amend(proposal, **{**WORDS, "actor": stage.secretary, "reason": WHY, **other})


class TestWithdrawing:
    def test_a_draft_is_given_up_here(self, stage: Stage) -> None:
        proposal = stage.draft()
        withdraw(stage, proposal)
        assert stage.state(proposal) == State.DISCARDED
        assert stage.events(proposal, "proposal.withdrawn")[0].reason == WHY
        assert not RelayTransaction.objects.exists()

    def test_one_that_is_not_voted_on_yet_is_taken_off_the_ledger(self, stage: Stage) -> None:
        proposal = stage.proposed()
        with stage.ledgers_time():
            withdraw(stage, proposal)
            withdraw(stage, proposal)  # asked twice it is sent once
        stage.relay()

        assert stage.state(proposal) == State.CANCELED
        assert RelayTransaction.objects.filter(key__startswith="withdraw:").count() == 1
        (canceled,) = stage.events(proposal, "proposal.canceled")
        assert canceled.data["withdrawn"] is True

    @pytest.mark.parametrize("phase", ["voting", "passed", "queued", "decided"])
    def test_what_members_vote_on_is_theirs(self, stage: Stage, phase: str) -> None:
        proposal = getattr(stage, phase)()
        with stage.ledgers_time(), pytest.raises(NotWithdrawable):
            withdraw(stage, proposal)

    def test_too_late_for_the_ledger_it_is_voted_on(self, stage: Stage) -> None:
        proposal = stage.proposed()
        with stage.ledgers_time():
            withdraw(stage, proposal)
        stage.move_to(stage.snapshot(proposal) + 1)
        stage.relay()

        assert stage.state(proposal) == State.VOTING
        (refused,) = stage.events(proposal, "proposal.withdrawal_refused")
        assert refused.data["error_code"] == "GovernorUnableToCancel"

    def test_with_a_reason_and_by_the_secretariat(self, stage: Stage) -> None:
        proposal = stage.draft()
        with pytest.raises(ReasonRequired):
            withdraw(stage, proposal, reason=" ")
        with pytest.raises(NotAllowed):
            withdraw(stage, proposal, actor=stage.officer(stage.banks[0]))


class TestAmending:
    def test_the_successor_takes_its_place_and_names_it(self, stage: Stage) -> None:
        proposal = stage.proposed()
        with stage.ledgers_time():
            successor = amend(stage, proposal)
        stage.relay()

        assert stage.state(proposal) == State.CANCELED
        assert (successor.amends, successor.number) == (proposal, proposal.number + 1)
        assert f"\nAmends: proposal {proposal.number}\n" in successor.description
        assert (successor.kind, successor.institution) == (proposal.kind, proposal.institution)
        assert successor.text == "As discussed."
        with stage.ledgers_time():
            services.open(successor, actor=stage.secretary)
        stage.relay()
        assert stage.state(successor) == State.PENDING
        assert stage.events(proposal, "proposal.amended")[0].data["successor"] == successor.number

    def test_a_draft_may_be_amended_to_do_something_else(self, stage: Stage) -> None:
        bank = stage.banks[0]
        proposal = stage.draft("suspend", institution=bank)
        successor = amend(stage, proposal, wishes=[Wish("expel", institution=bank)])
        assert stage.state(proposal) == State.DISCARDED
        assert [action.kind for action in successor.actions.all()] == ["expel"]

    def test_again_once_the_successor_was_discarded(self, stage: Stage) -> None:
        proposal = stage.voting()
        with stage.ledgers_time():
            services.discard(amend(stage, proposal), actor=stage.secretary, reason="Not so either.")
            second = amend(stage, proposal)
        assert [one.pk for one in proposal.successors.filter(discarded_at=None)] == [second.pk]

    def test_once(self, stage: Stage) -> None:
        proposal = stage.voting()
        with stage.ledgers_time():
            successor = amend(stage, proposal)
            with pytest.raises(AmendedAlready) as caught:
                amend(stage, proposal)
        assert caught.value.params["successor"] == successor.number

    @pytest.mark.parametrize("phase", ["passed", "decided"])
    def test_not_what_has_passed(self, stage: Stage, phase: str) -> None:
        proposal = getattr(stage, phase)()
        with stage.ledgers_time(), pytest.raises(NotAmendable):
            amend(stage, proposal)


class TestTheGuardians:
    def cancel(self, stage: Stage, proposal: Proposal) -> None:
        """As many of them as it takes confirm it on the ledger."""
        description = stage.web3.keccak(text=proposal.description)
        content = (proposal.targets, proposal.values, proposal.calldatas, description)
        for guardian in GUARDIANS[:GUARDIANS_NEEDED]:
            stage.send(stage.break_glass.functions.confirmCancel(content, b"r" * 32), guardian.address)
        stage.index()

    def test_they_cancel_what_members_vote_on(self, stage: Stage) -> None:
        proposal = stage.voting()
        self.cancel(stage, proposal)
        assert stage.state(proposal) == State.CANCELED
        (canceled,) = stage.events(proposal, "proposal.canceled")
        assert canceled.data["withdrawn"] is False

    def test_they_cancel_what_waits_in_the_timelock(self, stage: Stage) -> None:
        bank = stage.banks[0]
        proposal = stage.due("suspend", institution=bank)
        self.cancel(stage, proposal)
        with stage.ledgers_time(ahead=5):
            stage.work()

        assert stage.state(proposal) == State.CANCELED
        assert stage.seats.functions.seatOf(padded(bank.uscc)).call()[2] == ACTIVE

    def test_a_freeze_opens_a_vote_that_members_find_here(self, stage: Stage) -> None:
        bank = stage.banks[0]
        node = stage.node(bank)
        stage.register(node, RegistryEntry.NodeRole.SEALER)
        where = padded(node.network_id), bytes.fromhex(node.consensus_id)
        for guardian in GUARDIANS[:GUARDIANS_NEEDED]:
            stage.send(stage.break_glass.functions.confirmFreeze(*where, b"r" * 32), guardian.address)
        stage.index()

        proposal = Proposal.objects.get()
        assert (proposal.kind, proposal.institution, proposal.node) == ("ratify_freeze", bank, node)
        assert node.name in proposal.title_en
        assert stage.state(proposal) in {State.PENDING, State.VOTING}
        stage.move_to(stage.snapshot(proposal) + 1)
        stage.index()
        for other in stage.banks[:3]:
            stage.cast(other, proposal)
            stage.relay()
        with stage.ledgers_time(ahead=5):
            stage.work()
        stage.wait(proposal)
        with stage.ledgers_time(ahead=5):
            stage.work()
        assert stage.state(proposal) == State.EXECUTED
        assert RegistryEntry.objects.get().freeze_ratified
        assert (
            stage.governor.functions.ruleOf(int(proposal.chain_proposal_id)).call()[0] == Weightiness.ROUTINE
        )
