"""Taking in what a ceremony signed: from its protocol alone, and only what was asked for, as it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from django.conf import settings
from django.db import transaction

from certs import gate, keys
from certs.authorities import checking, recording, requesting
from certs.authorities.plans import Purpose, secret_for
from certs.ceremony import composing, policy
from certs.ceremony import protocol as protocols
from certs.ceremony.errors import CeremonyError
from certs.ceremony.protocol import Protocol, Signed
from certs.errors import AuthorityNotAccepted, ProtocolNotAccepted, RootNotConfirmed
from certs.models import Authority, CrossCertificate
from certs.status import crl, files
from consortium.core import clock, events
from consortium.core.models import Event

OVERLAP = timedelta(days=30)  # relying parties have that long to learn of a new generation
_IMPORTED = "ceremony.imported"


def import_folder(
    folder: Path,
    *,
    passphrase: bytes,
    root_fingerprint: str = "",
    issues_from: datetime | None = None,
) -> list[str]:
    """Take in roots, issuing CAs, cross-certificates and root lists; returns a line for each, as done.

    ``root_fingerprint``: SPKI SHA-256 of a root that comes for the first time, as its ceremony showed it.
    ``issues_from``: from when on a new generation issues; by default at once for a first one, else after
    OVERLAP. Harmless when repeated, and goes on where it was cut off. Raises ProtocolNotAccepted,
    RootNotConfirmed, WrongPassphrase, KeysNotAvailable, and AuthorityNotAccepted: then something was signed
    that must not be, and nothing goes on until its root has revoked it.
    """
    lines = take_in(folder, passphrase=passphrase, root_fingerprint=root_fingerprint, issues_from=issues_from)
    publish(passphrase)
    return lines


def take_in(
    folder: Path, *, passphrase: bytes, root_fingerprint: str = "", issues_from: datetime | None = None
) -> list[str]:
    """The rows alone, of :func:`import_folder`; what is not published yet the caller publishes."""
    found = [(path, _root_and_protocol(path, root_fingerprint)) for path in _protocols(folder)]
    lines: list[str] = []
    for _, (root, protocol) in found:
        lines += _issuing(root, protocol, passphrase, issues_from)
        lines += _root_list(root, protocol)
    for _, (root, protocol) in found:
        lines += _cross(root, protocol)
        _note(root, protocol)
    return lines


def publish(passphrase: bytes) -> None:
    """Files and first lists of all authorities; the roots' own lists are signed in ceremonies."""
    for authority in Authority.objects.exclude(purpose__in=(Purpose.SM_ROOT, Purpose.SM_NODES)):
        files.write_authority(authority)
        if authority.kind == Authority.Kind.ROOT:
            files.write_crls(authority)
        else:
            crl.publish(authority.pk, open_key=lambda name: keys.open_key(name, secret_for(name, passphrase)))


