"""Requests and certificates as a person reads them."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

from certs import rules, services
from certs.models import CertificateRequest
from consortium.web.portal import listing

_SM2_WITH_SM3 = ("1.2.156.10197.1.501", "SM2 with SM3")


def key_text(key: Any) -> str:
    """A public key in words: "RSA 2048, exponent 65537", "EC secp256r1"."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}, e = {key.public_numbers().e}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}"
    return type(key).__name__


def csr_text(der: bytes) -> str:
    """Subject, key, wished extensions, and the PEM."""
    csr = x509.load_der_x509_csr(der)
    facts = [
        (_("Subject"), csr.subject.rfc4514_string() or "–"),
        (_("Key"), _key_of(csr)),
        (_("Signature"), _signature_of(csr)),
    ]
    pem = csr.public_bytes(Encoding.PEM).decode()
    return "\n".join([*_lines(facts), *_extensions(csr.extensions), "", pem])


def certificate_text(der: bytes) -> str:
    """All that a relying party looks at."""
    certificate = x509.load_der_x509_certificate(der)
    facts = [
        (_("Serial number"), f"{certificate.serial_number:x}"),
        (_("Subject"), certificate.subject.rfc4514_string()),
        (_("Issuer"), certificate.issuer.rfc4514_string()),
        (_("Valid from"), f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC"),
        (_("Valid until"), f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"),
        (_("Key"), _key_of(certificate)),
        (_("Signature"), _signature_of(certificate)),
    ]
    return "\n".join([*_lines(facts), *_extensions(certificate.extensions)])


def _key_of(signed: x509.Certificate | x509.CertificateSigningRequest) -> str:
    """The key in words; that of SM2, which the library reads but can't use, by its name."""
    try:
        return key_text(signed.public_key())
    except (UnsupportedAlgorithm, ValueError):
        return "SM2"


def _signature_of(signed: x509.Certificate | x509.CertificateSigningRequest) -> str:
    oid = signed.signature_algorithm_oid
    return _SM2_WITH_SM3[1] if oid.dotted_string == _SM2_WITH_SM3[0] else oid._name


def _lines(facts: list[tuple[str, str]]) -> list[str]:
    return [f"{label}: {value}" for label, value in facts]


def _extensions(extensions: x509.Extensions) -> list[str]:
    return [
        f"{extension.oid._name}{' (critical)' if extension.critical else ''}: {_value(extension.value)}"
        for extension in extensions
    ]


def _value(value: x509.ExtensionType) -> str:
    if isinstance(value, x509.SubjectAlternativeName):
        return ", ".join(str(name.value) for name in value)
    shown = repr(value)
    return shown[shown.find("(") + 1 : -1] if shown.endswith(")>") else shown.strip("<>")


def subject_to_be(request: CertificateRequest) -> list[tuple[str, str]]:
    """What the certificate will say of its subject: taken from the record, not from the request."""
    subject = services.subject_of(request)
    name = rules.profile(request.profile).subject(subject.name, subject.institution.short_name)
    return [
        (_("Institution"), subject.institution.legal_name),
        (_("Used by"), listing.owner(request)),
        (_("Subject"), name.rfc4514_string()),
        (_("Alternative name"), subject.urn),
        (_("Profile"), request.get_profile_display()),
        (_("Key"), request.key_description),
    ]
