"""Certificates put together by cryptography's builder: authorities, and what ours are held against."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

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


def authority_extensions(public_key: CertificatePublicKeyTypes) -> list[tuple[x509.ExtensionType, bool]]:
    """For an authority that certifies itself, and end entities alone."""
    own = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (key_usage(key_cert_sign=True, crl_sign=True), True),
        (own, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), False),
    ]
