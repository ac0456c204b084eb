"""Besu by its file: write, have it read, look what the node has."""

from __future__ import annotations

import logging
from pathlib import Path

from governance.agent import files
from governance.agent.adapters import besu_lists
from governance.agent.adapters.besu_calls import BesuCalls
from governance.agent.adapters.besu_lists import ACCOUNTS, NODES, Lists
from governance.agent.errors import Refused, ReloadFailed

logger = logging.getLogger("agent")


class ByFile:
    """The agent is the file's one writer, beside Besu itself, which rewrites what it loads."""

    def __init__(self, calls: BesuCalls, nodes_file: Path, accounts_file: Path | None = None) -> None:
        self._calls = calls
        # Accounts first, as Besu loads them.
        self._keys: dict[Path, tuple[str, ...]] = {nodes_file: (ACCOUNTS, NODES)}
        if accounts_file:
            self._keys = {accounts_file: (ACCOUNTS,), nodes_file: (NODES,)}

    def put(self, wanted: Lists) -> None:
        if self.kept(wanted) and self._calls.has(wanted):
            return  # a reload is not atomic: none without need
        former = {path: path.read_bytes() if path.exists() else None for path in self._keys}
        self.leave(wanted)
        try:
            self._calls.reload()
        except Refused as refused:
            self._restore(former, refused)
            raise
        if not self._calls.has(wanted):
            raise ReloadFailed("Besu has another list than the file that it was told to load")

    def leave(self, wanted: Lists) -> None:
        for path, keys in self._keys.items():
            files.write(path, wanted.file(*keys))

    def kept(self, wanted: Lists) -> bool:
        """Do the files say the same? Besu rewrites them, so the sets count, not the bytes."""
        values = {NODES: wanted.nodes, ACCOUNTS: wanted.accounts}
        for path, keys in self._keys.items():
            data = path.read_bytes() if path.exists() else b""
            if any(besu_lists.part(data, str(path), key) != values[key] for key in keys):
                return False
        return True

    def _restore(self, former: dict[Path, bytes | None], refused: Refused) -> None:
        """The files as they were, and loaded again: what the node has after a failed reload is not known."""
        for path, data in former.items():
            if data is None:
                path.unlink(missing_ok=True)
            else:
                files.write(path, data)
        try:
            self._calls.reload()
        except Refused as again:
            logger.error("Besu takes neither list: %s", again)  # noqa: TRY400 - one line is enough
            raise ReloadFailed(f"Besu refuses the new list ({refused.reason}) and the former one") from again
