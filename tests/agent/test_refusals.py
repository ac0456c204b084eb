"""A list that the node refuses: the last good one is in force again, and no epoch is tried all the time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from consortium.members.models import Node
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
