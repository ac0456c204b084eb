"""Composing certificates and CRLs, and signing them only when they are what was meant.

A certificate is composed, signed with a throwaway key, inspected and stored as the intent; what the real key
signs must have the same to-be-signed bytes. A linter has its place between the two.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
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


def throwaway_key() -> ec.EllipticCurvePrivateKey:
    """Signs intents and nothing else; P-256 as the issuing CA, so that the algorithm is the same."""
    return ec.generate_private_key(ec.SECP256R1())


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


def end_entity_extensions(
    public_key: CertificatePublicKeyTypes,
    *,
    issuer: x509.Certificate,
    names: list[x509.GeneralName],
    usages: list[x509.ObjectIdentifier],
    issuer_url: str,
) -> list[tuple[x509.ExtensionType, bool]]:
    """For nodes and the gateway. CA:FALSE is never left out: FISCO BCOS exempts such leaves from lists."""
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True, key_encipherment=isinstance(public_key, rsa.RSAPublicKey)), True),
        (x509.ExtendedKeyUsage(usages), False),
        (x509.SubjectAlternativeName(names), False),
        *_identifiers(public_key, issuer),
        *_addresses(issuer_url),
    ]


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


def again(intent: x509.Certificate) -> x509.CertificateBuilder:
    """The builder that composes ``intent`` once more, for the real key."""
    return compose(
        subject=intent.subject,
        public_key=intent.public_key(),
        issuer=intent.issuer,
        serial=intent.serial_number,
        validity=(intent.not_valid_before_utc, intent.not_valid_after_utc),
        extensions=[(extension.value, extension.critical) for extension in intent.extensions],
    )


def sign_intended(intent: x509.Certificate, key: PrivateKey, issuer: x509.Certificate) -> x509.Certificate:
    """Sign what ``intent`` says with the issuer's ``key``, or raise ContentMismatch and release nothing."""
    if issuer.subject.public_bytes() not in intent.tbs_certificate_bytes:
        raise ContentMismatch(what="the issuer's name")
    signed = again(intent).sign(key, hash_for(key))
    if signed.tbs_certificate_bytes != intent.tbs_certificate_bytes:
        raise ContentMismatch(what="the content to be signed")
    signed.verify_directly_issued_by(issuer)
    return signed


def revocation_list(
    *,
    issuer: x509.Certificate,
    key: PrivateKey,
    number: int,
    validity: tuple[datetime, datetime],
    entries: Iterable[tuple[int, datetime, x509.ReasonFlags]],
) -> x509.CertificateRevocationList:
    """A signed CRL. Its issuer's bytes are the CA's subject's, or relying parties would not match them."""
    signed = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.subject,
        last_update=validity[0].replace(tzinfo=None),
        next_update=validity[1].replace(tzinfo=None),
        # The whole list at once: add_revoked_certificate copies it each time.
        revoked_certificates=[_entry(*entry) for entry in entries],
    )
    for extension in (_authority_key(issuer), x509.CRLNumber(number)):
        signed = signed.add_extension(extension, critical=False)
    crl = signed.sign(key, hash_for(key))
    subject = issuer.subject.public_bytes()
    if subject not in issuer.tbs_certificate_bytes or subject not in crl.tbs_certlist_bytes:
        raise ContentMismatch(what="the list's issuer")
    return crl


def _entry(serial: int, at: datetime, reason: x509.ReasonFlags) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
    if reason is not x509.ReasonFlags.unspecified:  # RFC 5280 section 5.3.1: leave it out instead
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
    return entry.build()


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
