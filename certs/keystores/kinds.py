"""The kinds of keys that authorities have, and how they are made and read."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from certs.keystores.errors import NotThisKind

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
AuthorityKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

AUTHORITY_KINDS: dict[str, Callable[[], AuthorityKey]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA-4096": lambda: rsa.generate_private_key(65537, 4096),
}


def make(kind: str) -> AuthorityKey:
    """A new key of a kind in AUTHORITY_KINDS. Raises NotThisKind."""
    check(kind)
    return AUTHORITY_KINDS[kind]()


def check(kind: str) -> None:
    """Raises NotThisKind."""
    if kind not in AUTHORITY_KINDS:
        raise NotThisKind(f"{kind}: an authority's key is one of {', '.join(AUTHORITY_KINDS)}")


def kind_of(public_key: object) -> str:
    """The kind of an authority's public key. Raises NotThisKind."""
    if isinstance(public_key, rsa.RSAPublicKey):
        found = f"RSA-{public_key.key_size}"
    elif isinstance(public_key, ec.EllipticCurvePublicKey):
        found = {"secp256r1": "P-256", "secp384r1": "P-384"}.get(public_key.curve.name, public_key.curve.name)
    else:
        found = type(public_key).__name__
    check(found)
    return found


def load(plain: bytes, name: str) -> PrivateKey:
    """The private key in ``plain`` (PKCS#8, DER), which a seal has authenticated already."""
    # Checking an RSA key's primes again would cost a quarter of a second.
    key = load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, PrivateKey):
        raise NotThisKind(f"{name} holds a key of another kind: {type(key).__name__}")
    return key
