"""The protocol of a root's ceremonies: what was done, by whom, with which files, each entry signed.

A file of lines. Each is one entry in JSON of one canonical form, with the SHA-256 of the line before and a
signature of the root's key, so that no byte of it can change unnoticed. That the last lines were cut off
shows by the head, the SHA-256 of the last line: witnesses write it down, and the console remembers it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.ceremony.composing import hash_for, serial_text
from certs.ceremony.errors import ProtocolBroken
from certs.keystores.kinds import AuthorityKey

FORMAT = "consortium-ceremony-protocol-1"
START = "0" * 64  # what stands for the line before the first
_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
    ),
}


@dataclass(frozen=True)
class Signed:
    """Something that the root's key signed. ``kind``: root, issuing, cross or crl."""

    kind: str
    name: str
    der: bytes

    @property
    def certificate(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.der)

    @property
    def spki_sha256(self) -> str:
        return spki_sha256(self.certificate.public_key())


@dataclass(frozen=True)
class Protocol:
    """All entries so far, verified; ``append`` makes the next one."""

    data: bytes = b""
    entries: tuple[dict[str, Any], ...] = ()

    @property
    def head(self) -> str:
        """SHA-256 of the last line."""
        return _line_hash(self.data.splitlines()[-1]) if self.data else START

    def signed(self, *kinds: str) -> Iterator[Signed]:
        """What was signed, oldest first."""
        for entry in self.entries:
            for item in entry["signed"]:
                if not kinds or item["kind"] in kinds:
                    yield Signed(item["kind"], item["name"], base64.b64decode(item["der"]))

    @property
    def root(self) -> x509.Certificate:
        """The root's own certificate. Raises ProtocolBroken where the protocol does not begin with it."""
        for item in self.signed("root"):
            return item.certificate
        raise ProtocolBroken("the protocol does not begin with a root")

    @property
    def details(self) -> dict[str, Any]:
        """What was said when the root was made: name, alliance, public_url, key."""
        return dict(self.entries[0]["details"])

    @property
    def revoked(self) -> list[dict[str, str]]:
        """What the root revoked so far: serial (hex), at, reason."""
        return [row for entry in self.entries for row in entry["details"].get("revoked", [])]

    def is_revoked(self, part: Signed) -> bool:
        """Was that certificate revoked by its root?"""
        return serial_text(part.certificate.serial_number) in {row["serial"] for row in self.revoked}

    def append(self, key: AuthorityKey, entry: dict[str, Any]) -> Protocol:
        """The protocol with one more entry, signed with the root's key."""
        whole = {
            **entry,
            "format": FORMAT,
            "number": len(self.entries) + 1,
            "previous": self.head,
            "root": spki_sha256(key.public_key()),
        }
        signature = _sign(key, _message(whole))
        line = _canonical({"entry": whole, "signature": _text(signature)})
        return Protocol(self.data + line + b"\n", (*self.entries, whole))


def read(data: bytes, *, root: x509.Certificate | None = None, head: str | None = None) -> Protocol:
    """The protocol in ``data``, every byte of it checked. Raises ProtocolBroken.

    ``root``: the certificate that is known from elsewhere; without it the protocol's own first one is taken,
    and who reads it must compare its fingerprint. ``head``: the SHA-256 noted after the last ceremony that is
    known; its line must still be there.
    """
    try:
        return _read(data, root, head)
    except (KeyError, TypeError, ValueError, AttributeError, UnsupportedAlgorithm) as error:
        # Whatever a changed byte makes unreadable: the signature would not have fitted either.
        raise ProtocolBroken(f"the protocol is not readable: {error!r}") from error


def _read(data: bytes, root: x509.Certificate | None, head: str | None) -> Protocol:
    if not data.endswith(b"\n"):
        raise ProtocolBroken("the protocol does not end with a whole line")
    lines = data[:-1].split(b"\n")
    entries = tuple(_entry(line, number) for number, line in enumerate(lines, 1))
    made = Protocol(data, entries)
    anchor = made.root
    if root is not None and root != anchor:
        raise ProtocolBroken("this is the protocol of another root")
    _check_chain(lines, entries, anchor)
    _check_signed(made, anchor)
    if head is not None and head not in {START, *map(_line_hash, lines)}:
        raise ProtocolBroken(f"the entry with SHA-256 {head} is not there any more")
    return made


def spki_sha256(public_key: Any) -> str:
    """A public key's fingerprint: SHA-256 over its SubjectPublicKeyInfo."""
    return hashlib.sha256(
        public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def item(kind: str, name: str, der: bytes) -> dict[str, str]:
    """An entry's record of something signed."""
    return {"kind": kind, "name": name, "der": _text(der), "sha256": hashlib.sha256(der).hexdigest()}


def _entry(line: bytes, number: int) -> dict[str, Any]:
    """One line, which must be in the one form that ``append`` writes."""
    try:
        record = json.loads(line)
        entry, signature = record["entry"], record["signature"]
        known = entry["format"] == FORMAT and entry["number"] == number
        same = _canonical(record) == line and _text(base64.b64decode(signature)) == signature
        for part in entry["signed"]:
            der = base64.b64decode(part["der"])
            same = same and part == item(part["kind"], part["name"], der)
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolBroken(f"entry {number} is not readable: {error!r}") from error
    if not known or not same or set(record) != {"entry", "signature"}:
        raise ProtocolBroken(f"entry {number} is not as it was written")
    return dict(entry)


def _check_chain(lines: list[bytes], entries: tuple[dict[str, Any], ...], anchor: x509.Certificate) -> None:
    before, fingerprint = START, spki_sha256(anchor.public_key())
    for number, (line, entry) in enumerate(zip(lines, entries, strict=True), 1):
        if entry["previous"] != before or entry["root"] != fingerprint:
            raise ProtocolBroken(f"entry {number} does not follow on the one before it")
        signature = base64.b64decode(json.loads(line)["signature"])
        if not _holds(anchor.public_key(), signature, _message(entry)):
            raise ProtocolBroken(f"entry {number} was changed: its signature does not fit")
        before = _line_hash(line)


def _check_signed(protocol: Protocol, anchor: x509.Certificate) -> None:
    """Everything in it is by this root, and no serial number comes twice."""
    serials: set[int] = set()
    for part in protocol.signed("root", "issuing", "cross"):
        certificate = part.certificate
        try:
            certificate.verify_directly_issued_by(anchor)
        except (InvalidSignature, ValueError) as error:
            raise ProtocolBroken(f"{part.name} is not signed by this root") from error
        if certificate.serial_number in serials:
            raise ProtocolBroken(f"{part.name} has a serial number that was used before")
        serials.add(certificate.serial_number)


def _sign(key: AuthorityKey, message: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hash_for(key))
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hash_for(key))))
    return encode_dss_signature(r, min(s, _ORDERS[key.curve.name] - s))


def _holds(key: Any, signature: bytes, message: bytes) -> bool:
    """ECDSA has two signatures for each: only the one with the lower s is ours, or a byte could change."""
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), hash_for(key))
            return True
        r, s = decode_dss_signature(signature)
        key.verify(signature, message, ec.ECDSA(hash_for(key)))
        return encode_dss_signature(r, s) == signature and s <= _ORDERS[key.curve.name] // 2
    except (InvalidSignature, ValueError):
        return False


def _message(entry: dict[str, Any]) -> bytes:
    return FORMAT.encode() + b"\n" + _canonical(entry)


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _line_hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
