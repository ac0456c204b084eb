"""What differs between two epochs, read from what was signed: ``permissions.json`` of each. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEADER = frozenset(
    {"network", "epoch", "block", "tx_hash", "effective_at"}
)  # differs always, and says nothing
NODES = "nodes"
_NAMES = ("id", "address", "name", "consensus_id")  # what an entry of a list is known by, the first it has
_SHOWN = 200  # characters of a value


@dataclass(frozen=True)
class Field:
    """A part of an entry that reads otherwise: "" where it is not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Changed:
    """An entry that is in both."""

    key: str
    name: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Section:
    """One part of the list ("nodes", "accounts", …). Entries are (key, name)."""

    name: str
    entering: tuple[tuple[str, str], ...]
    leaving: tuple[tuple[str, str], ...]
    changed: tuple[Changed, ...]


def sections(before: bytes | None, after: bytes) -> list[Section]:
    """The parts that differ, nodes first. ``before`` None: there was no list, so everything enters."""
    old = json.loads(before) if before is not None else {}
    new = json.loads(after)
    names = (old.keys() | new.keys()) - HEADER
    ordered = sorted(names, key=lambda name: (name != NODES, name))
    found = [_section(name, old.get(name), new.get(name)) for name in ordered]
    return [one for one in found if one.entering or one.leaving or one.changed]


def _section(name: str, before: Any, after: Any) -> Section:
    old, new = _entries(name, before), _entries(name, after)
    return Section(
        name,
        entering=_named(new, new.keys() - old.keys()),
        leaving=_named(old, old.keys() - new.keys()),
        changed=tuple(
            Changed(key, _name(key, new[key]), _fields(old[key], new[key]))
            for key in sorted(old.keys() & new.keys(), key=lambda key: _name(key, new[key]))
            if old[key] != new[key]
        ),
    )


def _entries(name: str, value: Any) -> dict[str, Mapping[str, Any]]:
    """A part's entries by what they are known by; what is no list of them is a single one."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return {name: value}
    if not isinstance(value, list):
        return {name: {"value": value}}
    return dict(_entry(item) for item in value)


def _entry(item: Any) -> tuple[str, Mapping[str, Any]]:
    if not isinstance(item, dict):
        return _text(item), {}
    key = next((str(item[name]) for name in _NAMES if item.get(name)), _text(item))
    return key, item


def _named(entries: Mapping[str, Mapping[str, Any]], keys: set[str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(((key, _name(key, entries[key])) for key in keys), key=lambda pair: pair[::-1]))


def _name(key: str, entry: Mapping[str, Any]) -> str:
    return str(entry.get("name") or key)


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Field, ...]:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return tuple(Field(name, _text(before.get(name)), _text(after.get(name))) for name in names)


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
