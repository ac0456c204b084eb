"""When a new epoch is written, and what is in it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from certs.models import Certificate
from consortium.core import clock
from consortium.core.models import Event, OutboxMessage
from consortium.members import services as members
from governance.chain.models import ChainEvent
from governance.permissions import services, tasks
from governance.permissions.models import Epoch
from tests.permissions.world import OBSERVER, SEALER, World, network

pytestmark = pytest.mark.django_db


def test_a_node_is_listed_once_the_registry_has_it_and_it_has_a_certificate(world: World) -> None:
    node = world.node("heming-bank/n1")
    world.role(node)
    world.work()
    assert not Epoch.objects.exists(), "without a certificate nobody is listed"
    world.certify(node)
    world.work()
    assert world.listed() == {"heming-bank/n1"}


def test_an_epoch_names_the_block_and_transaction_it_was_computed_from(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.work()
    change = Event.objects.filter(action="registry.changed").latest("id")
    epoch = Epoch.objects.get()
    assert epoch.tx_hash == change.data["tx_hash"]
    assert epoch.block == change.data["block"]
    assert list(epoch.members.values_list("node", "role")) == [(node.pk, SEALER)]


def test_an_unchanged_list_makes_no_epoch(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    assert services.compile_epoch(network(), cause="again") is None
    assert Epoch.objects.count() == 1


def test_a_network_without_admitted_nodes_gets_no_first_epoch(world: World) -> None:
    world.node("heming-bank/n1")
    assert services.compile_epoch(network(), cause="early") is None


def test_a_change_of_role_makes_an_epoch(world: World) -> None:
    node = world.admitted("heming-bank/n1", role=OBSERVER)
    world.work()
    world.role(node, SEALER)
    world.work()
    assert [epoch.number for epoch in Epoch.objects.order_by("number")] == [1, 2]
    assert b'"role": "sealer"' in world.content("permissions.json")


def test_removal_from_the_registry_takes_the_node_from_the_list(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1")
    world.work()
    world.role(node, 0)
    world.work()
    assert world.listed() == {"qingchuan-bank/n1"}


def test_a_frozen_node_is_out_of_the_list_at_once_and_in_again_when_the_freeze_lapses(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1")
    world.work()
    until = clock.now() + timedelta(hours=72)
    world.freeze(node, until)
    world.work()
    assert world.listed() == {"qingchuan-bank/n1"}
    with clock.frozen(until - timedelta(seconds=1)):
        world.work()
        assert world.listed() == {"qingchuan-bank/n1"}
    with clock.frozen(
        until + timedelta(seconds=1)
    ):  # nothing happens on the ledger: what was owed for this moment does it
        world.work()
    assert world.listed() == {"heming-bank/n1", "qingchuan-bank/n1"}
    epochs = Epoch.objects.order_by("number")
    assert [epoch.number for epoch in epochs] == [1, 2, 3]
    assert "lapsed" in epochs[2].cause


def test_a_ratified_freeze_does_not_lapse_and_a_thaw_ends_it(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1")
    until = clock.now() + timedelta(hours=72)
    world.freeze(node, until)
    world.freeze(node, until, ratified=True)
    with clock.frozen(until + timedelta(days=30)):
        world.work()
    assert world.listed() == {"qingchuan-bank/n1"}
    world.freeze(node, None)
    world.work()
    assert world.listed() == {"heming-bank/n1", "qingchuan-bank/n1"}


def test_a_suspended_seat_takes_its_nodes_from_the_list(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1")
    world.work()
    world.suspend(node.institution)
    world.work()
    assert world.listed() == {"qingchuan-bank/n1"}


def test_a_revoked_certificate_takes_the_node_from_the_list(world: World) -> None:
    node = world.node("heming-bank/n1")
    world.role(node)
    certificate = world.certify(node)
    world.admitted("qingchuan-bank/n1")
    world.work()
    world.revoke(certificate)
    world.work()
    assert world.listed() == {"qingchuan-bank/n1"}


def test_the_last_node_of_a_list_can_leave_it(world: World) -> None:
    node = world.admitted("heming-bank/n1", kind="rsa2048")
    world.work()
    world.role(node, 0)
    world.work()
    assert world.listed() == set()
    assert b"cal.0=8000" in world.content("fisco-bcos/certificates.ini"), "or everybody might connect"


def test_a_moved_node_makes_an_epoch_with_its_new_address(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.work()
    members.change_endpoint(
        node,
        host="10.9.9.9",
        port=30304,
        push_url="",
        software_version=node.software_version,
        actor=world.secretary,
        reason="moved to the second site",
    )
    world.work()
    assert b"@10.9.9.9:30304?" in world.content("besu/permissions_config.toml")


def test_a_retired_node_leaves_the_list(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1")
    world.work()
    members.retire_node(node, actor=world.secretary, reason="replaced")
    world.work()
    assert world.listed() == {"qingchuan-bank/n1"}


def test_an_expired_certificate_is_noticed_without_any_event(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    assert not services.recheck(network())
    end = Certificate.objects.get(node__isnull=False).not_after
    with clock.frozen(end + timedelta(seconds=1)):
        assert services.recheck(network())
        services.compile_epoch(network(), cause="regular check")
    assert world.listed() == set()


def test_a_change_on_one_network_leaves_the_others_alone(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.admitted("heming-bank/n2", network="custody")
    world.work()
    assert {(e.network_id, e.number) for e in Epoch.objects.all()} == {("settlement", 1), ("custody", 1)}
    world.admitted("qingchuan-bank/n1", network="custody")
    world.work()
    assert Epoch.objects.filter(network="settlement").count() == 1


def test_many_changes_in_a_row_owe_one_compilation(world: World) -> None:
    node = world.node("heming-bank/n1")
    for role in (OBSERVER, SEALER, OBSERVER):
        world.role(node, role)
    owed = OutboxMessage.objects.filter(topic="permissions.compile", done_at__isnull=True)
    assert owed.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["chain_registryentry", "chain_seat", "chain_chainevent"])
def test_block_and_content_belong_together_though_the_indexer_commits_meanwhile(
    world: World, table: str
) -> None:
    """Another connection commits a removal just before the compiler's first query of ``table``."""
    leaves = world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1")
    waiting = [leaves]

    def commit_first(execute: Any, sql: str, *rest: Any) -> Any:
        if waiting and f'FROM "{table}"' in sql:
            indexer = threading.Thread(target=on_own_connection, args=(world.role, waiting.pop(), 0))
            indexer.start()
            indexer.join(30)
        return execute(sql, *rest)

    with connection.execute_wrapper(commit_first):
        epoch = services.compile_epoch(network(), cause="test")
    assert not waiting, "the removal was never made"
    assert epoch is not None
    removal = ChainEvent.objects.latest("block")
    assert (epoch.block, epoch.tx_hash) == (removal.block, removal.tx_hash)
    assert world.listed() == {"qingchuan-bank/n1"}


def on_own_connection(work: Any, *arguments: Any) -> None:
    try:
        work(*arguments)
    finally:
        connection.close()


def test_one_networks_trouble_does_not_keep_the_others_from_being_rechecked(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.admitted("qingchuan-bank/n1")
    world.work()
    network("a-näme-that-no-contract-can-have")  # comes first, and can't be read
    end = max(Certificate.objects.values_list("not_after", flat=True))
    with clock.frozen(end + timedelta(seconds=1)):
        tasks.recheck_lists()
    owed = OutboxMessage.objects.filter(topic="permissions.compile", done_at__isnull=True)
    assert [message.key for message in owed] == ["settlement"]
    assert "list of a-näme-that-no-contract-can-have not rechecked" in caplog.text


def test_every_epoch_leaves_an_event_with_its_cause(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    found = Event.objects.get(action="epoch.compiled")
    assert found.reason.startswith("registry.changed")
    assert found.data["nodes"] == 1
