"""A public key's identity and what the rules look at of it."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs.rules import KeyFacts

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_OTHERS = {"Ed25519": 256, "Ed448": 448}


def spki(public_key: CertificatePublicKeyTypes) -> bytes:
    """The SubjectPublicKeyInfo, DER, always the same for a key: points uncompressed, RSA as rsaEncryption."""
    return public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(public_key: CertificatePublicKeyTypes) -> str:
    """SHA-256 over the SubjectPublicKeyInfo, lower-case hex: a key's identity, whatever the certificate."""
    return hashlib.sha256(spki(public_key)).hexdigest()


def key_facts(public_key: CertificatePublicKeyTypes) -> KeyFacts:
    """Kind, size and exponent of a key."""
    if isinstance(public_key, rsa.RSAPublicKey):
        return KeyFacts("RSA", public_key.key_size, public_key.public_numbers().e)
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        name = public_key.curve.name
        return KeyFacts(_CURVES.get(name, name), public_key.key_size)
    kind = type(public_key).__name__.removesuffix("PublicKey")
    return KeyFacts(kind, _OTHERS.get(kind, 0))
