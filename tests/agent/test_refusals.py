"""A list that the node refuses: the last good one is in force again, and no epoch is tried all the time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from consortium.members.models import Node
from governance.permissions.models import Delivery
from tests.agent.command import agent, status
from tests.agent.dying import kill_after
from tests.agent.nodes.running import Running
from tests.permissions.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Bank:
    """Heming's Besu, whose boot node is Qingchuan's: a list without that one must not get there."""

    world: World
    node: Node
    boot: Node
    besu: Running

    def has(self) -> set[str]:
        """Ids of the nodes that Besu lets in."""
        return {re.split("[/@]", entry)[2] for entry in self.besu.control("memory")["nodes-allowlist"]}

    def drop_the_boot_node(self) -> None:
        """Epoch 2."""
        self.world.role(self.boot, 0)
        self.world.work()

    def take_it_back(self) -> None:
        """Epoch 3."""
        self.world.role(self.boot)
        self.world.work()


@pytest.fixture
def bank(world: World) -> Iterator[Bank]:
    node, boot = world.admitted("heming-bank/n1"), world.admitted("qingchuan-bank/n1")
    for number in range(3):  # so that the guards let one of them go
        world.admitted(f"beiling-bank/n{number}")
    world.work()
    world.start_gateway()
    path = world.folder(node) / "permissions_config.toml"
    path.write_text("accounts-allowlist=[]\nnodes-allowlist=[]\n")
    besu = Running("besu", "--nodes-file", str(path))
    config = world.configure(node)
    text = config.read_text().partition("[[file]]")[0]
    enode = f"enode://{boot.consensus_id.removeprefix('0x')}@{boot.host}:{boot.port}"
    config.write_text(
        f'{text}[node]\nkind = "besu"\nrpc = "{besu.url}"\npermissions_file = "{path.name}"\n'
        f"bootnodes = {json.dumps([enode])}\n"
    )
    made = Bank(world, node, boot, besu)
    done = world.agent_once(node)
    assert done.returncode == 0, done.stderr
    yield made
    besu.stop()


def test_the_last_good_list_stays_in_force(bank: Bank) -> None:
    before = bank.has()
    bank.drop_the_boot_node()
    done = bank.world.agent_once(bank.node)
    assert "epoch 2 is refused by the node" in done.stderr, done.stderr
    assert bank.has() == before
    found = status(bank.world, bank.node)
    assert (found["epoch"], found["refused"]["epoch"]) == (1, 2)
    assert "refused" in found["alarms"]


def test_the_same_epoch_is_not_tried_again_and_again(bank: Bank) -> None:
    bank.drop_the_boot_node()
    bank.world.agent_once(bank.node)
    done = bank.world.agent_once(bank.node)
    assert (done.returncode, "refused by the node" in done.stderr) == (0, False), done.stderr
    done = agent(bank.world, bank.node, "--once", "--retry")
    assert "epoch 2 is refused by the node" in done.stderr, done.stderr
    assert status(bank.world, bank.node)["refused"]["tries"] == 2


def test_a_newer_epoch_is_tried_at_once(bank: Bank) -> None:
    bank.drop_the_boot_node()
    bank.world.agent_once(bank.node)
    bank.take_it_back()
    done = bank.world.agent_once(bank.node)
    assert done.returncode == 0, done.stderr
    found = status(bank.world, bank.node)
    assert (found["epoch"], found["refused"], found["alarms"]) == (3, None, [])
    assert bank.world.applied(bank.node) == 3


@pytest.mark.parametrize(
    ("place", "number"),
    [("adapters.besu.Besu.check", 1), ("state.save", 1), ("adapters.besu.Besu.put", 1), ("state.save", 2)],
    ids=["refused", "noted", "put again", "read back"],
)
def test_killed_anywhere_on_the_way_back_it_ends_with_the_last_good_list(
    bank: Bank, place: str, number: int
) -> None:
    before = bank.has()
    bank.drop_the_boot_node()
    if place.endswith("check"):
        kill_after(bank.world, bank.node, "repository.Repository.files")
    else:
        bank.besu.restart()  # with the list that it keeps in its file
        kill_after(bank.world, bank.node, place, number)
    bank.world.agent_once(bank.node)
    assert bank.has() == before
    found = status(bank.world, bank.node)
    assert (found["epoch"], found["refused"]["epoch"], found["interrupted"]) == (1, 2, 0)


def test_a_node_that_lost_its_list_gets_it_again_though_the_gateway_is_away(bank: Bank) -> None:
    before = bank.has()
    bank.world.close()
    path = bank.world.folder(bank.node) / "permissions_config.toml"
    path.write_text("accounts-allowlist=[]\nnodes-allowlist=[]\n")
    bank.besu.restart()
    assert bank.has() == set()
    done = bank.world.agent_once(bank.node)
    assert (done.returncode, "Unreachable" in done.stderr) == (1, True), done.stderr
    assert bank.has() == before


@pytest.fixture
def late(world: World) -> Node:
    """Its node takes a list first and says no to every second epoch only then; epoch 2 is published."""
    node = world.admitted("heming-bank/n1")
    world.work()
    world.start_gateway()
    config = world.configure(node)
    program = world.home / "apply"
    program.write_text(
        f"#!/bin/sh\ncp {world.folder(node)}/permissions.json {world.home}/in-force\n"
        f"""grep -q '"epoch": *2' {world.home}/in-force && echo "not this one" >&2 && exit 3\nexit 0\n"""
    )
    program.chmod(0o755)
    with config.open("a") as file:
        file.write(f'[node]\nkind = "command"\napply = ["{program}"]\n')
    done = world.agent_once(node)
    assert done.returncode == 0, done.stderr
    world.admitted("qingchuan-bank/n1")
    world.work()
    return node


def check_back(world: World, node: Node) -> None:
    """Epoch 1 is in force again, at the node and in its file; the console knows why."""
    assert json.loads((world.home / "in-force").read_bytes())["epoch"] == 1
    assert json.loads(world.in_force(node))["epoch"] == 1
    found = status(world, node)
    assert (found["epoch"], found["refused"]["epoch"], found["interrupted"]) == (1, 2, 0)
    assert Delivery.objects.get(node=node).declined_epoch == 2


def test_a_node_that_says_no_too_late_gets_the_last_good_list_again(world: World, late: Node) -> None:
    done = world.agent_once(late)
    assert (done.returncode, "not this one" in done.stderr) == (0, True), done.stderr
    check_back(world, late)


STEPS = {
    "owed": ("state.save", 1),
    "the refusal is noted": ("state.save", 2),
    "owed again": ("state.save", 3),
    "put again": ("adapters.command.Command.put", 1),
    "in force again": ("state.save", 4),
    "reported": ("gateway.Gateway.report", 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_on_the_way_back_from_what_the_node_had_taken(world: World, late: Node, step: str) -> None:
    kill_after(world, late, *STEPS[step])
    done = world.agent_once(late)
    assert done.returncode == 0, done.stderr
    check_back(world, late)
