"""The outbox: a change and the work it owes commit together; Celery only nudges.

``enqueue`` writes a row in the caller's transaction. ``drain`` claims due rows of a queue one by one; of a
topic whose handler takes several, as many ``together``. A claim is a session-level advisory lock, so a worker
that is killed gives its rows back the moment PostgreSQL notices the closed connection; no lease has to run
out. (Do not put a transaction-pooling proxy in between.)
An attempt is counted, and the next one put off, before the handler runs: work that kills its worker counts
as tried like work that fails, lets the rest of the queue pass and is given up in the end.
Handlers may run more than once and must be idempotent.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from consortium.core import bulk, clock, events
from consortium.core.errors import IllegalTransition
from consortium.core.models import OutboxMessage

logger = logging.getLogger(__name__)

Payload = dict[str, Any]
Handler = Callable[[Payload], None]
# Of a topic that takes several together: what each ended with, in their order. None is success.
Outcome = BaseException | None
HandlerOfMany = Callable[[list[Payload]], Sequence[Outcome]]

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
    together: int = 0  # so many at most; then the handler takes a list of payloads (``HandlerOfMany``)


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


def enqueue(topic: str, *, key: str, payload: Payload | None = None, after: float = 0) -> None:
    """Owe ``topic`` for ``key`` (at most one open message each; a later one freshens the earlier).

    Must run inside the transaction of the change. ``after`` is in seconds.
    """
    enqueue_all(topic, {key: payload or {}}, after=after)


def enqueue_all(topic: str, payloads: Mapping[str, Payload], *, after: float = 0) -> None:
    """As :func:`enqueue`, for many keys in one statement."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"outbox message {topic} outside a transaction")
    if payloads:
        _owe(topic, payloads, after=after, freshen=True)


