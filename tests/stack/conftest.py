"""Runs whole stacks as real processes, each in a directory and on ports of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from consortium.stack import child
from consortium.stack.endpoints import PROJECT, VARIABLES

PYTHON = sys.executable
SLEEP = [PYTHON, "-c", "import time; time.sleep(600)"]
LIMIT = 90.0  # seconds: generous, only a hanging stack meets it


class Stack:
    """A supervisor under test; ``output`` is what it printed so far."""

    def __init__(self, home: Path, environment: Mapping[str, str], number: int) -> None:
        self.home = home
        self.environment = dict(environment)
        self.seen: set[int] = set()
        self._printed = home.with_name(f"{home.name}-{number}.out")
        with self._printed.open("wb") as output:
            self.popen = subprocess.Popen(
                [PYTHON, "-m", "tests.stack.scenario", str(home.with_suffix(".json"))],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._printed.read_text(encoding="utf-8")

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until it printed ``text`` so often."""
        seen = child.wait_until(
            lambda: self.output.count(text) >= times or self.popen.poll() is not None,
            time.monotonic() + LIMIT,
        )
        assert seen, f"not printed: {text!r}\n{self.output}"
        assert self.output.count(text) >= times, f"ended without printing {text!r}\n{self.output}"

    def processes(self) -> set[int]:
        """All that it started, grandchildren too."""
        found = child.descendants(self.popen.pid)
        self.seen |= found
        return found

    def pid_of(self, argument: str) -> int:
        """The one process below it whose command line has this argument in it."""
        found = [pid for pid in self.processes() if argument in command_line(pid)]
        assert len(found) == 1, f"{argument!r}: {found}"
        return found[0]

    def wait_for_process(self, argument: str) -> None:
        """Wait until a process with this argument runs below it."""

        def runs() -> bool:
            return any(argument in command_line(pid) for pid in self.processes())

        assert child.wait_until(runs, time.monotonic() + LIMIT), f"no {argument!r}\n{self.output}"

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait; the exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(LIMIT)


Starter = Callable[..., Stack]


@pytest.fixture
def ports() -> dict[str, str]:
    return {name: str(child.free_port()) for name in ("CONSOLE_PORT", "GATEWAY_PORT", "LEDGER_PORT")}


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not tmp_path: PostgreSQL's user must reach it, and another pytest of root's shuts its parents."""
    with tempfile.TemporaryDirectory(prefix="console-stack-") as name:
        yield Path(name)


@pytest.fixture
def start(directory: Path, ports: dict[str, str]) -> Iterator[Starter]:
    """Starts stacks in one directory; whatever a failing test leaves is killed."""
    stacks: list[Stack] = []

    def starter(
        processes: Mapping[str, Sequence[str]] | None = None,
        steps: Mapping[str, Sequence[str]] | None = None,
        *,
        embedded: bool = True,
        **environment: str,
    ) -> Stack:
        home = directory / "stack"
        wanted = {"processes": processes or {}, "steps": steps or {}}
        home.with_suffix(".json").write_text(json.dumps(wanted), encoding="utf-8")
        inherited = {k: v for k, v in os.environ.items() if not (embedded and k in VARIABLES)}
        stacks.append(Stack(home, {**inherited, **ports, "DATA_DIR": str(home), **environment}, len(stacks)))
        return stacks[-1]

    yield starter
    for stack in stacks:
        stack.processes()
        if stack.popen.poll() is None:
            stack.popen.kill()
            stack.popen.wait()
        for pid in stack.seen & living():
            child.send(pid, signal.SIGKILL)


def all_gone(pids: set[int]) -> bool:
    """Wait until none of these processes lives (a zombie does not)."""
    return child.wait_until(lambda: not (pids & living()), time.monotonic() + LIMIT)


def living() -> set[int]:
    """Every living process of the machine."""
    return child.descendants(0)


def command_line(pid: int) -> str:
    """The arguments of a process with spaces between; nothing for one that is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""
