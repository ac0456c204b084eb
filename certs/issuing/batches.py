"""From approved requests to certificates, 500 at a time: prepare, lint, intent, sign, compare, store.

A crash after any step leaves a state from which the next attempt goes on. The serial number is committed
before anything is built, and what the certificate says follows from the record and that row alone; the
intent is committed before the real key signs it. So no serial is ever signed with two contents, and what
was signed but not stored was never released.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, transaction

from certs import rules, services
from certs.errors import ContentMismatch, IssuingFailed, LintFinding
from certs.issuing import claims, linting, preparing, reading, serials, signing, storing
from certs.issuing.linting import Linted
from certs.issuing.preparing import Job
from certs.models import Certificate, CertificateRequest, SerialNumber
from consortium.core import clock, events, garbage
from consortium.core.errors import ConsoleError

logger = logging.getLogger(__name__)

BATCH = 500
RequestStatus = CertificateRequest.Status
# Somebody must look: a row was changed behind the services, or a profile or the code is wrong.
ALARMING = (ContentMismatch, LintFinding, IssuingFailed)
# The database's, the device's, or time is up: the requests wait as they are for the next attempt.
NOBODYS_FAULT = (OperationalError, InterfaceError, signing.SignerBroke, SoftTimeLimitExceeded)
Refused = list[tuple[uuid.UUID, ConsoleError]]


@dataclass(slots=True)
class Report:
    """What became of the requests that were ``taken``; ``waiting`` says for what some have to wait."""

    taken: list[uuid.UUID] = field(default_factory=list)
    issued: list[Certificate] = field(default_factory=list)
    refused: Refused = field(default_factory=list)
    waiting: list[ConsoleError] = field(default_factory=list)

    @property
    def left(self) -> set[uuid.UUID]:
        """Taken, and neither issued nor refused: to take them up again at once would end the same way."""
        ended = {row.request_id for row in self.issued} | {request_id for request_id, _error in self.refused}
        return set(self.taken) - ended

    def add(self, other: Report) -> None:
        """Take over what became of other requests."""
        self.taken += other.taken
        self.issued += other.issued
        self.refused += other.refused
        self.waiting += other.waiting


def issue_some(passed: Collection[uuid.UUID] = (), limit: int = BATCH) -> Report:
    """Issue for up to ``limit`` approved requests that no other worker is at, leaving out those ``passed``.

    Raises only what is nobody's fault but the database's or the device's; the requests stay as they are then.
    """
    with claims.some(limit, passed) as taken, garbage.collected_later():
        return issue_these(taken) if taken else Report()


def issue_one(request_id: uuid.UUID) -> Report:
    """Issue for this request, once whoever is at it has finished; harmless where it is done."""
    with claims.one(request_id):
        return issue_these([request_id])


def issue_these(request_ids: Sequence[uuid.UUID]) -> Report:
    """For claimed requests: all together; one by one where something unexpected stops the batch."""
    try:
        return _together(request_ids)
    except NOBODYS_FAULT:
        raise
    except Exception as error:  # whatever it is, it is one request's: the others go on
        logger.warning("issuing one by one: %r", error, exc_info=error)
    report = Report()
    for request_id in request_ids:
        report.add(_alone(request_id))
    return report


def _alone(request_id: uuid.UUID) -> Report:
    try:
        return _together([request_id])
    except NOBODYS_FAULT:
        raise
    except Exception as error:
        logger.exception("no certificate for request %s", request_id)
        refusal = IssuingFailed(kind=type(error).__name__)
        withdraw(request_id, refusal)
        return Report([request_id], refused=[(request_id, refusal)])


def _together(request_ids: Sequence[uuid.UUID]) -> Report:
    found = preparing.prepare(request_ids)
    report = Report(list(request_ids), refused=found.refused, waiting=found.waiting)
    linted = _linted(found.jobs, report.refused)
    ready = store_intents(linted)
    signed = _signed(ready, report.refused)
    report.issued = storing.store(signed) if signed else []
    for request_id, refusal in report.refused:
        withdraw(request_id, refusal)
    return report


def lint(job: Job) -> Linted:
    """Build what the job plans and lint it. Raises ContentMismatch or LintFinding.

    Where an attempt that did not end left an intent, that may have been signed: ours must say the very same.
    """
    intent = linting.compose(job.plan, job.signer.family)
    linted = linting.lint(intent, job.plan, job.signer.family, now=clock.now())
    earlier = bytes(job.serial.intent)
    if earlier and reading.parts(earlier).tbs != linted.tbs:
        raise ContentMismatch(what="the content to be signed")
    return linted


def store_intents(linted: Sequence[tuple[Job, Linted]]) -> list[tuple[Job, Linted]]:
    """Commit what is about to be signed; those whose serial ended meanwhile fall out."""
    new = {job.serial.pk: found.intent for job, found in linted if not job.serial.intent}
    stored = serials.store_intents(new) if new else set()
    return [(job, found) for job, found in linted if job.serial.intent or job.serial.pk in stored]


def sign(job: Job, linted: Linted) -> bytes:
    """The certificate, DER. Raises ContentMismatch."""
    return signing.sign(linted, job.signer.key)


def _linted(jobs: Sequence[Job], refused: Refused) -> list[tuple[Job, Linted]]:
    done = []
    for job in jobs:
        try:
            done.append((job, lint(job)))
        except ConsoleError as refusal:
            refused.append((job.request.pk, refusal))
    return done


def _signed(ready: Sequence[tuple[Job, Linted]], refused: Refused) -> list[tuple[Job, bytes]]:
    done = []
    for job, linted in ready:
        try:
            done.append((job, sign(job, linted)))
        except ConsoleError as refusal:
            refused.append((job.request.pk, refusal))
    return done


@transaction.atomic(durable=True)
def withdraw(request_id: uuid.UUID, refusal: ConsoleError) -> None:
    """Approved, but not to be signed any more: closed with the reason, which the member sees.

    Key and authority were there, so the next attempt would find the same: left approved, the request would
    keep its node from ever asking again. Its serial number, if one was spent, is never used.
    """
    request = services.locked_request(request_id)
    if request.status != RequestStatus.APPROVED:
        return  # another worker or the secretariat was first
    reason = str(refusal)
    services.move(request, RequestStatus.REJECTED, rules.BY_WORKER)
    request.decision_reason = reason
    request.save(update_fields=["status", "decision_reason"])
    live = SerialNumber.objects.filter(request=request, voided_at__isnull=True)
    serials.void(live, reason=reason, actor=events.SIGNER)
    events.record(
        "request.rejected",
        request,
        actor=events.SIGNER,
        reason=reason,
        institution_id=request.institution_id,
        node_id=request.node_id,
        code=refusal.code,
        params={name: str(value) for name, value in refusal.params.items()},
    )
