"""Finishing or voiding what a killed process left: no serial without an end, no request forgotten.

What a sweep may find, and what becomes of it:

- an approved request that nobody owes a signature: it is owed again, and issuing goes on with the serial
  that the last attempt spent, or voids that and takes another where it is too old;
- a serial, with or without an intent, whose request was decided otherwise: voided;
- a serial of no request (a service's own certificate, a cross-certificate) that came to nothing: voided,
  since who wanted it makes another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from certs import building, topics
from certs.issuing import claims, reading, serials
from certs.models import Authority, CertificateRequest, SerialNumber
from consortium.core import clock, events
from consortium.core.events import Actor

RequestStatus = CertificateRequest.Status
GRACE = timedelta(minutes=10)  # longer than any attempt: what is younger may be under way
NO_REQUEST = "The attempt that spent it ended before there was a certificate."
DECIDED = "The request was closed before there was a certificate."


@dataclass(frozen=True, slots=True)
class Swept:
    """How many requests were owed their signature again, and the serials that were voided."""

    owed: int
    voided: list[str]


def sweep(*, actor: Actor = events.CLOCK) -> Swept:
    """Look once for what is older than GRACE; harmless at any time, also beside workers and other sweeps."""
    return Swept(owed=_owe_again(), voided=_void(actor))


def unended() -> QuerySet[SerialNumber]:
    """Serials with neither certificate nor voiding; authorities' own are not told apart here."""
    return SerialNumber.objects.filter(
        voided_at__isnull=True, certificate__isnull=True, cross_certificate__isnull=True
    )


def authorities_serials() -> set[str]:
    """The serials of the authorities' own certificates, which are rows of another table."""
    ders = Authority.objects.values_list("der", flat=True)
    return {building.serial_text(reading.serial_of(bytes(der))) for der in ders}


@transaction.atomic
def _owe_again() -> int:
    """Where the message is still open this changes nothing but its time."""
    before = clock.now() - GRACE
    waiting = CertificateRequest.objects.filter(status=RequestStatus.APPROVED, decided_at__lt=before)
    found = list(waiting.values_list("pk", flat=True))
    for request_id in found:
        topics.owe_issue(request_id)
    return len(found)


def _void(actor: Actor) -> list[str]:
    before = clock.now() - GRACE
    ended = Q(request__isnull=True) | ~Q(request__status=RequestStatus.APPROVED)
    rows = unended().filter(ended, allocated_at__lt=before).exclude(pk__in=authorities_serials())
    return [row.pk for row in rows.order_by("allocated_at") if _end(row, actor)]


def _end(row: SerialNumber, actor: Actor) -> bool:
    """Under the request's claim, so that no worker is between two steps with it."""
    if row.request_id is None:
        with transaction.atomic():
            return bool(serials.void([row], reason=NO_REQUEST, actor=actor))
    with claims.one(row.request_id), transaction.atomic():
        return bool(serials.void([row], reason=DECIDED, actor=actor))
