"""How settings find PostgreSQL, Redis and the ledger: environment first, else the running stack's file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


class StackNotRunning(RuntimeError):
    """Neither the environment nor a running stack names the services."""


@dataclass(frozen=True)
class Endpoints:
    database_url: str
    redis_url: str
    ledger_url: str


def resolve() -> Endpoints:
    names = ("DATABASE_URL", "REDIS_URL", "LEDGER_URL")
    found = {name.lower(): os.environ[name] for name in names if os.environ.get(name)}
    if len(found) < len(names):
        path = Path(os.environ.get("DATA_DIR", ".data")) / "run" / "stack.json"
        if not path.exists():
            missing = ", ".join(name for name in names if name.lower() not in found)
            raise StackNotRunning(f"start `make run`, or set {missing}")
        found = {**json.loads(path.read_text(encoding="utf-8")), **found}
    return Endpoints(**{name.lower(): found[name.lower()] for name in names})
