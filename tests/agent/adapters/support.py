"""Nodes of the alliance, as lists name them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from governance.agent import adapters
from governance.agent.adapters import Adapter

BESU = "besu/permissions_config.toml"


def key(number: int) -> str:
    """128 hex, another for each number."""
    return hashlib.sha512(str(number).encode()).hexdigest()


def enode(number: int, *, host: str = "", port: int = 30303) -> str:
    """As the console writes it, with the discovery port always."""
    host = host or f"10.0.{number // 256}.{number % 256}"
    return f"enode://{key(number)}@{host}:{port}?discport={port}"


HEMING, QINGCHUAN, WANGCHAO, YUNQI = (enode(number) for number in range(1, 5))
TREASURY, PAYMENTS = "0x" + "ab" * 20, "0x" + "cd" * 20


def besu_list(nodes: Iterable[str], accounts: Iterable[str] = ()) -> dict[str, bytes]:
    text = f"accounts-allowlist={json.dumps(list(accounts))}\nnodes-allowlist={json.dumps(list(nodes))}\n"
    return {BESU: text.encode()}


def brought(adapter: Adapter, wanted: dict[str, bytes]) -> None:
    """What a round does with a list."""
    adapter.check(wanted)
    adapter.put(wanted)
    assert adapters.holds(adapter, wanted)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777
