"""What the check before signing refuses."""

from __future__ import annotations

from collections.abc import Collection


class Malformed(Exception):
    """A file that its reader would refuse, or take for something else. ``rule`` is stable."""

    def __init__(self, path: str, rule: str, found: str = "") -> None:
        super().__init__(path, rule, found)
        self.path, self.rule, self.found = path, rule, found[:100]

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}" + (f" ({self.found})" if self.found else "")


def once(path: str, rule: str, values: Collection[str]) -> frozenset[str]:
    """The values as a set. Raises Malformed when one of them comes twice."""
    known = frozenset(values)
    if len(known) == len(values):
        return known
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise Malformed(path, rule, value)
        seen.add(value)
    return known
