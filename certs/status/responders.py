"""Which responder answers for which authority, read from the files that the signing worker publishes.

``PKI_DIR/ocsp/<ca>.responder`` has the responder's certificate and its issuer's, PEM: enough to know what is
asked without a database.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from certs.models import Authority
from certs.status import ocsp, parts

logger = logging.getLogger(__name__)

SUFFIX = ".responder"
HASHES = ("sha1", "sha256", "sha384", "sha512")  # of a CertID; answers are prepared for the first two
# Of an answer that is signed with SM2 no OCSP client could check the signature: these have lists alone.
_LISTS_ALONE = frozenset({Authority.Purpose.SM_NODES, Authority.Purpose.SM_ROOT})
_SETTLED = 2.0  # seconds: two changes of a directory in one tick of the file system's clock look like one
_SHORTLY = 0.05  # seconds until then between two looks


@dataclass(frozen=True, slots=True)
class Responder:
    """A delegated responder: its certificate (DER), and how requests name the authority it speaks for."""

    authority: str
    certificate: bytes
    spki_sha256: str
    key_hash: bytes
    not_after: datetime
    issuer: dict[str, bytes]  # by hash: that of the name and that of the key, one after the other

    @property
    def key_name(self) -> str:
        """Its sealed key, in KEY_DIR."""
        return key_name(self.spki_sha256)


_Index = dict[tuple[str, bytes], Responder]
_loaded: tuple[tuple[str, int], float, _Index] = (("", 0), 0.0, {})


def key_name(spki_sha256: str) -> str:
    """The name under which a responder's key is sealed: each has a key of its own, used for its week."""
    return f"ocsp-{spki_sha256[:32]}"


def wanted(authority: Authority) -> bool:
    """Is the authority's status told by OCSP as well?"""
    issuing = authority.kind == Authority.Kind.ISSUING and authority.purpose not in _LISTS_ALONE
    return issuing and bool(settings.OCSP_PASSPHRASE_FILE)


def directory() -> Path:
    """Where responders and prepared answers are published."""
    return Path(settings.PKI_DIR) / "ocsp"


def path_of(authority: str) -> Path:
    """The published responder of an authority, by the authority's name."""
    return directory() / f"{authority}{SUFFIX}"


def responder_for(request: ocsp.Request) -> Responder | None:
    """Who may answer all of ``request``; None where it asks for a CA without responder, or for several."""
    index = _index()
    found = {asked.issuer: index.get((asked.hash, asked.issuer)) for asked in request.ids}
    names = {responder.authority if responder else None for responder in found.values()}
    return next(iter(found.values())) if len(names) == 1 else None


def published(authority: str) -> Responder | None:
    """The responder of the authority of that name, as it is published; None where there is none to read."""
    try:
        return _read(path_of(authority))
    except (OSError, ValueError):
        return None


def describe(authority: str, certificate: bytes, issuer: bytes) -> Responder:
    """From the two certificates, DER. Raises ValueError where they are none."""
    parsed = x509.load_der_x509_certificate(certificate)
    spki = parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    name, key = parts.subject_of(issuer), parts.public_key_of(issuer)
    return Responder(
        authority=authority,
        certificate=certificate,
        spki_sha256=hashlib.sha256(spki).hexdigest(),
        key_hash=_digest("sha1", parts.public_key_of(certificate)),
        not_after=parsed.not_valid_after_utc,
        issuer={hash_: _digest(hash_, name) + _digest(hash_, key) for hash_ in HASHES},
    )


def _index() -> _Index:
    """All published responders by what a CertID says; read again when the directory changed."""
    global _loaded  # one reference, replaced as a whole: threads see the old or the new
    place = os.path.join(settings.PKI_DIR, "ocsp")
    try:
        changed = os.stat(place).st_mtime_ns
    except OSError:
        return {}
    stamp, (seen, good_until, index) = (place, changed), _loaded
    if stamp == seen and time.monotonic() < good_until:
        return index
    settled = time.time() - changed / 1e9 > _SETTLED
    good_until = float("inf") if settled else time.monotonic() + _SHORTLY
    _loaded = (stamp, good_until, _read_all())
    return _loaded[2]


def _read_all() -> _Index:
    index: _Index = {}
    for path in sorted(directory().glob(f"*{SUFFIX}")):
        try:
            responder = _read(path)
        except (OSError, ValueError) as error:
            logger.warning("unreadable responder %s: %r", path.name, error)  # the others go on
            continue
        index.update(dict.fromkeys(responder.issuer.items(), responder))
    return index


def _read(path: Path) -> Responder:
    own, issuer = x509.load_pem_x509_certificates(path.read_bytes())
    name = path.name.removesuffix(SUFFIX)
    return describe(name, own.public_bytes(Encoding.DER), issuer.public_bytes(Encoding.DER))


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()
