"""The ceremonies themselves. Each is harmless the second time: what the protocol has is not signed again."""

from __future__ import annotations

import getpass
import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.backends.openssl.backend import backend
from cryptography.hazmat.primitives.serialization import Encoding

from certs.ceremony import composing, policy
from certs.ceremony.composing import Issuer
from certs.ceremony.errors import Refused
from certs.ceremony.home import Home, file_content, file_name
from certs.ceremony.protocol import Protocol, Signed, item, spki_sha256
from certs.ceremony.requests import Request
from certs.keystores.kinds import AuthorityKey

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Session:
    """Who sits at the table, when, with which root; ``secret`` opens its key."""

    home: Home
    secret: bytes
    witnesses: Sequence[str]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


def make_root(session: Session, *, alliance: str, public_url: str, kind: str = "P-384") -> x509.Certificate:
    """Make the root: key, certificate, first revocation list. Raises Refused where another one is here."""
    home = session.home
    with home.alone():
        protocol = home.protocol()
        if protocol.entries:
            _check_same(protocol, alliance, public_url)
            home.release(home.directory)
        else:
            _begin(session, alliance, public_url, kind)
    protocol = home.protocol()
    if not any(protocol.signed("crl")):
        revocation_list(session)
    return protocol.root


def _begin(session: Session, alliance: str, public_url: str, kind: str) -> None:
    home = session.home
    key = home.make_key(kind, session.secret)
    made = composing.root(key, alliance, home.name, session.now)
    details = {
        "name": home.name,
        "alliance": alliance,
        "public_url": public_url.rstrip("/"),
        "key": home.key_name or "sealed file",
    }
    part = Signed("root", home.name, made.public_bytes(Encoding.DER))
    extra = {} if home.key_name else {home.key_path.name: home.key_path.read_bytes()}
    _write(session, Protocol(), key, "root", [part], details=details, outputs=extra)


def sign(session: Session, requests: Sequence[Request], files: Files) -> list[Signed]:
    """Certify issuing CAs. What was certified under the same name with the same key is handed out again."""
    with session.home.alone():
        protocol, known = session.home.protocol(), {}
        for request in requests:
            known[request.name] = _known(protocol, request)
        new = [request for request in requests if known[request.name] is None]
        if new:
            issuer = _issuer(session, protocol)
            for request in new:
                made = composing.issuing(
                    issuer, request.name, request.public_key(), request.hosts, session.now
                )
                known[request.name] = Signed("issuing", request.name, made.public_bytes(Encoding.DER))
            parts = [part for request in new if (part := known[request.name])]
            _write(session, protocol, issuer.key, "sign", parts, inputs=files)
    return [part for part in known.values() if part]


def cross_sign(session: Session, other: x509.Certificate, files: Files) -> Signed:
    """Certify another root's key under this one."""
    name = policy.root_name(other)
    with session.home.alone():
        protocol = session.home.protocol()
        if spki_sha256(other.public_key()) == spki_sha256(protocol.root.public_key()):
            raise Refused("that is this root itself")
        for part in protocol.signed("cross"):
            if part.certificate.public_key() == other.public_key():
                return part
        issuer = _issuer(session, protocol)
        made = composing.cross(issuer, other, session.now)
        part = Signed("cross", name, made.public_bytes(Encoding.DER))
        _write(session, protocol, issuer.key, "cross-sign", [part], inputs=files)
    return part


def revocation_list(
    session: Session,
    revoke: Sequence[tuple[int, x509.ReasonFlags]] = (),
    *,
    period: timedelta = policy.ROOT_CRL_PERIOD,
) -> Signed:
    """Sign the root's revocation list, with ``revoke`` (serial numbers it signed) from now on in it."""
    with session.home.alone():
        protocol = session.home.protocol()
        rows = protocol.revoked
        fresh = [_revocation(protocol, serial, reason, session.now) for serial, reason in revoke]
        fresh = [row for row in fresh if row["serial"] not in {known["serial"] for known in rows}]
        rows += fresh
        number = sum(1 for _ in protocol.signed("crl")) + 1
        issuer = _issuer(session, protocol)
        entries = [_entry(row) for row in rows]
        made = composing.revocation_list(issuer, number, entries, session.now, period)
        part = Signed("crl", session.home.name, made.public_bytes(Encoding.DER))
        details = {"number": number, "revoked": fresh}
        _write(session, protocol, issuer.key, "crl", [part], details=details)
    return part


