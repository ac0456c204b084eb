"""The one place where an authority's key signs a certificate."""

from __future__ import annotations

from typing import Any

from certs.errors import ContentMismatch
from certs.issuing import reading, tbs
from certs.issuing.linting import Linted


class SignerBroke(Exception):
    """The key did not sign, for a reason that is not the certificate's: a device that is away, say."""


def sign(linted: Linted, key: Any) -> bytes:
    """The certificate, DER: the linted octets themselves under the authority's signature.

    Raises ContentMismatch where what came out is not what was linted, or the key is not the authority's; then
    nothing is released. Raises SignerBroke where nothing came out.
    """
    if not isinstance(linted, Linted):
        raise TypeError("what was not linted is not signed")
    family = linted.family
    signed = tbs.certificate(linted.tbs, family.algorithm, _signature(linted, key))
    parts = reading.parts(signed)
    if parts.tbs != linted.tbs or parts.algorithm != family.algorithm:
        raise ContentMismatch(what="the content to be signed")
    if not family.holds(parts.tbs, parts.signature):
        raise ContentMismatch(what="the signature")
    return signed


def _signature(linted: Linted, key: Any) -> bytes:
    try:
        return linted.family.sign(linted.tbs, key)
    except Exception as error:
        raise SignerBroke(f"{type(error).__name__}: {error}") from error
