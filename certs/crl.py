"""Certificate revocation lists: signed at each revocation and again before they run out."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from certs import building, keys, publication, rules, selectors
from certs.keys import PrivateKey
from certs.models import Authority, Revocation, RevocationList
from certs.profiles import CRL_PERIOD, ROOT_CRL_PERIOD
from consortium.core import clock, events

KeyOpener = Callable[[str], PrivateKey]


def publish(authority_id: uuid.UUID | str, *, open_key: KeyOpener = keys.open_key) -> RevocationList:
    """Make sure that a CRL with every revocation is signed, stored and in its file; harmless twice.

    ``open_key`` is asked only when one must be signed; a ceremony brings its own. Raises KeysNotAvailable.
    """
    current = _sign_if_due(authority_id, open_key)
    publication.write_crl(current.authority)
    return current


@transaction.atomic(durable=True)
def _sign_if_due(authority_id: uuid.UUID | str, open_key: KeyOpener) -> RevocationList:
    """Under the authority's lock: numbers rise by one, and no list is overtaken by an older one."""
    authority = Authority.objects.select_for_update(of=("self",)).get(pk=authority_id)
    newest = selectors.newest_crl(authority)
    revoked = Revocation.objects.filter(authority=authority).count()
    # Revocations are never taken back, so the same number of them means the same ones.
    if newest and newest.entries == revoked and not _due(newest):
        return newest
    number = newest.number + 1 if newest else 1
    return _sign(authority, number, open_key(authority.key_name))


def _due(newest: RevocationList) -> bool:
    return rules.crl_due(clock.now(), newest.this_update, newest.next_update)


def _sign(authority: Authority, number: int, key: PrivateKey) -> RevocationList:
    entries = _entries(authority)
    validity = _validity(authority)
    signed = building.revocation_list(
        issuer=x509.load_der_x509_certificate(bytes(authority.der)),
        key=key,
        number=number,
        validity=validity,
        entries=entries,
    )
    row = RevocationList.objects.create(
        authority=authority,
        number=number,
        der=signed.public_bytes(Encoding.DER),
        this_update=validity[0],
        next_update=validity[1],
        entries=len(entries),
    )
    events.record("crl.published", row, actor=events.SIGNER, number=number, entries=len(entries))
    return row


def _entries(authority: Authority) -> list[tuple[int, datetime, x509.ReasonFlags]]:
    rows = Revocation.objects.filter(authority=authority).order_by("revoked_at", "pk")
    found = rows.values_list("certificate__serial_id", "revoked_at", "reason")
    return [(int(serial, 16), at, x509.ReasonFlags(reason)) for serial, at, reason in found]


def _validity(authority: Authority) -> tuple[datetime, datetime]:
    now = clock.now().replace(microsecond=0)
    return now, min(now + _period(authority), authority.not_after)


def _period(authority: Authority) -> timedelta:
    return ROOT_CRL_PERIOD if authority.kind == Authority.Kind.ROOT else CRL_PERIOD
