"""What every certificate here shares: serial numbers, URNs, key usages.

End entities' certificates are planned and written in :mod:`certs.issuing`, authorities' in
:mod:`certs.ceremony`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

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


def key_usage(**used: bool) -> x509.KeyUsage:
    """A KeyUsage in which all that is not named is off."""
    everything = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: used.get(name, False) for name in everything.split()})
