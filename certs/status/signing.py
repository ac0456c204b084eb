"""What signs lists and answers: an algorithm and a key, whatever kind the key is.

Lists of a 国密 authority are signed by ``certs.sm2``: any object with the two members of :class:`Signer` will
do, and :func:`register` says which authorities it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certs import der, keys
from certs.errors import ContentMismatch
from certs.keys import PrivateKey
from certs.models import Authority

KeyOpener = Callable[[str], Any]  # by name; what it returns is for the family of the authority's key

_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")


class Signer(Protocol):
    """``algorithm`` is the AlgorithmIdentifier's DER, which the signed content repeats."""

    @property
    def algorithm(self) -> bytes: ...

    def sign(self, content: bytes) -> bytes:
        """The signature over ``content``, as the BIT STRING holds it."""
        ...

    def holds(self, content: bytes, signature: bytes) -> bool:
        """Is it one over ``content``, by the public key?"""
        ...


class ClassicSigner:
    """ECDSA on P-256 with SHA-256 and on P-384 with SHA-384, RSA PKCS #1 v1.5 with SHA-256."""

    def __init__(self, key: PrivateKey) -> None:
        self.algorithm, self._means = _means(key)
        self._key, self._public_key = key, key.public_key()

    @property
    def public_key_der(self) -> bytes:
        return self._public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, content: bytes) -> bytes:
        signature: bytes = self._key.sign(content, *self._means)
        return signature

    def holds(self, content: bytes, signature: bytes) -> bool:
        try:
            self._public_key.verify(signature, content, *self._means)
        except InvalidSignature:
            return False
        return True


Opener = Callable[[Authority, KeyOpener], Signer]
_others: dict[str, Opener] = {}


def register(purpose: Authority.Purpose, opener: Opener) -> None:
    """Have ``opener(authority, open_key)`` make the signer of authorities of ``purpose``.

    Called from an app's ``ready``. ``open_key`` is :func:`certs.keys.open_key`, or a ceremony's own.
    ``opener`` runs in the signing worker and raises KeysNotAvailable elsewhere.
    """
    _others[purpose] = opener


def of_authority(authority: Authority, open_key: KeyOpener = keys.open_key) -> Signer:
    """The authority's own signer. Raises KeysNotAvailable, ContentMismatch where the key is not its own."""
    if authority.purpose in _others:
        return _others[authority.purpose](authority, open_key)
    signer = ClassicSigner(open_key(authority.key_name))
    certified = x509.load_der_x509_certificate(bytes(authority.der)).public_key()
    if certified.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != signer.public_key_der:
        raise ContentMismatch(what="the signing key")
    return signer


def signed(content: bytes, signer: Signer, after: bytes = b"") -> bytes:
    """Content, algorithm, signature: what lists and OCSP answers have in common; ``after`` is not signed.

    Raises ContentMismatch where the key signed wrongly: what nobody could verify is not released.
    """
    signature = signer.sign(content)
    if not signer.holds(content, signature):
        raise ContentMismatch(what="the signature")
    return der.tlv(der.SEQUENCE, content, signer.algorithm, der.tlv(der.BIT_STRING, b"\0", signature), after)


def _means(key: PrivateKey) -> tuple[bytes, tuple[Any, ...]]:
    """The algorithm's name, and what sign and verify take of it beside the octets."""
    if isinstance(key, rsa.RSAPrivateKey):
        return _RSA_SHA256, (padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return _ECDSA_SHA256, (ec.ECDSA(hashes.SHA256()),)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP384R1):
        return _ECDSA_SHA384, (ec.ECDSA(hashes.SHA384()),)
    raise ContentMismatch(what="the signing key's kind")
