"""Transition tables: which state may follow which, checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consortium.core.errors import IllegalTransition

Table = Mapping[str, frozenset[str]]


def check(
    table: Table, *, subject: str, current: str, wanted: str, labels: Mapping[str, Any] | None = None
) -> None:
    """Raise :class:`IllegalTransition` unless ``table`` lets ``wanted`` follow ``current``.

    ``labels`` maps states to what people call them (a ``TextChoices``' ``choices`` as a dict).
    """
    allowed = table.get(current, frozenset())
    if wanted in allowed:
        return
    names = labels or {}
    raise IllegalTransition(
        subject=subject,
        current=str(names.get(current, current)),
        wanted=str(names.get(wanted, wanted)),
        allowed=", ".join(str(names.get(state, state)) for state in sorted(allowed)) or "–",
    )


def illegal_pairs(table: Table, states: list[str]) -> list[tuple[str, str]]:
    """Every (current, wanted) that ``table`` refuses: tests are parametrised with it."""
    return [(a, b) for a in states for b in states if b not in table.get(a, frozenset())]
