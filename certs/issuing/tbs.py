"""Writing what is to be signed (RFC 5280 section 4.1.2) and putting a certificate together around it.

By hand, so that the octets that were inspected are the octets that are signed: nothing encodes them again.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509

from certs import der

if TYPE_CHECKING:
    from certs.issuing.plans import Plan

_VERSION_3 = bytes.fromhex("a003020102")
_CRITICAL = bytes.fromhex("0101ff")
_EXTENSIONS, _OID = 0xA3, 0x06


def compose(plan: Plan, algorithm: bytes) -> bytes:
    """The TBSCertificate of ``plan`` for a signature of ``algorithm`` (AlgorithmIdentifier, DER)."""
    return der.tlv(
        der.SEQUENCE,
        _VERSION_3,
        der.integer(plan.serial),
        algorithm,
        plan.issuer.subject,
        _validity(plan.not_before, plan.not_after),
        plan.subject_der,
        plan.spki,
        der.tlv(_EXTENSIONS, der.tlv(der.SEQUENCE, *(extension.der for extension in plan.extensions))),
    )


def certificate(tbs: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """The certificate, DER: what was signed, how, and the signature."""
    return der.tlv(der.SEQUENCE, tbs, algorithm, der.tlv(der.BIT_STRING, b"\0", signature))


def extension(value: x509.ExtensionType, critical: bool) -> bytes:
    """One Extension, DER; ``critical`` stands there only where it is true (X.690 section 11.5)."""
    body = der.tlv(der.OCTET_STRING, value.public_bytes())
    return der.tlv(der.SEQUENCE, oid(value.oid), _CRITICAL if critical else b"", body)


@lru_cache(maxsize=256)
def _validity(not_before: datetime, not_after: datetime) -> bytes:
    """The same for all that is numbered in one moment."""
    return der.tlv(der.SEQUENCE, der.time(not_before), der.time(not_after))


@lru_cache(maxsize=256)
def oid(identifier: x509.ObjectIdentifier) -> bytes:
    """An object identifier, DER."""
    first, second, *others = map(int, identifier.dotted_string.split("."))
    return der.tlv(_OID, *map(_base128, (40 * first + second, *others)))


def _base128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))
