"""The signing worker's tasks. All may run twice."""

from __future__ import annotations

import time
import uuid
from smtplib import SMTPConnectError, SMTPException, SMTPServerDisconnected
from typing import Any

from celery import shared_task
from django.db import transaction

from certs import audit, issuing, services, topics
from certs.errors import KeysNotAvailable
from certs.issuing import sweep
from certs.status import upkeep
from consortium.core import clock, events, outbox

_SPELL = 30.0  # seconds that one message works: far below the limits that end a task in the middle
_WAIT = 15.0  # seconds until a worker with keys, or an authority, may be there
_NO_MAIL = 300.0  # seconds until a mail server that is away is asked again


def handle_issue(payload: dict[str, Any]) -> None:
    """Outbox topic ``certs.issue``: whatever is approved and no other worker is at, for a while.

    What needs a person's look is closed first, then reported by giving the message up; the others are done.
    """
    done, end = issuing.Report(), time.monotonic() + _SPELL
    more = True
    while more and time.monotonic() < end:
        report = issuing.issue_some(passed=done.left)
        done.add(report)
        more = bool(report.taken)
    alarming = [error for _request, error in done.refused if isinstance(error, issuing.ALARMING)]
    if alarming:
        raise outbox.Permanent("; ".join(map(str, alarming)))
    if done.waiting:
        raise outbox.Later(_WAIT, str(done.waiting[0]))
    if more:
        raise outbox.Later(0, "there may be more to issue")


def handle_audit(payload: dict[str, Any]) -> None:
    """Outbox topic ``certs.audit``: one slice of the certificates, then the next; at last the rest."""
    after = payload.get("after")
    report = audit.next_slice(uuid.UUID(after) if after else None)
    findings = report.findings + (audit.across() if report.last is None else [])
    counts = {
        "checked": payload.get("checked", 0) + report.checked,
        "found": payload.get("found", 0) + len(findings),
    }
    with transaction.atomic():
        audit.tell(findings)
        if report.last is not None:
            outbox.enqueue(topics.AUDIT, key="", payload={"after": str(report.last), **counts})
        else:
            subject = events.Outsider("certs.audit", f"{clock.now():%F}")
            events.record("audit.finished", subject, actor=events.CLOCK, **counts)


@shared_task(name="certs.audit_certificates", ignore_result=True)
@transaction.atomic
def audit_certificates() -> None:
    """Every night: begin to check everything ever issued again."""
    outbox.enqueue(topics.AUDIT, key="")


@shared_task(name="certs.sweep_issuing", ignore_result=True)
def sweep_issuing() -> None:
    """Every five minutes: finish or void what a killed process left of issuing."""
    sweep.sweep()


def handle_publish_crl(payload: dict[str, Any]) -> None:
    """Outbox topic ``certs.publish_crl``."""
    try:
        upkeep.publish(payload["authority"])
    except KeysNotAvailable as error:
        raise outbox.Later(_WAIT, str(error)) from error


def handle_prepare_answers(payload: dict[str, Any]) -> None:
    """Outbox topic ``certs.prepare_answers``. Until it is done the responder asks the database instead."""
    upkeep.welcome()


def handle_remind(payload: dict[str, Any]) -> None:
    """Outbox topic ``certs.remind``. A mail server that is away is waited for; what it refuses counts."""
    try:
        services.send_reminders(payload["group"])
    except (SMTPServerDisconnected, SMTPConnectError) as error:
        raise outbox.Later(_NO_MAIL, str(error)) from error
    except OSError as error:
        if isinstance(error, SMTPException):
            raise
        raise outbox.Later(_NO_MAIL, str(error)) from error


@shared_task(name="certs.record_reminders", ignore_result=True)
def record_reminders() -> None:
    """Every hour: what runs out, and who is to be told. Whatever an outage skipped is due still."""
    services.record_due_reminders(clock.now())


@shared_task(name="certs.refresh_status", ignore_result=True)
def refresh_status() -> None:
    """Every minute: lists and responders are renewed in time, files that are missing come back."""
    upkeep.refresh()


@shared_task(name="certs.renew_answers", ignore_result=True)
def renew_answers() -> None:
    """Every five minutes: answers are prepared again from half their life on."""
    upkeep.renew_answers()
