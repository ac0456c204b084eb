"""Nodes that ask again: answered from memory while nothing has changed, and not a moment longer."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, close_old_connections, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from consortium.core import clock
from consortium.members.models import Node
from governance.permissions import services, unchanged
from governance.permissions.models import Delivery
from governance.permissions.unchanged import Unchanged
from tests.permissions.world import World, eventually

Answer = tuple[str, dict[str, str], bytes]
Ask = Callable[..., Answer]


@pytest.fixture
def gateway(world: World) -> Iterator[Ask]:
    """The gateway's application as a proxy reaches it: by a Unix socket, the certificate in a header."""
    ours, theirs = socket.socketpair()
    surface = {
        "ROOT_URLCONF": "consortium.gateway_urls",
        "MIDDLEWARE": [
            "consortium.core.surface.RefusalMiddleware",
            "governance.permissions.gateway.NodeCertificateMiddleware",
        ],
    }
    signals.request_started.disconnect(close_old_connections)  # it would end the test's transaction
    with override_settings(**surface):
        application = Unchanged(get_wsgi_application(), settings.TUF_DIR / "metadata" / "timestamp.json")

        def ask(node: Node, path: str, etag: str = "", query: str = "") -> Answer:
            said: list[Any] = []
            environ = {
                "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "localhost",
                "SERVER_PORT": "8443", "wsgi.input": io.BytesIO(), "gunicorn.socket": ours,
                "HTTP_X_NODE_CERTIFICATE": quote(leaf(world, node)),
            }  # fmt: skip
            if etag:
                environ["HTTP_IF_NONE_MATCH"] = etag
            body = b"".join(application(environ, lambda *heard: said.append(heard)))
            return said[0][0], dict(said[0][1]), body

        yield ask
    signals.request_started.connect(close_old_connections)
    for thread in threading.enumerate():  # what was gathered last is not written into the next test
        if isinstance(thread, threading.Timer):
            thread.cancel()
            thread.join()
    ours.close()
    theirs.close()


def leaf(world: World, node: Node) -> str:
    """The node's own certificate, PEM; its file holds the issuer's besides."""
    end = "-----END CERTIFICATE-----"
    return (world.folder(node) / "node.crt").read_text().partition(end)[0] + end


def age_publication() -> None:
    """As if it had been published a while ago: what is quite new is looked up each time."""
    path = Path(settings.TUF_DIR, "metadata", "timestamp.json")
    os.utime(path, (time.time() - 60, time.time() - 60))


def published(world: World, name: str) -> Node:
    node = world.admitted(name)
    world.work()
    services.keep_permits()
    age_publication()
    return node


LIST = "/v1/networks/settlement/lists/besu"


def learnt(gateway: Ask, node: Node) -> str:
    """The node has its list, and has asked once whether there is another; the list's ETag."""
    status, headers, _ = gateway(node, LIST)
    assert status == "200 OK"
    etag = headers["ETag"]
    assert gateway(node, LIST, etag)[0] == "304 Not Modified"
    return etag


def test_asking_again_costs_no_query(world: World, gateway: Ask) -> None:
    heming = published(world, "heming/node-1")
    etag = learnt(gateway, heming)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        status, headers, body = gateway(heming, LIST, etag)
    assert (status, headers["ETag"], body, len(queries)) == ("304 Not Modified", etag, b"", 0)


def test_the_timestamp_that_every_agent_asks_for_costs_no_query_either(world: World, gateway: Ask) -> None:
    heming = published(world, "heming/node-1")
    path = "/tuf/metadata/timestamp.json"
    first = gateway(heming, path)
    with CaptureQueriesContext(connection) as queries:
        again = gateway(heming, path)
    assert first == again
    assert again[2] == (settings.TUF_DIR / "metadata" / "timestamp.json").read_bytes()
    assert len(queries) == 0


@pytest.mark.parametrize(
    ("path", "etag", "query"),
    [
        ("/tuf/metadata/timestamp.json", "", "again=%s"),
        ("/tuf/metadata/timestamp.json", "", "file=%s"),
        (LIST, "y%s", ""),
        (LIST, '"%064d"', ""),
    ],
)
def test_whatever_a_node_invents_others_answers_stay_in_memory(
    world: World, gateway: Ask, monkeypatch: pytest.MonkeyPatch, path: str, etag: str, query: str
) -> None:
    lantian = published(world, "lantian/node-1")
    heming = published(world, "heming/node-1")
    monkeypatch.setattr(unchanged, "_MOST", 4)
    known = learnt(gateway, lantian)
    for number in range(6):
        filled = {"etag": etag % number if etag else "", "query": query % number if query else ""}
        assert gateway(heming, path, **filled)[0] == "200 OK"
    with CaptureQueriesContext(connection) as queries:
        assert gateway(lantian, LIST, known)[0] == "304 Not Modified"
    assert len(queries) == 0


