"""What a certificate is to say, decided before anything is built or signed.

Everything comes from the profile, the member's record and the authority; of the request nothing but its
key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from certs import building, rules, status
from certs.issuing import reading, tbs
from certs.models import Authority
from certs.profiles import ProfileSpec


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority's certificate, taken apart once and kept.

    ``subject`` and ``spki`` are its bytes: what it signs repeats them, it never encodes them again.
    """

    der: bytes
    subject: bytes
    spki: bytes
    key_identifier: x509.AuthorityKeyIdentifier
    not_before: datetime
    not_after: datetime


class Extension(NamedTuple):
    """An extension's value, whether it is critical, and its DER; most are the same in many certificates."""

    value: x509.ExtensionType
    critical: bool
    der: bytes


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names: distinguished name, alternative names, and the key (SubjectPublicKeyInfo)."""

    name: x509.Name
    names: tuple[x509.GeneralName, ...]
    spki: bytes
    key_kind: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a certificate but its signature. ``longest`` is the most that its profile allows.

    ``subject_der``: the subject's octets, written once.
    """

    serial: int
    profile: str
    issuer: Issuer
    subject: x509.Name
    spki: bytes
    not_before: datetime
    not_after: datetime
    longest: timedelta
    extensions: tuple[Extension, ...]
    subject_der: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject_der", self.subject.public_bytes())


def plan(spec: ProfileSpec, authority: Authority, subject: Subject, *, serial: int, start: datetime) -> Plan:
    """The certificate of profile ``spec`` that ``authority`` is to sign, valid from ``start`` on."""
    issuer = issuer_of(bytes(authority.der))
    not_before, not_after = rules.period(start, spec.period, issuer.not_after)
    shard = status.shard_of(building.serial_text(serial), authority)
    return Plan(
        serial=serial,
        profile=spec.name,
        issuer=issuer,
        subject=subject.name,
        spki=subject.spki,
        not_before=not_before,
        not_after=not_after,
        longest=spec.period,
        extensions=_extensions(spec, authority, issuer, subject, shard),
    )


@lru_cache(maxsize=64)
def issuer_of(der: bytes) -> Issuer:
    """The authority whose certificate this is."""
    certificate = x509.load_der_x509_certificate(der)
    fields = reading.fields(reading.parts(der).tbs)
    identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return Issuer(
        der=der,
        subject=fields.subject,
        spki=fields.spki,
        key_identifier=x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )


def make(value: x509.ExtensionType, critical: bool) -> Extension:
    """An extension with its DER."""
    return Extension(value, critical, tbs.extension(value, critical))


def key_identifier(spki: bytes) -> x509.SubjectKeyIdentifier:
    """SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2, the first way); a name, not a protection."""
    bits = reading.content(reading.elements(spki)[1])[1:]
    return x509.SubjectKeyIdentifier(hashlib.sha1(bits, usedforsecurity=False).digest())


def _extensions(
    spec: ProfileSpec, authority: Authority, issuer: Issuer, subject: Subject, shard: int
) -> tuple[Extension, ...]:
    """In the order in which people read them: what it may be used for, whose it is, where its status is."""
    names = (_names(spec, subject.names),) if spec.extensions.names else ()
    ocsp_url = status.ocsp_url() if spec.extensions.responder else None
    return (
        *_uses(spec, subject.key_kind),
        *names,
        make(key_identifier(subject.spki), critical=False),
        _issuer_key(issuer.der),
        *_status(spec, status.authority_url(authority), status.crl_url(authority, shard), ocsp_url),
    )


def _names(spec: ProfileSpec, names: Sequence[x509.GeneralName]) -> Extension:
    return make(x509.SubjectAlternativeName(names), spec.extensions.names_critical)


@lru_cache(maxsize=64)
def _issuer_key(der: bytes) -> Extension:
    return make(issuer_of(der).key_identifier, critical=False)


@lru_cache(maxsize=256)
def _uses(spec: ProfileSpec, key_kind: str) -> tuple[Extension, ...]:
    """CA:FALSE is never left out: FISCO BCOS exempts leaves without it from its lists."""
    wanted = spec.extensions
    usage = building.key_usage(**dict.fromkeys(spec.usages_of(key_kind), True))
    return (
        make(x509.BasicConstraints(ca=False, path_length=None), wanted.basic_constraints_critical),
        make(usage, wanted.key_usage_critical),
        make(x509.ExtendedKeyUsage(wanted.extended_usage_oids), wanted.extended_usages_critical),
    )


@lru_cache(maxsize=4096)
def _status(
    spec: ProfileSpec, authority_url: str, crl_url: str, ocsp_url: str | None
) -> tuple[Extension, ...]:
    """Where the certificate's status is told, and the CA's own certificate. Plain HTTP: all is signed."""
    if spec.extensions.nocheck:
        return (make(x509.OCSPNoCheck(), critical=False), make(_access(authority_url, None), critical=False))
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_url)], None, None, None)
    return (
        make(x509.CRLDistributionPoints([point]), critical=False),
        make(_access(authority_url, ocsp_url), critical=False),
    )


def _access(authority_url: str, ocsp_url: str | None) -> x509.AuthorityInformationAccess:
    kinds = AuthorityInformationAccessOID
    addresses = [(kinds.CA_ISSUERS, authority_url)]
    if ocsp_url is not None:
        addresses.insert(0, (kinds.OCSP, ocsp_url))
    return x509.AuthorityInformationAccess(
        [x509.AccessDescription(oid, x509.UniformResourceIdentifier(url)) for oid, url in addresses]
    )
