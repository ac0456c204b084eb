"""What may be certified, and for how long. Pure: no Django, no clock of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from certs.errors import KeyNotAccepted, NameMismatch, UnknownProfile, WeakExponent, WeakSignature
from certs.profiles import PROFILES, ProfileSpec

SIZE_LIMIT = 16 * 1024  # bytes of an upload; an RSA 8192 request in PEM has 3 KiB
LEAST_EXPONENT = 65537
EXPIRES_SOON = timedelta(days=30)  # a certificate that ends within wants a successor
HASHES = frozenset({"sha256", "sha384", "sha512"})

# How a request goes on: people decide, and may take an approval back until a serial number is spent on it;
# the signing worker issues, or rejects what must not be signed any more (member suspended, node moved).
BY_PEOPLE: dict[str, frozenset[str]] = {
    "submitted": frozenset({"approved", "rejected"}),
    "approved": frozenset({"rejected"}),
}
BY_WORKER: dict[str, frozenset[str]] = {"approved": frozenset({"issued", "rejected"})}


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A public key as the rules see it; ``exponent`` is 0 where the kind has none."""

    kind: str
    bits: int
    exponent: int = 0

    def __str__(self) -> str:
        return f"RSA {self.bits}" if self.kind == "RSA" else self.kind


def profile(name: str) -> ProfileSpec:
    """The profile of that name. Raises UnknownProfile."""
    if name not in PROFILES:
        raise UnknownProfile(profile=shown(name))
    return PROFILES[name]


def check_key(spec: ProfileSpec, key: KeyFacts) -> None:
    """Raises KeyNotAccepted (kind or size) or WeakExponent."""
    if not any(r.kind == key.kind and r.least <= key.bits <= r.most for r in spec.keys):
        raise KeyNotAccepted(found=str(key), wanted=", ".join(map(str, spec.keys)))
    if key.kind == "RSA" and (key.exponent < LEAST_EXPONENT or key.exponent % 2 == 0):
        raise WeakExponent(found=key.exponent)


def check_hash(name: str) -> None:
    """Raises WeakSignature unless the request was signed with a hash that is still sound."""
    if name not in HASHES:
        raise WeakSignature(found=name)


def check_names(found: Mapping[str, Collection[str]], own: Mapping[str, Collection[str]]) -> None:
    """Every name that the request gives must be one of the node's ``own`` (the first of them is shown).

    What a request leaves out is taken from the record; kinds of names that ``own`` does not list are never
    copied into a certificate and need no check. Raises NameMismatch.
    """
    for field, accepted in own.items():
        for value in found.get(field, ()):
            if value not in accepted:
                raise NameMismatch(field=field, found=shown(value), expected=next(iter(accepted)))


def shown(text: str) -> str:
    """Somebody else's text, fit to be shown and stored: short, and without control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:80])


def period(start: datetime, length: timedelta, ceiling: datetime | None) -> tuple[datetime, datetime]:
    """notBefore and notAfter, both inclusive (RFC 5280 section 4.1.2.5), hence one second less.

    Whole seconds, as certificates hold them. Never beyond ``ceiling``, the issuer's own notAfter.
    """
    not_before = start.replace(microsecond=0)
    not_after = not_before + length - timedelta(seconds=1)
    return not_before, not_after if ceiling is None else min(not_after, ceiling)


def crl_due(now: datetime, this_update: datetime, next_update: datetime) -> bool:
    """Is it time to sign again? From half its life on, so that a day's outage is no expiry."""
    return now >= this_update + (next_update - this_update) / 2
