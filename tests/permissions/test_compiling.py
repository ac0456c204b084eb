"""When a new epoch is written, and what is in it."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from certs import issuing
from certs import services as certificates
from certs.models import Certificate
from consortium.core import clock, events
from consortium.core.models import Event, OutboxMessage
from consortium.members import services as members
from consortium.members.models import Node, NodeAddress
from governance.chain.models import AccountPermission, ChainEvent
from governance.permissions import services, tasks
from governance.permissions.errors import ListMalformed
from governance.permissions.models import Epoch
from governance.permissions.services import gathering
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
@pytest.mark.parametrize(
    "table", ["chain_registryentry", "chain_accountpermission", "chain_seat", "chain_chainevent"]
)
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


# --- Accounts, freezes, addresses, keys --------------------------------------------------------------------
def permit(world: World, uscc: str, address: str, permission: int = 1) -> None:
    """The registry says what an account may do, as the indexer would record it."""
    with transaction.atomic():
        row = AccountPermission.objects.create(
            ledger=world.ledger,
            network="settlement",
            address=address,
            member_id=uscc,
            permission=permission,
            block=1,
            block_time=clock.now(),
            tx_hash="0x" + "cd" * 32,
        )
        events.record("registry.account_changed", row, actor=events.INDEXER, network="settlement")


def certified(world: World, node: Node, profile: str, key: Path) -> Certificate:
    request = certificates.submit_request(
        node=node,
        profile=profile,
        csr=world.workstation.request(key=key),
        actor=node.institution.officers.get(),
    )
    certificates.approve_request(request, actor=world.secretary)
    made = issuing.issue(request.pk)
    assert made is not None
    return made


def test_an_account_that_the_registry_permits_is_on_besus_list_in_lower_case(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    world.work()
    permit(world, node.institution.uscc, "0x" + "aB" * 20, permission=2)
    world.work()
    assert Epoch.objects.count() == 2, "what an account may do is owed to the nodes as well"
    assert f'accounts-allowlist=["0x{"ab" * 20}"]'.encode() in world.content("besu/permissions_config.toml")
    assert b'"permission": "deploy"' in world.content("permissions.json")
    world.suspend(node.institution)
    world.work()
    assert b"accounts-allowlist=[]" in world.content("besu/permissions_config.toml")


def test_a_frozen_node_is_disallowed_by_name_and_its_key_is_on_the_black_list(world: World) -> None:
    node = world.admitted("heming-bank/n1", kind="rsa2048")
    world.admitted("qingchuan-bank/n1", kind="rsa2048")
    world.work()
    tls_id = Certificate.objects.get(node=node).tls_id
    assert f"={tls_id}\n".encode() in world.content("fisco-bcos/certificates.ini").partition(b"_whitelist")[2]
    world.freeze(node, clock.now() + timedelta(hours=72))
    world.work()
    assert node.consensus_id.encode() in world.content("goquorum/disallowed-nodes.json")
    assert node.consensus_id.encode() not in world.content("goquorum/permissioned-nodes.json")
    assert f"    crl.0={tls_id}\n".encode() in world.content("fisco-bcos/certificates.ini")


def test_a_revoked_key_is_on_the_black_list_until_its_certificate_would_have_ended(world: World) -> None:
    node = world.node("heming-bank/n1")
    world.role(node)
    certificate = world.certify(node, "rsa2048")
    world.admitted("qingchuan-bank/n1", kind="rsa2048")
    world.work()
    world.revoke(certificate)
    world.work()
    line = f"    crl.0={certificate.tls_id}\n".encode()
    assert line in world.content("fisco-bcos/certificates.ini")
    with clock.frozen(certificate.not_after + timedelta(seconds=1)):
        assert services.recheck(network())
        services.compile_epoch(network(), cause="regular check")
    assert b"crl." not in world.content("fisco-bcos/certificates.ini")


def test_a_node_of_fisco_bcos_2_is_listed_by_the_key_that_a_renewal_keeps(world: World) -> None:
    node = world.node("heming-bank/n1", software="fisco-bcos", software_version="2.11.0")
    world.role(node)
    key = world.workstation.key("secp256k1")
    former = certified(world, node, "fisco-bcos-2", key)
    renewed = certified(world, node, "fisco-bcos-2", key)
    certificates.revoke(former, reason="superseded", comment="renewed", actor=world.secretary)
    world.work()
    assert len(renewed.public_key_hex) == 128
    found = world.content("fisco-bcos/2.x/certificates.ini").decode()
    assert found == f"[certificate_blacklist]\n[certificate_whitelist]\n    cal.0={renewed.public_key_hex}\n"
    assert f'"{node.host}:{node.port}"'.encode() in world.content("fisco-bcos/2.x/nodes.json")


def test_between_a_renewal_and_the_nodes_restart_its_peers_let_both_keys_in(world: World) -> None:
    node = world.admitted("heming-bank/n1", kind="rsa2048")
    world.certify(node, "rsa2048")
    world.work()
    white = world.content("fisco-bcos/certificates.ini").decode()
    ids = Certificate.objects.filter(node=node).values_list("tls_id", flat=True)
    assert all(f"={tls_id}\n" in white for tls_id in ids)
    assert white.count("cal.") == 2


def test_further_addresses_ports_and_software_reach_every_file_that_they_concern(world: World) -> None:
    node = world.admitted("heming-bank/n1")
    members.change_endpoint(
        node,
        host=node.host,
        port=node.port,
        push_url="",
        software_version="2.3.0",
        software="goquorum",
        addresses=[("10.8.0.1", 30305)],
        discovery_port=30301,
        raft_port=50401,
        is_bootnode=True,
        actor=world.secretary,
        reason="a second line",
    )
    world.work()
    besu = world.content("besu/permissions_config.toml").decode()
    assert f"@{node.host}:{node.port}?discport=30301" in besu
    assert "@10.8.0.1:30305?discport=30301" in besu
    assert b"&raftport=50401" in world.content("goquorum/permissioned-nodes.json")
    assert b"raftport" not in world.content("geth/static-nodes.json")
    assert b'"is_bootnode": true' in world.content("permissions.json")


def test_addresses_that_nodes_share_from_before_are_told_with_the_epoch(world: World) -> None:
    first = world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1", host=first.host)
    world.work()
    told = Event.objects.get(action="epoch.compiled").data["shared_addresses"]
    assert told == [f"{first.host}:{first.port}"]


def test_a_list_that_a_node_would_misread_is_not_written_and_the_secretariat_is_told_once(
    world: World,
) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    world.admitted("qingchuan-bank/n1", host="0.0.0.0")  # as no service would take it
    for _ in range(2):
        with pytest.raises(ListMalformed) as refused:
            services.compile_epoch(network(), cause="test")
    assert refused.value.params["path"] == "besu/permissions_config.toml"
    assert Epoch.objects.count() == 1
    told = Event.objects.get(action="epoch.malformed")
    assert (told.data["rule"], told.data["network"]) == ("enode", "settlement")
    Node.objects.filter(host="0.0.0.0").update(host="10.77.0.1")
    assert services.compile_epoch(network(), cause="mended") is not None


def test_reading_what_a_list_follows_from_takes_as_many_queries_for_many_nodes_as_for_one(
    world: World, django_assert_num_queries: Any
) -> None:
    world.admitted("heming-bank/n1")
    with CaptureQueriesContext(connection) as one:
        gathering.read(network())
    for number in range(2, 7):
        node = world.admitted(f"heming-bank/n{number}")
        NodeAddress.objects.create(node=node, position=1, host=f"10.8.0.{number}", port=30303)
    with django_assert_num_queries(len(one)):
        inputs = gathering.read(network())
    assert len(inputs.state.nodes) == 6
