"""How settings find PostgreSQL, Redis and the ledger: environment first, else the running stack's file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from consortium.core import files
from consortium.stack.child import alive

PROJECT = Path(__file__).resolve().parents[2]
VARIABLES = ("DATABASE_URL", "REDIS_URL", "LEDGER_URL")


class StackNotRunning(RuntimeError):
    """Neither the environment nor a running stack names the services; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The URLs of the three services; they may hold a password, so never print them."""

    database_url: str
    redis_url: str
    ledger_url: str


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the stack keeps everything: DATA_DIR, else ``.data`` beside manage.py. Absolute."""
    return Path(environ.get("DATA_DIR") or PROJECT / ".data").absolute()


def from_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those of the three that the environment names, by field name."""
    return {name.lower(): environ[name] for name in VARIABLES if environ.get(name)}


def resolve(environ: Mapping[str, str] = os.environ) -> Endpoints:
    """The three services. Raises StackNotRunning when one is named nowhere or the stack's file is stale."""
    found = from_environment(environ)
    missing = [name for name in VARIABLES if name.lower() not in found]
    if missing:
        found = {**_running(data_dir(environ)), **found}
    if any(name.lower() not in found for name in missing):
        raise StackNotRunning(f"the stack is not running: start `make run`, or set {', '.join(missing)}")
    return Endpoints(**{name.lower(): found[name.lower()] for name in VARIABLES})


def publish(directory: Path, endpoints: Endpoints) -> None:
    """Write ``run/stack.json`` (mode 0600) for the processes of this stack; the caller is its supervisor."""
    content = json.dumps({**asdict(endpoints), "supervisor": os.getpid()})
    files.replace(_file(directory), content.encode("utf-8"), mode=0o600)


def withdraw(directory: Path) -> None:
    """Take the file away: the stack is stopping."""
    _file(directory).unlink(missing_ok=True)


def _file(directory: Path) -> Path:
    return directory / "run" / "stack.json"


def _running(directory: Path) -> dict[str, str]:
    """What the running stack wrote; nothing if its supervisor is gone, whatever the file says."""
    try:
        content = json.loads(_file(directory).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    supervisor = content.pop("supervisor", 0)
    return content if alive(supervisor) else {}
