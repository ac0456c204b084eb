"""Which proposals may be drafted, opened and discarded, by whom, and in which state of the alliance."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from consortium.core.errors import ConsoleError, InvalidInput, NotAllowed, ReasonRequired
from consortium.core.events import COMMAND
from consortium.core.models import OutboxMessage
from governance.chain.models import OnChainProposal, RelayTransaction
from governance.proposals import services
from governance.proposals.errors import NotADraft, NotExecutable, ProposalOpen, WrongSubject
from governance.proposals.models import Kind, Proposal
from governance.proposals.rules import State
from governance.proposals.selectors import visible_to
from tests.contracts.alliance import padded
from tests.factories import InstitutionFactory, NodeFactory, UserFactory
from tests.proposals.stage import TEXT, Stage


class TestDrafting:
    def test_a_draft_is_numbered_hashed_and_recorded(self, stage: Stage) -> None:
        first, second = stage.draft(), stage.draft()

        assert second.number == first.number + 1
        assert first.text_sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
        assert f"Text SHA-256: {first.text_sha256}" in first.description
        assert first.description.endswith(f"#proposer={stage.ledger.relay_address}")
        (event,) = stage.events(first, "proposal.drafted")
        assert (event.actor_id, event.institution_id) == (stage.secretary.pk, first.institution_id)
        assert stage.state(first) == State.DRAFT

    def test_the_id_is_the_one_that_the_ledger_gives(self, stage: Stage) -> None:
        proposal = stage.proposed()

        row = OnChainProposal.objects.get()
        assert (row.proposal_id, row.description) == (proposal.chain_proposal_id, proposal.description)
        assert row.calldatas == proposal.calldatas

    @pytest.mark.parametrize("who", ["member", "regulator", "machine"])
    def test_only_a_person_of_the_secretariat_drafts(self, stage: Stage, who: str) -> None:
        actor: Any = {
            "member": stage.officer(stage.banks[0]),
            "regulator": UserFactory(regulator=True),
            "machine": COMMAND,
        }[who]
        applicant = stage.applicant()

        with pytest.raises(NotAllowed):
            stage.draft(institution=applicant, actor=actor)
        assert not Proposal.objects.exists()

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("kind", "crown_a_king"),
            ("title_en", ""),
            ("title_zh", "字" * 201),
            ("title_en", "two\nlines"),
            ("text", "  "),
            ("text", "x" * 20_001),
            ("text", "seen \N{ZERO WIDTH SPACE} unseen"),
            ("node_role", 2),
        ],
    )
    def test_a_bad_field_is_named(self, stage: Stage, field: str, value: Any) -> None:
        with pytest.raises(InvalidInput) as caught:
            stage.draft(**{field: value})
        assert caught.value.params["field"] == field
        assert not Proposal.objects.exists()

    def test_a_node_of_another_bank_is_refused(self, stage: Stage) -> None:
        node = NodeFactory(institution=stage.banks[1])
        with pytest.raises(InvalidInput):
            stage.draft("admit_node", institution=stage.banks[0], node=node, node_role=1)

    def test_a_node_without_a_role_is_refused(self, stage: Stage) -> None:
        bank = stage.banks[0]
        with pytest.raises(InvalidInput):
            stage.draft("admit_node", institution=bank, node=stage.node(bank))


class TestSubjects:
    """Each kind starts from one state of the alliance and from no other."""

    @pytest.mark.parametrize(
        "fields", [{"applied": True}, {"admitted": True}, {"active": True}, {"voting": False}]
    )
    def test_admission_takes_review_and_a_voting_address(self, stage: Stage, fields: Any) -> None:
        with pytest.raises(WrongSubject):
            stage.draft(institution=stage.applicant(**fields))

    @pytest.mark.parametrize("kind", [Kind.SUSPEND, Kind.REINSTATE, Kind.EXPEL])
    def test_without_a_seat_there_is_nothing_to_take(self, stage: Stage, kind: str) -> None:
        with pytest.raises(WrongSubject):
            stage.draft(kind, institution=InstitutionFactory(active=True))

    def test_an_active_seat_is_not_reinstated_and_a_suspended_one_not_suspended(self, stage: Stage) -> None:
        active, suspended = stage.banks[:2]
        stage.rule(stage.seats.functions.suspend(suspended.uscc.encode().ljust(32, b"\0")))

        for kind, bank in ((Kind.REINSTATE, active), (Kind.SUSPEND, suspended)):
            with pytest.raises(WrongSubject):
                stage.draft(kind, institution=bank)
        assert stage.draft(Kind.EXPEL, institution=suspended).kind == Kind.EXPEL

    def test_a_suspended_bank_gets_no_node(self, stage: Stage) -> None:
        bank = stage.banks[0]
        stage.rule(stage.seats.functions.suspend(bank.uscc.encode().ljust(32, b"\0")))
        with pytest.raises(WrongSubject):
            stage.draft("admit_node", institution=bank, node=stage.node(bank), node_role=1)

    def test_a_node_is_admitted_once_and_changed_or_removed_only_when_it_is_there(self, stage: Stage) -> None:
        bank = stage.banks[0]
        there, absent = stage.node(bank), stage.node(bank)
        stage.register(there, 1)

        for kind, node, role in (
            ("admit_node", there, 2),
            ("change_role", there, 1),
            ("change_role", absent, 2),
            ("remove_node", absent, None),
        ):
            with pytest.raises(WrongSubject):
                stage.draft(kind, institution=bank, node=node, node_role=role)


class TestOpening:
    def test_what_is_open_is_not_opened_twice(self, stage: Stage) -> None:
        proposal = stage.draft()
        services.open(proposal, actor=stage.secretary)

        with pytest.raises(NotADraft):
            services.open(proposal, actor=stage.secretary)

        assert RelayTransaction.objects.count() == 1

    def test_the_subject_is_checked_again(self, stage: Stage) -> None:
        bank = stage.banks[0]
        proposal = stage.draft("suspend", institution=bank)
        stage.rule(stage.seats.functions.suspend(bank.uscc.encode().ljust(32, b"\0")))

        with pytest.raises(WrongSubject):
            services.open(proposal, actor=stage.secretary)

        assert stage.state(proposal) == State.DRAFT

    def test_no_two_on_the_same_subject_at_once(self, stage: Stage) -> None:
        applicant = stage.applicant()
        first, second = stage.draft(institution=applicant), stage.draft(institution=applicant)
        services.open(first, actor=stage.secretary)

        with pytest.raises(ProposalOpen) as caught:
            services.open(second, actor=stage.secretary)
        assert caught.value.params["number"] == first.number

        stage.work()
        stage.close(first)
        with stage.ledgers_time():
            services.open(second, actor=stage.secretary)
        assert Proposal.objects.get(pk=second.pk).opened_by == stage.secretary

    def test_an_expulsion_waits_for_votes_on_the_banks_nodes(self, stage: Stage) -> None:
        bank = stage.banks[0]
        node = stage.node(bank)
        stage.proposed("admit_node", institution=bank, node=node, node_role=1)
        expulsion = stage.draft("expel", institution=bank)

        with pytest.raises(ProposalOpen):
            services.open(expulsion, actor=stage.secretary)

    @pytest.mark.parametrize("service", [services.open, services.execute])
    def test_a_member_neither_opens_nor_executes(self, stage: Stage, service: Any) -> None:
        with pytest.raises(NotAllowed):
            service(stage.draft(), actor=stage.officer(stage.banks[0]))

    def test_one_that_the_ledger_refused_is_opened_again_with_another_transaction(self, stage: Stage) -> None:
        proposal = services.open(stage.draft(), actor=stage.secretary)
        RelayTransaction.objects.filter(pk=proposal.propose_tx_id).update(status="refused")
        OutboxMessage.objects.all().delete()
        assert stage.state(proposal) == State.REFUSED

        services.open(proposal, actor=stage.secretary)
        stage.work()

        assert stage.state(proposal) == State.PENDING
        assert len(stage.events(proposal, "proposal.reopened")) == 1

    def test_drafts_are_the_secretariats_own(self, stage: Stage) -> None:
        draft, opened = stage.draft(), services.open(stage.draft(), actor=stage.secretary)
        officer = stage.officer(stage.banks[0])

        assert set(visible_to(officer)) == set(visible_to(UserFactory(regulator=True))) == {opened}
        assert set(visible_to(stage.secretary)) == {draft, opened}


class TestDiscarding:
    def test_a_draft_is_given_up_with_a_reason_and_stays_on_record(self, stage: Stage) -> None:
        proposal = stage.draft()

        services.discard(proposal, actor=stage.secretary, reason="The applicant withdrew.")

        assert stage.state(proposal) == State.DISCARDED
        assert stage.events(proposal, "proposal.discarded")[0].reason == "The applicant withdrew."
        for again in (
            lambda: services.open(proposal, actor=stage.secretary),
            lambda: services.discard(proposal, actor=stage.secretary, reason="Twice."),
        ):
            with pytest.raises(NotADraft):
                again()

    def test_no_reason_no_discarding(self, stage: Stage) -> None:
        with pytest.raises(ReasonRequired):
            services.discard(stage.draft(), actor=stage.secretary, reason=" ")

    def test_what_members_vote_on_is_not_discarded(self, stage: Stage) -> None:
        with pytest.raises(NotADraft):
            services.discard(stage.proposed(), actor=stage.secretary, reason="Changed our minds.")


@pytest.mark.parametrize("phase", ["draft", "voting", "decided"])
def test_only_what_has_passed_is_executed(stage: Stage, phase: str) -> None:
    proposal = getattr(stage, phase)()
    with stage.ledgers_time(), pytest.raises(ConsoleError) as caught:
        services.execute(proposal, actor=stage.secretary)
    assert type(caught.value) is NotExecutable


def test_a_node_that_the_ledger_has_under_another_member_is_left_alone(stage: Stage) -> None:
    bank, other = stage.banks[:2]
    node = stage.node(bank)
    network, member = padded(node.network_id), padded(other.uscc)
    consensus_id = bytes.fromhex(node.consensus_id)
    stage.rule(stage.registry.functions.setRole(network, consensus_id, member, 1))

    with pytest.raises(WrongSubject):
        stage.draft("change_role", institution=bank, node=node, node_role=2)
