"""Rows of authorities, their cross-certificates and the root's lists. Each is one transaction."""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from django.conf import settings
from django.db import transaction

from certs import building, gate
from certs.models import Authority, CrossCertificate, RevocationList, SeenKey, SerialNumber
from consortium.core import clock, events


@transaction.atomic(durable=True)
def authority(
    name: str,
    signed: x509.Certificate,
    der: bytes,
    *,
    purpose: Authority.Purpose,
    parent: Authority | None,
    key_name: str,
    issues_from: datetime | None = None,
) -> Authority:
    """Certificate, serial number and key fingerprint together; nothing was released before."""
    now, fingerprint = clock.now(), gate.fingerprint(signed.public_key())
    kind = Authority.Kind.ROOT if parent is None else Authority.Kind.ISSUING
    made = Authority.objects.create(
        name=name,
        kind=kind,
        purpose=purpose,
        parent=parent,
        der=der,
        key_name=key_name,
        spki_sha256=fingerprint,
        not_before=signed.not_valid_before_utc,
        not_after=signed.not_valid_after_utc,
        created_at=now,
        issues_from=issues_from or now,
        crl_shards=1 if parent is None else settings.CRL_PARTS,
    )
    _spend(signed, der, parent or made)
    SeenKey.objects.create(spki_sha256=fingerprint, authority=made, seen_at=now)
    events.record("authority.created", made, actor=events.COMMAND, spki_sha256=fingerprint)
    return made


@transaction.atomic(durable=True)
def cross_certificate(
    signed: x509.Certificate, der: bytes, *, subject: Authority, issuer: Authority
) -> CrossCertificate:
    """A second certificate for ``subject``'s key, by ``issuer``."""
    made = CrossCertificate.objects.create(
        subject=subject,
        issuer=issuer,
        serial=_spend(signed, der, issuer),
        der=der,
        not_before=signed.not_valid_before_utc,
        not_after=signed.not_valid_after_utc,
        created_at=clock.now(),
    )
    events.record("authority.cross_signed", subject, actor=events.COMMAND, issuer=issuer.name)
    return made


@transaction.atomic(durable=True)
def stop(revoked: Authority) -> bool:
    """Its root revoked it: its time to issue never comes again. False where that was done before."""
    changed = Authority.objects.filter(pk=revoked.pk, issues_from__lt=revoked.not_after)
    if not changed.update(issues_from=revoked.not_after):
        return False
    events.record("authority.revoked", revoked, actor=events.COMMAND)
    return True


@transaction.atomic(durable=True)
def root_list(root: Authority, der: bytes) -> RevocationList | None:
    """The root's revocation list, as its ceremony signed it; None where it is not newer than what is here."""
    Authority.objects.select_for_update(of=("self",)).get(pk=root.pk)
    crl = x509.load_der_x509_crl(der)
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    newest = root.crls.filter(shard=None).order_by("-number").first()
    if newest is not None and newest.number >= number:
        return None
    row = RevocationList.objects.create(
        authority=root,
        revision=root.revision,
        number=number,
        der=der,
        this_update=crl.last_update_utc,
        next_update=crl.next_update_utc or root.not_after,
        entries=len(crl),
    )
    events.record("crl.published", row, actor=events.COMMAND, number=number, entries=len(crl))
    return row


def _spend(signed: x509.Certificate, der: bytes, issuer: Authority) -> SerialNumber:
    return SerialNumber.objects.create(
        serial=building.serial_text(signed.serial_number),
        authority=issuer,
        allocated_at=clock.now(),
        intent=der,
    )
