"""Adapters: how each kind of node takes a list, and says what it has in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from governance.agent.adapters.base import Adapter, ReadBack, holds
from governance.agent.adapters.besu import Besu
from governance.agent.adapters.geth import Geth
from governance.agent.adapters.goquorum import GoQuorum
from governance.agent.adapters.plain import Plain
from governance.agent.adapters.tables import Table
from governance.agent.errors import ConfigError

if TYPE_CHECKING:
    from governance.agent.config import File

__all__ = ["KINDS", "Adapter", "ReadBack", "holds", "make"]

KINDS: Mapping[str, Callable[[Table, tuple[File, ...]], Adapter]] = {
    "files": Plain.of,
    "besu": Besu.of,
    "goquorum": GoQuorum.of,
    "geth": Geth.of,
}
_WITH_FILES = ("files",)


def make(node_table: Mapping[str, Any], files: tuple[File, ...], base: Path) -> Adapter:
    """The adapter that ``[node]`` and ``[[file]]`` describe; no ``kind`` means ``files``.

    Relative paths are relative to ``base``. Raises ConfigError, naming the entry. Nothing is connected to.
    """
    table = Table(node_table, base)
    kind = table.text("kind", "files")
    if kind not in KINDS:
        raise ConfigError(f"node.kind: one of {', '.join(sorted(KINDS))}, not {kind!r}")
    if files and kind not in _WITH_FILES:
        raise ConfigError(f"file: a node of kind {kind!r} has its files named in [node]")
    adapter = KINDS[kind](table, tuple(files))
    table.done()
    return adapter
