"""Revocation lists, full and in parts: signed at each change of a status, and again before they run out."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from certs import keys, rules
from certs.models import Authority, Revocation, RevocationList, Suspension
from certs.profiles import CRL_PERIOD, ROOT_CRL_PERIOD
from certs.status import files, listing, signing
from certs.status.signing import KeyOpener
from consortium.core import clock, events

Newest = dict[int | None, RevocationList]


def publish(authority_id: uuid.UUID | str, *, open_key: KeyOpener = keys.open_key) -> RevocationList:
    """Make sure that lists with every revocation are signed, stored and in their files; harmless twice.

    Returns the full one. ``open_key`` is asked only when one must be signed; a ceremony brings its own.
    Raises KeysNotAvailable, ContentMismatch.
    """
    authority = _sign_what_is_due(authority_id, open_key)
    files.write_crls(authority)
    return authority.crls.filter(shard=None).latest("number")


@transaction.atomic(durable=True)
def _sign_what_is_due(authority_id: uuid.UUID | str, open_key: KeyOpener) -> Authority:
    """Under the authority's lock: numbers rise by one, and no list is overtaken by an older one.

    Whoever changes a status raises the authority's revision under the same lock.
    """
    authority = Authority.objects.select_for_update(of=("self",)).get(pk=authority_id)
    newest = {row.shard: row for row in files.newest_lists(authority).defer("der")}
    due = [shard for shard in _parts(authority, newest) if _is_due(authority, shard, newest.get(shard))]
    if due:
        signer = signing.of_authority(authority, open_key)
        for shard in due:
            _sign(authority, shard, newest.get(shard), signer)
    return authority


def _parts(authority: Authority, newest: Newest) -> list[int | None]:
    """The full list and every part; one that was ever published is never left to run out."""
    if authority.kind == Authority.Kind.ROOT:
        return [None]
    published = max((shard for shard in newest if shard is not None), default=-1)
    return [None, *range(max(authority.crl_shards, published + 1))]


def _is_due(authority: Authority, shard: int | None, newest: RevocationList | None) -> bool:
    if newest is None or rules.crl_due(clock.now(), newest.this_update, newest.next_update):
        return True
    if newest.revision >= authority.revision:
        return False
    return shard is None or _changed_after(authority, newest)


def _changed_after(authority: Authority, newest: RevocationList) -> bool:
    """Was a status in this part changed by a later revision than the list's?"""
    later = Q(authority=authority, shard=newest.shard, revision__gt=newest.revision)
    return Revocation.objects.filter(later).exists() or Suspension.objects.filter(later).exists()


def _sign(
    authority: Authority, shard: int | None, before: RevocationList | None, signer: signing.Signer
) -> RevocationList:
    entries, validity = listing.entries_of(authority, shard), _validity(authority)
    number = before.number + 1 if before else 1
    signed = listing.build(authority, shard, number=number, validity=validity, entries=entries, signer=signer)
    row = RevocationList.objects.create(
        authority=authority,
        shard=shard,
        revision=authority.revision,
        number=number,
        der=signed,
        this_update=validity[0],
        next_update=validity[1],
        entries=entries.count,
    )
    if shard is None:
        events.record("crl.published", row, actor=events.SIGNER, number=number, entries=entries.count)
    return row


def _validity(authority: Authority) -> tuple[datetime, datetime]:
    now = clock.now().replace(microsecond=0)
    return now, min(now + _period(authority), authority.not_after)


def _period(authority: Authority) -> timedelta:
    return ROOT_CRL_PERIOD if authority.kind == Authority.Kind.ROOT else CRL_PERIOD
