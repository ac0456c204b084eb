"""The log's heads on a real ledger: owed by the beat, sent once, whatever dies or is taken back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from consortium.core import clock
from consortium.core.models import OutboxMessage
from consortium.members.models import Network
from consortium.stack import child
from governance.agent import anchors
from governance.agent import log as reader
from governance.chain import calls, contracts, deployment, relay
from governance.chain.calls import NOBODY
from governance.chain.models import Ledger, RelayTransaction
from governance.permissions import logbook, services, tasks
from governance.permissions.models import Anchor, Epoch, EpochFile, LogEntry
from governance.permissions.services import entering
from tests.chain.conftest import Victim, anvil, relay_key, victim, world
from tests.chain.world import World
from tests.factories import NetworkFactory

__all__ = ["anvil", "relay_key", "victim", "world"]

Status = RelayTransaction.Status


@pytest.fixture
def network(world: World) -> Network:
    """Three lists were published."""
    made: Network = NetworkFactory(slug="settlement")
    grow(made, 3)
    return made


def grow(network: Network, count: int = 1) -> None:
    """So many epochs more are in the log."""
    before = Epoch.objects.filter(network=network).count()
    for number in range(before + 1, before + count + 1):
        epoch = Epoch.objects.create(
            network=network, number=number, block=number, effective_at=clock.now(), content_sha256="0" * 64,
            node_count=1, cause="test", compiled_at=clock.now(), published_at=clock.now(),
        )  # fmt: skip
        content = f"list {number}".encode()
        EpochFile.objects.create(
            epoch=epoch, format="json", path="permissions.json", content=content,
            sha256=hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        with transaction.atomic():
            entering.enter([epoch])


def head(size: int) -> str:
    return LogEntry.objects.get(network="settlement", position=size).head


def on_ledger(world: World, size: int) -> str:
    found = (
        contracts.anchors(world.ledger).functions.headAt(contracts.network_bytes("settlement"), size).call()
    )
    return str(found.hex())


def anchored(world: World) -> list[int]:
    """The sizes in the contract's events, in their order."""
    contract = contracts.anchors(world.ledger)
    return [log["args"]["size"] for log in contract.events.Anchored().get_logs(from_block=0)]


def works_until_done(world: World) -> None:
    def work() -> bool:
        OutboxMessage.objects.filter(done_at__isnull=True).update(due_at=clock.now())
        world.work()
        return not OutboxMessage.objects.filter(
            topic__startswith="chain.", done_at__isnull=True, dead_at__isnull=True
        ).exists()

    assert child.wait_until(work, time.monotonic() + 60), list(OutboxMessage.objects.values())


def test_a_new_alliance_has_the_contract_and_the_relay_account_publishes(world: World) -> None:
    functions = contracts.anchors(world.ledger).functions
    assert functions.publisher().call() == world.ledger.relay_address
    assert functions.executor().call() == world.ledger.timelock


def test_the_head_is_on_the_ledger_and_the_agent_finds_it_there(world: World, network: Network) -> None:
    tasks.anchor_heads()
    world.work()
    assert on_ledger(world, 3) == head(3)
    row = Anchor.objects.get()
    assert (row.size, row.head, row.is_on_ledger, row.contract) == (3, head(3), True, world.ledger.anchors)
    assert logbook.anchored("settlement") == {
        "size": 3,
        "head": head(3),
        "contract": world.ledger.anchors,
        "chain_id": world.ledger.chain_id,
        "tx_hash": row.tx_hash,
        "block": row.block,
    }
    document = reader.read(logbook.newest_document("settlement") or b"")
    found = anchors.check(world.anvil.url, world.ledger.anchors, document)
    assert (found.size, found.head, found.agreed) == (3, head(3), 3)


def test_a_head_that_did_not_change_is_not_sent_again(world: World, network: Network) -> None:
    for _ in range(3):
        services.anchor_heads()
        world.work()
    assert anchored(world) == [3]
    grow(network, 2)
    services.anchor_heads()
    world.work()
    assert anchored(world) == [3, 5]


def test_while_one_is_under_way_no_other_is_owed(world: World, network: Network) -> None:
    services.anchor_heads()
    for _ in range(3):
        grow(network)
        assert services.anchor_heads() == []
    world.work()
    services.anchor_heads()
    world.work()
    assert anchored(world) == [3, 6], "after a pause the newest goes, not each one between"


