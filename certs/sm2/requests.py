"""Reading a CSR with an SM2 key: form, the key itself, and that whoever sent it holds the private half.

cryptography reads the structure (strictly, and safe from what others send) but knows no SM2; key and
signature are OpenSSL's.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from certs import der as encoding
from certs.errors import (
    MalformedRequest,
    NoProofOfPossession,
    SM2Failure,
    SM2NotAvailable,
    WeakKey,
    WeakSignature,
)
from certs.rules import KeyFacts, ReadRequest
from certs.sm2 import library, names, points

_SIGNED_WITH = "1.2.156.10197.1.501"  # SM2 with SM3
_PARSING = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion)


class _Parts(NamedTuple):
    content: bytes
    spki: bytes
    signed_with: str
    signature: bytes


def read(der: bytes) -> ReadRequest:
    """The request in ``der``; its signature is over SM3, under the default id of GM/T 0009.

    Its names are read by :mod:`certs.gate.reading`, as any other's.
    Raises MalformedRequest, WeakSignature, WeakKey, NoProofOfPossession or SM2NotAvailable.
    """
    parts = _parts(der)
    _check_point(parts.spki)
    if parts.signed_with != _SIGNED_WITH:
        raise WeakSignature(found=parts.signed_with)
    _check_possession(parts)
    return ReadRequest(
        der=der,
        spki=parts.spki,
        public_key=None,
        key=KeyFacts("SM2", 256),
        spki_sha256=hashlib.sha256(parts.spki).hexdigest(),
        names={},
        signature="sm3",
    )


def _parts(der: bytes) -> _Parts:
    try:
        csr = x509.load_der_x509_csr(der)
        content = csr.tbs_certrequest_bytes
        oid = csr.signature_algorithm_oid.dotted_string
        return _Parts(content, _spki(content), oid, csr.signature)
    except _PARSING:
        raise MalformedRequest from None


def _spki(content: bytes) -> bytes:
    """The SubjectPublicKeyInfo, in the only form that is taken: behind version and subject (RFC 2986)."""
    at, end = encoding.whole(content, 0, len(content), encoding.SEQUENCE)
    at = encoding.read(content, at, end, encoding.INTEGER)[1]
    at = encoding.read(content, at, end, encoding.SEQUENCE)[1]
    spki = content[at : encoding.read(content, at, end, encoding.SEQUENCE)[1]]
    if not names.is_sm2(spki):
        raise ValueError("no SM2 key, or not in its usual form")
    return spki


def _check_point(spki: bytes) -> None:
    point = names.point(spki)
    if not points.on_curve(point):
        raise MalformedRequest
    if points.of_tiny_number(point):
        raise WeakKey(flaw="tiny private number")


def _check_possession(parts: _Parts) -> None:
    if why := library.available():
        raise SM2NotAvailable(why=why)
    try:
        key = library.PublicKey.from_spki(parts.spki)
    except SM2Failure:
        raise MalformedRequest from None
    if not key.verifies(parts.signature, parts.content):
        raise NoProofOfPossession
