"""Reading profile files: whatever is missing, unknown or unsound in one stops the start, loudly.

A typo in a profile must not become a certificate.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from certs.profiles.spec import (
    ATTRIBUTES,
    CLASSIC,
    CONSOLE,
    EXTENDED_USAGES,
    HOLDER,
    NODE,
    OWN,
    SM,
    Extensions,
    KeyRange,
    ProfileSpec,
)

T = TypeVar("T")
LONGEST_DAYS = 825
LEAST_RSA = 2048
SIZES = {"P-256": 256, "P-384": 384, "secp256k1": 256, "SM2": 256, "Ed25519": 256}
USAGES = frozenset(
    {"digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"}
)
SIGNING = frozenset({"digital_signature", "content_commitment"})
PURPOSES = frozenset({"nodes", "access", "lists", "sm-nodes", OWN})
REQUIREMENTS = frozenset({"", "sm2"})
STATUSES = frozenset({"list-and-responder", "list", "nocheck"})


class InvalidProfile(Exception):
    """A profile's file can't be taken: which, where in it, and why. For whoever installs, at the start."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(f"{file}: {why}")


def load(folder: Path) -> dict[str, ProfileSpec]:
    """Every ``<name>.toml`` of ``folder``, by name. Raises InvalidProfile; also when there is none."""
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise InvalidProfile(str(folder), "there is no profile")
    return {path.stem: parse(path.stem, path.read_text(encoding="utf-8")) for path in files}


def parse(name: str, text: str) -> ProfileSpec:
    """The profile in ``text`` (TOML). Raises InvalidProfile."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidProfile(name, str(error)) from error
    return _spec(name, _Table(name, "", content))


@dataclass
class _Table:
    """A table of the file, taken apart key by key; what is left over in the end was not meant."""

    file: str
    path: str
    content: dict[str, Any]

    def take(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value under ``key``; required where there is no default."""
        value = self.content.pop(key, default)
        # True is an int to Python, not to whoever writes "days = true"
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(key, f"a {kind.__name__} is wanted, not {value!r}")
        return value

    def one_of(self, key: str, choices: Collection[str], default: str | None = None) -> str:
        value = self.take(key, str, default)
        if value not in choices:
            self.refuse(key, f"{value!r} is none of {', '.join(sorted(choices))}")
        return value

    def some_of(self, key: str, choices: Collection[str]) -> tuple[str, ...]:
        values = self.take(key, list)
        if (
            not values
            or len(set(map(str, values))) != len(values)
            or not set(map(str, values)) <= set(choices)
        ):
            self.refuse(key, f"some of {', '.join(sorted(choices))} are wanted, each once, not {values!r}")
        return tuple(values)

    def number(self, key: str, least: int, most: int, default: int | None = None) -> int:
        value = self.take(key, int, default)
        if not least <= value <= most:
            self.refuse(key, f"{value} is not from {least} to {most}")
        return value

    def table(self, key: str) -> _Table:
        return _Table(self.file, f"{self.path}{key}.", self.take(key, dict))

    def tables(self, key: str) -> list[_Table]:
        rows = self.take(key, list)
        if not rows or not all(isinstance(row, dict) for row in rows):
            self.refuse(key, "at least one table is wanted")
        return [_Table(self.file, f"{self.path}{key}[{place}].", row) for place, row in enumerate(rows)]

    def finish(self) -> None:
        """Nothing may be left."""
        for key in self.content:
            self.refuse(key, "unknown")

    def refuse(self, key: str, why: str) -> None:
        raise InvalidProfile(self.file, f"{self.path}{key}: {why}")


