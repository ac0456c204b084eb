"""django-ca 3.2.0 beside us: an environment and a process of its own, a database on the same PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"


class Peer:
    """``home`` is where its environment is made, once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ready = False

    def run(self, work: str, count: int = 0, *, given: str = "") -> dict[str, Any]:
        """What ``program.py`` found: for timed work ``done`` and ``seconds``, always ``memory_mib``."""
        self._install()
        database = f"peer_{work.replace('-', '_')}"
        _create(database)
        with tempfile.TemporaryDirectory(prefix="console-bench-peer-") as keys:
            done = subprocess.run(
                [self._python, str(HERE / "program.py"), work, str(count)],
                env={**os.environ, "PEER_DATABASE": json.dumps(_settings(database)), "PEER_HOME": keys},
                input=given, capture_output=True, text=True, check=False,
            )  # fmt: skip
        _drop(database)
        if done.returncode:
            raise RuntimeError(f"the peer failed at {work}: {done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def rate(self, work: str, count: int) -> float:
        """How many a second."""
        found = self.run(work, count)
        return float(found["done"] / found["seconds"])

    @property
    def _python(self) -> str:
        return str(self._home / "bin" / "python")

    def _install(self) -> None:
        stamp = self._home / ".installed"
        wanted = REQUIREMENTS.read_text(encoding="utf-8")
        if not self._ready and not (stamp.exists() and stamp.read_text(encoding="utf-8") == wanted):
            print("installing the peer into an environment of its own", file=sys.stderr, flush=True)
            venv.create(self._home, with_pip=True, clear=True)
            pip = [self._python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
            subprocess.run([*pip, "--requirement", str(REQUIREMENTS)], check=True)
            stamp.write_text(wanted, encoding="utf-8")
        self._ready = True


def _settings(database: str) -> dict[str, Any]:
    """The address of the database that our own run uses, with another name."""
    wanted = ("ENGINE", "USER", "PASSWORD", "HOST", "PORT")
    return {**{key: connection.settings_dict[key] for key in wanted}, "NAME": database}


def _create(database: str) -> None:
    _drop(database)
    _administer(f'CREATE DATABASE "{database}"')


def _drop(database: str) -> None:
    _administer(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def _administer(statement: str) -> None:
    parameters = {**connection.get_connection_params(), "dbname": "postgres"}
    for ours in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(ours, None)
    with psycopg.connect(**parameters, autocommit=True) as administrator:
        administrator.execute(statement)  # type: ignore[arg-type]
