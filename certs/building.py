"""What every certificate here shares: serial numbers, URNs, and authorities' certificates composed.

End entities' certificates are planned and written in :mod:`certs.issuing`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from certs.errors import ContentMismatch
from certs.keys import PrivateKey

if TYPE_CHECKING:
    from consortium.members.models import Node, User

SERIAL_BITS = 127  # at least 64 random ones (EJBCA, 2019); positive, 16 octets
Usage = ExtendedKeyUsageOID


def new_serial() -> int:
    """A random serial number whose top bit is set, so that all have the same length."""
    return secrets.randbits(SERIAL_BITS - 1) | 1 << (SERIAL_BITS - 1)


def serial_text(serial: int) -> str:
    """As the tables hold it: lower-case hex of even length."""
    text = f"{serial:x}"
    return text if len(text) % 2 == 0 else f"0{text}"


def node_urn(node: Node) -> str:
    """What names an institution's node in its certificate, whatever both are called meanwhile."""
    return f"urn:consortium:{node.institution_id}:node:{node.pk}"


def holder_urn(user: User) -> str:
    """What names an institution's person or program. Raises ContentMismatch where there is no institution."""
    if user.institution_id is None:
        raise ContentMismatch(what="the holder's institution")
    return f"urn:consortium:{user.institution_id}:holder:{user.pk}"


def hash_for(key: PrivateKey | CertificatePublicKeyTypes) -> hashes.SHA256 | hashes.SHA384:
    """SHA-384 beside P-384, else SHA-256."""
    curve = getattr(key, "curve", None)
    return hashes.SHA384() if isinstance(curve, ec.SECP384R1) else hashes.SHA256()


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


def key_usage(**used: bool) -> x509.KeyUsage:
    """A KeyUsage in which all that is not named is off."""
    everything = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: used.get(name, False) for name in everything.split()})


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
