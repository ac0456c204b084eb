"""Making the authorities of 国密. Each part that is there already is left as it is."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.db import transaction

from certs import building, keys, status
from certs.errors import NoAuthority, SM2NotAvailable
from certs.issuing import reading
from certs.models import Authority, SeenKey, SerialNumber
from certs.sm2 import certificates, library
from certs.sm2 import protocol as protocols
from certs.sm2.family import SM2Family
from certs.sm2.library import PrivateKey, PublicKey
from certs.sm2.protocol import Protocol, Signed
from certs.status import crl, files
from consortium.core import clock, events
from consortium.core import files as core_files

ROOT, NODES = "sm-root", "sm-nodes"  # in /pki/<name>.crt, and of the sealed keys
Purpose, Kind = Authority.Purpose, Authority.Kind


@dataclass(frozen=True, slots=True)
class Table:
    """Who sits at it when the root signs, and what opens the two keys."""

    passphrase: bytes
    root_passphrase: bytes
    witnesses: tuple[str, ...] = ()


def create(
    alliance: str, *, passphrase: bytes, root_passphrase: bytes, witnesses: tuple[str, ...] = ()
) -> tuple[Authority, Authority]:
    """Make (or complete, after a crash) root and nodes CA, their lists and their published files.

    Raises SM2NotAvailable; WrongPassphrase where a key that is sealed already does not open; KeysNotAvailable
    where the authority is recorded but its key is not on this machine and something must be signed with it;
    ProtocolNotAccepted where somebody changed what earlier runs wrote down.
    """
    table = Table(passphrase, root_passphrase, witnesses)
    with _alone():
        root = _existing(Purpose.SM_ROOT) or _create_root(alliance, table)
        nodes = _existing(Purpose.SM_NODES) or _create_nodes(root, table, generation=1)
        _publish(root, nodes, table)
    return root, nodes


def create_next(
    issues_from: datetime, *, passphrase: bytes, root_passphrase: bytes, witnesses: tuple[str, ...] = ()
) -> Authority:
    """A nodes CA of the next generation, which issues from then on: until then members take it up.

    The one before signs its lists as long as it is valid. Raises as :func:`create`, and NoAuthority.
    """
    table = Table(passphrase, root_passphrase, witnesses)
    with _alone():
        root = _existing(Purpose.SM_ROOT)
        if root is None:
            raise NoAuthority
        generation = Authority.objects.filter(purpose=Purpose.SM_NODES).count() + 1
        nodes = _create_nodes(root, table, generation=generation, issues_from=issues_from)
        _publish(root, nodes, table)
    return nodes


@contextmanager
def _alone() -> Iterator[None]:
    """Keep a second ceremony out. Raises SM2NotAvailable."""
    if why := library.available():
        raise SM2NotAvailable(why=why)
    directory = Path(settings.KEY_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / f".{ROOT}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _publish(root: Authority, nodes: Authority, table: Table) -> None:
    for authority, word in ((root, table.root_passphrase), (nodes, table.passphrase)):
        files.write_authority(authority)
        _publish_lists(authority, word)
    if keys.exists(root.key_name):
        _enter_lists(root, table)


def protocol_path() -> Path:
    """The protocol of the root's ceremonies, beside its key; it holds nothing secret."""
    return Path(settings.KEY_DIR) / f"{ROOT}.protocol"


def protocol_of(root: PublicKey) -> Protocol:
    """What was done so far, verified. Raises ProtocolNotAccepted."""
    try:
        return protocols.read(protocol_path().read_bytes(), root)
    except FileNotFoundError:
        return Protocol()


def public_key_of(authority: Authority) -> PublicKey:
    """The key in the authority's certificate."""
    return PublicKey.from_spki(reading.spki_of(bytes(authority.der)))


def _existing(purpose: Authority.Purpose) -> Authority | None:
    return Authority.objects.filter(purpose=purpose).order_by("-created_at").first()


def _publish_lists(authority: Authority, passphrase: bytes) -> None:
    """The root's key may be on its way to the safe already: then its list is left as it is."""
    if keys.exists(authority.key_name):
        crl.publish(authority.pk, open_key=lambda name: _open(name, passphrase))
    else:
        files.write_crls(authority)


def _create_root(alliance: str, table: Table) -> Authority:
    key = _key(ROOT, table.root_passphrase)
    known = next(protocol_of(key).signed("root"), None)
    if known is None:
        known = Signed("root", ROOT, certificates.root(key, alliance, clock.now()))
        _enter(key, [known], table)
    return _record(ROOT, Purpose.SM_ROOT, None, known.der)


def _create_nodes(
    root: Authority, table: Table, *, generation: int, issues_from: datetime | None = None
) -> Authority:
    name = NODES if generation == 1 else f"{NODES}-{generation}"
    key = _key(name, table.passphrase)
    above = bytes(root.der)
    signer = SM2Family(reading.spki_of(above)).own(_open(root.key_name, table.root_passphrase))
    for known in protocol_of(signer).signed("nodes"):
        if reading.spki_of(known.der) == key.spki:  # an earlier run signed it and went no further
            return _record(name, Purpose.SM_NODES, root, known.der, issues_from)
    issuer = certificates.Root(above, signer, status.issuer_url(root))
    made = Signed("nodes", name, certificates.nodes(issuer, key.spki, generation, clock.now()))
    _enter(signer, [made], table)
    return _record(name, Purpose.SM_NODES, root, made.der, issues_from)


def _enter(key: PrivateKey, parts: list[Signed], table: Table) -> None:
    """Into the protocol first: what it does not have is released nowhere."""
    entered = protocol_of(key).append(key, parts, at=clock.now(), witnesses=table.witnesses)
    core_files.replace(protocol_path(), entered.data)


def _enter_lists(root: Authority, table: Table) -> None:
    """The root's lists that the protocol does not have yet."""
    key = _open(root.key_name, table.root_passphrase)
    known = {part.der for part in protocol_of(key).signed("crl")}
    lists = [bytes(row.der) for row in root.crls.order_by("number")]
    missing = [Signed("crl", ROOT, der) for der in lists if der not in known]
    if missing:
        _enter(key, missing, table)


def _key(name: str, passphrase: bytes) -> PrivateKey:
    """Sealed before it is used: a crash leaves a key without a certificate, never the other way round."""
    if not keys.exists(name):
        keys.seal_bytes(name, PrivateKey.generate().pkcs8(), passphrase)
    return _open(name, passphrase)


def _open(name: str, passphrase: bytes) -> PrivateKey:
    return PrivateKey.from_pkcs8(keys.open_bytes(name, passphrase))


@transaction.atomic(durable=True)
def _record(
    name: str,
    purpose: Authority.Purpose,
    parent: Authority | None,
    der: bytes,
    issues_from: datetime | None = None,
) -> Authority:
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
        issues_from=issues_from or now,
        crl_shards=1 if parent is None else settings.CRL_PARTS,
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
