"""Agents that end by SIGKILL at a chosen place of a round."""

from __future__ import annotations

import signal

from consortium.members.models import Node
from tests.permissions.world import World

_CODE = """
import os, signal, sys
from governance.agent import __main__, adapters, rounds
(place, left), calls = ({place!r}, {number}), []
words = place.split(".")
owner = sys.modules["governance.agent"]
for word in words[:-1]:
    owner = getattr(owner, word)
real = getattr(owner, words[-1])
def die(*arguments, **options):
    result = real(*arguments, **options)
    calls.append(1)
    if len(calls) == left:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, words[-1], die)
sys.exit(__main__.main(["--once", "--config", {config!r}]))
"""


def kill_after(world: World, node: Node, place: str, number: int = 1) -> None:
    """A round of the node's agent that dies after the ``number``-th call of ``governance.agent.<place>``."""
    config = str(world.folder(node) / "agent.toml")
    died = world.start("-c", _CODE.format(place=place, number=number, config=config), log="dying-agent.log")
    assert died.wait(60) == -signal.SIGKILL, (world.home / "dying-agent.log").read_text()
