"""The certificates of 国密's own authorities: a root and the CA below it that certifies nodes.

Written element by element, as those of nodes are in :mod:`certs.issuing.tbs`: cryptography's builder can't
hold an SM2 key. Key usages are GM/T 0015's for CAs (keyCertSign, cRLSign).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from certs import building, der, rules
from certs.ceremony import policy
from certs.errors import ContentMismatch
from certs.issuing import tbs
from certs.profiles import ISSUING_PERIOD, ROOT_PERIOD
from certs.sm2.library import PrivateKey, PublicKey
from certs.sm2.names import SM2_WITH_SM3, SPKI_START

Extensions = Iterable[tuple[x509.ExtensionType, bool]]
Usage = ExtendedKeyUsageOID
_VERSION_3 = bytes.fromhex("a003020102")
_ROOT_PATH_LENGTH = 1  # one CA below it; these roots are not cross-certified


@dataclass(frozen=True, slots=True)
class Root:
    """The root that signs: its certificate, its key, and where its files are, without the ending."""

    der: bytes
    key: PrivateKey
    url: str


def subject(alliance: str, word: str, generation: int = 1) -> x509.Name:
    """An authority's name; the common name first, as with the others."""
    number = f" {generation}" if generation > 1 else ""
    common = x509.NameAttribute(NameOID.COMMON_NAME, f"{alliance} SM2 {word} CA{number}")
    return x509.Name([common, x509.NameAttribute(NameOID.ORGANIZATION_NAME, alliance)])


def root(key: PrivateKey, alliance: str, now: datetime) -> bytes:
    """The root's own certificate, DER."""
    name = subject(alliance, "Root").public_bytes()
    own = key_identifier(key.spki)
    extensions: Extensions = [
        (x509.BasicConstraints(ca=True, path_length=_ROOT_PATH_LENGTH), True),
        (building.key_usage(key_cert_sign=True, crl_sign=True), True),
        (own, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), False),
    ]
    content = _content(name, rules.period(now, ROOT_PERIOD, None), name, key.spki, extensions)
    return _signed(content, key)


def nodes(above: Root, spki: bytes, generation: int, now: datetime) -> bytes:
    """The certificate, DER, of the CA for nodes whose public key is ``spki``; the first, the second, …"""
    issuer = x509.load_der_x509_certificate(above.der)
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    constraints = policy.name_constraints("nodes", ())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=policy.ISSUING_PATH_LENGTH), True),
        (building.key_usage(key_cert_sign=True, crl_sign=True), True),
        (x509.ExtendedKeyUsage([Usage.SERVER_AUTH, Usage.CLIENT_AUTH]), False),
        *([(constraints, True)] if constraints else []),
        (key_identifier(spki), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
        *_addresses(above.url),
    ]
    validity = rules.period(now, ISSUING_PERIOD, issuer.not_valid_after_utc)
    alliance = str(issuer.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
    name = subject(alliance, "Nodes", generation).public_bytes()
    return _signed(_content(issuer.subject.public_bytes(), validity, name, spki, extensions), above.key)


def key_identifier(spki: bytes) -> x509.SubjectKeyIdentifier:
    """SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, the first way); a name, not a protection."""
    point = spki[len(SPKI_START) - 1 :]
    return x509.SubjectKeyIdentifier(hashlib.sha1(point, usedforsecurity=False).digest())


def _content(
    issuer: bytes, validity: tuple[datetime, datetime], name: bytes, spki: bytes, extensions: Extensions
) -> bytes:
    encoded = [tbs.extension(value, critical) for value, critical in extensions]
    return der.tlv(
        der.SEQUENCE,
        _VERSION_3,
        der.integer(building.new_serial()),
        SM2_WITH_SM3,
        issuer,
        der.tlv(der.SEQUENCE, *map(der.time, validity)),
        name,
        spki,
        der.tlv(0xA3, der.tlv(der.SEQUENCE, *encoded)),
    )


def _signed(content: bytes, key: PrivateKey) -> bytes:
    """Signed, and the signature checked by the public key alone before anybody sees it."""
    signature = key.sign(content)
    if not PublicKey.from_spki(key.spki).verifies(signature, content):
        raise ContentMismatch(what="the signature")
    return tbs.certificate(content, SM2_WITH_SM3, signature)


def _addresses(url: str) -> list[tuple[x509.ExtensionType, bool]]:
    """The root's list and certificate; no responder, see :mod:`certs.sm2.signing`."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{url}.crl")], None, None, None)
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(f"{url}.crt")
    )
    return [
        (x509.CRLDistributionPoints([point]), False),
        (x509.AuthorityInformationAccess([access]), False),
    ]
