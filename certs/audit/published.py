"""What relying parties are told: lists and prepared answers, as published, against the rows."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509 import ocsp

from certs import topics
from certs.models import Authority, Certificate, RevocationList
from certs.status import files, prepared, states
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
        yield from _answers(authority)


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
    if row.next_update <= clock.now():
        yield f"{name}.crl", "list_stale", f"ran out at {row.next_update.isoformat()}"
    try:
        found = {entry.serial_number for entry in x509.load_der_x509_crl(der)}
    except ValueError as error:
        yield f"{name}.crl", "list_unreadable", str(error)
        return
    wanted = _entries(authority, row.shard)
    if found != wanted:
        texts = ", ".join(f"{serial:x}" for serial in sorted(found ^ wanted)[:5])
        yield f"{name}.crl", "list_differs", f"lists other certificates than the rows: {texts}"


def _entries(authority: Authority, shard: int | None) -> set[int]:
    """The serials that must be listed, from the revocations and holds themselves."""
    rows = Certificate.objects.filter(authority=authority)
    if shard is not None:
        rows = rows.filter(crl_shard=shard)
    revoked = rows.filter(revocation__isnull=False).values_list("serial_id", flat=True)
    held = rows.filter(suspensions__released_at__isnull=True, suspensions__isnull=False)
    return {int(serial, 16) for serial in {*revoked, *held.values_list("serial_id", flat=True)}}


def _answers(authority: Authority) -> Found:
    now = clock.now()
    serials = sorted(states.living(authority, now))
    wanted = states.statuses(authority, serials, now)
    for serial in serials:
        answer = prepared.read(authority.name, serial)
        if answer is None or answer.next_update <= now:
            continue  # the responder answers by itself
        if answer.status != wanted.get(serial):
            yield serial, "answer_differs", "the prepared OCSP answer says something else than the rows"
        for der in answer.responses.values():
            yield from _response(serial, der)


def _response(serial: str, der: bytes) -> Found:
    try:
        response = ocsp.load_der_ocsp_response(der)
        if response.serial_number != int(serial, 16):
            yield serial, "answer_differs", "the prepared OCSP answer is another certificate's"
    except ValueError as error:
        yield serial, "answer_unreadable", str(error)
