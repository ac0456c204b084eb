"""The ``[node]`` table of the configuration, entry by entry. Every complaint names its entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from governance.agent.errors import ConfigError

_LONGEST = 86400  # seconds


class Table:
    """Entries are taken one at a time; what nobody took is unknown, and refused by :meth:`done`."""

    def __init__(self, values: Mapping[str, Any], base: Path) -> None:
        self._left = dict(values)
        self._base = base

    def done(self) -> None:
        """Raises ConfigError when an entry is left that nobody knows."""
        if self._left:
            raise ConfigError(f"node: unknown {sorted(self._left)}")

    def has(self, name: str) -> bool:
        return name in self._left

    def text(self, name: str, default: str | None = None) -> str:
        value = self._left.pop(name, default)
        if not isinstance(value, str) or (not value and value != default):
            raise ConfigError(f"node.{name}: needed, a text")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of ``choices``; the first where nothing is said."""
        value = self.text(name, choices[0])
        if value not in choices:
            raise ConfigError(f"node.{name}: one of {', '.join(choices)}, not {value!r}")
        return value

    def flag(self, name: str) -> bool:
        value = self._left.pop(name, False)
        if not isinstance(value, bool):
            raise ConfigError(f"node.{name}: true or false")
        return value

    def path(self, name: str) -> Path:
        return self._base / self.text(name)

    def path_or_none(self, name: str) -> Path | None:
        return self.path(name) if self.has(name) else None

    def words(self, name: str) -> tuple[str, ...]:
        """A command as the program gets it, or a list of texts; empty where nothing is said."""
        value = self._left.pop(name, [])
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) and word for word in value):
            raise ConfigError(f"node.{name}: a list of texts")
        return tuple(value)

    def seconds(self, name: str, default: float) -> float:
        value = self._left.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LONGEST:
            raise ConfigError(f"node.{name}: seconds, above 0 and at most {_LONGEST}")
        return float(value)

    def url(self, name: str) -> str:
        """An http or https address without a login in it, which would end in a log."""
        value = self.text(name)
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"node.{name}: no http or https address")
        if "@" in parts.netloc:
            raise ConfigError(f"node.{name}: no login in the address")
        return value