def test_another_console_that_was_faster_does_no_harm(world: World, network: Network) -> None:
    """It has the same relay account, and a database of its own."""
    services.anchor_heads()
    world.sends("theirs", calls.anchor(world.ledger, network="settlement", size=3, head=head(3)))
    world.work()
    row = Anchor.objects.get()
    assert (row.has_failed, row.transaction.error_code) == (True, "SizeNotRising")
    grow(network)
    services.anchor_heads()
    world.work()
    assert anchored(world) == [3, 4]


@pytest.mark.parametrize("after", [False, True], ids=["before it is sent", "after it is sent"])
def test_a_worker_killed_while_it_sends_anchors_once(
    world: World, network: Network, victim: Callable[..., Victim], after: bool
) -> None:
    services.anchor_heads()
    victim("drain", hold="governance.chain.relay.broadcast", after=after).arrives().killed()
    works_until_done(world)
    assert anchored(world) == [3]
    assert Anchor.objects.get().is_on_ledger


def test_an_anchor_that_the_ledger_takes_back_is_sent_again(world: World, network: Network) -> None:
    before = world.rpc("evm_snapshot")
    services.anchor_heads()
    world.work()
    assert anchored(world) == [3]
    assert world.rpc("evm_revert", before)
    assert on_ledger(world, 3) == "0" * 64
    relay.reconcile(world.ledger)
    assert logbook.anchored("settlement") is None, "what is in doubt is not told to the nodes"
    works_until_done(world)
    assert (anchored(world), on_ledger(world, 3)) == ([3], head(3))


def test_a_ledger_that_is_away_holds_up_nothing_else(world: World, network: Network) -> None:
    world.anvil.stop()
    services.anchor_heads()
    world.work()
    grow(network, 2)
    services.anchor_heads()
    world.anvil.start()
    works_until_done(world)
    services.anchor_heads()
    works_until_done(world)
    assert anchored(world) == [3, 5]


def test_a_refusal_is_tried_again_after_an_hour_or_with_the_next_head(world: World, network: Network) -> None:
    """The members took the right away, and gave it back."""
    names(world, NOBODY)
    services.anchor_heads()
    world.work()
    assert Anchor.objects.get().transaction.error_code == "PublisherOnly"
    assert services.anchor_heads() == []
    names(world, world.ledger.relay_address)
    with clock.frozen(clock.now() + timedelta(hours=1, seconds=1)):
        [again] = services.anchor_heads()
        world.work()
    again.transaction.refresh_from_db()
    assert (again.is_on_ledger, anchored(world)) == (True, [3])


def names(world: World, publisher: str) -> None:
    """What members decide, in the timelock's name."""
    timelock = world.ledger.timelock
    world.rpc("anvil_impersonateAccount", timelock)
    contract = contracts.anchors(world.ledger)
    sent = contract.functions.setPublisher(publisher).transact({"from": timelock, "gasPrice": 0})  # type: ignore[typeddict-item]
    assert world.client.eth.wait_for_transaction_receipt(sent)["status"] == 1


def test_without_the_contract_or_a_ledger_nothing_is_owed(world: World, network: Network) -> None:
    Ledger.objects.update(anchors="")
    assert services.anchor_heads() == []
    Ledger.objects.update(deploying=True)
    tasks.anchor_heads()
    assert not Anchor.objects.exists()


def test_an_alliance_that_has_none_yet_gets_the_contract_by_a_command(
    anvil: Any, relay_key: Any, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(deployment, "_anchors", lambda client, ledger: "")  # as it was founded then
        world = World(anvil, relay_key)
    assert world.ledger.anchors == ""
    told = [StringIO(), StringIO()]
    for output in told:
        call_command("deploy_anchors", "--passphrase-file", str(relay_key), stdout=output)
    world.ledger.refresh_from_db()
    assert {output.getvalue() for output in told} == {f"EpochAnchors {world.ledger.anchors}\n"}
    made: Network = NetworkFactory(slug="settlement")
    grow(made)
    services.anchor_heads()
    world.work()
    assert anchored(world) == [1]
