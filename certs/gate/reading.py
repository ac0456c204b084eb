"""Steps 1 and 2: is it a certificate request, and does whoever sent it hold the private key?

Whatever the bytes, reading them ends in a typed error or in a request whose signature is right.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import re
from collections.abc import Callable
from dataclasses import replace

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from certs import der as encoding
from certs import rules
from certs.errors import MalformedRequest, NoProofOfPossession, PrivateKeySent, RequestTooLarge, UnfitName
from certs.gate import keys
from certs.rules import ReadRequest
from consortium.core.errors import ConsoleError

logger = logging.getLogger(__name__)

_PEM = re.compile(
    rb"-----BEGIN (NEW )?CERTIFICATE REQUEST-----.+?-----END (NEW )?CERTIFICATE REQUEST-----", re.S
)
_SEQUENCE = b"\x30"  # what every DER request begins with, and no PEM
SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")  # 1.2.156.10197.1.301 (GM/T 0006), DER
_CHECKED = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
}  # into the certificate, if it is its own
_ANY_LENGTH = range(1, rules.SIZE_LIMIT)
_LENGTHS = {NameOID.COMMON_NAME: range(1, 65), NameOID.COUNTRY_NAME: range(2, 3)}  # RFC 5280 appendix A.1
_NO_USAGE = x509.KeyUsage(*[False] * 9)
# What cryptography raises on other people's bytes; each part of a CSR is parsed when first asked for.
_PARSING = (
    ValueError,
    TypeError,
    OverflowError,
    KeyError,  # a string of no kind that there is
    NotImplementedError,
    UnsupportedAlgorithm,
    InternalError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UserWarning,  # lengths of names, where Python is told to raise its warnings; they are checked here anyway
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
    with _parsing:
        return _read(_load(data))


class _Parsing:
    """Inside it, whatever is raised refuses: what parsers raise, and fail closed what none said it would."""

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, Exception) or isinstance(error, ConsoleError):
            return
        if not isinstance(error, _PARSING):
            logger.warning("reading a certificate request raised %s", type(error).__name__)
        raise MalformedRequest from None


_parsing = _Parsing()


def _load(data: bytes) -> x509.CertificateSigningRequest:
    if data.startswith(_SEQUENCE):
        return x509.load_der_x509_csr(data)
    blocks = list(_PEM.finditer(data))
    if len(blocks) != 1:  # two requests in one file: whoever sent it means one of them
        raise MalformedRequest
    return x509.load_pem_x509_csr(blocks[0].group())


def _read(csr: x509.CertificateSigningRequest) -> ReadRequest:
    der = csr.public_bytes(Encoding.DER)
    # Signatures are octets: a last octet said to be used in part is one more way to write the same request,
    # and cryptography reads it.
    if not der.endswith(encoding.tlv(encoding.BIT_STRING, b"\x00", csr.signature)):
        raise MalformedRequest
    try:
        public_key = csr.public_key()
    except UnsupportedAlgorithm:
        if SM2_CURVE not in der:
            raise
        return _read_sm2(csr, der)
    names, authority = asked(csr)
    signature = _check_possession(csr, public_key)
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


def _check_possession(csr: x509.CertificateSigningRequest, public_key: CertificatePublicKeyTypes) -> str:
    """The hash that it is signed with."""
    used = csr.signature_hash_algorithm
    name = used.name if used else csr.signature_algorithm_oid.dotted_string
    rules.check_hash(name)
    if not _holds(csr, public_key):
        raise NoProofOfPossession
    return name


def _holds(csr: x509.CertificateSigningRequest, public_key: CertificatePublicKeyTypes) -> bool:
    """As cryptography's own property, which reads the key once more: for ECDSA, the most of them, without."""
    scheme = csr.signature_algorithm_parameters
    if not (isinstance(scheme, ec.ECDSA) and isinstance(public_key, ec.EllipticCurvePublicKey)):
        return csr.is_signature_valid
    try:
        public_key.verify(csr.signature, csr.tbs_certrequest_bytes, scheme)
    except InvalidSignature:
        return False
    return True


def asked(csr: x509.CertificateSigningRequest) -> tuple[dict[str, tuple[str, ...]], bool]:
    """What it calls itself, and whether it wants to be an authority. Raises UnfitName, MalformedRequest."""
    with _parsing:
        called: dict[str, list[str]] = {kind: [] for kind in _CHECKED.values()}
        for attribute in csr.subject:
            text = _text(attribute.value, rules.shown(attribute.rfc4514_attribute_name))
            if len(text) not in _LENGTHS.get(attribute.oid, _ANY_LENGTH):
                raise MalformedRequest
            if attribute.oid in _CHECKED:
                called[_CHECKED[attribute.oid]].append(text)
        extensions = csr.extensions
        called["SAN"] = [_text(str(name.value), "SAN") for name in _alternatives(extensions)]
        return {kind: tuple(texts) for kind, texts in called.items()}, _wants_authority(extensions)


def _text(value: str | bytes, field: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise UnfitName(field=field)
    return value


def _alternatives(extensions: x509.Extensions) -> list[x509.GeneralName]:
    try:
        names = list(extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
    if not names:  # RFC 5280 section 4.2.1.6: at least one
        raise MalformedRequest
    return names


def _wants_authority(extensions: x509.Extensions) -> bool:
    for extension in extensions:
        value = extension.value
        if isinstance(value, x509.BasicConstraints) and value.ca:
            return True
        if isinstance(value, x509.KeyUsage) and _certifies(value):
            return True
    return False


def _certifies(usage: x509.KeyUsage) -> bool:
    if usage == _NO_USAGE:  # at least one bit must be set (RFC 5280 section 4.2.1.3)
        raise MalformedRequest
    return usage.key_cert_sign or usage.crl_sign


def _read_sm2(csr: x509.CertificateSigningRequest, der: bytes) -> ReadRequest:
    """cryptography can't hold such a key; names and extensions are read as in any other request."""
    names, authority = asked(csr)
    reader: Callable[[bytes], ReadRequest] = importlib.import_module("certs.sm2.requests").read
    return replace(reader(der), names=names, asks_for_authority=authority)
