"""What relying parties really get: is it in force, and was it renewed in time? For ``check_status``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography import x509
from django.db.models import Min

from certs.models import Authority, Certificate
from certs.status import files, freshness, responders, store
from certs.status.freshness import Finding, State, finding

ANSWERS_PATIENCE = timedelta(hours=2)  # after half a prepared answer's life


def published(now: datetime) -> Iterator[Finding]:
    """Files of lists, responders' certificates, prepared answers: a finding for each."""
    for authority in Authority.objects.filter(not_after__gt=now):
        for shard in freshness.parts_of(authority):
            what = f"{freshness.part_name(shard)} (file)"
            yield finding(authority, what, _period_in_file(authority, shard), now)
        if responders.wanted(authority) or responders.path_of(authority.name).exists():
            yield _responder(authority, now)
            yield _answers(authority, now)


def _period_in_file(authority: Authority, shard: int | None) -> tuple[datetime, datetime] | None:
    try:
        crl = x509.load_der_x509_crl(files.crl_path(authority.name, shard).read_bytes())
    except (OSError, ValueError):
        return None
    return (crl.last_update_utc, crl.next_update_utc) if crl.next_update_utc else None


def _responder(authority: Authority, now: datetime) -> Finding:
    responder = responders.published(authority.name)
    if responder is None:
        return Finding(authority, "responder", State.OVER, None)
    own = x509.load_der_x509_certificate(responder.certificate)
    return finding(authority, "responder", (own.not_valid_before_utc, own.not_valid_after_utc), now)


def _answers(authority: Authority, now: datetime) -> Finding:
    """By the one that has waited longest for its renewal; with none at all, by the oldest certificate."""
    due = store.oldest_due(authority) or _unanswered_since(authority, now)
    until = due + ANSWERS_PATIENCE if due else None
    late = until is not None and now > until
    return Finding(authority, "prepared answers", State.LATE if late else State.FRESH, until or now)


def _unanswered_since(authority: Authority, now: datetime) -> datetime | None:
    """When the oldest certificate that has not ended was issued: an answer was due from then on."""
    living = Certificate.objects.filter(authority=authority, not_after__gte=now)
    return living.aggregate(oldest=Min("issued_at"))["oldest"]
