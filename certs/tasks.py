"""The signing worker's tasks. All may run twice."""

from __future__ import annotations

import time
from smtplib import SMTPConnectError, SMTPException, SMTPServerDisconnected
from typing import Any

from celery import shared_task

from certs import crl, issuing, publication, services
from certs.errors import KeysNotAvailable
from certs.models import Authority
from consortium.core import clock, outbox

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
        report = issuing.issue_some(passed=done.taken)
        done.add(report)
        more = bool(report.taken)
    alarming = [error for _request, error in done.refused if isinstance(error, issuing.ALARMING)]
    if alarming:
        raise outbox.Permanent("; ".join(map(str, alarming)))
    if done.waiting:
        raise outbox.Later(_WAIT, str(done.waiting[0]))
    if more:
        raise outbox.Later(0, "there may be more to issue")


def handle_publish_crl(payload: dict[str, Any]) -> None:
    """Outbox topic ``certs.publish_crl``."""
    try:
        crl.publish(payload["authority"])
    except KeysNotAvailable as error:
        raise outbox.Later(_WAIT, str(error)) from error


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
    """Sign the issuing CAs' CRLs again from half their life on, and put back files that are missing.

    The root's own CRL is signed where the root's key is: by ``create_authorities``. A CA that fails does not
    stop those after it; an ExceptionGroup names all that failed, at the end.
    """
    failures: list[Exception] = []
    living = Authority.objects.filter(kind=Authority.Kind.ISSUING, not_after__gt=clock.now())
    for authority in living.select_related("parent"):
        try:
            _refresh(authority)
        except Exception as error:  # noqa: BLE001  whatever it is: the other CAs' lists must not run out for it
            error.add_note(f"while refreshing the authority {authority.name}")
            failures.append(error)
    if failures:
        raise ExceptionGroup("revocation lists that were not refreshed", failures)


def _refresh(authority: Authority) -> None:
    publication.write_authority(authority)
    crl.publish(authority.pk)
