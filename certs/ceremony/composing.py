"""Composing and signing what a root signs: itself, issuing CAs, other roots, its revocation list."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import AuthorityInformationAccessOID

from certs.ceremony import policy
from certs.ceremony.errors import Refused
from certs.keystores.kinds import AuthorityKey

Extensions = Iterable[tuple[x509.ExtensionType, bool]]


@dataclass(frozen=True)
class Issuer:
    """The root that signs: certificate, key and where its files are to be found (``http://…/pki/root``)."""

    certificate: x509.Certificate
    key: AuthorityKey
    url: str


def files_url(public_url: str) -> str:
    """Where the files of the console at ``public_url`` are for relying parties: ``http://…/pki``.

    Plain HTTP also where people use HTTPS (RFC 5280 section 8): to check the certificate of an HTTPS server a
    client would need that server's certificate checked, and many fetch no list that way. Each file is signed.
    An address with a port stays as it is: nobody knows where the other one would be.
    """
    scheme, _, place = public_url.rstrip("/").partition("://")
    host = place.partition("/")[0].rpartition("]")[2]  # without an IPv6 address, whose colons begin no port
    if scheme.lower() == "https" and ":" not in host:
        scheme = "http"
    return f"{scheme}://{place}/pki"


def hash_for(key: object) -> hashes.SHA256 | hashes.SHA384:
    """SHA-384 beside P-384, else SHA-256."""
    curve = getattr(key, "curve", None)
    return hashes.SHA384() if isinstance(curve, ec.SECP384R1) else hashes.SHA256()


def root(key: AuthorityKey, alliance: str, name: str, now: datetime) -> x509.Certificate:
    """The root's own certificate."""
    subject, public = policy.subject(alliance, name), key.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    above = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    extensions: Extensions = [
        (x509.BasicConstraints(ca=True, path_length=policy.ROOT_PATH_LENGTH), True),
        (_usage(), True),
        (identifier, False),
        (above, False),
    ]
    validity = _period(now, policy.ROOT_PERIOD, None)
    return _signed(subject, public, subject, key, validity, extensions)


def issuing(
    issuer: Issuer, name: str, public_key: CertificatePublicKeyTypes, hosts: Sequence[str], now: datetime
) -> x509.Certificate:
    """An issuing CA's certificate, as its purpose has it."""
    period = policy.PURPOSES[policy.purpose_of(name)].period
    extensions = issuing_extensions(issuer.certificate, issuer.url, name, public_key, hosts)
    subject = policy.subject(alliance_of(issuer.certificate), name)
    return _below(issuer, subject, public_key, period, extensions, now)


def issuing_extensions(
    issuer: x509.Certificate,
    url: str,
    name: str,
    public_key: CertificatePublicKeyTypes,
    hosts: Sequence[str],
) -> list[tuple[x509.ExtensionType, bool]]:
    """All that an issuing CA's certificate holds beside name, key and period; each with whether critical."""
    purpose = policy.purpose_of(name)
    constraints = policy.name_constraints(purpose, hosts)
    return [
        (x509.BasicConstraints(ca=True, path_length=policy.ISSUING_PATH_LENGTH), True),
        (_usage(), True),
        (x509.ExtendedKeyUsage(policy.PURPOSES[purpose].usages), False),
        *([(constraints, True)] if constraints else []),
        *_identifiers(issuer, public_key),
        *_addresses(url),
    ]


def cross(issuer: Issuer, other: x509.Certificate, now: datetime) -> x509.Certificate:
    """Another root's key and name under this root: who trusts this one alone reaches what that one signed."""
    _check_root(other, now)
    extensions = cross_extensions(issuer.certificate, issuer.url, other.public_key())
    left = other.not_valid_after_utc - now.replace(microsecond=0) + timedelta(seconds=1)
    return _below(issuer, other.subject, other.public_key(), left, extensions, now)


def cross_extensions(
    issuer: x509.Certificate, url: str, public_key: CertificatePublicKeyTypes
) -> list[tuple[x509.ExtensionType, bool]]:
    """All that a cross-certificate holds beside name, key and period."""
    return [
        (x509.BasicConstraints(ca=True, path_length=policy.CROSS_PATH_LENGTH), True),
        (_usage(), True),
        *_identifiers(issuer, public_key),
        *_addresses(url),
    ]


def revocation_list(
    issuer: Issuer,
    number: int,
    revoked: Sequence[tuple[int, datetime, x509.ReasonFlags]],
    now: datetime,
    period: timedelta,
) -> x509.CertificateRevocationList:
    """The root's CRL: of issuing CAs and cross-certificates."""
    this_update = now.replace(microsecond=0)
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.certificate.subject,
        last_update=this_update.replace(tzinfo=None),
        next_update=min(this_update + period, issuer.certificate.not_valid_after_utc).replace(tzinfo=None),
        revoked_certificates=[_entry(*row) for row in revoked],
    )
    builder = builder.add_extension(_above(issuer.certificate), critical=False)
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    return builder.sign(issuer.key, hash_for(issuer.key))


