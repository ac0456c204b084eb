"""What the services of this app share: locks, the transition, reasons."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from django.db import connection

from consortium.core import clock, events, transitions
from consortium.core.errors import ReasonRequired
from consortium.members import rules
from consortium.members.errors import checked
from consortium.members.models import Institution
from consortium.members.states import TRANSITIONS, Status

_LOCK_SPACE = 0x0B0D  # first half of the advisory lock's key; the outbox has 0x0B0C


class Register(IntEnum):
    """Registers whose entries must not be added by two at once: uniqueness is looked up before writing."""

    INSTITUTIONS = 1
    ACCOUNTS = 2


def hold(register: Register) -> None:
    """Wait for a register, until the end of the transaction. Taken before any row is locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, int(register)])


def locked(institution: Institution) -> Institution:
    """The institution as it is now, ours alone until the end of the transaction."""
    return Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)


def move(
    institution: Institution,
    wanted: Status,
    *,
    action: str,
    actor: events.Actor,
    reason: str = "",
    **data: Any,
) -> None:
    """Take a locked institution to another status along the table. Raises IllegalTransition."""
    before = institution.status
    transitions.check(
        TRANSITIONS,
        subject=str(institution),
        current=before,
        wanted=wanted,
        labels=dict(Status.choices),
    )
    write_status(institution, wanted)
    record(action, institution, actor=actor, reason=reason, before=before, after=wanted.value, **data)


def write_status(institution: Institution, status: Status) -> None:
    institution.status = status
    institution.status_since = clock.now()
    institution.save(update_fields=["status", "status_since"])


def record(
    action: str, institution: Institution, *, actor: events.Actor, reason: str = "", **data: Any
) -> None:
    """The event of an institution's change."""
    events.record(action, institution, actor=actor, reason=reason, institution_id=institution.pk, **data)


def needed_reason(reason: str) -> str:
    """A reason that must be given. Raises ReasonRequired, or InvalidInput for hidden characters."""
    text = optional_reason(reason)
    if not text:
        raise ReasonRequired
    return text


def optional_reason(reason: str) -> str:
    return checked("reason", rules.reason, reason)
