"""Running the audit: all at once for the command, slice by slice for the schedule."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet

from certs.audit import authorities, certificates, numbers, published
from certs.models import Certificate
from consortium.core import events
from consortium.core.events import Actor, Outsider

SLICE = 2000  # certificates: a quarter of a minute with the linter
MOST_TOLD = 100  # findings with an event of their own; the others are in the count


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with what. ``code`` is stable, ``subject`` a serial number, a key or a file."""

    subject: str
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.text}"


@dataclass(slots=True)
class Report:
    """How many certificates were looked at, and what was found."""

    checked: int = 0
    findings: list[Finding] = field(default_factory=list)
    last: uuid.UUID | None = None


def audit(*, lint: bool = True) -> Report:
    """Everything, at once."""
    report = Report()
    for row in _rows().iterator(chunk_size=500):
        _check(row, report, lint=lint)
    report.findings += across(lint=lint)
    return report


def next_slice(after: uuid.UUID | None, *, limit: int = SLICE) -> Report:
    """The next ``limit`` certificates after ``after``, by id; ``last`` is None when there are no more."""
    rows = _rows().order_by("pk")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    report = Report()
    for row in rows[:limit]:
        _check(row, report, lint=True)
    if report.checked < limit:
        report.last = None
    return report


def across(*, lint: bool = True) -> list[Finding]:
    """The authorities, and what one certificate does not show: numbers, keys, events, lists and answers."""
    found = (*authorities.check(lint=lint), *numbers.check(), *published.check())
    return [Finding(*one) for one in found]


@transaction.atomic
def tell(report: Iterable[Finding], *, actor: Actor = events.CLOCK) -> None:
    """An event for each finding, on the record of what it is about as far as that has one."""
    for finding in list(report)[:MOST_TOLD]:
        events.record(
            "audit.found",
            Outsider("certs.audit", finding.subject),
            actor=actor,
            reason=finding.text,
            code=finding.code,
        )


def _check(row: Certificate, report: Report, *, lint: bool) -> None:
    report.checked += 1
    report.last = row.pk
    found = certificates.check(row, lint=lint)
    report.findings += [Finding(row.serial_id, code, text) for code, text in found]


def _rows() -> QuerySet[Certificate]:
    return Certificate.objects.select_related("serial", "authority", "request", "node", "holder")
