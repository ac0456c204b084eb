"""The agent as an operator calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from consortium.members.models import Node
from tests.permissions.world import LIMIT, PROJECT, World

_PROGRAM = (sys.executable, "-m", "governance.agent")


def agent(
    world: World, node: Node, *options: str, program: tuple[str, ...] = _PROGRAM, where: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """The node's agent, with these options beside its configuration."""
    words = [*program, "--config", str(world.folder(node) / "agent.toml"), *options]
    return subprocess.run(words, cwd=where, capture_output=True, text=True, timeout=LIMIT)


def status(world: World, node: Node) -> dict[str, Any]:
    """What ``--status`` says."""
    found: dict[str, Any] = json.loads(agent(world, node, "--status").stdout)
    return found
