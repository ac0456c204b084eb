"""RSA and ECDSA by ``cryptography``: the family of every authority but those of 国密."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from certs import keys
from certs.keys import PrivateKey

# RFC 5758 section 3.2 (ECDSA: no parameters) and RFC 4055 section 5 (RSA: NULL)
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")
_RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")
# bits: what it signs is inspected and never released, and the signature's length is no part of that
_THROWAWAY_RSA = 1024
_WITH_SHA256, _WITH_SHA384 = ec.ECDSA(hashes.SHA256()), ec.ECDSA(hashes.SHA384())


class ClassicFamily:
    """For one authority's public key: RSA with SHA-256, P-384 with SHA-384, other curves with SHA-256."""

    def __init__(self, spki: bytes) -> None:
        public_key = load_der_public_key(spki)
        if not isinstance(public_key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise TypeError(f"an authority's key of another kind: {type(public_key).__name__}")
        self._public_key = public_key
        # What its keys' sign and verify take besides the octets; made once, as they are asked for every time.
        self._scheme: tuple[Any, ...] = (padding.PKCS1v15(), hashes.SHA256())
        self._kind: type = rsa.RSAPrivateKey
        self.algorithm = _RSA_SHA256
        if isinstance(public_key, ec.EllipticCurvePublicKey):
            self._kind = ec.EllipticCurvePrivateKey
            self._scheme, self.algorithm = (_WITH_SHA256,), _ECDSA_SHA256
            if isinstance(public_key.curve, ec.SECP384R1):
                self._scheme, self.algorithm = (_WITH_SHA384,), _ECDSA_SHA384

    def open_key(self, name: str, passphrase: bytes | None = None) -> PrivateKey:
        """See :func:`certs.keys.open_key`."""
        return keys.open_key(name, passphrase)

    def sign(self, tbs: bytes, key: PrivateKey) -> bytes:
        """Sign ``tbs`` as ``algorithm`` says. Raises TypeError for a key of another kind."""
        if not isinstance(key, self._kind):
            raise TypeError(f"an authority's key of another kind: {type(key).__name__}")
        signature: bytes = key.sign(tbs, *self._scheme)
        return signature

    def sign_for_inspection(self, tbs: bytes) -> bytes:
        """By a key made in this process, for this authority's algorithm."""
        return self.sign(tbs, self._throwaway)

    def holds(self, tbs: bytes, signature: bytes) -> bool:
        """Does the authority's public key verify it?"""
        try:
            self._public_key.verify(signature, tbs, *self._scheme)
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _throwaway(self) -> PrivateKey:
        if isinstance(self._public_key, rsa.RSAPublicKey):
            return rsa.generate_private_key(65537, _THROWAWAY_RSA)
        return ec.generate_private_key(self._public_key.curve)
