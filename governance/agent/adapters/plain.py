"""Kind ``files``: each list in a file of the node's, and a command that makes the node read them.

::

    [node]
    kind = "files"
    reload = ["/usr/bin/kill", "-HUP", "4711"]   # optional; run as it stands, without a shell
    reload_seconds = 30                          # default 30

with the ``[[file]]`` entries of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from governance.agent import files as storage
from governance.agent.adapters import commands
from governance.agent.adapters.base import ReadBack
from governance.agent.adapters.tables import Table
from governance.agent.errors import ConfigError, ReloadFailed

if TYPE_CHECKING:
    from governance.agent.config import File


class Plain:
    """The node's files are all that the agent knows of it."""

    def __init__(self, files: tuple[File, ...], reload: tuple[str, ...] = (), seconds: float = 30) -> None:
        self._files = files
        self._reload = reload
        self._seconds = seconds

    @classmethod
    def of(cls, table: Table, files: tuple[File, ...]) -> Plain:
        if not files:
            raise ConfigError("file: name at least one [[file]]")
        return cls(files, table.words("reload"), table.seconds("reload_seconds", 30))

    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.target for file in self._files))

    def check(self, wanted: Mapping[str, bytes]) -> None:
        """Anything goes: what reads these files is not known here."""

    def put(self, wanted: Mapping[str, bytes]) -> None:
        for file in self._files:
            storage.put(file, wanted[file.target])
        if not self._reload:
            return
        done = commands.run(self._reload, self._seconds)
        if done.returncode:
            raise ReloadFailed(
                f"{self._reload[0]}: exit code {done.returncode} {commands.last_line(done.stderr)}"
            )

    def read_back(self, wanted: Mapping[str, bytes]) -> ReadBack:
        return ReadBack(read_files(self._files, wanted), "file")

    def version(self) -> str:
        return ""


def read_files(files: tuple[File, ...], wanted: Mapping[str, bytes]) -> dict[str, str]:
    """By target. One that is in several places counts as there only when it is in all of them."""
    found: dict[str, str] = {}
    for file in files:
        if file.target not in found or storage.holds(file, wanted[file.target]) is False:
            found[file.target] = storage.read_back(file, wanted[file.target])
    return found
