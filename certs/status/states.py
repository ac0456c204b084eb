"""What is true of certificates now, in the tables: the only place where OCSP asks the database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import OuterRef, QuerySet, Subquery

from certs.models import Authority, Certificate, Revocation, Suspension
from certs.status import entries, ocsp


def statuses(authority: Authority, serials: Collection[str], now: datetime) -> dict[str, bytes]:
    """The CertStatus (DER) of those of ``serials`` that the authority issued and that have not ended."""
    rows = _rows().filter(authority=authority, serial_id__in=serials, not_after__gte=now)
    return {row[0]: _status(*row[1:]) for row in rows}


def status_of(authority_name: str, serial: str) -> bytes | None:
    """The CertStatus (DER) of any certificate that the authority issued, ended or not; None if it did not."""
    row = _rows().filter(authority__name=authority_name, serial_id=serial).first()
    return _status(*row[1:]) if row else None


def revision_of(authority_name: str) -> int:
    """The authority's revision: it rises with each change of a status."""
    rows = Authority.objects.filter(name=authority_name)
    return rows.values_list("revision", flat=True).first() or 0


def living(authority: Authority, now: datetime) -> set[str]:
    """Serial numbers of the certificates that have not ended."""
    rows = Certificate.objects.filter(authority=authority, not_after__gte=now)
    return set(rows.values_list("serial_id", flat=True))


def changed_after(authority: Authority, revision: int) -> list[str]:
    """Serial numbers whose status was changed by a later revision: revoked, suspended or released."""
    changed: set[str] = set()
    for model in (Revocation, Suspension):
        rows = model.objects.filter(authority=authority, revision__gt=revision)
        changed.update(rows.values_list("certificate__serial_id", flat=True))
    return sorted(changed)


def _rows() -> QuerySet[Certificate, tuple[str, str | None, datetime | None, datetime | None]]:
    """Serial, reason and time of the revocation, begin of a suspension that lasts."""
    holds = Suspension.objects.filter(certificate=OuterRef("pk"), released_at__isnull=True)
    return Certificate.objects.annotate(held_at=Subquery(holds.values("held_at")[:1])).values_list(
        "serial_id", "revocation__reason", "revocation__revoked_at", "held_at"
    )


def _status(reason: str | None, revoked_at: datetime | None, held_at: datetime | None) -> bytes:
    if reason is not None and revoked_at is not None:
        return ocsp.revoked(revoked_at, entries.reason_code(reason))
    if held_at is not None:
        return ocsp.revoked(held_at, entries.reason_code(entries.HOLD))
    return ocsp.GOOD