def _spec(name: str, table: _Table) -> ProfileSpec:
    days = table.number("days", 1, LONGEST_DAYS)
    spec = ProfileSpec(
        name=name,
        family=table.one_of("family", (CLASSIC, SM), CLASSIC),
        purpose=table.one_of("authority", PURPOSES),
        needs=table.one_of("needs", (NODE, HOLDER, CONSOLE)),
        in_person=table.take("in_person", bool, default=False),
        requires=table.one_of("requires", REQUIREMENTS, ""),
        off=table.take("off", str, ""),
        rdns=_rdns(table),
        period=timedelta(days=days),
        window=timedelta(days=table.number("renewal_days", 1, days - 1)),
        keeps_key=table.take("keeps_key", bool),
        keys=tuple(_keys(row) for row in table.tables("keys")),
        extensions=_extensions(table.table("extensions")),
    )
    _check_sense(spec, table)
    table.finish()
    return spec


def _rdns(table: _Table) -> tuple[tuple[str, str], ...]:
    """The distinguished name: pairs of an attribute and a text, in which {name} and {institution} stand."""
    rdns = []
    for pair in table.take("subject", list):
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            table.refuse("subject", f"pairs are wanted, not {pair!r}")
        kind, text = pair
        bare = text.replace("{name}", "").replace("{institution}", "")
        if kind not in ATTRIBUTES or not text or "{" in bare or "}" in bare:
            table.refuse("subject", f"{kind}={text} is not understood")
        rdns.append((kind, text))
    if [kind for kind, text in rdns if text == "{name}"] != ["CN"] or ("O", "{institution}") not in rdns:
        table.refuse("subject", "CN={name} and O={institution} must be in it")
    return tuple(rdns)


def _keys(row: _Table) -> KeyRange:
    kind = row.one_of("kind", ("RSA", *SIZES))
    if kind == "RSA":
        least = row.number("least", LEAST_RSA, 16384)
        most = row.number("most", least, 16384)
    else:
        least = most = SIZES[kind]
    usages = frozenset(row.some_of("usages", USAGES))
    if kind not in ("RSA", "SM2") and usages & {"key_encipherment", "data_encipherment"}:
        row.refuse("usages", f"nobody encrypts to a {kind} key (RFC 5480 section 3, RFC 8410 section 5)")
    if kind == "SM2" and usages & SIGNING and usages - SIGNING:
        row.refuse("usages", "an SM2 key signs or encrypts, never both (GM/T 0015, GM/T 0024)")
    row.finish()
    return KeyRange(kind, least, most, usages)


def _extensions(table: _Table) -> Extensions:
    basic, usage = table.table("basic_constraints"), table.table("key_usage")
    if basic.take("ca", bool):
        basic.refuse("ca", "what a profile certifies is no authority")
    extended = table.table("extended_key_usage")
    named = table.table("names") if "names" in table.content else None
    status = table.one_of("status", STATUSES)
    extensions = Extensions(
        extended_usages=extended.some_of("usages", EXTENDED_USAGES),
        extended_usages_critical=extended.take("critical", bool),
        basic_constraints_critical=basic.take("critical", bool),
        key_usage_critical=usage.take("critical", bool),
        names=named is not None,
        names_critical=named.take("critical", bool) if named else False,
        nocheck=status == "nocheck",
        responder=status == "list-and-responder",
    )
    for part in (basic, usage, extended, named, table):
        if part is not None:
            part.finish()
    return extensions


def _check_sense(spec: ProfileSpec, table: _Table) -> None:
    """What each field allows and all of them together do not."""
    sm = {keys.kind == "SM2" for keys in spec.keys}
    wrong: Mapping[str, bool] = {
        "family": sm != {spec.family == SM},
        "authority": spec.purpose.startswith("sm-") != (spec.family == SM),
        "in_person": spec.in_person and spec.needs != HOLDER,
        "extensions.names": spec.needs != CONSOLE and not spec.extensions.names,
        "extensions.status": spec.extensions.nocheck
        != (spec.extensions.extended_usages == ("ocsp_signing",)),
    }
    for key, holds in wrong.items():
        if holds:
            table.refuse(key, "contradicts the rest of the profile")
