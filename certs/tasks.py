"""The signing worker's tasks. All may run twice."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from certs import crl, issuing, publication
from certs.errors import ContentMismatch, KeysNotAvailable, NoAuthority
from certs.models import Authority
from consortium.core import outbox

_WAIT = 15.0  # seconds until a worker with keys, or an authority, may be there


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


@shared_task(name="certs.refresh_status", ignore_result=True)
def refresh_status() -> None:
    """Sign the issuing CAs' CRLs again from half their life on, and put back files that are missing.

    The root's own CRL is signed where the root's key is: by ``create_authorities``.
    """
    for authority in Authority.objects.filter(kind=Authority.Kind.ISSUING).select_related("parent"):
        crl.publish(authority.pk)
        publication.write_authority(authority)
