"""A freeze: the console goes on serving this node the list of yesterday, fresh signatures and all.

Nothing in it is wrong, so only the ledger can tell that there is more.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from web3 import Web3
from web3.contract import Contract

from consortium.members.models import Node
from governance.agent.ledger import PATIENCE
from governance.permissions import logbook
from governance.permissions.models import Alarm
from tests.agent.command import status
from tests.agent.test_equivocation import asks_its_ledger, contract, given_the_other, ledger
from tests.contracts.alliance import FOUNDER, padded
from tests.permissions.world import World

__all__ = ["contract", "ledger"]

pytestmark = pytest.mark.django_db(transaction=True)

NETWORK = "settlement"


@pytest.fixture
def dongli(world: World, ledger: Web3, contract: Contract, tmp_path: Path) -> Node:
    """A second list is published and anchored. Dongli Bank alone is served what there was before it."""
    node = world.admitted("dongli-bank/n1")
    world.work()
    world.start_gateway()
    world.configure(node, report_seconds=1)
    asks_its_ledger(world, node, ledger, contract)
    frozen = Path(shutil.copytree(settings.TUF_DIR, tmp_path / "frozen"))
    world.admitted("haitang-bank/n1")
    world.work()
    newest = logbook.newest(NETWORK)
    assert newest is not None
    anchor = contract.functions.anchor(padded(NETWORK), newest.position, bytes.fromhex(newest.head))
    anchor.transact({"from": FOUNDER, "gasPrice": 0})
    given_the_other(world, frozen, node)
    return node


def ten_minutes_later(world: World, node: Node) -> None:
    """What the agent misses, it has missed for that long."""
    place = world.folder(node) / "state" / "ledger.json"
    kept = json.loads(place.read_text())
    place.write_text(json.dumps({**kept, "since": kept["since"] - PATIENCE}))


def alarms(node: Node) -> set[str]:
    """As the console has them open."""
    return set(Alarm.objects.filter(node=node, cleared_at__isnull=True).values_list("kind", flat=True))


def test_a_node_that_is_kept_from_lists_says_so_after_ten_minutes(world: World, dongli: Node) -> None:
    done = world.agent_once(dongli)
    assert done.returncode == 0, done.stderr
    told = status(world, dongli)
    assert (told["epoch"], told["ledger"]["missed"], told["alarms"]) == (1, 2, []), "it may be on its way"
    ten_minutes_later(world, dongli)
    done = world.agent_once(dongli)
    assert (done.returncode, "known 2 lists for long, here are 1" in done.stderr) == (0, True), done.stderr
    told = status(world, dongli)
    assert (told["ledger"]["withheld"], told["alarms"]) == (True, ["withheld"])
    assert alarms(dongli) == {Alarm.Kind.WITHHELD}, "and the console has heard it"
    assert Alarm.objects.get(node=dongli).params == {"size": 2, "served": 1}


def test_the_list_comes_and_the_alarm_ends(world: World, dongli: Node) -> None:
    world.agent_once(dongli)
    ten_minutes_later(world, dongli)
    world.agent_once(dongli)
    assert alarms(dongli) == {Alarm.Kind.WITHHELD}
    given_the_other(world, settings.TUF_DIR, dongli)
    done = world.agent_once(dongli)
    assert "epoch 2 is in force" in done.stderr, done.stderr
    told = status(world, dongli)
    assert (told["ledger"]["size"], told["ledger"]["missed"], told["alarms"]) == (2, 0, [])
    assert alarms(dongli) == set()


def test_without_a_ledger_to_ask_nothing_is_claimed(world: World, dongli: Node) -> None:
    config = world.folder(dongli) / "agent.toml"
    config.write_text(config.read_text().partition("\n[ledger]")[0])
    assert world.agent_once(dongli).returncode == 0
    told = status(world, dongli)
    assert (told["ledger"], told["alarms"]) == (None, [])