def _protocols(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*-protocol.jsonl"), key=lambda path: (len(path.name), path.name))
    if not found:
        raise ProtocolNotAccepted(what=f"{folder}: no protocol of a ceremony in it")
    return found


def _root_and_protocol(path: Path, root_fingerprint: str) -> tuple[Authority, Protocol]:
    name = path.name.removesuffix("-protocol.jsonl")
    known = Authority.objects.filter(name=name, purpose=Purpose.ROOT).first()
    certificate = x509.load_der_x509_certificate(bytes(known.der)) if known else None
    try:
        if policy.purpose_of(name) != policy.ROOT:
            raise CeremonyError(f"{name} is no root")
        protocol = protocols.read(path.read_bytes(), root=certificate, head=_last_head(known))
    except CeremonyError as error:
        raise ProtocolNotAccepted(what=str(error)) from error
    if known is None and protocol.details["public_url"] != settings.PUBLIC_URL.rstrip("/"):
        raise ProtocolNotAccepted(what=f"it is for the console at {protocol.details['public_url']}")
    return known or _new_root(name, protocol, root_fingerprint), protocol


def _new_root(name: str, protocol: Protocol, root_fingerprint: str) -> Authority:
    """Whoever trusts this root trusts all below: somebody must have compared its fingerprint."""
    certificate, signed = protocol.root, next(protocol.signed("root"))
    fingerprint = gate.fingerprint(certificate.public_key())
    if root_fingerprint.replace(":", "").lower() != fingerprint:
        raise RootNotConfirmed(name=name, fingerprint=fingerprint)
    checking.root(certificate, name)
    key_name = protocol.details["key"]
    return recording.authority(
        name,
        certificate,
        signed.der,
        purpose=Purpose.ROOT,
        parent=None,
        key_name=key_name if key_name.startswith("pkcs11:") else name,
    )


def _issuing(
    root: Authority, protocol: Protocol, passphrase: bytes, issues_from: datetime | None
) -> Iterator[str]:
    for part in protocol.signed("issuing"):
        known = Authority.objects.filter(parent=root, der=part.der).first()
        if protocol.is_revoked(part):
            if known is not None and recording.stop(known):
                yield f"{known.name}: revoked by {root.name}, issues no more"
            continue
        if known is not None:
            requesting.forget(part.name)
            continue
        asked = requesting.pending(part.name)
        if asked is None:
            raise AuthorityNotAccepted(name=part.name, what="it was not asked for here")
        checking.issuing(part.certificate, asked, root, passphrase, urls=_urls(protocol))
        made = _record(part, root, asked.key_name, issues_from)
        requesting.forget(part.name)
        yield f"{made.name}: SPKI SHA-256 {made.spki_sha256}, issues from {made.issues_from:%F %R}"


def _urls(protocol: Protocol) -> tuple[str, ...]:
    """Where the root's files are, as its ceremony was told: an address that is kept when a console moves.

    The second is what the ceremony wrote before it took plain HTTP, and what an older one still writes.
    """
    told, name = protocol.details["public_url"], protocol.details["name"]
    return f"{composing.files_url(told)}/{name}", f"{told}/pki/{name}"


def _record(part: Signed, root: Authority, key_name: str, issues_from: datetime | None) -> Authority:
    purpose = Purpose(policy.purpose_of(part.name))
    later = Authority.objects.filter(purpose=purpose).exists()
    return recording.authority(
        part.name,
        part.certificate,
        part.der,
        purpose=purpose,
        parent=root,
        key_name=key_name,
        issues_from=issues_from or clock.now() + (OVERLAP if later else timedelta()),
    )


def _cross(root: Authority, protocol: Protocol) -> Iterator[str]:
    for part in protocol.signed("cross"):
        subject = Authority.objects.filter(purpose=Purpose.ROOT, spki_sha256=part.spki_sha256).first()
        if subject is None:
            yield f"{part.name} by {root.name}: left out until {part.name} itself is here"
        elif not CrossCertificate.objects.filter(subject=subject, issuer=root).exists():
            checking.cross(part.certificate, subject, root, urls=_urls(protocol))
            recording.cross_certificate(part.certificate, part.der, subject=subject, issuer=root)
            end = part.certificate.not_valid_after_utc
            yield f"{subject.name} by {root.name}: cross-certificate to {end:%F}"


def _root_list(root: Authority, protocol: Protocol) -> Iterator[str]:
    for part in list(protocol.signed("crl"))[-1:]:
        checking.root_list(x509.load_der_x509_crl(part.der), root)
        row = recording.root_list(root, part.der)
        if row is not None:
            yield f"{root.name}: revocation list {row.number}, to {row.next_update:%F}"


@transaction.atomic
def _note(root: Authority, protocol: Protocol) -> None:
    """How far the protocol went: the next one that comes must go on from there."""
    if _last_head(root) != protocol.head:
        count = len(protocol.entries)
        events.record(_IMPORTED, root, actor=events.COMMAND, head=protocol.head, entries=count)


def _last_head(root: Authority | None) -> str | None:
    if root is None:
        return None
    rows = Event.objects.filter(action=_IMPORTED, subject_id=str(root.pk)).order_by("-pk")
    found = rows.values_list("data", flat=True).first()
    return str(found["head"]) if found else None
