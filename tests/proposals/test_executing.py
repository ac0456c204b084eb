"""Execution by itself, refused and tried again; and the lists of what is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consortium.core.models import OutboxMessage
from consortium.core.outbox import Later
from governance.chain.models import RelayTransaction, Seat
from governance.proposals import selectors, services, topics
from governance.proposals.models import Proposal
from governance.proposals.rules import State
from tests.proposals.stage import Stage


def member(bank: Any) -> bytes:
    return bytes(bank.uscc.encode().ljust(32, b"\0"))


def effective(stage: Stage, proposal: Proposal) -> datetime:
    moment = stage.governor.functions.proposalEta(int(proposal.chain_proposal_id)).call()
    return datetime.fromtimestamp(moment, UTC)


def test_it_is_owed_from_the_moment_the_ledger_has_the_proposal(stage: Stage) -> None:
    proposal = stage.proposed()

    owed = OutboxMessage.objects.get(topic=topics.EXECUTE)

    assert owed.payload == {"proposal": str(proposal.pk)}
    assert abs(owed.due_at.timestamp() - stage.deadline(proposal) - 1) < 1


def test_it_waits_for_the_ledgers_clock_not_for_ours(stage: Stage) -> None:
    proposal = stage.voting()

    with pytest.raises(Later):
        services.execute_when_due(proposal.pk)

    assert Proposal.objects.get(pk=proposal.pk).queue_tx is None


def test_the_vote_that_decides_it_has_it_queued_at_once(stage: Stage) -> None:
    proposal = stage.passed()

    with stage.ledgers_time(ahead=5):
        stage.work()

    assert stage.state(proposal) == State.QUEUED
    with stage.ledgers_time():
        seen = selectors.overview(Proposal.objects.get(pk=proposal.pk))
    assert (seen.effect.status, seen.effect.effective_at) == ("queued", effective(stage, proposal))
    (queued,) = stage.events(proposal, "proposal.queued")
    assert queued.data["effective_at"] == effective(stage, proposal).isoformat()


def test_the_timelock_is_waited_for(stage: Stage) -> None:
    proposal = stage.queued()

    with pytest.raises(Later, match="timelock"):
        services.execute_when_due(proposal.pk)

    assert Proposal.objects.get(pk=proposal.pk).execute_tx is None
    owed = OutboxMessage.objects.get(topic=topics.EXECUTE, done_at__isnull=True)
    assert owed.due_at <= effective(stage, proposal)


def test_asked_twice_it_is_sent_once(stage: Stage) -> None:
    proposal = stage.passed()

    for _ in range(2):
        services.execute_when_due(proposal.pk)
    stage.relay()
    stage.wait(proposal)
    for _ in range(2):
        services.execute_when_due(proposal.pk)
    stage.relay()
    services.execute_when_due(proposal.pk)

    for purpose in ("queue:", "execute:"):
        assert RelayTransaction.objects.filter(key__startswith=purpose).count() == 1
    assert stage.state(proposal) == State.EXECUTED


def test_somebody_else_may_execute_it_first(stage: Stage) -> None:
    proposal = stage.due()
    content = proposal.targets, proposal.values, proposal.calldatas
    call = stage.governor.functions.execute(*content, stage.web3.keccak(text=proposal.description))
    stage.send(call, stage.banks[0].voting_address)

    with stage.ledgers_time(ahead=5):
        stage.work()

    assert stage.state(proposal) == State.EXECUTED
    assert Proposal.objects.get(pk=proposal.pk).execute_tx is None


def test_refused_by_the_contract_it_is_tried_again_and_goes_through(stage: Stage) -> None:
    bank = stage.banks[-1]
    proposal = stage.due("suspend", institution=bank)
    stage.rule(stage.seats.functions.suspend(member(bank)))  # what stands in the way

    with stage.ledgers_time(ahead=5):
        stage.work()
        seen = selectors.overview(Proposal.objects.get(pk=proposal.pk))
    assert (seen.effect.status, seen.effect.error_code) == ("refused", "UnexpectedSeatStatus")
    assert seen.effect.is_retryable
    assert seen.state == State.QUEUED
    assert stage.events(proposal, "proposal.execution_refused")[0].data["attempt"] == 1

    stage.rule(stage.seats.functions.reinstate(member(bank)))
    with stage.ledgers_time(ahead=40):
        stage.work()
    assert stage.state(proposal) == State.EXECUTED
    assert Seat.objects.get(member_id=bank.uscc).status == Seat.Status.SUSPENDED


def test_a_person_need_not_wait_for_the_next_attempt(stage: Stage) -> None:
    bank = stage.banks[-1]
    proposal = stage.due("suspend", institution=bank)
    stage.rule(stage.seats.functions.suspend(member(bank)))
    with stage.ledgers_time(ahead=5):
        stage.work()
    stage.rule(stage.seats.functions.reinstate(member(bank)))

    with stage.ledgers_time(ahead=6):
        services.execute(proposal, actor=stage.secretary)
        stage.work()

    assert stage.state(proposal) == State.EXECUTED
    assert stage.events(proposal, "proposal.execution_requested")[0].actor_id == stage.secretary.pk


def test_one_that_is_stuck_does_not_block_the_next_on_its_subject(stage: Stage) -> None:
    bank = stage.banks[-1]
    stage.due("suspend", institution=bank)
    stage.rule(stage.seats.functions.suspend(member(bank)))
    with stage.ledgers_time(ahead=5):
        stage.work()
    stage.rule(stage.seats.functions.reinstate(member(bank)))

    with stage.ledgers_time(ahead=6):
        again = services.open(stage.draft("suspend", institution=bank), actor=stage.secretary)

    assert stage.state(again) == State.SUBMITTING


def ids_on_chain(votes: Any) -> list[str]:
    return [vote.proposal_id for vote in votes]


def test_the_open_ones_and_those_that_close_soon(stage: Stage) -> None:
    draft = stage.draft()
    over = stage.decided()
    sooner = stage.voting("suspend", institution=stage.banks[0])
    stage.move_to(stage.snapshot(sooner) + 1800)
    later = stage.voting("suspend", institution=stage.banks[1])

    with stage.ledgers_time():
        listed = [brief.proposal for brief in selectors.open_proposals()]
        half_an_hour = ids_on_chain(selectors.closing(timedelta(minutes=30)))
        an_hour = ids_on_chain(selectors.closing(timedelta(hours=1)))

    assert listed == [sooner, later]
    assert half_an_hour == [sooner.chain_proposal_id]
    assert an_hour == [sooner.chain_proposal_id, later.chain_proposal_id]
    assert not {draft, over} & set(listed)


def test_a_list_asks_as_much_for_three_as_for_one(stage: Stage, django_assert_num_queries: Any) -> None:
    stage.voting("suspend", institution=stage.banks[0])
    with django_assert_num_queries(3):
        assert len(selectors.overviews(selectors.visible_to(stage.secretary))) == 1
    stage.voting("suspend", institution=stage.banks[1])
    stage.voting("suspend", institution=stage.banks[2])
    with django_assert_num_queries(3):
        assert len(selectors.overviews(selectors.visible_to(stage.secretary))) == 3
