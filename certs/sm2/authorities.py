"""Making the authorities of 国密. Each part that is there already is left as it is."""

from __future__ import annotations

import hashlib

from cryptography import x509
from django.db import transaction

from certs import building, keys, status
from certs.errors import SM2NotAvailable
from certs.issuing import reading
from certs.models import Authority, SeenKey, SerialNumber
from certs.sm2 import certificates, library
from certs.sm2.family import SM2Family
from certs.sm2.library import PrivateKey
from certs.status import crl, files
from consortium.core import clock, events

ROOT, NODES = "sm-root", "sm-nodes"  # in /pki/<name>.crt, and of the sealed keys
Purpose, Kind = Authority.Purpose, Authority.Kind


def create(alliance: str, *, passphrase: bytes, root_passphrase: bytes) -> tuple[Authority, Authority]:
    """Make (or complete, after a crash) root and nodes CA, their lists and their published files.

    Raises SM2NotAvailable; WrongPassphrase where a key that is sealed already does not open; KeysNotAvailable
    where the authority is recorded but its key is not on this machine and something must be signed with it.
    """
    if why := library.available():
        raise SM2NotAvailable(why=why)
    root = _existing(Purpose.SM_ROOT) or _create_root(alliance, root_passphrase)
    nodes = _existing(Purpose.SM_NODES) or _create_nodes(alliance, root, passphrase, root_passphrase)
    for authority, word in ((root, root_passphrase), (nodes, passphrase)):
        files.write_authority(authority)
        _publish_lists(authority, word)
    return root, nodes


def _existing(purpose: Authority.Purpose) -> Authority | None:
    return Authority.objects.filter(purpose=purpose).order_by("-created_at").first()


def _publish_lists(authority: Authority, passphrase: bytes) -> None:
    """The root's key may be on its way to the safe already: then its list is left as it is."""
    if keys.exists(authority.key_name):
        crl.publish(authority.pk, open_key=lambda name: _open(name, passphrase))
    else:
        files.write_crls(authority)


def _create_root(alliance: str, passphrase: bytes) -> Authority:
    key = _key(ROOT, passphrase)
    made = certificates.root(key, alliance, clock.now())
    return _record(ROOT, Purpose.SM_ROOT, None, made)


def _create_nodes(alliance: str, root: Authority, passphrase: bytes, root_passphrase: bytes) -> Authority:
    key = _key(NODES, passphrase)
    above = bytes(root.der)
    family = SM2Family(reading.spki_of(above))
    signer = certificates.Root(
        above, family.own(_open(root.key_name, root_passphrase)), status.issuer_url(root)
    )
    made = certificates.nodes(signer, key.spki, alliance, clock.now())
    return _record(NODES, Purpose.SM_NODES, root, made)


def _key(name: str, passphrase: bytes) -> PrivateKey:
    """Sealed before it is used: a crash leaves a key without a certificate, never the other way round."""
    if not keys.exists(name):
        keys.seal_bytes(name, PrivateKey.generate().pkcs8(), passphrase)
    return _open(name, passphrase)


def _open(name: str, passphrase: bytes) -> PrivateKey:
    return PrivateKey.from_pkcs8(keys.open_bytes(name, passphrase))


@transaction.atomic(durable=True)
def _record(name: str, purpose: Authority.Purpose, parent: Authority | None, der: bytes) -> Authority:
    """Certificate, serial number and key fingerprint together; nothing was released before."""
    now, certificate = clock.now(), x509.load_der_x509_certificate(der)
    fingerprint = hashlib.sha256(reading.spki_of(der)).hexdigest()
    authority = Authority.objects.create(
        name=name,
        kind=Kind.ISSUING if parent else Kind.ROOT,
        purpose=purpose,
        parent=parent,
        der=der,
        key_name=name,
        spki_sha256=fingerprint,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        created_at=now,
        issues_from=now,
    )
    SerialNumber.objects.create(
        serial=building.serial_text(certificate.serial_number),
        authority=parent or authority,
        allocated_at=now,
        intent=der,
    )
    SeenKey.objects.create(spki_sha256=fingerprint, authority=authority, seen_at=now)
    events.record("authority.created", authority, actor=events.COMMAND, spki_sha256=fingerprint)
    return authority
