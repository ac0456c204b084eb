"""How an authority of 国密 signs certificates: SM2 with SM3 (a family of :mod:`certs.issuing.families`)."""

from __future__ import annotations

from functools import cached_property

from certs import keys
from certs.errors import ContentMismatch
from certs.sm2.library import PrivateKey, PublicKey
from certs.sm2.names import SM2_WITH_SM3


class SM2Family:
    """For one authority's SM2 key. Signatures are over SM3, under the default id of GM/T 0009."""

    algorithm = SM2_WITH_SM3

    def __init__(self, spki: bytes) -> None:
        self._public_key = PublicKey.from_spki(spki)

    def open_key(self, name: str, passphrase: bytes | None = None) -> PrivateKey:
        """The sealed key ``name``, in OpenSSL's memory.

        Raises KeysNotAvailable, WrongPassphrase, SM2NotAvailable; ContentMismatch where it is another's.
        """
        return self.own(PrivateKey.from_pkcs8(keys.open_bytes(name, passphrase)))

    def own(self, key: PrivateKey) -> PrivateKey:
        """``key``, if it is the authority's. Raises ContentMismatch."""
        if key.spki != self._public_key.spki:
            raise ContentMismatch(what="the authority's key")
        return key

    def sign(self, tbs: bytes, key: PrivateKey) -> bytes:
        """The DER of r and s."""
        return key.sign(tbs)

    def sign_for_inspection(self, tbs: bytes) -> bytes:
        """By a key made in this process, which certifies nothing."""
        return self._throwaway.sign(tbs)

    def holds(self, tbs: bytes, signature: bytes) -> bool:
        """Does the authority's public key verify it?"""
        return self._public_key.verifies(signature, tbs)

    @cached_property
    def _throwaway(self) -> PrivateKey:
        return PrivateKey.generate()