def _below(
    issuer: Issuer,
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    period: timedelta,
    extensions: Extensions,
    now: datetime,
) -> x509.Certificate:
    validity = _period(now, period, issuer.certificate.not_valid_after_utc)
    made = _signed(subject, public_key, issuer.certificate.subject, issuer.key, validity, extensions)
    made.verify_directly_issued_by(issuer.certificate)
    return made


def _signed(
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    issuer: x509.Name,
    key: AuthorityKey,
    validity: tuple[datetime, datetime],
    extensions: Extensions,
) -> x509.Certificate:
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=public_key,
        serial_number=new_serial(),
    )
    builder = builder.not_valid_before(validity[0]).not_valid_after(validity[1])
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hash_for(key))


def new_serial() -> int:
    """126 random bits below a top bit that is set: positive, and all of one length."""
    return secrets.randbits(126) | 1 << 126


def serial_text(serial: int) -> str:
    """Lower-case hex of even length."""
    text = f"{serial:x}"
    return text if len(text) % 2 == 0 else f"0{text}"


def _period(start: datetime, length: timedelta, ceiling: datetime | None) -> tuple[datetime, datetime]:
    """Both ends count (RFC 5280 section 4.1.2.5), hence a second less; never beyond the issuer's own end."""
    not_before = start.replace(microsecond=0)
    not_after = not_before + length - timedelta(seconds=1)
    return not_before, not_after if ceiling is None else min(not_after, ceiling)


def _check_root(other: x509.Certificate, now: datetime) -> None:
    try:
        other.verify_directly_issued_by(other)
        constraints = other.extensions.get_extension_for_class(x509.BasicConstraints).value
    except Exception as error:  # a wrong signature and a missing extension say so in different ways
        raise Refused(f"{other.subject.rfc4514_string()} is no root: {error!r}") from error
    if not constraints.ca or not other.not_valid_before_utc <= now <= other.not_valid_after_utc:
        raise Refused(f"{other.subject.rfc4514_string()} is no root that is valid now")


def alliance_of(root: x509.Certificate) -> str:
    """The organisation in a root's name."""
    found = root.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    return str(found[0].value) if found else ""


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _identifiers(
    issuer: x509.Certificate, public_key: CertificatePublicKeyTypes
) -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.SubjectKeyIdentifier.from_public_key(public_key), False), (_above(issuer), False)]


def _above(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _addresses(url: str) -> list[tuple[x509.ExtensionType, bool]]:
    """Where the root's CRL and certificate are. Plain HTTP is usual: both are signed."""
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(f"{url}.crl")], None, None, None)
    access = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(f"{url}.crt")
    )
    return [
        (x509.CRLDistributionPoints([point]), False),
        (x509.AuthorityInformationAccess([access]), False),
    ]


def _entry(serial: int, at: datetime, reason: x509.ReasonFlags) -> x509.RevokedCertificate:
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
    if reason is not x509.ReasonFlags.unspecified:  # RFC 5280 section 5.3.1: leave it out instead
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
    return entry.build()
