"""Recording and reading events."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db import connection, models

from consortium.core import bulk, clock
from consortium.core.models import Event


class Actor(Protocol):
    """Who did it: a user account, or an :class:`AutomaticActor`."""

    pk: Any

    def get_username(self) -> str: ...


class AutomaticActor:
    """A part of the console that acts by itself, named so that the record says which."""

    pk = None

    def __init__(self, name: str) -> None:
        self.name = name

    def get_username(self) -> str:
        return self.name

    def __str__(self) -> str:
        return self.name


INDEXER = AutomaticActor("indexer")
SIGNER = AutomaticActor("signing worker")
PUSHER = AutomaticActor("push worker")
COMMAND = AutomaticActor("command line")
CLOCK = AutomaticActor("schedule")


@dataclass(frozen=True)
class Outsider:
    """A subject that has no row: a file that was refused, a certificate nobody issued."""

    type: str
    label: str


@dataclass(frozen=True)
class Entry:
    """An event to be: what :func:`record_all` takes many of. See :func:`record`."""

    action: str
    subject: models.Model | Outsider
    reason: str = ""
    institution_id: uuid.UUID | None = None
    node_id: uuid.UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]
GroupListener = Callable[[Sequence[Event]], None]
_listeners: list[tuple[frozenset[str], GroupListener]] = []


def on(action: str, listener: Listener) -> None:
    """Call ``listener`` in the transaction of every ``action``; apps above subscribe in ``ready``.

    This is how a lower app sets something going in a higher one that it must not import. A listener only
    enqueues outbox messages: it must not fail for reasons of its own.
    """

    def each(events: Sequence[Event]) -> None:
        for event in events:
            listener(event)

    on_together(action, each)


def on_together(actions: str | Sequence[str], listener: GroupListener) -> None:
    """Likewise, but once for all events of ``actions`` recorded together (at least one), in their order."""
    wanted = [actions] if isinstance(actions, str) else actions
    _listeners.append((frozenset(wanted), listener))


def record(
    action: str,
    subject: models.Model | Outsider,
    *,
    actor: Actor,
    reason: str = "",
    institution_id: uuid.UUID | None = None,
    node_id: uuid.UUID | None = None,
    **data: Any,
) -> Event:
    """Write the event of a change, in the change's own transaction.

    ``action`` is ``subject.verb`` in the past tense ("certificate.revoked"); ``data`` must be JSON.
    Raises RuntimeError outside a transaction: an event that may commit alone is not a record.
    """
    entry = Entry(action, subject, reason, institution_id, node_id, data)
    _check_in_transaction(action)
    event = _event(entry, actor)
    event.save(force_insert=True)
    _tell([event])
    return event


def record_all(entries: Iterable[Entry], *, actor: Actor) -> list[Event]:
    """Write the events of many changes at once, as :func:`record` does; their ids are not known then."""
    events = [_event(entry, actor) for entry in entries]
    if not events:
        return []
    _check_in_transaction(events[0].action)
    bulk.insert(events)
    _tell(events)
    return events


def _check_in_transaction(action: str) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError(f"event {action} recorded outside a transaction")


def _event(entry: Entry, actor: Actor) -> Event:
    columns = {
        "at": clock.now(),
        "action": entry.action,
        **_named(entry.subject),
        "institution_id": entry.institution_id,
        "node_id": entry.node_id,
        "actor_id": actor.pk,
        "actor_label": actor.get_username(),
        "reason": entry.reason,
        "data": entry.data,
    }
    return bulk.new(Event, columns, {})


def _tell(events: Sequence[Event]) -> None:
    told = {event.action for event in events}
    for actions, listener in _listeners:
        if not told.isdisjoint(actions):
            listener([event for event in events if event.action in actions])


def _named(subject: models.Model | Outsider) -> dict[str, str]:
    if isinstance(subject, Outsider):
        kind, pk, label = subject.type, "", subject.label
    else:
        # record_label, where a model has one, reads the same in every language
        label = str(getattr(subject, "record_label", subject))
        kind, pk = subject._meta.label_lower, str(subject.pk)
    return {"subject_type": kind, "subject_id": pk, "subject_label": label[:200]}


def timeline(subject: models.Model) -> models.QuerySet[Event]:
    """Events of one row, newest first."""
    return Event.objects.filter(subject_type=subject._meta.label_lower, subject_id=str(subject.pk))
