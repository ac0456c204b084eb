"""A fresh stack of the smoke run's own: `make run` in a temporary directory, on free ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from consortium.stack.child import descendants, free_port
from consortium.stack.plan import PROJECT
from consortium.stack.smoke.evidence import NotTrue

VOTING_PERIOD = 45  # seconds: long enough for sixty ballots proposed and cast, short enough to wait for
ANCHOR_INTERVAL = 5  # seconds


class FreshStack:
    """``python -m consortium.stack run`` as a child; leaves nothing behind but ``directory`` on failure."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.console_port, self.gateway_port, self.ledger_port = _three_ports()
        self._popen: subprocess.Popen[str] | None = None
        self.output: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """What this stack's processes need to find each other; embedded services only."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "REDIS_URL", "LEDGER_URL"}
        }
        return {
            **inherited,
            "DATA_DIR": str(self.directory),
            "CONSOLE_PORT": str(self.console_port),
            "GATEWAY_PORT": str(self.gateway_port),
            "LEDGER_PORT": str(self.ledger_port),
            "VOTING_PERIOD": str(VOTING_PERIOD),
            "ANCHOR_INTERVAL": str(ANCHOR_INTERVAL),
            "CONSORTIUM_DEVELOPMENT": "1",
        }

    @property
    def pid(self) -> int:
        if self._popen is None:
            raise NotTrue("the stack was not started")
        return self._popen.pid

    def start(self) -> None:
        """Start it and read what it prints until it is ready. Raises NotTrue when it ends before."""
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "consortium.stack", "run"],
            env=self.environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if self._popen.stdout is None:
            raise NotTrue("the stack has no output")
        for line in self._popen.stdout:
            self.output.append(line.rstrip())
            if "ready; Ctrl-C" in line:
                return
        raise NotTrue("the stack did not come up:\n" + "\n".join(self.output[-20:]))

    def stop(self) -> int:
        """As Ctrl-C would; the exit code."""
        if self._popen is None:
            return 0
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGINT)
        self._popen.communicate(timeout=60)
        return self._popen.returncode


def memory(pid: int) -> float:
    """Memory of a process and its descendants in MiB, shared pages counted once (PSS)."""
    total = 0
    for each in {pid, *descendants(pid)}:
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024


def _three_ports() -> tuple[int, int, int]:
    """Free ports. The gateway's has four free ones above it, for the agents' listeners."""
    for _ in range(100):
        gateway = free_port()
        if all(_is_free(gateway + offset) for offset in range(1, 5)):
            break
    console, ledger = free_port(), free_port()
    return console, gateway, ledger


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
