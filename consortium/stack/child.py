"""Child processes that leave nothing behind.

Every child leads a session of its own, so that all that it starts can be found and ended with it, and a
Ctrl-C at the terminal reaches the supervisor alone. The kernel signals a child when its parent dies.
Linux only: sessions are read from /proc.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

GRACE = 10.0  # seconds between TERM and KILL
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class StackError(Exception):
    """A service or process of the stack can't run; the message is one line for the person at the terminal."""


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes | None = None,
    user: int | None = None,
    group: int | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` as the leader of a new session; both its outputs are appended to ``log`` (mode 0600).

    ``death_signal`` is what the kernel sends it when the calling thread's process dies. ``stdin`` is written
    and closed: secrets go this way, never on the command line.
    """
    with open_log(log) as output:
        popen = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            start_new_session=True,
            preexec_fn=_die_with(os.getpid(), death_signal),  # one C call: takes no lock
        )
    if popen.stdin is not None:
        with popen.stdin:
            popen.stdin.write(stdin or b"")
    return popen


def open_log(path: Path) -> IO[bytes]:
    """Open a log file for appending, readable by its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def stop(
    popen: subprocess.Popen[bytes], *, first: signal.Signals = signal.SIGTERM, grace: float = GRACE
) -> None:
    """End a child and its session: ``first`` to the child, KILL to whoever is left after ``grace`` s."""
    session = popen.pid
    if popen.poll() is None:
        popen.send_signal(first)
    else:  # its children have nobody to tell them
        signal_session(session, signal.SIGTERM)
    deadline = time.monotonic() + grace
    if not wait_until(lambda: popen.poll() is not None and not members(session), deadline):
        signal_session(session, signal.SIGKILL)
        wait_until(lambda: popen.poll() is not None and not members(session), time.monotonic() + 5)


def members(session: int) -> list[int]:
    """The ids of the living processes of a session (zombies are dead)."""
    return [pid for pid in _all_pids() if _session_of(pid) == session]


def signal_session(session: int, number: signal.Signals) -> None:
    """Send a signal to every process of a session."""
    for pid in members(session):
        send(pid, number)


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone by now."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def wait_until(condition: Callable[[], bool], deadline: float, *, pause: float = 0.02) -> bool:
    """Poll ``condition`` until it is true or the monotonic ``deadline`` has passed; says which."""
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def wait_ready(
    name: str, popen: subprocess.Popen[bytes], ready: Callable[[], bool], *, log: Path, limit: float = 60
) -> None:
    """Wait until a service answers.

    Raises StackError when it ended before or did not answer within ``limit`` seconds.
    """

    def ended_or_ready() -> bool:
        return popen.poll() is not None or ready()

    if not wait_until(ended_or_ready, time.monotonic() + limit):
        stop(popen)
        raise StackError(f"{name} did not answer within {limit:.0f} s; see {log}")
    if popen.poll() is not None:
        raise StackError(f"{name} ended while starting ({describe(popen.returncode)}); see {log}")


def describe(returncode: int) -> str:
    """An exit code in words: ``exit code 3`` or ``signal SIGKILL``."""
    if returncode >= 0:
        return f"exit code {returncode}"
    try:
        return f"signal {signal.Signals(-returncode).name}"
    except ValueError:
        return f"signal {-returncode}"


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Does anything accept connections there?"""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew whom to tell
            os._exit(1)

    return prepare


def _all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session_of(pid: int) -> int | None:
    """The session of a living process; None for a zombie or one that is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, _parent, _group, session = text.rpartition(")")[2].split()[:4]
    return None if state in "ZX" else int(session)
