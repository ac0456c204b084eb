"""What a node reads only when it is started again: noted in a file beside its configuration."""

from __future__ import annotations

import json
from pathlib import Path

from governance.agent import files


class Restart:
    """The notice is there from before the configuration is written until another process runs.

    Where no pid file is named, nobody but the operator knows of a restart: they remove the notice.
    """

    def __init__(self, notice: Path, pid_file: Path | None) -> None:
        self._notice = notice
        self._pid_file = pid_file

    def announce(self, reason: str) -> None:
        """A change is about to be written: broken off now, it is not forgotten that it needs a restart."""
        self._write(reason, written=False)

    def written(self) -> None:
        """The change is in the file: only a process that began after this has read it."""
        reason, _, _ = self._read()
        if reason:
            self._write(reason, written=True)

    def outstanding(self) -> str:
        """Why a restart is needed; empty when none is, or none any longer."""
        reason, was_written, process = self._read()
        now = self._process()
        if reason and was_written and now and now != process:
            self._notice.unlink(missing_ok=True)
            return ""
        return reason

    def _write(self, reason: str, *, written: bool) -> None:
        note = {"reason": reason, "written": written, "process": self._process()}
        files.write(self._notice, (json.dumps(note) + "\n").encode())

    def _read(self) -> tuple[str, bool, str]:
        try:
            note = json.loads(self._notice.read_bytes())
            return str(note["reason"]), note["written"] is True, str(note["process"])
        except FileNotFoundError:
            return "", False, ""
        except (ValueError, KeyError, TypeError):
            return "the notice can't be read", False, ""

    def _process(self) -> str:
        """Which process runs: its number, and when it began, since numbers come again."""
        if self._pid_file is None:
            return ""
        try:
            number = int(self._pid_file.read_text(encoding="ascii"))
            stat = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):  # not running, or not to be seen
            return ""
        return f"{number} {stat.rpartition(')')[2].split()[19]}"
