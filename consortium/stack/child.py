"""Child processes that leave nothing behind.

Every child leads a session of its own, so that all that it starts can be found and ended with it, and a
Ctrl-C at the terminal reaches the supervisor alone. The kernel signals a child when its parent dies.
Linux only: sessions are read from /proc.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

GRACE = 10.0  # seconds between TERM and KILL
_OUR_PORTS = (20_000, 32_000)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
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
    stop_all([popen], first=first, grace=grace)


def stop_all(
    popens: Sequence[subprocess.Popen[bytes]],
    *,
    first: signal.Signals = signal.SIGTERM,
    grace: float = GRACE,
) -> None:
    """End several children and their sessions at once, as ``stop`` does."""

    def all_gone() -> bool:
        return all(popen.poll() is not None and not members(popen.pid) for popen in popens)

    for popen in popens:
        if popen.poll() is None:
            popen.send_signal(first)
        else:  # its children have nobody to tell them
            signal_session(popen.pid, signal.SIGTERM)
    if not wait_until(all_gone, time.monotonic() + grace):
        for popen in popens:
            signal_session(popen.pid, signal.SIGKILL)
        wait_until(all_gone, time.monotonic() + 5)


def members(session: int) -> list[int]:
    """The ids of the living processes of a session (zombies are dead)."""
    return [status.pid for status in _all_statuses() if status.session == session and not status.dead]


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
    """A loopback port that was free a moment ago, and that no other process of ours gets from here.

    Below the ports that the kernel gives out by itself, so that no connection takes it in between; the
    claim (a lock on a file in the system's temporary directory) ends with this process.
    """
    while True:
        port = random.randrange(*_OUR_PORTS)  # noqa: S311 - no secret
        if _free(port) and _claimed(port):
            return port


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _claimed(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"consortium-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    claim = os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return False
    return True


def alive(pid: int) -> bool:
    """Is there such a process, and not only its zombie?"""
    status = _status(pid)
    return status is not None and not status.dead


def marked(mark: str) -> list[int]:
    """The ids of the living processes that carry ``mark`` (NAME=value) in their environment."""
    return [status.pid for status in _all_statuses() if not status.dead and _carries(status.pid, mark)]


def adopt_orphans() -> None:
    """From now on a grandchild whose parent dies becomes our child, so that ``descendants`` finds it."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(known: Collection[int]) -> None:
    """Collect the exit codes of adopted children; ``known`` are those that somebody else waits for."""
    me = os.getpid()
    for status in _all_statuses():
        if status.parent == me and status.dead and status.pid not in known:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(status.pid, os.WNOHANG)


def descendants(ancestor: int) -> set[int]:
    """The ids of all living processes below ``ancestor``."""
    statuses = [status for status in _all_statuses() if not status.dead]
    found, fresh = set[int](), {ancestor}
    while fresh:
        fresh = {status.pid for status in statuses if status.parent in fresh} - found
        found |= fresh
    return found


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel knew whom to tell
            os._exit(1)

    return prepare


class _Status(NamedTuple):
    """What /proc says of a process."""

    pid: int
    dead: bool
    parent: int
    session: int


def _all_statuses() -> list[_Status]:
    statuses = (_status(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [status for status in statuses if status is not None]


def _status(pid: int) -> _Status | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, parent, _group, session = text.rpartition(")")[2].split()[:4]
    return _Status(pid, state in "ZX", int(parent), int(session))


def _carries(pid: int, mark: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # gone, or somebody else's
        return False
    return mark.encode() in environment.split(b"\0")
