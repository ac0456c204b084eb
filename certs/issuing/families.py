"""Kinds of signature: what an authority's key decides about the certificates it signs.

Everything else of a certificate (names, period, extensions, the subject's key) is the same for every family
and comes from a :class:`certs.issuing.plans.Plan`; :mod:`certs.issuing.tbs` writes it. A family knows its
signature algorithm, how to sign with a key that is thrown away and with the real one, and how to check
that.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

from django.utils.module_loading import import_string

from certs.issuing import reading

# 1.2.156.10197.1.301, DER: the parameters of an SM2 key (GM/T 0006)
_SM2_CURVE = bytes.fromhex("06082a811ccf5501822d")


class Family(Protocol):
    """Signing for the certificates under one authority; made once for each and kept.

    ``algorithm`` is the AlgorithmIdentifier, DER, as it stands in the certificate and in what is signed.
    A key is whatever ``open_key`` returns: only the family itself looks into it.
    """

    algorithm: bytes

    def open_key(self, name: str, passphrase: bytes | None = None) -> Any:
        """The authority's private key, opened once a process. Raises KeysNotAvailable, WrongPassphrase."""

    def sign(self, tbs: bytes, key: Any) -> bytes:
        """The signature's octets over ``tbs``, as they go into the BIT STRING."""

    def sign_for_inspection(self, tbs: bytes) -> bytes:
        """The same by a key of the same kind that belongs to nobody and never leaves this process."""

    def holds(self, tbs: bytes, signature: bytes) -> bool:
        """Is ``signature`` the authority's own over ``tbs``? By the key in the authority's certificate."""


@lru_cache(maxsize=64)
def family_of(issuer_der: bytes) -> Family:
    """The family of the authority whose certificate this is."""
    spki = reading.spki_of(issuer_der)
    if _SM2_CURVE in spki:
        found: Family = import_string("certs.sm2.family.SM2Family")(spki)
        return found
    from certs.issuing.classic import ClassicFamily

    return ClassicFamily(spki)
