"""Real processes, killed: a change and what it owes survive together or not at all."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from tests.core.work import NOTE, QUEUE, WAIT, child, said

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("topics")]

LIMIT = 60  # seconds until a hanging test fails


def owe(topic: outbox.Topic, key: str) -> None:
    with transaction.atomic():
        outbox.enqueue(topic.name, key=key, payload={"label": key})


def noted() -> list[str]:
    return list(
        Event.objects.filter(action="test.noted").order_by("id").values_list("subject_label", flat=True)
    )


def wait_until_given_back() -> None:
    """Until PostgreSQL has noticed that the killed process is gone: our own lock waits for its."""
    (pk,) = OutboxMessage.objects.filter(topic=WAIT.name).values_list("pk", flat=True)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '30s'")
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [outbox._LOCK_SPACE, pk])
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [outbox._LOCK_SPACE, pk])
        cursor.execute("RESET statement_timeout")


def test_a_worker_killed_at_work_gives_its_message_back_and_another_finishes_it() -> None:
    owe(WAIT, "push")
    with child("drain") as worker:
        assert said(worker) == "working"
        worker.kill()
        worker.wait(LIMIT)
    wait_until_given_back()
    left = OutboxMessage.objects.get()
    assert (left.done_at, left.attempts) == (None, 1)
    assert left.due_at <= clock.now() + timedelta(seconds=1), "soon"
    with clock.frozen(left.due_at):
        assert outbox.drain(QUEUE) == 1
    assert OutboxMessage.objects.get().done_at is not None
    assert noted() == ["push", "push"], "at least once: handlers are idempotent"


def poisoned() -> OutboxMessage:
    """A worker took its messages up and was killed by the one that kills."""
    with child("poison") as worker:
        assert worker.wait(LIMIT) == -signal.SIGKILL
    wait_until_given_back()
    return OutboxMessage.objects.get(topic=WAIT.name)


def test_work_that_kills_its_worker_counts_as_tried_and_lets_the_rest_pass() -> None:
    owe(WAIT, "poison")
    owe(NOTE, "harmless")
    left = poisoned()
    assert left.attempts == 1
    with clock.frozen(left.due_at - timedelta(milliseconds=1)):
        assert outbox.drain(QUEUE) == 1
    assert noted() == ["poison", "harmless"]


def test_work_that_kills_every_worker_is_given_up_instead_of_tried_once_more() -> None:
    owe(WAIT, "poison")
    OutboxMessage.objects.update(attempts=WAIT.max_attempts - 1, last_error="out of memory?")
    left = poisoned()
    assert (left.attempts, left.dead_at) == (WAIT.max_attempts, None)
    with clock.frozen(left.due_at):
        assert outbox.drain(QUEUE) == 0
    given_up = OutboxMessage.objects.get()
    assert (given_up.attempts, given_up.dead_at) == (WAIT.max_attempts, left.due_at)
    assert "did not come back" in given_up.last_error
    assert "out of memory?" in given_up.last_error
    assert noted() == ["poison"]


def test_what_a_worker_holds_others_pass_over_and_do_the_rest() -> None:
    owe(WAIT, "slow")
    with child("drain") as worker:
        assert said(worker) == "working"
        owe(NOTE, "quick")
        assert outbox.drain(QUEUE) == 1
        assert noted() == ["slow", "quick"]
        worker.communicate("\n", timeout=LIMIT)
    assert set(OutboxMessage.objects.values_list("attempts", flat=True)) == {1}
    assert not OutboxMessage.objects.filter(done_at__isnull=True).exists()


def test_killed_in_the_middle_of_a_change_neither_change_nor_message_is_there() -> None:
    with child("half") as process:
        assert said(process) == "in the middle"
        process.kill()
        process.wait(LIMIT)
    assert noted() == []
    assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("redis", ["up", "down"])
def test_killed_after_the_commit_the_message_is_there_whether_or_not_redis_was(redis: str) -> None:
    environment = {"REDIS_URL": "redis://127.0.0.1:1/0"} if redis == "down" else {}
    with child("change", **environment) as process:
        assert said(process) == "committed"
        process.kill()
        process.wait(LIMIT)
    assert noted() == ["the change"]
    assert outbox.drain(QUEUE) == 1
    assert noted() == ["the change", "the work it owes"]


@pytest.fixture
def sixty_messages() -> set[str]:
    keys = {f"node-{n}" for n in range(60)}
    with transaction.atomic():
        for key in keys:
            outbox.enqueue(NOTE.name, key=key, payload={"label": key})
    return keys


def test_four_workers_at_once_handle_each_message_exactly_once(sixty_messages: set[str]) -> None:
    together = threading.Barrier(4, timeout=LIMIT)

    def work() -> int:
        try:
            together.wait()
            return outbox.drain(QUEUE)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        handled = [future.result(LIMIT) for future in [pool.submit(work) for _ in range(4)]]
    assert sum(handled) == 60
    assert sorted(noted()) == sorted(sixty_messages)
