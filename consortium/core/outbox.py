"""The outbox: a change and the work it owes commit together; Celery only nudges.

``enqueue`` writes a row in the caller's transaction. ``drain`` claims due rows of a queue one by one. A claim
is a session-level advisory lock, so a worker that is killed gives its row back the moment PostgreSQL notices
the closed connection; no lease has to run out. (Do not put a transaction-pooling proxy in between.)
An attempt is counted, and the next one put off, before the handler runs: work that kills its worker counts
as tried like work that fails, lets the rest of the queue pass and is given up in the end.
Handlers may run more than once and must be idempotent.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.models import Q
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
_SPELL = 60  # seconds that one drain works: far below Celery's limits, which end a task in the middle

OPEN = Q(done_at__isnull=True, dead_at__isnull=True)
GIVEN_UP = Q(dead_at__isnull=False, retried_at__isnull=True)  # and nobody has owed it again yet


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
    _owe(topic, key, payload or {}, after=after, freshen=True)


def _owe(topic: str, key: str, payload: dict[str, Any], *, after: float = 0, freshen: bool) -> None:
    queue = _topics[topic].queue
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
            WHERE %s
            """,
            [topic, queue, key, json.dumps(payload), clock.now(), due, freshen],
        )
    transaction.on_commit(lambda: nudge(queue), robust=True)


def retry(message: OutboxMessage, *, actor: events.Actor, reason: str) -> None:
    """Owe the work of a message that was given up once more; the old row stays as it ended.

    Where newer work of that topic and key is open, it is left as it is: it knows more than the dead one.
    Raises ``IllegalTransition`` unless the message was given up and not owed again yet.
    """
    with transaction.atomic():
        dead = OutboxMessage.objects.select_for_update().get(pk=message.pk)
        if dead.dead_at is None or dead.retried_at is not None:
            current = _("open") if dead.dead_at is None else _("tried again")
            raise IllegalTransition(subject=str(dead), current=current, wanted=_("tried again"), allowed="–")
        dead.retried_at = clock.now()
        dead.save(update_fields=["retried_at"])
        _owe(dead.topic, dead.key, dead.payload, freshen=False)
        events.record("outbox.retried", dead, actor=actor, reason=reason)


def nudge(queue: str) -> None:
    """Ask a worker of ``queue`` to drain now. Only speed is lost when Redis is down: beat asks as well."""
    from consortium.core.tasks import drain_queue

    try:
        drain_queue.apply_async((queue,), queue=queue, retry=False)
    except OperationalError:
        logger.warning("broker unreachable, %s waits for beat", queue)


def drain(queue: str, *, limit: int = 200, seconds: float = _SPELL) -> int:
    """Handle due messages of ``queue``, oldest first, until none is due or ``limit`` is reached.

    Takes up nothing more after ``seconds`` and asks for another drain where something is left. Returns how
    many were handled. Rows that another worker holds are passed over.
    """
    end = time.monotonic() + seconds
    handled = 0
    tried: set[int] = set()
    while handled < limit:
        row = _next_due(queue, tried)
        if row is None:
            break
        if tried and time.monotonic() >= end:
            nudge(queue)
            break
        tried.add(row)
        handled += _with_lock(row)
    return handled


def _next_due(queue: str, tried: set[int]) -> int | None:
    due = OutboxMessage.objects.filter(OPEN, queue=queue, due_at__lte=clock.now()).exclude(pk__in=tried)
    return due.order_by("due_at", "id").values_list("pk", flat=True).first()


def _with_lock(pk: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_SPACE, pk % 2**31])
        if not cursor.fetchone()[0]:
            return 0
        try:
            message = _claim(pk)
            if message is None:
                return 0
            _handle(message)
            return 1
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_SPACE, pk % 2**31])


def _claim(pk: int) -> OutboxMessage | None:
    """Count the attempt and put the next one off, before this one can kill the process.

    None where another worker finished the row between our look and our lock, or where its attempts are used
    up: then the last one never came back, and the row is given up instead.
    """
    with transaction.atomic():
        due = OutboxMessage.objects.select_for_update().filter(OPEN, pk=pk, due_at__lte=clock.now())
        message = due.first()
        if message is None:
            return None
        if message.attempts >= _limit(message):
            _give_up(message, f"The last attempt did not come back. {message.last_error}")
            return None
        message.attempts += 1
        message.due_at = clock.now() + _pause(message)
        message.save(update_fields=["attempts", "due_at"])
    return message


def _limit(message: OutboxMessage) -> int:
    topic = _topics.get(message.topic)  # none: a former or coming release's, which is no reason to stop
    return topic.max_attempts if topic else Topic.max_attempts


def _pause(message: OutboxMessage) -> timedelta:
    return timedelta(seconds=_BACKOFF[min(message.attempts, len(_BACKOFF)) - 1])


def _handle(message: OutboxMessage) -> None:
    try:
        handler: Handler = import_string(_topics[message.topic].handler)
        handler(message.payload)
    except Later as later:
        _put_off(message, later)
    except Permanent as reason:
        _give_up(message, str(reason))
    except Exception as error:
        logger.warning("outbox %s failed: %r", message, error, exc_info=error)
        _failed(message, f"{type(error).__name__}: {error}")
        if isinstance(error, SoftTimeLimitExceeded):
            raise  # the whole task's time is up: to go on is to be killed
    else:
        _finish(message)


def _finish(message: OutboxMessage) -> None:
    _book(message, done_at=clock.now(), last_error="")


def _put_off(message: OutboxMessage, later: Later) -> None:
    """Not ready is no attempt: the one that was counted is given back."""
    due = clock.now() + timedelta(seconds=later.seconds)
    _book(message, due_at=due, attempts=message.attempts - 1, last_error=str(later)[:2000])


def _failed(message: OutboxMessage, error: str) -> None:
    if message.attempts >= _limit(message):
        _give_up(message, error)
    else:
        _book(message, due_at=clock.now() + _pause(message), last_error=error[:2000])


def _give_up(message: OutboxMessage, error: str) -> None:
    _book(message, dead_at=clock.now(), last_error=error[:2000])
    logger.error("outbox %s given up after %s attempts: %s", message, message.attempts, error)


def _book(message: OutboxMessage, **outcome: Any) -> None:
    """Write how the attempt ended, unless a newer version was enqueued while we worked.

    That one is due and has not been tried yet: it stays so, and the attempt is not counted to it.
    """
    row = OutboxMessage.objects.filter(pk=message.pk)
    if not row.filter(version=message.version).update(**outcome):
        row.update(attempts=message.attempts - 1)
