"""Serial numbers: stored before anything is built, their intent once it is linted, and an end for each.

A serial ends in one of two ways, and the database allows no third: a certificate is stored under it, or it
is voided with a reason, and then nothing is ever stored under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction

from certs import building
from certs.models import Authority, CertificateRequest, SerialNumber
from consortium.core import bulk, clock, events
from consortium.core.events import Actor
from consortium.core.lookups import as_array

_WITHOUT = {"certificate__isnull": True, "cross_certificate__isnull": True}


def allocate(
    wanted: Sequence[tuple[Authority, CertificateRequest | None]],
) -> list[SerialNumber]:
    """A new serial for each, in the caller's transaction: it must commit before anything is built.

    Raises IntegrityError where a number exists already, which 126 random bits never brought about by chance.
    """
    now = clock.now()
    rows = [_new(authority, request, now) for authority, request in wanted]
    bulk.insert(rows)
    return rows


def _new(authority: Authority, request: CertificateRequest | None, now: datetime) -> SerialNumber:
    columns = {
        "serial": building.serial_text(building.new_serial()),
        "authority_id": authority.pk,
        "request_id": request.pk if request else None,
        "allocated_at": now,
        "intent": b"",
        "voided_at": None,
        "void_reason": "",
    }
    return bulk.new(SerialNumber, columns, {"authority": authority, "request": request})


@transaction.atomic(durable=True)
def store_intents(intents: Mapping[str, bytes]) -> set[str]:
    """Store what is about to be signed, by serial; returns those that are as given now.

    One that has another intent already, or was voided meanwhile, is not among them and must not be signed.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE certs_serialnumber SET intent = wanted.intent
            FROM (
                SELECT serial, decode(hex, 'hex') AS intent
                FROM unnest(%s::text[], %s::text[]) AS given (serial, hex)
            ) AS wanted
            WHERE certs_serialnumber.serial = wanted.serial AND voided_at IS NULL
                AND (certs_serialnumber.intent = '' OR certs_serialnumber.intent = wanted.intent)
            RETURNING certs_serialnumber.serial
            """,
            [as_array(list(intents)), as_array([intent.hex() for intent in intents.values()])],
        )
        return {row[0] for row in cursor.fetchall()}


def void(rows: Iterable[SerialNumber], *, reason: str, actor: Actor) -> list[SerialNumber]:
    """End serials without a certificate, in the caller's transaction; ended ones are left alone."""
    now = clock.now()
    keys = [row.pk for row in rows]
    live = SerialNumber.objects.select_for_update(of=("self",)).select_related("request")
    found = list(live.filter(pk__in=keys, voided_at__isnull=True).filter(**_WITHOUT))
    SerialNumber.objects.filter(pk__in=[row.pk for row in found]).update(voided_at=now, void_reason=reason)
    for row in found:
        row.voided_at, row.void_reason = now, reason
        events.record(
            "serial.voided",
            row,
            actor=actor,
            reason=reason,
            institution_id=row.request.institution_id if row.request else None,
            node_id=row.request.node_id if row.request else None,
            signed_perhaps=bool(row.intent),
        )
    return found
