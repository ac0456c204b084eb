"""That everybody was given the same lists: the log's head on the ledger, and what the agents say of it."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from consortium.stack.demo.people import FOUNDING_NODES, NETWORK
from consortium.stack.plan import PROJECT
from consortium.stack.smoke.story import Story

WAIT = 30  # seconds for an anchor: the beat owes it every ANCHOR_INTERVAL, and the relay sends it


def anchored(story: Story) -> None:
    """The beat has anchored the newest head, and each agent finds its own log there."""
    from governance.chain import contracts
    from governance.permissions import logbook

    latest = contracts.anchors(story.ledger).functions.latest(contracts.network_bytes(NETWORK))
    newest = logbook.newest(NETWORK)
    head = (newest.position, bytes.fromhex(newest.head)) if newest else None
    story.evidence.wait("the log's head on the ledger", lambda: tuple(latest.call()) == head, seconds=WAIT)
    size, value = latest.call()
    nodes = [story.stack.directory / "demo" / "nodes" / node.label for node in FOUNDING_NODES]
    with ThreadPoolExecutor(len(nodes)) as operators:
        said = list(operators.map(_status_after_a_round, nodes))
    wanted = {"size": size, "head": value.hex()}
    agreed = [one["ledger"] and {name: one["ledger"][name] for name in wanted} for one in said]
    story.evidence.line(
        f"log of {size} lists anchored on chain; four agents have asked the contract, and each says that its "
        f"own log has that head, {value.hex()[:12]}",
        true=[one["log"] for one in said] == agreed == [wanted] * 4
        and not any(one["alarms"] for one in said),
    )


def _status_after_a_round(home: Path) -> dict[str, Any]:
    """As the node's operator would: a round by hand beside the agent that runs, then what it knows."""
    agent = [sys.executable, "-m", "governance.agent", "--config", str(home / "agent.toml")]
    subprocess.run([*agent, "--once"], cwd=PROJECT, check=True, capture_output=True, timeout=60)
    told = subprocess.run(
        [*agent, "--status"], cwd=PROJECT, check=False, capture_output=True, text=True, timeout=60
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found
