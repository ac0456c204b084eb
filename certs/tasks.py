"""The signing worker's tasks. All may run twice."""

from __future__ import annotations

from smtplib import SMTPConnectError, SMTPException, SMTPServerDisconnected
from typing import Any

from celery import shared_task

from certs import crl, issuing, publication, services
from certs.errors import ContentMismatch, KeysNotAvailable, NoAuthority
from certs.models import Authority
from consortium.core import clock, outbox

_WAIT = 15.0  # seconds until a worker with keys, or an authority, may be there
_NO_MAIL = 300.0  # seconds until a mail server that is away is asked again


def handle_issue(payload: dict[str, Any]) -> None:
    """Outbox topic ``certs.issue``."""
    try:
        issuing.issue(payload["request"])
    except (KeysNotAvailable, NoAuthority) as error:
        raise outbox.Later(_WAIT, str(error)) from error
    except ContentMismatch as error:
        raise outbox.Permanent(str(error)) from error


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
