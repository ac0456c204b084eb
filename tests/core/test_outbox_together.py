"""A topic whose handler takes several: all at once, and each with an end of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from consortium.core import clock, outbox
from consortium.core.models import OutboxMessage
from tests.core.work import MANY, NOTE, QUEUE, calls

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("topics")]

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def owe(*ends: str, topic: outbox.Topic = MANY) -> None:
    with transaction.atomic(), clock.frozen(NOON):
        outbox.enqueue_all(topic.name, {f"{n}": {"end": end} for n, end in enumerate(ends)})


def drain() -> int:
    with clock.frozen(NOON):
        return outbox.drain(QUEUE)


def test_as_many_as_the_topic_says_go_to_the_handler_at_once() -> None:
    owe("well", "well", "well", "well", "well")
    assert drain() == 5
    assert [len(payloads) for payloads in calls] == [3, 2]
    assert not OutboxMessage.objects.filter(outbox.OPEN).exists()


def test_another_topic_is_not_among_them() -> None:
    owe("well", topic=NOTE)
    owe("well", "well")
    assert drain() == 3
    assert calls == [{"end": "well"}, [{"end": "well"}, {"end": "well"}]]


def test_each_ends_by_itself() -> None:
    owe("later", "never", "fails")
    drain()
    later, never, fails = OutboxMessage.objects.order_by("key")
    assert (later.due_at, later.attempts, later.last_error) == (NOON + timedelta(seconds=60), 0, "not yet")
    assert (never.dead_at, never.last_error) == (NOON, "no")
    assert (fails.due_at, fails.attempts) == (NOON + timedelta(seconds=1), 1)
    assert fails.last_error == "RuntimeError: !"


def test_three_take_the_questions_of_one() -> None:
    counts = []
    for ends in (["well"], ["well", "well", "well"]):
        owe(*ends)
        with CaptureQueriesContext(connection) as asked:
            assert drain() == len(ends)
        counts.append(len(asked))
    # What is due, locks; BEGIN, claim, attempts, COMMIT; ends, unlocked; nothing more is due.
    assert counts == [9, 9]


def test_a_handler_that_forgets_one_fails_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.core.work.end_each", lambda payloads: [None])
    owe("well", "well")
    drain()
    assert {message.attempts for message in OutboxMessage.objects.filter(outbox.OPEN)} == {1}
    assert {message.last_error for message in OutboxMessage.objects.all()} == {
        "TypeError: test.many: 1 outcomes of 2 messages"
    }
