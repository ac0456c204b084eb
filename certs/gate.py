"""Reading a CSR that anybody may have sent: what is wrong with it is said by a typed error, always.

Nothing of the request but its public key reaches a certificate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from certs import rules
from certs.errors import (
    AsksForAuthority,
    MalformedRequest,
    NoProofOfPossession,
    PrivateKeySent,
    RequestTooLarge,
)
from certs.rules import KeyFacts

_PEM = re.compile(
    rb"-----BEGIN (NEW )?CERTIFICATE REQUEST-----.+?-----END (NEW )?CERTIFICATE REQUEST-----", re.S
)
_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
# What cryptography raises on other people's bytes; each part of a CSR is parsed when first asked for.
_PARSING = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A CSR whose signature is right. ``names``: what it calls itself, by kind (CN, O, SAN)."""

    der: bytes
    public_key: CertificatePublicKeyTypes
    key: KeyFacts
    spki_sha256: str
    names: dict[str, tuple[str, ...]]


def read(data: bytes) -> ReadRequest:
    """Read PEM or DER and check proof of possession.

    Raises RequestTooLarge, PrivateKeySent, MalformedRequest, WeakSignature, NoProofOfPossession or
    AsksForAuthority, and nothing else.
    """
    if len(data) > rules.SIZE_LIMIT:
        raise RequestTooLarge(size=len(data), limit=rules.SIZE_LIMIT)
    if b"PRIVATE KEY-----" in data:
        raise PrivateKeySent
    with _parsing():
        csr = _load(data)
        public_key = csr.public_key()
        key = key_facts(public_key)
        _check_possession(csr)
        names = _names(csr)
        _check_no_authority(csr)
        return ReadRequest(csr.public_bytes(Encoding.DER), public_key, key, fingerprint(public_key), names)


def fingerprint(public_key: CertificatePublicKeyTypes) -> str:
    """SHA-256 over the SubjectPublicKeyInfo, lower-case hex: a key's identity, whatever the certificate."""
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


def key_facts(public_key: CertificatePublicKeyTypes) -> KeyFacts:
    """Kind, size and exponent of a key."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return KeyFacts("RSA", public_key.key_size, public_key.public_numbers().e)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        name = public_key.curve.name
        return KeyFacts(_CURVES.get(name, name), public_key.key_size)
    return KeyFacts(type(public_key).__name__.removesuffix("PublicKey"), 0)


@contextmanager
def _parsing() -> Iterator[None]:
    try:
        yield
    except _PARSING:
        raise MalformedRequest from None


def _load(data: bytes) -> x509.CertificateSigningRequest:
    if b"-----BEGIN" not in data:
        return x509.load_der_x509_csr(data)
    blocks = list(_PEM.finditer(data))
    if len(blocks) != 1:  # two requests in one file: whoever sent it means one of them
        raise MalformedRequest
    return x509.load_pem_x509_csr(blocks[0].group())


def _check_possession(csr: x509.CertificateSigningRequest) -> None:
    used = csr.signature_hash_algorithm
    rules.check_hash(used.name if used else csr.signature_algorithm_oid.dotted_string)
    if not csr.is_signature_valid:
        raise NoProofOfPossession


def _names(csr: x509.CertificateSigningRequest) -> dict[str, tuple[str, ...]]:
    def values(oid: x509.ObjectIdentifier) -> tuple[str, ...]:
        return tuple(str(attribute.value) for attribute in csr.subject.get_attributes_for_oid(oid))

    try:
        san = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        alternatives: tuple[str, ...] = ()
    else:
        alternatives = tuple(str(name.value) for name in san)
    return {"CN": values(NameOID.COMMON_NAME), "O": values(NameOID.ORGANIZATION_NAME), "SAN": alternatives}


def _check_no_authority(csr: x509.CertificateSigningRequest) -> None:
    try:
        wanted = csr.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return
    if wanted.ca:
        raise AsksForAuthority
