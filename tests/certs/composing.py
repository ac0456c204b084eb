"""Certificates put together by cryptography's builder: authorities, and what ours are held against."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from certs.building import key_usage


def authority_subject(alliance: str, kind: str) -> x509.Name:
    """A CA's name. The common name comes first: FISCO BCOS reads the agency from the first part with CN."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"{alliance} {kind} CA"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, alliance),
        ]
    )


def compose(
    *,
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    issuer: x509.Name,
    serial: int,
    validity: tuple[datetime, datetime],
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
) -> x509.CertificateBuilder:
    """A certificate not signed yet; ``extensions`` with whether each is critical."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def authority_extensions(
    public_key: CertificatePublicKeyTypes,
    *,
    issuer: x509.Certificate | None,
    path_length: int,
    issuer_url: str | None,
) -> list[tuple[x509.ExtensionType, bool]]:
    """For a root (no issuer, no address) or an issuing CA."""
    return [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (key_usage(key_cert_sign=True, crl_sign=True), True),
        *_identifiers(public_key, issuer),
        *(_addresses(issuer_url) if issuer_url else []),
    ]


def _identifiers(
    public_key: CertificatePublicKeyTypes, issuer: x509.Certificate | None
) -> list[tuple[x509.ExtensionType, bool]]:
    own = x509.SubjectKeyIdentifier.from_public_key(public_key)
    above = (
        _authority_key(issuer)
        if issuer
        else x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    )
    return [(own, False), (above, False)]


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _addresses(issuer_url: str) -> list[tuple[x509.ExtensionType, bool]]:
    """Where the issuer's CRL and certificate are. Plain HTTP is usual: both are signed."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{issuer_url}.crl")], None, None, None)
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(f"{issuer_url}.crt")
    )
    return [
        (x509.CRLDistributionPoints([point]), False),
        (x509.AuthorityInformationAccess([access]), False),
    ]
