"""An entry of a revocation list (RFC 5280 section 5.1.2.6), encoded once when the status changes."""

from __future__ import annotations

from datetime import datetime

from certs import der
from certs.models import Authority

HOLD = "certificateHold"

# RFC 5280 section 5.3.1. Not here: removeFromCRL (delta lists), cACompromise and aACompromise (no CA's list).
_REASONS = {
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    HOLD: 6,
    "privilegeWithdrawn": 9,
}
_UNSPECIFIED = "unspecified"  # section 5.3.1: leave the extension out instead
_REASON_CODE = bytes.fromhex("0603551d15")  # id-ce-cRLReasons, 2.5.29.21


def encode(serial: int, at: datetime, reason: str) -> bytes:
    """The DER of one entry; ``reason`` as in RFC 5280 (RevocationReason, or HOLD for a suspension).

    Raises KeyError on a reason that no entry has.
    """
    return der.tlv(der.SEQUENCE, der.integer(serial), der.time(at), _extensions(reason))


def shard_of(serial_hex: str, authority: Authority) -> int:
    """Which part of the authority's list a certificate belongs to, decided at issuance and for good.

    Serials are random, so their remainders are spread evenly.
    """
    return int(serial_hex, 16) % authority.crl_shards


def reason_code(reason: str) -> int:
    """The CRLReason's number; 0 for no reason given."""
    return 0 if reason == _UNSPECIFIED else _REASONS[reason]


def _extensions(reason: str) -> bytes:
    if reason == _UNSPECIFIED:
        return b""
    code = der.tlv(der.ENUMERATED, bytes((_REASONS[reason],)))
    extension = der.tlv(der.SEQUENCE, _REASON_CODE, der.tlv(der.OCTET_STRING, code))
    return der.tlv(der.SEQUENCE, extension)
