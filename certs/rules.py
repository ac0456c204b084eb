"""What may be certified, and for how long. Pure: no Django, no clock of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from certs.errors import (
    AsksForAuthority,
    KeyNotAccepted,
    NameMismatch,
    ProfileNotForThis,
    ProfileOff,
    RateLimited,
    UnknownProfile,
    WeakExponent,
    WeakSignature,
)
from certs.profiles import PROFILES, ProfileSpec

SIZE_LIMIT = 16 * 1024  # bytes of an upload; an RSA 8192 request in PEM has 3 KiB
EXPONENT = 65537
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


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A CSR whose signature is right: its holder has the private key.

    ``spki``: the SubjectPublicKeyInfo in its one canonical form, DER, whatever form the request had it in;
    ``spki_sha256`` is its hash. ``public_key``: None for SM2, which cryptography can't hold.
    ``names``: what the request calls itself, by kind (CN, O, SAN). ``signature``: the hash it is signed with.
    ``asks_for_authority``: it wants to be a CA, or to sign certificates or lists.
    """

    der: bytes
    spki: bytes
    public_key: CertificatePublicKeyTypes | None
    key: KeyFacts
    spki_sha256: str
    names: dict[str, tuple[str, ...]]
    signature: str = "sha256"
    asks_for_authority: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``number`` requests in ``window``."""

    number: int
    window: timedelta


def profile(name: str) -> ProfileSpec:
    """The profile of that name. Raises UnknownProfile."""
    if name not in PROFILES:
        raise UnknownProfile(profile=shown(name))
    return PROFILES[name]


def check_profile(spec: ProfileSpec, needs: str) -> None:
    """Can it be asked for, and for such a subject? Raises ProfileOff or ProfileNotForThis."""
    if spec.why_off:
        raise ProfileOff(profile=spec.name, why=spec.why_off)
    if spec.needs != needs:
        raise ProfileNotForThis(profile=spec.name)


def check_request(spec: ProfileSpec, read: ReadRequest) -> None:
    """What the request asks for, against the profile. Raises KeyNotAccepted or AsksForAuthority."""
    if read.asks_for_authority:
        raise AsksForAuthority
    check_key(spec, read.key)


def check_key(spec: ProfileSpec, key: KeyFacts) -> None:
    """Raises KeyNotAccepted (kind or size)."""
    if not any(r.kind == key.kind and r.least <= key.bits <= r.most for r in spec.keys):
        raise KeyNotAccepted(found=str(key), wanted=", ".join(map(str, spec.keys)))


def check_exponent(key: KeyFacts) -> None:
    """65537 and no other: small ones are weak, and with a choice one modulus could come as many keys.

    Raises WeakExponent.
    """
    if key.kind == "RSA" and key.exponent != EXPONENT:
        raise WeakExponent(found=shown(str(key.exponent)) if key.exponent.bit_length() < 200 else "…")


def check_rate(made: int, limit: Limit, who: str) -> None:
    """``made``: how many requests came from ``who`` within the limit's window. Raises RateLimited."""
    if made >= limit.number:
        hours = round(limit.window / timedelta(hours=1), 1)
        raise RateLimited(who=who, number=limit.number, hours=f"{hours:g}")


def check_hash(name: str) -> None:
    """Raises WeakSignature unless the request was signed with a hash that is still sound."""
    if name not in HASHES:
        raise WeakSignature(found=name)


def check_names(found: Mapping[str, Collection[str]], own: Mapping[str, Collection[str]]) -> None:
    """Every name that the request gives must be one of the holder's ``own`` (the first of them is shown).

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
