"""Issuing, in the signing worker alone: serial, build, lint, intent, sign, compare, store.

:mod:`batches` has the order of the steps; :func:`issue` is for one request, :func:`issue_some` for the
queue.
"""

from __future__ import annotations

import uuid

from certs.issuing.batches import ALARMING, BATCH, Report, issue_one, issue_some
from certs.models import Certificate
from certs.status import issuer_url

__all__ = ["ALARMING", "BATCH", "Report", "issue", "issue_some", "issuer_url"]


def issue(request_id: uuid.UUID | str) -> Certificate | None:
    """Issue for an approved request; harmless when it was done. None where it is not to be issued (any more).

    Raises KeysNotAvailable, NoAuthority and WrongPassphrase (the request waits), ContentMismatch, LintFinding
    and IssuingFailed (closed, and somebody must look).
    """
    request_id = request_id if isinstance(request_id, uuid.UUID) else uuid.UUID(request_id)
    report = issue_one(request_id)
    for error in (*report.waiting, *(refusal for _request, refusal in report.refused)):
        if error in report.waiting or isinstance(error, ALARMING):
            raise error
    return Certificate.objects.filter(request=request_id).first()
