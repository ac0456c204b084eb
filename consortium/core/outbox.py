"""The outbox: a change and the work it owes commit together; Celery only nudges.

``enqueue`` writes a row in the caller's transaction. ``drain`` claims due rows of a queue one by one. A claim
is a session-level advisory lock, so a worker that is killed gives its row back the moment PostgreSQL notices
the closed connection; no lease has to run out. (Do not put a transaction-pooling proxy in between.)
Handlers may run more than once and must be idempotent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from consortium.core import clock, events
from consortium.core.errors import IllegalTransition
from consortium.core.models import OutboxMessage

logger = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any]], None]

_LOCK_SPACE = 0x0B0C  # first half of the advisory lock's key; the second is the row's id
_BACKOFF = (1, 2, 5, 15, 60, 300)  # seconds before the next attempt; the last one repeats


@dataclass(frozen=True)
class Topic:
    """Where a topic's messages go and when they are given up."""

    name: str
    queue: str
    handler: str  # dotted path: looked up late, so that declaring a topic imports nothing
    max_attempts: int = 50


_topics: dict[str, Topic] = {}


class Later(Exception):
    """Raised by a handler that is not ready: try again after ``seconds``, without counting an attempt."""

    def __init__(self, seconds: float, why: str = "") -> None:
        super().__init__(why)
        self.seconds = seconds


class Permanent(Exception):
    """Raised by a handler when trying again can't help: the message is given up at once, and shown."""


def declare(topic: Topic) -> Topic:
    """Make a topic known; called from an app's ``ready``."""
    _topics[topic.name] = topic
    return topic


def enqueue(topic: str, *, key: str, payload: dict[str, Any] | None = None, after: float = 0) -> None:
    """Owe ``topic`` for ``key`` (at most one open message each; a later one freshens the earlier).

    Must run inside the transaction of the change. ``after`` is in seconds.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"outbox message {topic} outside a transaction")
    spec = _topics[topic]
    due = clock.now() + timedelta(seconds=after)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_outboxmessage
                (topic, queue, key, payload, version, created_at, due_at, attempts, last_error)
            VALUES (%s, %s, %s, %s::jsonb, 1, %s, %s, 0, '')
            ON CONFLICT (topic, key) WHERE done_at IS NULL AND dead_at IS NULL
            DO UPDATE SET version = core_outboxmessage.version + 1,
                          payload = EXCLUDED.payload,
                          due_at = LEAST(core_outboxmessage.due_at, EXCLUDED.due_at)
            """,
            [topic, spec.queue, key, json.dumps(payload or {}), clock.now(), due],
        )
    transaction.on_commit(lambda: nudge(spec.queue), robust=True)


def retry(message: OutboxMessage, *, actor: events.Actor, reason: str) -> None:
    """Owe the work of a message that was given up once more; the old row stays as it ended."""
    if message.dead_at is None:
        raise IllegalTransition(subject=str(message), current=_("open"), wanted=_("open"), allowed="–")
    with transaction.atomic():
        enqueue(message.topic, key=message.key, payload=message.payload)
        events.record("outbox.retried", message, actor=actor, reason=reason)


def nudge(queue: str) -> None:
    """Ask a worker of ``queue`` to drain now. Only speed is lost when Redis is down: beat asks as well."""
    from consortium.core.tasks import drain_queue

    try:
        drain_queue.apply_async((queue,), queue=queue, retry=False)
    except OperationalError:
        logger.warning("broker unreachable, %s waits for beat", queue)


def drain(queue: str, *, limit: int = 200) -> int:
    """Handle due messages of ``queue``, oldest first, until none is due or ``limit`` is reached.

    Returns how many were handled. Rows that another worker holds are passed over.
    """
    handled = 0
    tried: set[int] = set()
    while handled < limit:
        row = _next_due(queue, tried)
        if row is None:
            break
        tried.add(row)
        handled += _with_lock(row)
    return handled


def _open() -> Q:
    return Q(done_at__isnull=True, dead_at__isnull=True)


def _next_due(queue: str, tried: set[int]) -> int | None:
    due = OutboxMessage.objects.filter(_open(), queue=queue, due_at__lte=clock.now()).exclude(pk__in=tried)
    return due.order_by("due_at", "id").values_list("pk", flat=True).first()


def _with_lock(pk: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_SPACE, pk % 2**31])
        if not cursor.fetchone()[0]:
            return 0
        try:
            message = OutboxMessage.objects.filter(_open(), pk=pk, due_at__lte=clock.now()).first()
            if message is None:
                return 0  # another worker finished it between our look and our lock
            _handle(message)
            return 1
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_SPACE, pk % 2**31])


def _handle(message: OutboxMessage) -> None:
    handler: Handler = import_string(_topics[message.topic].handler)
    try:
        handler(message.payload)
    except Later as later:
        _reschedule(message, seconds=later.seconds, error=str(later), counts=False)
    except Permanent as reason:
        _give_up(message, str(reason))
    except Exception as error:
        logger.warning("outbox %s failed: %r", message, error, exc_info=error)
        _failed(message, f"{type(error).__name__}: {error}")
    else:
        _finish(message)


def _finish(message: OutboxMessage) -> None:
    """Done, unless a newer version was enqueued while we worked: then the row stays open and due."""
    OutboxMessage.objects.filter(pk=message.pk, version=message.version).update(
        done_at=clock.now(), attempts=F("attempts") + 1, last_error=""
    )


def _failed(message: OutboxMessage, error: str) -> None:
    if message.attempts + 1 >= _topics[message.topic].max_attempts:
        _give_up(message, error)
    else:
        seconds = _BACKOFF[min(message.attempts, len(_BACKOFF) - 1)]
        _reschedule(message, seconds=seconds, error=error, counts=True)


def _reschedule(message: OutboxMessage, *, seconds: float, error: str, counts: bool) -> None:
    OutboxMessage.objects.filter(pk=message.pk, version=message.version).update(
        due_at=clock.now() + timedelta(seconds=seconds),
        attempts=F("attempts") + (1 if counts else 0),
        last_error=error[:2000],
    )


def _give_up(message: OutboxMessage, error: str) -> None:
    """Dead, unless a newer version was enqueued while we worked: that one has not been tried yet."""
    OutboxMessage.objects.filter(pk=message.pk, version=message.version).update(
        dead_at=clock.now(), attempts=F("attempts") + 1, last_error=error[:2000]
    )
    logger.error("outbox %s given up after %s attempts: %s", message, message.attempts + 1, error)
