"""What a certificate is to say, decided before anything is built or signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority's certificate, taken apart once and kept.

    ``subject`` and ``spki`` are its bytes: what it signs repeats them, it never encodes them again.
    """

    der: bytes
    subject: bytes
    spki: bytes
    key_identifier: bytes
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a certificate but its signature.

    ``spki`` is the subject's SubjectPublicKeyInfo, DER; ``extensions`` come in this order, each with whether
    it is critical; ``longest`` is the most that its profile allows.
    """

    serial: int
    profile: str
    issuer: Issuer
    subject: x509.Name
    spki: bytes
    not_before: datetime
    not_after: datetime
    longest: timedelta
    extensions: tuple[tuple[x509.ExtensionType, bool], ...]