def _issuer(session: Session, protocol: Protocol) -> Issuer:
    root = protocol.root
    key = session.home.open_key(session.secret)
    if spki_sha256(key.public_key()) != spki_sha256(root.public_key()):
        raise Refused("the key is not this root's")
    return Issuer(root, key, f"{composing.files_url(protocol.details['public_url'])}/{session.home.name}")


def _check_same(protocol: Protocol, alliance: str, public_url: str) -> None:
    details = protocol.details
    if (details["alliance"], details["public_url"]) != (alliance, public_url.rstrip("/")):
        raise Refused(f"there is a root here already, of {details['alliance']} at {details['public_url']}")


def _known(protocol: Protocol, request: Request) -> Signed | None:
    """The certificate that this very request got. Raises Refused on a name or a key that is taken.

    One that was revoked takes nothing: it was signed by mistake, and the right one may have its name.
    """
    if policy.purpose_of(request.name) == policy.ROOT:
        raise Refused(f"{request.name}: a root is not signed by another one; cross-sign does that")
    fingerprint = request.spki_sha256
    for part in protocol.signed("root", "issuing"):
        if protocol.is_revoked(part):
            continue
        same_name, same_key = part.name == request.name, part.spki_sha256 == fingerprint
        if same_name and same_key:
            return part
        if same_key:
            raise Refused(f"{request.name}: that key is {part.name}'s")
        if same_name:
            raise Refused(f"{request.name} has another key already; the next one has the next number")
    return None


def _revocation(protocol: Protocol, serial: int, reason: x509.ReasonFlags, now: datetime) -> dict[str, str]:
    known = {part.certificate.serial_number for part in protocol.signed("issuing", "cross")}
    if serial not in known:
        raise Refused(f"this root never signed a certificate with the serial number {serial:x}")
    at = now.replace(microsecond=0).isoformat()
    return {"serial": composing.serial_text(serial), "at": at, "reason": reason.value}


def _entry(row: dict[str, str]) -> tuple[int, datetime, x509.ReasonFlags]:
    return int(row["serial"], 16), datetime.fromisoformat(row["at"]), x509.ReasonFlags(row["reason"])


def _write(
    session: Session,
    protocol: Protocol,
    key: AuthorityKey,
    action: str,
    parts: Sequence[Signed],
    *,
    details: Mapping[str, Any] | None = None,
    inputs: Files | None = None,
    outputs: Files | None = None,
) -> None:
    home = session.home
    written = {file_name(part, home.name): file_content(part) for part in parts}
    entry = {
        "action": action,
        "at": session.now.isoformat(),
        "by": {"witnesses": list(session.witnesses), "account": _account(), "machine": platform.node()},
        "details": dict(details or {}),
        "inputs": _hashes(inputs or {}),
        "outputs": _hashes({**written, **(outputs or {})}),
        "signed": [item(part.kind, part.name, part.der) for part in parts],
        "tools": tools(),
    }
    home.keep(protocol.append(key, entry))


def _hashes(files: Files) -> list[dict[str, Any]]:
    return [
        {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in sorted(files.items())
    ]


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"  # a machine without a list of accounts


def tools() -> dict[str, str]:
    """What does the work here, and the SHA-256 over the ceremony's own source."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cryptography": version("cryptography"),
        "argon2-cffi": version("argon2-cffi"),
        "python-pkcs11": version("python-pkcs11"),
        "openssl": backend.openssl_version_text(),
        "ceremony": _source(),
    }


def _source() -> str:
    """The same on every machine that has the same code, whatever lies around it."""
    made, home = hashlib.sha256(), Path(__file__).resolve().parent
    for path in sorted([*home.glob("*.py"), *(home.parent / "keystores").glob("*.py")]):
        made.update(f"{path.parent.name}/{path.name}\n".encode() + path.read_bytes())
    return made.hexdigest()
