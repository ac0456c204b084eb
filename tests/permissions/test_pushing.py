"""Telling agents: over TLS, to the right node, again when it failed, and never as the only way."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import connection

from certs import building
from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Node
from governance.permissions import selectors, services
from governance.permissions.models import Delivery
from tests.certs.openssl import openssl
from tests.permissions.world import World, eventually

pytestmark = pytest.mark.django_db(transaction=True)


class Listener(ThreadingHTTPServer):
    """An agent's listener, as far as the console sees it, with a node's certificate."""

    def __init__(self, world: World, node: Node) -> None:
        self.bodies: list[bytes] = []
        self.status = 202
        self.hold = threading.Event()  # cleared: answers wait
        self.hold.set()
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(world.folder(node) / "node.crt", world.folder(node) / "node.key")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A refused handshake is the console's to report."""


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.server.hold.wait(30)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Tests read the bodies."""


@pytest.fixture
def heming(world: World) -> Node:
    node = world.node("heming-bank/n1")
    world.certify(node)
    return node


@pytest.fixture
def listener(world: World, heming: Node) -> Iterator[Listener]:
    made = Listener(world, heming)
    heming.push_url = made.url
    heming.save()
    yield made
    made.shutdown()
    made.server_close()


def in_thread(work: Callable[[], object]) -> None:
    """As another worker would: on a connection of its own."""
    try:
        work()
    finally:
        connection.close()


def delivery(node: Node) -> Delivery:
    return Delivery.objects.get(node=node)


def test_a_node_is_told_network_and_epoch_and_nothing_else(
    world: World, heming: Node, listener: Listener
) -> None:
    world.role(heming)
    world.work()
    assert listener.bodies == [b'{"network":"settlement","epoch":1}']
    assert (delivery(heming).told_epoch, delivery(heming).attempts) == (1, 0)
    assert Event.objects.get(action="node.told").node_id == heming.pk


def test_who_was_told_is_not_told_again(world: World, heming: Node, listener: Listener) -> None:
    world.role(heming)
    world.work()
    assert services.tell_nodes() == 0
    assert len(listener.bodies) == 1


def test_another_nodes_certificate_does_not_count(world: World, heming: Node, listener: Listener) -> None:
    other = world.node("qingchuan-bank/n1", push_url=listener.url)
    world.certify(other)
    world.role(other)
    world.work()
    assert delivery(other).told_epoch == 0
    assert "WrongAgent" in delivery(other).last_error


def test_a_listener_of_no_authority_of_ours_is_told_nothing(
    world: World, heming: Node, listener: Listener
) -> None:
    folder = world.folder(heming)
    openssl(
        *("req", "-x509", "-key", str(folder / "node.key"), "-subj", "/CN=n1"),
        *("-addext", f"subjectAltName=URI:{building.node_urn(heming)}"),
        *("-out", str(folder / "node.crt")),
    )
    listener.shutdown()
    forged = Listener(world, heming)
    heming.push_url = forged.url
    heming.save()
    world.role(heming)
    world.work()
    assert forged.bodies == []
    assert "CERTIFICATE_VERIFY_FAILED" in delivery(heming).last_error
    forged.shutdown()
    forged.server_close()


def test_a_failed_attempt_waits_and_is_made_again(world: World, heming: Node, listener: Listener) -> None:
    listener.status = 503
    world.role(heming)
    world.work()
    row = delivery(heming)
    assert (row.told_epoch, row.attempts, row.last_error) == (0, 1, "HTTP 503")
    assert row.next_attempt_at is not None
    assert services.tell_nodes() == 0, "not before its time"
    listener.status = 202
    with clock.frozen(row.next_attempt_at + timedelta(seconds=1)):
        assert services.tell_nodes() == 1
    assert (delivery(heming).told_epoch, delivery(heming).last_error) == (1, "")


def test_each_failure_waits_longer_up_to_a_bound(world: World, heming: Node, listener: Listener) -> None:
    listener.status = 503
    world.role(heming)
    world.work()
    waits = []
    for _ in range(12):
        due = delivery(heming).next_attempt_at
        assert due is not None
        with clock.frozen(due):
            services.tell_nodes()
            later = delivery(heming).next_attempt_at
            assert later is not None
            waits.append((later - due).total_seconds())
    assert waits[0] < waits[3] < waits[6]
    assert max(waits) <= 300 * 1.25


def test_a_turn_that_another_worker_has_is_left_to_it(world: World, heming: Node, listener: Listener) -> None:
    world.role(heming)
    services.compile_epoch(heming.network, cause="test")
    services.publish()
    Delivery.objects.filter(node=heming).update(next_attempt_at=clock.now() + timedelta(seconds=10))
    assert services.tell_nodes() == 0
    assert listener.bodies == []


def test_asking_again_does_not_put_a_second_push_beside_one_under_way(
    world: World, heming: Node, listener: Listener
) -> None:
    listener.hold.clear()
    world.role(heming)
    services.compile_epoch(heming.network, cause="test")
    services.publish()
    first = threading.Thread(target=in_thread, args=(services.tell_nodes,))
    first.start()
    eventually(lambda: len(listener.bodies) == 1, "the first push is under way")
    services.push_again(delivery(heming), actor=world.secretary)
    assert services.tell_nodes() == 0
    listener.hold.set()
    first.join(30)
    assert len(listener.bodies) == 1
    assert (delivery(heming).told_epoch, delivery(heming).pushing_until) == (1, None)


def test_asking_again_ends_the_wait_after_a_failure(world: World, heming: Node, listener: Listener) -> None:
    listener.status = 503
    world.role(heming)
    world.work()
    listener.status = 202
    services.push_again(delivery(heming), actor=world.secretary)
    assert services.tell_nodes() == 1


def test_a_node_taken_off_the_list_is_told_no_more(world: World, heming: Node, listener: Listener) -> None:
    listener.status = 503
    world.role(heming)
    world.admitted("qingchuan-bank/n1")
    world.work()
    world.role(heming, 0)
    world.work()
    before = len(listener.bodies)
    listener.status = 202
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert services.tell_nodes() == 0
        assert [row.node.name for row in selectors.nodes_behind()] == ["n1"]
    assert len(listener.bodies) == before


def test_list_count_and_state_agree_on_who_is_behind(world: World) -> None:
    nodes = [world.admitted(f"heming-bank/n{number}") for number in range(6)]
    world.work()
    world.role(nodes[5], 0)
    world.work()
    now = clock.now()
    late, told, refused, wrong, current, _ = [delivery(node) for node in nodes]
    for row, values in (
        (late, {"wanted_at": now - timedelta(minutes=1)}),
        (told, {"told_epoch": 2}),
        (refused, {"refused_at": now, "applied_epoch": 2}),
        (wrong, {"applied_epoch": 2, "reported_epoch": 2, "reported_matches": False}),
        (current, {"applied_epoch": 2}),
    ):
        Delivery.objects.filter(pk=row.pk).update(**values)
    states = {row.node.name: selectors.state(row) for row in selectors.with_state(Delivery.objects.all())}
    assert states == {
        "n0": "behind", "n1": "told", "n2": "refused", "n3": "mismatch", "n4": "applied", "n5": "unlisted",
    }  # fmt: skip
    assert {row.node.name: row.state for row in selectors.convergence("settlement")} == states
    assert {row.node.name for row in selectors.behind()} == {"n0", "n2", "n3"}
    assert {row.node.name for row in selectors.nodes_behind()} == {"n0", "n2", "n3"}


def test_a_redirect_is_not_followed(world: World, heming: Node, listener: Listener) -> None:
    listener.status = 307
    world.role(heming)
    world.work()
    assert delivery(heming).last_error == "HTTP 307"


def test_a_node_without_push_address_is_left_to_its_polling(world: World, heming: Node) -> None:
    world.role(heming)
    world.work()
    assert services.tell_nodes() == 0
    assert delivery(heming).wanted_epoch == 1


def test_four_agents_converge_and_the_page_says_so(world: World) -> None:
    world.start_gateway()
    nodes = []
    for name in ("heming", "qingchuan", "songling", "nanpu"):
        node = world.node(f"{name}-bank/{name}")
        world.certify(node)
        nodes.append(world.with_push(node))
    for node in nodes:
        world.role(node)
    world.work()
    last = world.published()
    eventually(lambda: selectors.last_acknowledged("settlement", last.number) is not None, "all reported")
    rows = selectors.convergence("settlement")
    assert {row.node.name for row in rows} == {"heming", "qingchuan", "songling", "nanpu"}
    assert {(row.state, row.applied, row.wanted) for row in rows} == {("applied", last.number, last.number)}
    assert selectors.nodes_behind() == []
    world.revoke(nodes[0].certificates.get())
    world.work()
    after = world.published()
    eventually(lambda: selectors.last_acknowledged("settlement", after.number) is not None, "three reported")
    changes = selectors.diff(last, after)
    assert [(change.node, change.before, change.after) for change in changes] == [(nodes[0], 2, None)]
    assert {row.state for row in selectors.convergence("settlement") if row.role} == {"applied"}


def test_a_node_that_does_not_report_in_time_is_behind(world: World, heming: Node) -> None:
    world.role(heming)
    world.work()
    assert selectors.nodes_behind() == []
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        (row,) = selectors.nodes_behind()
        assert (row.node, row.state, row.wanted, row.applied) == (heming, "behind", 1, 0)


def test_convergence_takes_the_same_few_queries_for_many_nodes(
    world: World, django_assert_max_num_queries: object
) -> None:
    for number in range(5):
        world.admitted(f"heming-bank/n{number}")
    world.work()
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        rows = [(str(row.node), row.state) for row in selectors.convergence("settlement")]
    assert len(rows) == 5


def fail_until_given_up(node: Node) -> Delivery:
    while (row := delivery(node)).dead_at is None:
        with clock.frozen(row.next_attempt_at or clock.now()):
            services.tell_nodes()
    return row


def test_a_node_that_never_answers_is_given_up_and_shown(
    world: World, heming: Node, listener: Listener, settings: Any
) -> None:
    settings.PUSH_ATTEMPTS = 3
    listener.status = 503
    world.role(heming)
    world.work()
    row = fail_until_given_up(heming)
    assert (row.attempts, len(listener.bodies)) == (3, 3)
    event = Event.objects.get(action="node.push_given_up")
    assert (event.node_id, event.data["attempts"]) == (heming.pk, 3)
    assert list(Delivery.objects.filter(Delivery.GIVEN_UP)) == [row]
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert services.tell_nodes() == 0
    assert len(listener.bodies) == 3


def test_who_was_given_up_is_told_again_once_it_comes_by_itself(
    world: World, heming: Node, listener: Listener, settings: Any
) -> None:
    settings.PUSH_ATTEMPTS = 2
    listener.status = 503
    world.role(heming)
    world.work()
    row = fail_until_given_up(heming)
    listener.status = 202
    with clock.frozen(clock.now() + timedelta(hours=1)):
        services.record_pull(heming)
        assert not Delivery.objects.filter(Delivery.GIVEN_UP).exists()
        assert services.tell_nodes() == 1
    row = delivery(heming)
    assert (row.told_epoch, row.attempts, row.dead_at) == (1, 0, None)


def test_the_secretariat_has_one_that_was_given_up_told_again(
    world: World, heming: Node, listener: Listener, settings: Any
) -> None:
    settings.PUSH_ATTEMPTS = 1
    listener.status = 503
    world.role(heming)
    world.work()
    assert delivery(heming).dead_at is not None
    listener.status = 202
    services.push_again(delivery(heming), actor=world.secretary)
    assert services.tell_nodes() == 1


def test_many_are_told_by_shards_with_one_event_for_all(
    world: World, heming: Node, listener: Listener, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several names for one listener: only the node whose certificate it has counts as told."""
    settings.PUSH_SHARD, settings.PUSH_HELPERS = 2, 0
    others = [world.admitted(f"heming-bank/o{number}", push_url=listener.url) for number in range(4)]
    world.role(heming)
    monkeypatch.setattr("governance.permissions.services.pushing._ONE_BY_ONE", 0)
    world.work()
    assert delivery(heming).told_epoch == delivery(heming).wanted_epoch
    assert [delivery(node).attempts for node in others] == [1] * 4
    assert not Event.objects.filter(action="node.told").exists()
    assert Event.objects.get(action="epoch.nodes_told").data["nodes"] == 1


def test_what_one_worker_holds_another_passes_over(
    world: World, heming: Node, listener: Listener, settings: Any
) -> None:
    settings.PUSH_SHARD = 1
    listener.hold.clear()
    world.role(heming)
    services.compile_epoch(heming.network, cause="test")
    services.publish()
    first = threading.Thread(target=in_thread, args=(services.tell_nodes,))
    first.start()
    eventually(lambda: len(listener.bodies) == 1, "the first worker is telling it")
    assert services.tell_shards("settlement") == 0
    listener.hold.set()
    first.join(30)
    assert len(listener.bodies) == 1