def _owe(topic: str, payloads: Mapping[str, Payload], *, after: float = 0, freshen: bool) -> None:
    queue = _topics[topic].queue
    now = clock.now()
    keys, contents = sorted(payloads), [json.dumps(payloads[key]) for key in sorted(payloads)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_outboxmessage
                (topic, queue, key, payload, version, created_at, due_at, attempts, last_error)
            SELECT %s, %s, v.key, v.payload::jsonb, 1, %s, %s, 0, ''
            FROM unnest(%s::text[], %s::text[]) AS v(key, payload)
            ON CONFLICT (topic, key) WHERE done_at IS NULL AND dead_at IS NULL
            DO UPDATE SET version = core_outboxmessage.version + 1,
                          payload = EXCLUDED.payload,
                          due_at = LEAST(core_outboxmessage.due_at, EXCLUDED.due_at)
            WHERE %s
            """,
            [topic, queue, now, now + timedelta(seconds=after), keys, contents, freshen],
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
        _owe(dead.topic, {dead.key: dead.payload}, freshen=False)
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
        rows = _next_due(queue, tried, limit - handled)
        if not rows:
            break
        if tried and time.monotonic() >= end:
            nudge(queue)
            break
        tried.update(rows)
        handled += _with_locks(rows)
    return handled


def _next_due(queue: str, tried: set[int], most: int) -> list[int]:
    """The oldest, and with it others of its topic where its handler takes several."""
    due = OutboxMessage.objects.filter(OPEN, queue=queue, due_at__lte=clock.now()).exclude(pk__in=tried)
    window = max([1, *(topic.together for topic in _topics.values() if topic.queue == queue)])
    found = due.order_by("due_at", "id").values_list("pk", "topic")[: min(window, most)]
    rows = [(pk, name) for pk, name in found]
    if not rows:
        return []
    first = rows[0][1]
    return [pk for pk, name in rows if name == first][: _together(first)]


def _together(name: str) -> int:
    return max(1, _topics[name].together) if name in _topics else 1


def _with_locks(rows: list[int]) -> int:
    """How many were handled; what another worker holds is passed over."""
    with connection.cursor() as cursor:
        held = _held(cursor, "SELECT id FROM unnest(%s) AS id WHERE pg_try_advisory_lock(%s, {key})", rows)
        if not held:
            return 0
        try:
            messages = _claim(held)
            if messages:
                _handle(messages)
            return len(messages)
        finally:
            _held(cursor, "SELECT id FROM unnest(%s) AS id WHERE pg_advisory_unlock(%s, {key})", held)


def _held(cursor: Any, statement: str, rows: list[int]) -> list[int]:
    cursor.execute(statement.format(key="(id %% 2147483648)::int"), [rows, _LOCK_SPACE])
    return [pk for (pk,) in cursor.fetchall()]


def _claim(rows: list[int]) -> list[OutboxMessage]:
    """Count the attempt and put the next one off, before this one can kill the process.

    Without those that another worker finished between our look and our lock, and those whose attempts are
    used up: then the last one never came back, and the row is given up instead.
    """
    claimed = []
    with transaction.atomic():
        due = OutboxMessage.objects.select_for_update().filter(OPEN, pk__in=rows, due_at__lte=clock.now())
        for message in due.order_by("due_at", "id"):
            if message.attempts >= _limit(message):
                _give_up(message, f"The last attempt did not come back. {message.last_error}")
                _book([message])
                continue
            message.attempts += 1
            message.due_at = clock.now() + _pause(message)
            claimed.append(message)
        bulk.update(claimed, ["attempts", "due_at"])
    return claimed


def _limit(message: OutboxMessage) -> int:
    topic = _topics.get(message.topic)  # none: a former or coming release's, which is no reason to stop
    return topic.max_attempts if topic else Topic.max_attempts


def _pause(message: OutboxMessage) -> timedelta:
    return timedelta(seconds=_BACKOFF[min(message.attempts, len(_BACKOFF)) - 1])


def _handle(messages: list[OutboxMessage]) -> None:
    """All of one topic. What ends each is written in one statement."""
    outcomes = _outcomes(messages)
    for message, outcome in zip(messages, outcomes, strict=True):
        _note(message, outcome)
    _book(messages)
    for outcome in outcomes:
        if isinstance(outcome, SoftTimeLimitExceeded):
            raise outcome  # the whole task's time is up: to go on is to be killed


def _outcomes(messages: list[OutboxMessage]) -> Sequence[Outcome]:
    payloads = [message.payload for message in messages]
    try:
        topic = _topics[messages[0].topic]
        handler = import_string(topic.handler)
        if topic.together:
            return _as_many(cast("HandlerOfMany", handler)(payloads), messages)
        cast("Handler", handler)(payloads[0])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is written down and told
        return [error] * len(messages)
    return [None]


def _as_many(outcomes: Sequence[Outcome], messages: list[OutboxMessage]) -> Sequence[Outcome]:
    if len(outcomes) != len(messages):
        raise TypeError(f"{messages[0].topic}: {len(outcomes)} outcomes of {len(messages)} messages")
    return outcomes


def _note(message: OutboxMessage, outcome: Outcome) -> None:
    """How the attempt ended, on the message; :func:`_book` writes it down."""
    if outcome is None:
        message.done_at, message.last_error = clock.now(), ""
    elif isinstance(outcome, Later):  # not ready is no attempt: the one that was counted is given back
        message.due_at = clock.now() + timedelta(seconds=outcome.seconds)
        message.attempts -= 1
        message.last_error = _text(outcome)
    elif isinstance(outcome, Permanent):
        _give_up(message, str(outcome))
    else:
        logger.warning("outbox %s failed: %r", message, outcome, exc_info=outcome)
        _failed(message, f"{type(outcome).__name__}: {outcome}")


def _failed(message: OutboxMessage, error: str) -> None:
    if message.attempts >= _limit(message):
        _give_up(message, error)
    else:
        message.due_at, message.last_error = clock.now() + _pause(message), _text(error)


def _give_up(message: OutboxMessage, error: str) -> None:
    message.dead_at, message.last_error = clock.now(), _text(error)
    logger.error("outbox %s given up after %s attempts: %s", message, message.attempts, error)


def _text(error: object) -> str:
    return str(error).replace("\0", "\N{REPLACEMENT CHARACTER}")[:2000]


_ENDS = ("done_at", "dead_at", "due_at", "attempts", "last_error")


def _book(messages: list[OutboxMessage]) -> None:
    """Write how the attempts ended, except where a newer version was enqueued while we worked.

    That one is due and has not been tried yet: it stays so, and the attempt is not counted to it.
    """
    written = bulk.update(messages, _ENDS, unchanged="version")
    newer = [message.pk for message in messages if message.pk not in written]
    if newer:
        OutboxMessage.objects.filter(pk__in=newer).update(attempts=F("attempts") - 1)
