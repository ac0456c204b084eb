"""Kind ``command``: files where the operator wants them, and any program that puts them in force.

::

    [node]
    kind = "command"
    apply = ["/opt/agent/apply"]        # exit code 0: in force; 3: the node says no; else: try again
    read_back = ["/opt/agent/show"]     # optional: prints what is in force, "<sha256>  <target>" a line
    version = ["/opt/agent/version"]    # optional: prints the node's software and version
    seconds = 30                        # default 30, for each of them

with the ``[[file]]`` entries of the configuration. The programs get in ``AGENT_FILES`` a JSON object of each
target and the path where it lies. When ``apply`` says no, its last line on standard error is the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from governance.agent import files as storage
from governance.agent.adapters import commands
from governance.agent.adapters.base import ReadBack, sha256
from governance.agent.adapters.plain import read_files
from governance.agent.adapters.tables import Table
from governance.agent.errors import ConfigError, Refused, ReloadFailed

if TYPE_CHECKING:
    from governance.agent.config import File

_SAYS_NO = 3
_SUM = re.compile(r"([0-9a-f]{64})  (\S+)")


class Command:
    """A node that the operator's own program knows how to drive."""

    def __init__(
        self,
        files: tuple[File, ...],
        apply: tuple[str, ...],
        *,
        read_back: tuple[str, ...] = (),
        version: tuple[str, ...] = (),
        seconds: float = 30,
    ) -> None:
        self._files = files
        self._apply = apply
        self._read_back = read_back
        self._version = version
        self._seconds = seconds

    @classmethod
    def of(cls, table: Table, files: tuple[File, ...]) -> Command:
        if not files:
            raise ConfigError("file: name at least one [[file]]")
        apply = table.words("apply")
        if not apply:
            raise ConfigError("node.apply: needed, a list of words, as the program gets them")
        return cls(
            files,
            apply,
            read_back=table.words("read_back"),
            version=table.words("version"),
            seconds=table.seconds("seconds", 30),
        )

    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(file.target for file in self._files))

    def check(self, wanted: Mapping[str, bytes]) -> None:
        """Only the program knows the node's rules."""

    def put(self, wanted: Mapping[str, bytes]) -> None:
        former = {file.path: file.path.read_bytes() if file.path.exists() else None for file in self._files}
        for file in self._files:
            storage.put(file, wanted[file.target])
        done = commands.run(self._apply, self._seconds, self._environment())
        said = commands.last_line(done.stderr)
        if done.returncode == _SAYS_NO:
            _restore(former)
            raise Refused(said or f"{self._apply[0]} says no")
        if done.returncode:
            raise ReloadFailed(f"{self._apply[0]}: exit code {done.returncode} {said}")

    def read_back(self, wanted: Mapping[str, bytes]) -> ReadBack:
        found = read_files(self._files, wanted)
        if not self._read_back:
            return ReadBack(found, "file")
        said = _sums(self._output(self._read_back))
        nothing = sha256(b"")
        return ReadBack({target: said.get(target, nothing) for target in found}, "node")

    def version(self) -> str:
        return self._output(self._version).strip()[:200] if self._version else ""

    def _output(self, words: tuple[str, ...]) -> str:
        done = commands.run(words, self._seconds, self._environment())
        if done.returncode:
            said = commands.last_line(done.stderr)
            raise ReloadFailed(f"{words[0]}: exit code {done.returncode} {said}")
        return done.stdout.decode(errors="replace")

    def _environment(self) -> dict[str, str]:
        return {"AGENT_FILES": json.dumps({file.target: str(file.path) for file in self._files})}


def _sums(output: str) -> dict[str, str]:
    found = (_SUM.fullmatch(line.strip()) for line in output.splitlines())
    return {match.group(2): match.group(1) for match in found if match}


def _restore(former: Mapping[Path, bytes | None]) -> None:
    for path, data in former.items():
        if data is None:
            path.unlink(missing_ok=True)
        else:
            storage.write(path, data)
