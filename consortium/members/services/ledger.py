"""What the ledger decides about an institution: called by the indexer alone, in its transaction."""

from __future__ import annotations

from typing import Any, Literal

from django.db import connection, transaction

from consortium.core import events
from consortium.core.models import Event
from consortium.members.models import Institution
from consortium.members.services.common import locked, move, record, write_status
from consortium.members.states import TRANSITIONS, Status

SeatState = Literal["none", "active", "suspended", "revoked"]

_TARGET = {"active": Status.ACTIVE, "suspended": Status.SUSPENDED, "revoked": Status.EXITED}
_SEATED = frozenset({Status.ACTIVE, Status.SUSPENDED, Status.EXITED})


def follow_ledger(institution: Institution, *, seat: SeatState, block: int, tx_hash: str) -> Institution:
    """Bring the status in line with the seat as it is on the ledger now. Twice is once.

    Every step of the table between is recorded: a granted seat admits, then activates. Where the table leads
    nowhere, because the review went on while the members voted, or a reorganisation took an expulsion back,
    the ledger is right: ``institution.ledger_corrected`` says what was set aside. ``seat="none"`` (a
    reorganisation took the grant away) restores the status before the seat.

    When a projection is rebuilt, call this with each seat's final state only: a replay of every step would
    record the whole history once more.
    """
    where = {"seat": seat, "block": block, "tx_hash": tx_hash}
    with transaction.atomic():
        now = locked(institution)
        if seat == "none":
            _take_back(now, where)
        elif now.status != _TARGET[seat]:
            _walk_to(now, _TARGET[seat], where)
        return now


def _walk_to(institution: Institution, target: Status, where: dict[str, Any]) -> None:
    origin = {} if institution.status in _SEATED else {"before_seat": institution.status}
    if target not in _reachable(institution.status):
        # From IN_REVIEW the table leads to a seat; from ACTIVE to every other state of a seat.
        start = Status.ACTIVE if institution.status in _SEATED else Status.IN_REVIEW
        _correct(institution, start, where)
    while institution.status != target:
        step = _next_step(Status(institution.status), target)
        action = _action(Status(institution.status), step)
        move(institution, step, action=action, actor=events.INDEXER, **where, **origin)


def _reachable(status: str) -> set[str]:
    """Every status that votes alone can lead to from here."""
    found: set[str] = set()
    edge = {status}
    while edge:
        edge = {after for state in edge for after in TRANSITIONS[state] if after in _BY_LEDGER} - found
        found |= edge
    return found


_BY_LEDGER = frozenset({Status.ADMITTED, *_SEATED})


def _next_step(current: Status, target: Status) -> Status:
    """The first step of the way to ``target``: straight where the table allows it."""
    if target in TRANSITIONS[current]:
        return target
    return {Status.IN_REVIEW: Status.ADMITTED, Status.ADMITTED: Status.ACTIVE}[current]


def _action(current: Status, step: Status) -> str:
    if step == Status.ACTIVE:
        return "institution.reinstated" if current == Status.SUSPENDED else "institution.activated"
    return {
        Status.ADMITTED: "institution.admitted",
        Status.SUSPENDED: "institution.suspended",
        Status.EXITED: "institution.exited",
    }[step]


def _take_back(institution: Institution, where: dict[str, Any]) -> None:
    if institution.status in _SEATED:
        _correct(institution, _status_before_seat(institution), where)


def _status_before_seat(institution: Institution) -> Status:
    """What it was when the newest seat was granted: every step from there recorded it."""
    steps = Event.objects.filter(institution_id=institution.pk, data__has_key="before_seat")
    newest = steps.order_by("-id").first()
    return Status(newest.data["before_seat"]) if newest else Status.ADMITTED


def _correct(institution: Institution, status: Status, where: dict[str, Any]) -> None:
    """Set a status that the table does not lead to; the database's own check is told so for this one row."""
    if institution.status == status:
        return
    before = institution.status
    _allow_corrections("on")
    write_status(institution, status)
    _allow_corrections("off")
    record(
        "institution.ledger_corrected",
        institution,
        actor=events.INDEXER,
        before=before,
        after=status.value,
        **where,
    )


def _allow_corrections(switch: Literal["on", "off"]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('consortium.ledger_correction', %s, true)", [switch])
