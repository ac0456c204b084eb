"""One proposal that does several things, all of them or none; and every kind of action there is."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.core.errors import InvalidInput
from governance.chain.models import AccountPermission, OnChainProposal, RegistryEntry, Seat, VotingRule
from governance.proposals import actions, rules, selectors, services
from governance.proposals.errors import ProposalOpen, WrongSubject
from governance.proposals.models import Kind, Permission, Proposal
from governance.proposals.rules import State, Weightiness
from governance.proposals.services import Wish
from tests.factories import voter
from tests.proposals.stage import Stage

ACCOUNT = voter(900_001).address
WIDE = rules.Rule((1, 4), (1, 2), 1)


def kind_of(proposal: Proposal) -> Weightiness:
    return actions.weightiness(Proposal.objects.get(pk=proposal.pk))


def test_a_bank_and_its_node_are_admitted_together(stage: Stage) -> None:
    applicant = stage.applicant()
    node = stage.node(applicant)

    more = [Wish("admit_node", institution=applicant, node=node, node_role=2)]
    proposal = stage.decided(institution=applicant, more=more)

    assert [action.kind for action in proposal.actions.all()] == ["admit_institution", "admit_node"]
    assert proposal.description.startswith(f"Proposal {proposal.number}: admit_institution, admit_node\n")
    assert Seat.objects.get(member_id=applicant.uscc).status == Seat.Status.ACTIVE
    entry = RegistryEntry.objects.get()
    assert (entry.member_id, entry.role) == (applicant.uscc, RegistryEntry.NodeRole.SEALER)
    assert OnChainProposal.objects.get().kind == kind_of(proposal) == Weightiness.MEMBERSHIP


def test_if_one_of_them_fails_none_is_done(stage: Stage) -> None:
    bank, other = stage.banks[:2]
    node = stage.node(bank)
    more = [Wish("suspend", institution=other)]
    proposal = stage.due("admit_node", institution=bank, node=node, node_role=1, more=more)
    stage.rule(stage.seats.functions.suspend(other.uscc.encode().ljust(32, b"\0")))

    with stage.ledgers_time(ahead=5):
        stage.work()

    assert stage.state(proposal) == State.QUEUED
    with stage.ledgers_time():
        effect = selectors.overview(Proposal.objects.get(pk=proposal.pk)).effect
    assert (effect.is_retryable, effect.error_code) == (True, "UnexpectedSeatStatus")
    assert not RegistryEntry.objects.exists()


def test_what_follows_is_checked_against_what_went_before(stage: Stage) -> None:
    applicant, bank = stage.applicant(), stage.banks[0]
    node = stage.node(applicant)
    entry = Wish("admit_node", institution=applicant, node=node, node_role=1)

    with pytest.raises(WrongSubject):
        stage.draft(**entry.__dict__)
    with pytest.raises(WrongSubject):
        stage.draft("suspend", institution=bank, more=[Wish("suspend", institution=bank)])
    with pytest.raises(WrongSubject):
        stage.draft(institution=applicant, more=[entry, entry])
    assert not Proposal.objects.exists()


def test_no_more_than_a_block_holds(stage: Stage) -> None:
    more = [Wish("suspend", institution=stage.banks[0])] * 25
    with pytest.raises(InvalidInput) as caught:
        stage.draft("suspend", institution=stage.banks[0], more=more)
    assert caught.value.params["field"] == "more"


def test_any_of_them_collides_with_another_open_proposal(stage: Stage) -> None:
    one, two = stage.banks[:2]
    services.open(stage.draft("suspend", institution=one), actor=stage.secretary)
    both = stage.draft("suspend", institution=two, more=[Wish("suspend", institution=one)])

    with pytest.raises(ProposalOpen):
        services.open(both, actor=stage.secretary)


class TestAccounts:
    def wish(self, stage: Stage, permission: int) -> dict[str, Any]:
        bank = stage.banks[0]
        network = stage.node(bank).network
        return {
            "institution": bank, "network": network, "address": ACCOUNT, "permission": permission
        }  # fmt: skip

    def test_an_account_may_deploy_and_then_nothing_any_more(self, stage: Stage) -> None:
        wish = self.wish(stage, Permission.DEPLOY)
        proposal = stage.decided("set_account", **wish)

        entry = AccountPermission.objects.get()
        assert (entry.address, entry.permission) == (ACCOUNT, Permission.DEPLOY)
        assert (entry.member_id, entry.network) == (wish["institution"].uscc, wish["network"].pk)
        assert kind_of(proposal) == Weightiness.ROUTINE
        stage.decided("set_account", **{**wish, "permission": Permission.NONE})
        assert not AccountPermission.objects.exists()

    def test_what_it_has_already_is_not_voted_on(self, stage: Stage) -> None:
        with pytest.raises(WrongSubject):
            stage.draft("set_account", **self.wish(stage, Permission.NONE))

    @pytest.mark.parametrize("field", ["network", "address", "permission"])
    def test_all_of_it_is_said(self, stage: Stage, field: str) -> None:
        wish = {**self.wish(stage, Permission.TRANSACT), field: "" if field == "address" else None}
        with pytest.raises(InvalidInput) as caught:
            stage.draft("set_account", **wish)
        assert caught.value.params["field"] == field


class TestRules:
    def test_a_rule_changes_by_a_constitutional_vote_and_leaves_open_votes_alone(self, stage: Stage) -> None:
        running = stage.voting("admit_node", institution=stage.banks[0], node_role=1,
                               node=stage.node(stage.banks[0]))  # fmt: skip
        proposal = stage.decided("change_rule", institution=None, rule_of=Weightiness.ROUTINE, rule=WIDE)

        assert kind_of(proposal) == Weightiness.CONSTITUTIONAL
        changed = VotingRule.objects.get(kind=Weightiness.ROUTINE, governor=stage.ledger.governor)
        assert rules.Rule.read(changed.rule) == WIDE
        before = selectors.overview(Proposal.objects.get(pk=running.pk)).rule
        assert before == rules.Rule((1, 3), (1, 2), 0)

    @pytest.mark.parametrize(
        "rule",
        [None, rules.Rule((0, 1), (1, 2), 0), rules.Rule((2, 1), (1, 2), 0), rules.Rule((1, 2), (1, 2), 7)],
    )
    def test_one_that_no_vote_could_meet_is_refused(self, stage: Stage, rule: rules.Rule | None) -> None:
        with pytest.raises(InvalidInput) as caught:
            stage.draft("change_rule", institution=None, rule_of=0, rule=rule)
        assert caught.value.params["field"] == "rule"


def test_a_bank_votes_with_another_address(stage: Stage) -> None:
    bank = stage.banks[0]
    proposal = stage.decided(Kind.CHANGE_VOTER, institution=bank, address=ACCOUNT.lower())

    assert Seat.objects.get(member_id=bank.uscc).voting_address == ACCOUNT
    assert kind_of(proposal) == Weightiness.CONSTITUTIONAL
    with pytest.raises(WrongSubject):
        stage.draft(Kind.CHANGE_VOTER, institution=stage.banks[1], address=ACCOUNT)
