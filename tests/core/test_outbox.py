"""What a change owes: one open message a key, handled until it succeeds or is given up in the open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import IntegrityError, transaction

from consortium.core import clock, events, outbox
from consortium.core.errors import IllegalTransition
from consortium.core.models import Event, OutboxMessage
from tests.core.work import CALL, FAIL, NOTE, QUEUE, calls, to_do

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("topics")]

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def owe(topic: outbox.Topic = NOTE, key: str = "heming", after: float = 0, **payload: Any) -> None:
    with transaction.atomic():
        outbox.enqueue(topic.name, key=key, payload=payload, after=after)


def the_message() -> OutboxMessage:
    return OutboxMessage.objects.get()


def at(seconds: float) -> Any:
    return clock.frozen(NOON + timedelta(seconds=seconds))


@pytest.mark.django_db(transaction=True)
def test_a_message_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError):
        outbox.enqueue(NOTE.name, key="heming")
    assert not OutboxMessage.objects.exists()


def test_a_change_that_is_rolled_back_owes_nothing() -> None:
    with transaction.atomic():
        outbox.enqueue(NOTE.name, key="heming")
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()


def test_a_topic_that_nobody_declared_is_an_error_where_it_is_used() -> None:
    with pytest.raises(KeyError), transaction.atomic():
        outbox.enqueue("test.unheard", key="x")


def test_what_is_owed_is_handled_once_with_its_payload() -> None:
    owe(node=7)
    assert outbox.drain(QUEUE) == 1
    assert outbox.drain(QUEUE) == 0
    assert calls == [{"node": 7}]
    message = the_message()
    assert message.done_at is not None
    assert message.attempts == 1


def test_owing_twice_before_it_is_handled_is_owing_once_with_the_newer_payload() -> None:
    owe(epoch=1)
    owe(epoch=2)
    assert the_message().version == 2
    assert outbox.drain(QUEUE) == 1
    assert calls == [{"epoch": 2}]


def test_of_two_due_times_the_earlier_counts() -> None:
    with at(0):
        owe(after=60)
        owe(after=10)
        owe(after=30)
    assert the_message().due_at == NOON + timedelta(seconds=10)


def test_other_keys_and_topics_are_other_messages_and_the_oldest_comes_first() -> None:
    with at(0):
        owe(key="b", name="b")
    with at(1):
        owe(key="a", name="a")
    with at(2):
        assert outbox.drain(QUEUE) == 2
    assert calls == [{"name": "b"}, {"name": "a"}]


def test_the_database_itself_holds_one_open_message_a_key() -> None:
    owe()
    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxMessage.objects.create(topic=NOTE.name, queue=QUEUE, key="heming", created_at=NOON, due_at=NOON)


def test_what_is_not_due_waits() -> None:
    with at(0):
        owe(after=60)
        assert outbox.drain(QUEUE) == 0
    with at(59.9):
        assert outbox.drain(QUEUE) == 0
    with at(60):
        assert outbox.drain(QUEUE) == 1


def test_other_queues_are_left_alone() -> None:
    owe()
    assert outbox.drain("default") == 0
    assert the_message().done_at is None


def test_a_limit_leaves_the_rest_for_the_next_round() -> None:
    for n in range(5):
        owe(key=str(n))
    assert outbox.drain(QUEUE, limit=3) == 3
    assert outbox.drain(QUEUE) == 2


def test_what_is_owed_again_while_it_is_handled_is_handled_again() -> None:
    """The handler may have read the old state already."""
    owe(CALL, epoch=1)
    to_do[:] = [lambda: owe(CALL, epoch=2), lambda: None]
    assert outbox.drain(QUEUE) == 1
    assert the_message().done_at is None
    assert outbox.drain(QUEUE) == 1
    assert calls == [{"epoch": 1}, {"epoch": 2}]
    assert the_message().done_at is not None


def test_a_failure_is_tried_again_after_a_growing_while_and_then_given_up() -> None:
    with at(0):
        owe(FAIL)
        assert outbox.drain(QUEUE) == 1
        assert outbox.drain(QUEUE) == 0, "not at once"
    message = the_message()
    assert (message.attempts, message.due_at) == (1, NOON + timedelta(seconds=1))
    assert message.last_error == "RuntimeError: the ledger does not answer"
    with at(1):
        outbox.drain(QUEUE)
    assert the_message().due_at == NOON + timedelta(seconds=3)
    with at(3):
        outbox.drain(QUEUE)
    message = the_message()
    assert message.attempts == FAIL.max_attempts == 3
    assert message.dead_at == NOON + timedelta(seconds=3)
    with at(1000):
        assert outbox.drain(QUEUE) == 0


def test_what_was_given_up_can_be_owed_anew() -> None:
    with at(0):
        owe(CALL)
        to_do[:] = [_raise(outbox.Permanent("no such node"))]
        outbox.drain(QUEUE)
        owe(CALL)
        to_do[:] = [lambda: None]
        assert outbox.drain(QUEUE) == 1
    first, second = OutboxMessage.objects.order_by("id")
    assert (first.dead_at, first.last_error) == (NOON, "no such node")
    assert second.done_at == NOON


def test_not_yet_is_no_failure() -> None:
    with at(0):
        owe(CALL)
        to_do[:] = [_raise(outbox.Later(30, "voting is open"))]
        outbox.drain(QUEUE)
    message = the_message()
    assert (message.attempts, message.last_error) == (0, "voting is open")
    assert message.due_at == NOON + timedelta(seconds=30)


@pytest.mark.parametrize(
    "outcome",
    [RuntimeError("the ledger does not answer"), outbox.Permanent("no such node"), outbox.Later(3600)],
    ids=["failed", "permanent", "later"],
)
def test_a_newer_message_is_not_held_back_or_lost_by_the_fate_of_the_older(outcome: Exception) -> None:
    """While the old state was worked on, and failed, the new one was owed: it is due now."""

    def owe_again_and_fail() -> None:
        owe(CALL, epoch=2)
        raise outcome

    with at(0):
        owe(CALL, epoch=1)
        to_do[:] = [owe_again_and_fail, lambda: None]
        outbox.drain(QUEUE)
        assert outbox.drain(QUEUE) == 1
    assert calls == [{"epoch": 1}, {"epoch": 2}]
    assert the_message().done_at == NOON


def test_what_is_owed_again_while_it_is_handled_has_all_its_attempts() -> None:
    """A busy message succeeds many times under one row: that must not use its attempts up."""
    owe(CALL)
    to_do[:] = [lambda: owe(CALL)] * 3
    for _round in range(3):
        assert outbox.drain(QUEUE) == 1
    assert (the_message().done_at, the_message().attempts) == (None, 0)


@pytest.mark.parametrize("end", [SystemExit(1), KeyboardInterrupt(), SoftTimeLimitExceeded()], ids=repr)
def test_what_ends_the_worker_is_passed_on_with_the_attempt_counted(end: BaseException) -> None:
    """Else it would go first in the next worker as well, and nothing behind it would ever be done."""
    with at(0):
        owe(CALL, key="poison")
    with at(10):
        owe(NOTE, key="harmless", name="harmless")
        to_do[:] = [_raise(end)]
        with pytest.raises(type(end)):
            outbox.drain(QUEUE)
        assert calls == [{}], "nothing more is taken up"
        poison = OutboxMessage.objects.get(key="poison")
        assert (poison.attempts, poison.due_at) == (1, NOON + timedelta(seconds=11))
        assert outbox.drain(QUEUE) == 1
    assert calls[-1] == {"name": "harmless"}


def test_work_that_runs_out_of_time_at_every_attempt_is_given_up() -> None:
    with at(0):
        owe(CALL)
        OutboxMessage.objects.update(attempts=CALL.max_attempts - 1)
        to_do[:] = [_raise(SoftTimeLimitExceeded())]
        with pytest.raises(SoftTimeLimitExceeded):
            outbox.drain(QUEUE)
    assert the_message().dead_at == NOON
    assert the_message().last_error.startswith("SoftTimeLimitExceeded")


def test_a_topic_that_is_gone_fails_like_any_work_and_holds_nobody_up() -> None:
    with at(0):
        owe(CALL, key="of a former release")
        OutboxMessage.objects.update(topic="test.removed")
        owe(NOTE, name="harmless")
        assert outbox.drain(QUEUE) == 2
    removed = OutboxMessage.objects.get(topic="test.removed")
    assert (removed.attempts, removed.last_error) == (1, "KeyError: 'test.removed'")
    assert calls == [{"name": "harmless"}]


@pytest.mark.django_db(transaction=True)
def test_when_its_time_is_spent_a_drain_leaves_the_rest_to_another_that_it_asks_for() -> None:
    for key in "abc":
        owe(key=key, name=key)
    broker = redis.from_url(settings.REDIS_URL)
    broker.delete(QUEUE)
    assert outbox.drain(QUEUE, seconds=0) == 1
    assert broker.llen(QUEUE) == 1
    assert outbox.drain(QUEUE) == 2
    assert broker.llen(QUEUE) == 1, "nothing is left to ask for"


def test_one_that_fails_does_not_stop_the_others() -> None:
    owe(FAIL, key="broken")
    owe(NOTE, key="fine", name="fine")
    assert outbox.drain(QUEUE) == 2
    assert calls[-1] == {"name": "fine"}


def _raise(error: BaseException) -> Callable[[], None]:
    def run() -> None:
        raise error

    return run


def test_what_was_given_up_is_owed_again_when_somebody_asks() -> None:
    owe(key="heming", node=7)
    OutboxMessage.objects.update(dead_at=NOON)
    outbox.retry(the_message(), actor=events.COMMAND, reason="the ledger is back")
    assert outbox.drain(QUEUE) == 1
    assert calls == [{"node": 7}]
    assert Event.objects.get(action="outbox.retried").reason == "the ledger is back"
    dead = OutboxMessage.objects.get(done_at__isnull=True)
    assert dead.dead_at == NOON
    assert dead.retried_at is not None, "it needs nobody any more"


def test_what_was_given_up_is_owed_again_only_once() -> None:
    owe(key="heming")
    OutboxMessage.objects.update(dead_at=NOON)
    stale = the_message()
    outbox.retry(the_message(), actor=events.COMMAND, reason="the ledger is back")
    outbox.drain(QUEUE)
    with pytest.raises(IllegalTransition):
        outbox.retry(stale, actor=events.COMMAND, reason="impatience")
    assert OutboxMessage.objects.count() == 2
    assert Event.objects.filter(action="outbox.retried").count() == 1


def test_owing_dead_work_again_leaves_newer_work_as_it_is() -> None:
    with at(0):
        owe(epoch=1)
        OutboxMessage.objects.update(dead_at=NOON)
        dead = the_message()
        owe(after=60, epoch=2)
        outbox.retry(dead, actor=events.COMMAND, reason="the ledger is back")
        assert outbox.drain(QUEUE) == 0
    newer = OutboxMessage.objects.get(dead_at__isnull=True)
    assert (newer.payload, newer.version, newer.due_at) == ({"epoch": 2}, 1, NOON + timedelta(seconds=60))
    dead.refresh_from_db()
    assert dead.retried_at == NOON


def test_what_is_still_open_is_not_owed_twice() -> None:
    owe(key="heming")
    with pytest.raises(IllegalTransition):
        outbox.retry(the_message(), actor=events.COMMAND, reason="impatience")
    assert the_message().version == 1