def test_each_file_of_a_format_is_remembered_by_itself(world: World, gateway: Ask) -> None:
    heming = published(world, "heming/node-1")
    path, query = "/v1/networks/settlement/lists/fisco-bcos", "file=nodes.json"
    first, other = gateway(heming, path), gateway(heming, path, query=query)
    assert first[2] != other[2]
    with CaptureQueriesContext(connection) as queries:
        assert (gateway(heming, path), gateway(heming, path, query=query)) == (first, other)
    assert len(queries) == 0


def test_a_new_list_is_told_at_once(world: World, gateway: Ask) -> None:
    heming = published(world, "heming/node-1")
    etag = learnt(gateway, heming)
    world.admitted("lantian/node-1")
    world.work()
    status, headers, _ = gateway(heming, LIST, etag)
    assert status == "200 OK"
    assert headers["ETag"] != etag


def test_a_list_that_was_published_this_moment_is_looked_up(world: World, gateway: Ask) -> None:
    heming = world.admitted("heming/node-1")
    world.work()
    services.keep_permits()
    etag = learnt(gateway, heming)
    with CaptureQueriesContext(connection) as queries:
        assert gateway(heming, LIST, etag)[0] == "304 Not Modified"
    assert len(queries) > 0, "the row that says so may not be committed yet"


def test_who_was_revoked_is_refused_though_nobody_took_the_permit_away(
    world: World, gateway: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    heming = published(world, "heming/node-1")
    etag = learnt(gateway, heming)
    world.revoke(heming.certificates.get())
    monkeypatch.setattr(unchanged, "_LOOK", 0.0)
    eventually(lambda: gateway(heming, LIST, etag)[0] == "403 Forbidden", "within a second")


def test_while_the_database_does_not_say_nothing_is_answered_from_memory(
    world: World, gateway: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    heming = published(world, "heming/node-1")
    monkeypatch.setattr(unchanged, "_LOOK", 0.0)
    etag = learnt(gateway, heming)
    with CaptureQueriesContext(connection) as queries:
        assert gateway(heming, LIST, etag)[0] == "304 Not Modified"
    assert len(queries) == 1, "what was taken back, and no more"

    def away() -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(unchanged.selectors, "taken_back", away)
    monkeypatch.setattr(unchanged.connection, "close", lambda: None)  # the test's own transaction
    with CaptureQueriesContext(connection) as queries:
        assert gateway(heming, LIST, etag)[0] == "304 Not Modified"
    assert len(queries) > 1, "the application looked by itself"


def test_who_lost_the_permit_is_refused(world: World, gateway: Ask) -> None:
    heming, lantian = published(world, "heming/node-1"), published(world, "lantian/node-1")
    etag = learnt(gateway, heming)
    world.revoke(heming.certificates.get())
    services.keep_permits()
    assert gateway(heming, LIST, etag)[0] == "403 Forbidden"
    assert gateway(lantian, LIST, etag)[0] == "304 Not Modified"


def test_a_certificate_that_ended_is_refused(world: World, gateway: Ask) -> None:
    heming = published(world, "heming/node-1")
    etag = learnt(gateway, heming)
    with clock.frozen(heming.certificates.get().not_after + timedelta(seconds=1)):
        assert gateway(heming, LIST, etag)[0] == "403 Forbidden"


def test_nobody_is_given_what_another_was(world: World, gateway: Ask) -> None:
    heming = published(world, "heming/node-1")
    stranger = world.admitted("zhulin/node-1", network="clearing")
    world.work()
    services.keep_permits()
    age_publication()
    etag = learnt(gateway, heming)
    assert gateway(stranger, LIST, etag)[0] == "403 Forbidden"


@pytest.mark.django_db(transaction=True)
def test_that_a_node_asked_is_recorded_with_when(world: World, gateway: Ask) -> None:
    heming = published(world, "heming/node-1")
    etag = learnt(gateway, heming)
    later = clock.now() + timedelta(minutes=1)
    with clock.frozen(later):
        assert gateway(heming, LIST, etag)[0] == "304 Not Modified"
    eventually(lambda: Delivery.objects.get(node=heming).pulled_at == later, "the pull is on record")
