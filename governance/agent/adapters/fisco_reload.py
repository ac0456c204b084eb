"""How a version of FISCO BCOS comes to read its lists."""

from __future__ import annotations

import logging
import os
import re
import signal
from pathlib import Path
from typing import Protocol

from governance.agent.adapters import commands
from governance.agent.adapters.fisco_lists import Lists
from governance.agent.errors import ReloadFailed

logger = logging.getLogger("agent")

_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)(?:\.[0-9]+)?([-.].*)?")


class Version(tuple[int, int]):
    """Major and minor; what decides is never the rest."""

    __slots__ = ()

    @classmethod
    def of(cls, text: str) -> Version | None:
        found = _VERSION.fullmatch(text.strip())
        return cls((int(found.group(1)), int(found.group(2)))) if found else None


SIGNAL_SINCE, SIGNAL_SOUND_SINCE, THREE = Version((3, 4)), Version((3, 5)), Version((3, 0))


class Signal(Protocol):
    """How the node is told, from 3.4 on."""

    def __call__(self) -> None: ...


def by_pid(pid_file: Path, name: str) -> Signal:
    """SIGUSR1 to the process in ``pid_file``, if it is ``name``: whoever does not know it dies of it."""

    def tell() -> None:
        try:
            number = int(pid_file.read_text(encoding="ascii"))
            running = Path(f"/proc/{number}/comm").read_text(encoding="utf-8", errors="replace").strip()
        except (OSError, ValueError) as error:
            raise ReloadFailed(f"{pid_file}: the node does not run: {error}") from error
        if number <= 1 or running != name[:15]:
            raise ReloadFailed(f"{pid_file}: process {number} is {running!r}, not {name!r}")
        os.kill(number, signal.SIGUSR1)

    return tell


def by_command(words: tuple[str, ...], seconds: float) -> Signal:
    """A command of the operator's, where the agent may not send signals itself."""

    def tell() -> None:
        done = commands.run(words, seconds)
        if done.returncode:
            said = commands.last_line(done.stderr)
            raise ReloadFailed(f"{words[0]}: exit code {done.returncode} {said}")

    return tell


def needs_restart(version: Version, former: Lists, wanted: Lists, *, peers_changed: bool) -> str:
    """Why this version must be started again for this change; empty when it need not."""
    shown = ".".join(map(str, version))
    if version < THREE:
        return (
            f"FISCO BCOS {shown} reads its black list when it starts" if former.black != wanted.black else ""
        )
    if version < SIGNAL_SINCE and (former != wanted or peers_changed):
        return f"FISCO BCOS {shown} reads its lists when it starts"
    return ""


def reload(version: Version, config_ini: Path, tell: Signal | None) -> None:
    """Have the node read what it can read while it runs."""
    if version < THREE:
        config_ini.with_name(f"{config_ini.name}.reset_certificate_whitelist").touch()
    elif version >= SIGNAL_SINCE:
        if version < SIGNAL_SOUND_SINCE:
            logger.warning("FISCO BCOS 3.4 may stand still after this signal; 3.5.0 put that right")
        if tell is None:
            raise ReloadFailed("node.pid_file or node.reload is needed from FISCO BCOS 3.4 on")
        tell()
