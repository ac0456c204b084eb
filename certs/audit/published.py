"""What relying parties are told: lists and prepared answers, as published, against the rows."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from django.db.models import F, QuerySet

from certs import topics
from certs.audit import answers
from certs.issuing import plans, reading
from certs.issuing.families import family_of
from certs.models import Authority, Certificate, RevocationList
from certs.status import files
from consortium.core import clock, outbox
from consortium.core.errors import NotFound
from consortium.core.models import OutboxMessage

Found = Iterator[tuple[str, str, str]]


def check() -> Found:
    """Subject, code and text of every list or answer that says something else than the rows."""
    for authority in Authority.objects.filter(not_after__gt=clock.now()).order_by("name"):
        if _under_way(authority):
            continue  # a status changed just now: lists and answers follow
        for row in files.newest_lists(authority):
            yield from _list(authority, row)
        yield from answers.check(authority)


def _under_way(authority: Authority) -> bool:
    owed = OutboxMessage.objects.filter(outbox.OPEN, topic=topics.PUBLISH_CRL, key=str(authority.pk))
    return owed.exists()


def _list(authority: Authority, row: RevocationList) -> Found:
    name = authority.name if row.shard is None else f"{authority.name}/{row.shard}"
    der = bytes(row.der)
    try:
        if files.current_crl(authority.name, row.shard) != der:
            yield f"{name}.crl", "list_not_published", "the published list is not the newest"
    except NotFound:
        yield f"{name}.crl", "list_missing", "no list is published"
    try:
        found = list(_signed(authority, row, der))
    except answers.UNREADABLE as error:
        found = [("list_unreadable", f"{type(error).__name__}: {error}")]
    for code, text in found:
        yield f"{name}.crl", code, text


def _signed(authority: Authority, row: RevocationList, der: bytes) -> Iterator[tuple[str, str]]:
    """What the list itself says, whatever its row says of it: whose it is, until when, and what it lists."""
    crl, issuer_der = x509.load_der_x509_crl(der), bytes(authority.der)
    parts, family = reading.parts(der), family_of(issuer_der)
    _version, algorithm, issuer, *_rest = reading.elements(parts.tbs)
    if issuer != plans.issuer_of(issuer_der).subject:
        yield "list_issuer_differs", "the issuer is not the authority's subject, octet by octet"
    if not algorithm == parts.algorithm == family.algorithm:
        yield "list_signature_wrong", "signed with another algorithm than the authority's"
    elif not family.holds(parts.tbs, parts.signature):
        yield "list_signature_wrong", "the authority's key did not sign it"
    if crl.next_update_utc is None or crl.next_update_utc != row.next_update:
        yield "list_differs", f"says {crl.next_update_utc} as its end, its row {row.next_update.isoformat()}"
    until = min(crl.next_update_utc or row.next_update, row.next_update)
    if until <= clock.now():
        yield "list_stale", f"ran out at {until.isoformat()}"
    listed, wanted = {entry.serial_number for entry in crl}, _entries(authority, row.shard)
    if authority.kind == Authority.Kind.ROOT:
        # Only a ceremony knows all that a root revoked: of others than authorities there is no row.
        listed &= _serials(Authority.objects.filter(parent=authority))
    if listed != wanted:
        texts = ", ".join(f"{serial:x}" for serial in sorted(listed ^ wanted)[:5])
        yield "list_differs", f"lists other certificates than the rows: {texts}"


def _entries(authority: Authority, shard: int | None) -> set[int]:
    """The serials that must be listed, from the revocations and holds themselves."""
    if authority.kind == Authority.Kind.ROOT:
        # An authority that its root revoked issues no more, ever: importing the root's list says so.
        return _serials(Authority.objects.filter(parent=authority, issues_from__gte=F("not_after")))
    rows = Certificate.objects.filter(authority=authority)
    if shard is not None:
        rows = rows.filter(crl_shard=shard)
    revoked = rows.filter(revocation__isnull=False).values_list("serial_id", flat=True)
    held = rows.filter(suspensions__released_at__isnull=True, suspensions__isnull=False)
    return {int(serial, 16) for serial in {*revoked, *held.values_list("serial_id", flat=True)}}


def _serials(authorities: QuerySet[Authority]) -> set[int]:
    return {reading.serial_of(bytes(der)) for der in authorities.values_list("der", flat=True)}
