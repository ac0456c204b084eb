"""The real processes of status: responder and web, each with what production would give it and no more."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
from django.db import connection

from certs.status import line
from consortium.stack import child
from consortium.stack.endpoints import PROJECT

LIMIT = 60.0  # seconds: only what hangs meets it
NOWHERE = "postgresql://nobody@127.0.0.1:9/nothing"


def test_database() -> str:
    """The address of the test's own database, for another process."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(url._replace(path="/" + connection.settings_dict["NAME"]))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def environment(database: str, **extra: str) -> dict[str, str]:
    """What any process has of the console's: addresses, and no passphrase."""
    secrets = ("SIGNING_PASSPHRASE_FILE", "OCSP_PASSPHRASE_FILE", "RELAY_PASSPHRASE_FILE")
    return {
        **{name: value for name, value in os.environ.items() if name not in secrets},
        "DATABASE_URL": database,
        **extra,
    }


@dataclass
class Running:
    """A process that may be killed and started again."""

    argv: list[str]
    env: dict[str, str]
    ready: Callable[[], bool]
    log: Path
    popen: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(self.argv, cwd=PROJECT, env=self.env, stdout=log, stderr=log)
        wait_until(lambda: self.alive() and self.ready(), "not ready")

    def alive(self) -> bool:
        assert self.popen.poll() is None, self.log.read_text()
        return True

    def kill(self) -> None:
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(LIMIT)

    def stop(self) -> int:
        if self.popen.poll() is None:
            self.popen.terminate()
        return self.popen.wait(LIMIT)

    def children(self) -> set[str]:
        """Process ids of its workers."""
        task = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children")
        return set(task.read_text().split())


@dataclass
class Elsewhere(Running):
    """A process of several tests: it sees links, and each test has them point at its own files."""

    home: Path = Path()

    def look_at(self, **places: Path) -> None:
        """Have the links of these names point there from now on."""
        for name, place in places.items():
            (self.home / name).unlink(missing_ok=True)
            (self.home / name).symlink_to(place)


def responder(home: Path, database: str) -> Elsewhere:
    """``manage.py answer_status`` with the responders' passphrase alone; links: pki, keys, word."""
    place = home / "status.sock"
    return Elsewhere(
        [sys.executable, "manage.py", "answer_status", "--threads", "4"],
        environment(
            database,
            OCSP_PASSPHRASE_FILE=str(home / "word"),
            KEY_DIR=str(home / "keys"),
            PKI_DIR=str(home / "pki"),
            OCSP_SOCKET=str(place),
        ),
        ready=lambda: _listens(place),
        log=home / "responder.log",
        home=home,
    )


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, line.address(place) as address:
        return probe.connect_ex(address) == 0


@dataclass
class Web(Elsewhere):
    """gunicorn with the console, which has no key at all; links: pki, socket."""

    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def web(home: Path) -> Web:
    """No database, no passphrase, no keys."""
    port = child.free_port()
    return Web(
        [sys.executable, "-m", "gunicorn", "-c", "python:consortium.web.gunicorn_conf"],
        environment(
            NOWHERE,
            CONSOLE_PORT=str(port),
            KEY_DIR=str(home / "no-keys"),
            PKI_DIR=str(home / "pki"),
            OCSP_SOCKET=str(home / "socket"),
        ),
        ready=lambda: _answers(f"http://127.0.0.1:{port}/healthz"),
        log=home / "web.log",
        port=port,
        home=home,
    )


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False
