"""The log of lists in the agent's rounds: a broken one stops what is new, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from consortium.members.models import Node
from tests.agent.command import status
from tests.permissions.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heming(world: World) -> Node:
    """Its agent has epoch 1 in force; epoch 2 is published."""
    node = world.admitted("heming-bank/n1")
    world.work()
    world.start_gateway()
    world.configure(node)
    done = world.agent_once(node)
    assert done.returncode == 0, done.stderr
    world.admitted("qingchuan-bank/n1")
    world.work()
    return node


def remembered(world: World, node: Node) -> Path:
    return world.folder(node) / "state" / "log.json"


def test_the_agent_remembers_how_long_the_log_was(world: World, heming: Node) -> None:
    assert status(world, heming)["log"]["size"] == 1
    done = world.agent_once(heming)
    assert done.returncode == 0, done.stderr
    assert status(world, heming)["log"]["size"] == 2


def test_a_log_with_another_past_is_an_alarm_and_nothing_of_it_is_applied(world: World, heming: Node) -> None:
    place = remembered(world, heming)
    place.write_text(json.dumps({**json.loads(place.read_text()), "head": "ab" * 32}))
    before = world.in_force(heming)
    done = world.agent_once(heming)
    assert (done.returncode, "forked" in done.stderr) == (1, True), done.stderr
    assert world.in_force(heming) == before
    assert "not_trusted" in status(world, heming)["alarms"]
    (world.folder(heming) / "permissions.json").unlink()
    world.agent_once(heming)
    assert world.in_force(heming) == before, "what was good is kept in force"


def test_a_memory_that_was_damaged_is_not_begun_anew(world: World, heming: Node) -> None:
    remembered(world, heming).write_text("{")
    done = world.agent_once(heming)
    assert (done.returncode, "unreadable" in done.stderr) == (1, True), done.stderr
    assert status(world, heming)["epoch"] == 1


def test_a_ledger_that_does_not_answer_holds_up_no_list(world: World, heming: Node) -> None:
    with (world.folder(heming) / "agent.toml").open("a") as file:
        file.write(f'[ledger]\nurl = "http://127.0.0.1:9/"\ncontract = "0x{"12" * 20}"\n')
    done = world.agent_once(heming)
    assert (done.returncode, "anchored heads were not read" in done.stderr) == (0, True), done.stderr
    assert world.applied(heming) == 2
