"""Comparing a composed certificate with what was meant, before the real key signs it.

The slot for a full linter: whatever finds something here raises ContentMismatch, and nothing is issued.
"""

from __future__ import annotations

from datetime import timedelta

from cryptography import x509

from certs import gate
from certs.errors import ContentMismatch

LEAST_SERIAL_BITS = 64
MOST_SERIAL_BITS = 159  # 20 octets, positive


def inspect_end_entity(
    certificate: x509.Certificate,
    *,
    issuer: x509.Certificate,
    subject: x509.Name,
    spki_sha256: str,
    names: list[x509.GeneralName],
    longest: timedelta,
) -> None:
    """Raises ContentMismatch that names the first thing wrong."""
    extension = certificate.extensions.get_extension_for_class
    basic = extension(x509.BasicConstraints)
    above = extension(x509.AuthorityKeyIdentifier).value.key_identifier
    issuer_key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    found = {
        "the serial number": LEAST_SERIAL_BITS <= certificate.serial_number.bit_length() <= MOST_SERIAL_BITS,
        "the period": _period_holds(certificate, issuer, longest),
        "the subject": certificate.subject.public_bytes() == subject.public_bytes(),
        "the issuer": certificate.issuer.public_bytes() == issuer.subject.public_bytes(),
        "the public key": gate.fingerprint(certificate.public_key()) == spki_sha256,
        "the constraint to an end entity": basic.critical and not basic.value.ca,
        "the alternative name": list(extension(x509.SubjectAlternativeName).value) == names,
        "the issuer's key": above == issuer_key,
    }
    for what, holds in found.items():
        if not holds:
            raise ContentMismatch(what=what)


def _period_holds(certificate: x509.Certificate, issuer: x509.Certificate, longest: timedelta) -> bool:
    """Both ends count, so the length is one second more than the difference (Let's Encrypt, 2021)."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    length = end - start + timedelta(seconds=1)
    within = issuer.not_valid_before_utc <= start and end <= issuer.not_valid_after_utc
    return timedelta(0) < length <= longest and within
