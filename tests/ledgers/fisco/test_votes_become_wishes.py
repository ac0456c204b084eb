"""What the alliance's members decide for a network is wished for where a committee has the last word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from consortium.core import outbox
from consortium.members.models import Institution
from consortium.stack.embedded import EmbeddedLedger
from governance.chain import calls
from governance.chain.ledgers import carrying, handing_in, wishes
from governance.chain.ledgers.models import CommitteeWish
from governance.chain.ledgers.wishes import WishState
from tests.chain.world import World
from tests.factories import InstitutionFactory, NetworkFactory, NodeFactory, voter
from tests.ledgers.fisco.world import NODES, Town

SEALER, DEPLOY = 2, 2


@pytest.fixture
def banks(transactional_db: None) -> list[Institution]:
    return [InstitutionFactory(admitted=True, voting=True) for _ in range(4)]


@pytest.fixture
def alliance(
    banks: list[Institution], town: Town, anvil: EmbeddedLedger, relay_key: str, settings: Any
) -> World:
    """The alliance's own ledger, beside the town's, whose network has a committee."""
    town.ledger.network = NetworkFactory()
    town.ledger.save(update_fields=["network"])
    world = World(anvil, Path(settings.RELAY_PASSPHRASE_FILE))
    world.found()
    return world


def decided(world: World, banks: list[Institution], action: calls.Call, text: str) -> None:
    world.decides(action, banks=banks[:3], text=text)  # then it is decided
    world.follow()
    outbox.drain("chain")


def wished() -> list[tuple[int, dict[str, Any]]]:
    return [(row.type, row.arguments) for row in CommitteeWish.objects.order_by("pk")]


def stands() -> list[WishState]:
    return [wishes.state(row) for row in CommitteeWish.objects.order_by("pk")]


def test_a_node_that_the_members_admit_is_wished_for(
    town: Town, alliance: World, banks: list[Institution]
) -> None:
    town.work()  # the ledger's own lists are read
    assert town.ledger.network is not None
    node = NodeFactory(institution=banks[0], network=town.ledger.network, consensus_id=NODES[4])
    network, uscc = node.network_id, banks[0].uscc
    admit = calls.set_role(alliance.ledger, network=network, consensus_id=NODES[4], uscc=uscc, role=SEALER)
    decided(alliance, banks, admit, "Admit it")
    steps = [
        (51, {"node": NODES[4], "weight": 0, "add": True}),
        (51, {"node": NODES[4], "weight": 1, "add": True}),
    ]
    assert wished() == steps
    first, second = CommitteeWish.objects.order_by("pk")
    assert (first.institution, first.node_id, second.after) == (banks[0], node.pk, first)
    carrying.carry({"network": network, "consensus_id": NODES[4]})
    assert wished() == steps, "a second look asks for nothing twice"

    remove = calls.remove_node(alliance.ledger, network=network, consensus_id=NODES[4])
    decided(alliance, banks, remove, "Remove it")
    assert wished() == steps, "the ledger does not have it yet: there is nothing to remove"
    assert stands() == [WishState.CANCELLED, WishState.CANCELLED], "and nothing is left to be signed"


def test_a_decision_taken_back_ends_what_the_ledger_does_not_have_and_undoes_what_it_has(
    town: Town, alliance: World, banks: list[Institution]
) -> None:
    town.work()
    assert town.ledger.network is not None
    node = NodeFactory(institution=banks[0], network=town.ledger.network, consensus_id=NODES[4])
    network, uscc = node.network_id, banks[0].uscc
    admit = calls.set_role(alliance.ledger, network=network, consensus_id=NODES[4], uscc=uscc, role=SEALER)
    decided(alliance, banks, admit, "Admit it")
    first = CommitteeWish.objects.earliest("pk")
    handing_in.propose(first, town.signed_wish("Wangchao", first), actor=town.officer("Wangchao"))
    town.work()  # the first step is on the ledger

    remove = calls.remove_node(alliance.ledger, network=network, consensus_id=NODES[4])
    decided(alliance, banks, remove, "Remove it")
    assert wished()[2:] == [(52, {"node": NODES[4]})]
    assert stands() == [WishState.OPEN, WishState.CANCELLED, WishState.WAITING]


def test_what_the_secretariat_wished_for_is_not_taken_back_by_a_decision(
    town: Town, alliance: World, banks: list[Institution]
) -> None:
    town.work()
    assert town.ledger.network is not None
    node = NodeFactory(institution=banks[0], network=town.ledger.network, consensus_id=NODES[4])
    wishes.wish_node_role(
        town.ledger, consensus_id=NODES[4], role=SEALER, actor=town.secretary, reason="The board asked."
    )
    carrying.carry({"network": node.network_id, "consensus_id": NODES[4]})  # the registry knows no such node
    assert stands() == [WishState.READY, WishState.WAITING, WishState.WAITING]
    assert wished()[2:] == [(52, {"node": NODES[4]})], "the members' word comes after theirs"


def test_an_accounts_permission_becomes_proposals_of_types_21_and_22(
    town: Town, alliance: World, banks: list[Institution]
) -> None:
    account, network = voter(77).address, str(town.ledger.network_id)
    given = {"network": network, "account": account, "uscc": banks[0].uscc}
    decided(alliance, banks, calls.set_account(alliance.ledger, **given, permission=DEPLOY), "Let it deploy")
    assert wished() == [(21, {"deploy_type": 1}), (22, {"account": account, "open": True})]
    decided(alliance, banks, calls.set_account(alliance.ledger, **given, permission=0), "Take it back")
    assert wished()[2:] == [(22, {"account": account, "open": False})]
    assert stands() == [WishState.READY, WishState.CANCELLED, WishState.WAITING]
    assert {wishes.state(row) for row in CommitteeWish.objects.filter(type=21)} == {WishState.READY}


def test_another_networks_decisions_are_none_of_the_committees(
    town: Town, alliance: World, banks: list[Institution]
) -> None:
    elsewhere = NodeFactory(institution=banks[0], network=NetworkFactory(slug="custody"))
    admit = calls.set_role(
        alliance.ledger,
        network=elsewhere.network_id,
        consensus_id=elsewhere.consensus_id,
        uscc=banks[0].uscc,
        role=SEALER,
    )
    decided(alliance, banks, admit, "Admit it elsewhere")
    assert wished() == []
