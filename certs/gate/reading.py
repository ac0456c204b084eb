"""Steps 1 and 2: is it a certificate request, and does whoever sent it hold the private key?

Whatever the bytes, reading them ends in a typed error or in a request whose signature is right.
"""

from __future__ import annotations

import hashlib
import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs import rules
from certs.errors import MalformedRequest, NoProofOfPossession, PrivateKeySent, RequestTooLarge, UnfitName
from certs.gate import keys
from certs.rules import ReadRequest

_PEM = re.compile(
    rb"-----BEGIN (NEW )?CERTIFICATE REQUEST-----.+?-----END (NEW )?CERTIFICATE REQUEST-----", re.S
)
_SEQUENCE = b"\x30"  # what every DER request begins with, and no PEM
SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")  # 1.2.156.10197.1.301 (GM/T 0006), DER
# What cryptography raises on other people's bytes; each part of a CSR is parsed when first asked for.
_PARSING = (
    ValueError,
    TypeError,
    OverflowError,
    NotImplementedError,
    UnsupportedAlgorithm,
    InternalError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


def read(data: bytes) -> ReadRequest:
    """Read PEM or DER and check proof of possession.

    Raises RequestTooLarge, PrivateKeySent, MalformedRequest, UnfitName, WeakSignature or NoProofOfPossession,
    and nothing else.
    """
    if len(data) > rules.SIZE_LIMIT:
        raise RequestTooLarge(size=len(data), limit=rules.SIZE_LIMIT)
    if b"PRIVATE KEY-----" in data:
        raise PrivateKeySent
    with _parsing():
        return _read(_load(data))


@contextmanager
def _parsing() -> Iterator[None]:
    try:
        yield
    except _PARSING:
        raise MalformedRequest from None


def _load(data: bytes) -> x509.CertificateSigningRequest:
    if data.startswith(_SEQUENCE):
        return x509.load_der_x509_csr(data)
    blocks = list(_PEM.finditer(data))
    if len(blocks) != 1:  # two requests in one file: whoever sent it means one of them
        raise MalformedRequest
    return x509.load_pem_x509_csr(blocks[0].group())


def _read(csr: x509.CertificateSigningRequest) -> ReadRequest:
    der = csr.public_bytes(Encoding.DER)
    try:
        public_key = csr.public_key()
    except UnsupportedAlgorithm:
        if SM2_CURVE not in der:
            raise
        return _read_sm2(csr, der)
    names, authority = asked(csr)
    signature = _check_possession(csr)
    spki = keys.spki(public_key)
    return ReadRequest(
        der=der,
        spki=spki,
        public_key=public_key,
        key=keys.key_facts(public_key),
        spki_sha256=hashlib.sha256(spki).hexdigest(),
        names=names,
        signature=signature,
        asks_for_authority=authority,
    )


def _check_possession(csr: x509.CertificateSigningRequest) -> str:
    """The hash that it is signed with."""
    used = csr.signature_hash_algorithm
    name = used.name if used else csr.signature_algorithm_oid.dotted_string
    rules.check_hash(name)
    if not csr.is_signature_valid:
        raise NoProofOfPossession
    return name


def asked(csr: x509.CertificateSigningRequest) -> tuple[dict[str, tuple[str, ...]], bool]:
    """What it calls itself, and whether it wants to be an authority. Raises UnfitName, MalformedRequest."""
    with _parsing():
        extensions = csr.extensions
        for attribute in csr.subject:
            _check_text(attribute.value, rules.shown(attribute.rfc4514_attribute_name))
        alternatives = [str(name.value) for name in _alternatives(extensions)]
        for text in alternatives:
            _check_text(text, "SAN")
        names = {
            "CN": _values(csr, NameOID.COMMON_NAME),
            "O": _values(csr, NameOID.ORGANIZATION_NAME),
            "SAN": tuple(alternatives),
        }
        return names, _wants_authority(extensions)


def _values(csr: x509.CertificateSigningRequest, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
    return tuple(str(attribute.value) for attribute in csr.subject.get_attributes_for_oid(oid))


def _check_text(value: str | bytes, field: str) -> None:
    if not isinstance(value, str) or not value.isprintable():
        raise UnfitName(field=field)


def _alternatives(extensions: x509.Extensions) -> list[x509.GeneralName]:
    try:
        return list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []


def _wants_authority(extensions: x509.Extensions) -> bool:
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return True
        if isinstance(value, x509.KeyUsage) and (value.key_cert_sign or value.crl_sign):
            return True
    return False


def _read_sm2(csr: x509.CertificateSigningRequest, der: bytes) -> ReadRequest:
    """cryptography can't hold such a key; names and extensions are read as in any other request."""
    names, authority = asked(csr)
    reader: Callable[[bytes], ReadRequest] = importlib.import_module("certs.sm2.requests").read
    return replace(reader(der), names=names, asks_for_authority=authority)
