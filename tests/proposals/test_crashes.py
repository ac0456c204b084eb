"""Processes killed between two steps, and two that do the same at once: nothing is lost, nothing doubled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.core.models import OutboxMessage
from consortium.members.models import User
from governance.chain.models import CastVote, RelayTransaction
from governance.proposals import mandates, services
from governance.proposals.errors import AlreadyVoted, NotADraft, ProposalOpen
from governance.proposals.models import Ballot, Proposal
from governance.proposals.rules import State
from tests.factories import UserFactory
from tests.proposals.stage import Stage
from tests.proposals.victim import RETURNED, held


def handed_in(stage: Stage, proposal: Proposal) -> dict[str, Any]:
    """A good ballot of the first bank, as JSON."""
    bank = stage.banks[0]
    ballot = stage.ballot(bank, proposal)
    return {"proposal": str(proposal.pk), "actor": stage.officer(bank).pk, **ballot}


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Each work in a thread of its own, started together: what it returned, or the refusal it raised."""
    gate = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(index: int, work: Callable[[], Any]) -> None:
        gate.wait(timeout=30)
        try:
            results[index] = work()
        except ConsoleError as refusal:
            results[index] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i, work)) for i, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


class TestKilledWhileTakingInABallot:
    def test_before_the_commit_nothing_is_left_and_the_bank_hands_it_in_again(
        self, shared_stage: Stage
    ) -> None:
        stage = shared_stage
        proposal = stage.voting()
        with held("ballot.received", "cast", handed_in(stage, proposal)):
            pass

        assert not Ballot.objects.exists()
        assert not RelayTransaction.objects.filter(key__startswith="ballot:").exists()
        assert stage.events(proposal, "ballot.received") == []
        stage.cast(stage.banks[0], proposal)
        stage.work()
        assert stage.tally(proposal) == (0, 1, 0)

    def test_between_receiving_and_relaying_the_next_worker_relays_it_once(self, shared_stage: Stage) -> None:
        stage = shared_stage
        proposal = stage.voting()
        with held(RETURNED, "cast", handed_in(stage, proposal)):
            pass

        ballot = Ballot.objects.get()
        assert ballot.relay.status == RelayTransaction.Status.WANTED
        stage.work()
        stage.work()
        assert stage.tally(proposal) == (0, 1, 0)
        assert CastVote.objects.get().voter == ballot.voter


class TestKilledWhileExecuting:
    @pytest.mark.parametrize("point", ["proposal.execution_sent", RETURNED])
    def test_it_is_executed_once_by_the_next_worker(self, shared_stage: Stage, point: str) -> None:
        stage = shared_stage
        proposal = stage.due()
        with held(point, "execute_when_due", {"proposal": str(proposal.pk)}):
            pass

        sent = RelayTransaction.objects.filter(key__startswith="execute:")
        assert sent.count() == (1 if point == RETURNED else 0)
        with stage.ledgers_time(ahead=5):
            stage.work()
        assert stage.state(proposal) == State.EXECUTED
        assert sent.count() == len(stage.events(proposal, "proposal.executed")) == 1
        assert not OutboxMessage.objects.filter(done_at__isnull=True).exists()


class TestKilledWhileOpening:
    @pytest.mark.parametrize("point", ["proposal.opened", RETURNED])
    def test_it_is_a_draft_or_on_its_way_and_never_half(self, shared_stage: Stage, point: str) -> None:
        stage = shared_stage
        proposal = stage.draft()
        with held(point, "open", {"proposal": str(proposal.pk), "actor": stage.secretary.pk}):
            pass

        if point == "proposal.opened":
            assert stage.state(proposal) == State.DRAFT
            services.open(proposal, actor=stage.secretary)
        stage.work()
        assert stage.state(proposal) == State.PENDING
        assert RelayTransaction.objects.count() == 1


class TestAtOnce:
    def test_two_identical_ballots_are_one_relay(self, shared_stage: Stage) -> None:
        stage = shared_stage
        proposal, bank = stage.voting(), stage.banks[0]
        officer, ballot = stage.officer(bank), stage.ballot(bank, proposal)

        results = at_once(*[lambda: services.cast(proposal, actor=officer, **ballot)] * 2)

        assert [type(result) for result in results].count(Ballot) == Ballot.objects.count() == 1
        assert [type(r) for r in results].count(AlreadyVoted) == 1
        assert RelayTransaction.objects.filter(key__startswith="ballot:").count() == 1
        stage.work()
        assert stage.tally(proposal) == (0, 1, 0)

    def test_one_draft_is_opened_once(self, shared_stage: Stage) -> None:
        stage = shared_stage
        proposal = stage.draft()

        results = at_once(*[lambda: services.open(proposal, actor=stage.secretary)] * 2)

        assert {type(result) for result in results} == {Proposal, NotADraft}
        assert RelayTransaction.objects.count() == 1

    def test_of_two_drafts_on_one_subject_one_is_opened(self, shared_stage: Stage) -> None:
        stage = shared_stage
        applicant = stage.applicant()
        one, other = stage.draft(institution=applicant), stage.draft(institution=applicant)

        results = at_once(
            lambda: services.open(one, actor=stage.secretary),
            lambda: services.open(other, actor=stage.secretary),
        )

        assert {type(result) for result in results} == {Proposal, ProposalOpen}

    def test_two_drafts_get_two_numbers(self, shared_stage: Stage) -> None:
        stage = shared_stage
        applicants = stage.applicant(), stage.applicant()

        drafts = at_once(*[lambda a=a: stage.draft(institution=a) for a in applicants])

        assert len({draft.number for draft in drafts}) == 2

    def test_two_workers_execute_once(self, shared_stage: Stage) -> None:
        stage = shared_stage
        proposal = stage.due()

        at_once(*[lambda: services.execute_when_due(proposal.pk)] * 2)

        assert RelayTransaction.objects.filter(key__startswith="execute:").count() == 1


class TestTwoOfOneBankAtOnce:
    def test_they_can_not_take_each_other_out_of_voting(self, shared_stage: Stage) -> None:
        bank = shared_stage.banks[0]
        first, second = (UserFactory(institution=bank) for _ in range(2))
        others = [officer for officer in bank.officers.all() if officer not in (first, second)]
        for officer in others:
            services.set_duty(officer, votes=False, actor=first, reason="On leave.")

        def take_out(officer: User, by: User) -> Any:
            return services.set_duty(officer, votes=False, actor=by, reason="On leave.")

        results = at_once(lambda: take_out(first, second), lambda: take_out(second, first))

        assert [type(result).__name__ for result in results].count("NoVotingDuty") == 1, results
        assert len(mandates.officers_able(bank, clock.now())) == 1
