"""Whoever reaches the agent's listener: at most it looks for a newer list, and it never falls over."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.conf import settings

from consortium.members.models import Node
from tests.permissions.world import LIMIT, World, eventually

pytestmark = pytest.mark.django_db(transaction=True)

Tell = Callable[[bytes], int]


@pytest.fixture
def heming(world: World) -> Node:
    """Its agent runs, with epoch 1 in force."""
    node = world.admitted("heming-bank/n1")
    world.work()
    world.start_gateway()
    world.with_push(node)
    eventually(lambda: world.applied(node) == 1, "the first list is applied")
    return node


@pytest.fixture
def tell(heming: Node) -> Tell:
    """Send the agent a body; the status of its answer."""
    address = urlsplit(heming.push_url)
    context = ssl.create_default_context(cafile=str(settings.PKI_DIR / "chain.pem"))
    context.check_hostname = False  # the certificate names the node, no host

    def send(body: bytes) -> int:
        connection = http.client.HTTPSConnection("127.0.0.1", address.port, context=context, timeout=LIMIT)
        try:
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    return send


NO_WORD = {
    "100,000 lists in each other": b"[" * 100_000,
    "as many as are read": b"[" * 1024,
    "objects in each other": b'{"a":' * 200,
    "nothing": b"",
    "half an object": b"{",
    "a list": b"[]",
    "no text": b"\xff\xfe",
    "no epoch": b'{"network": "settlement"}',
    "another network": b'{"network": "custody", "epoch": 2}',
}


def test_what_is_no_word_of_a_new_list_is_refused_and_the_next_one_is_heard(
    world: World, heming: Node, tell: Tell
) -> None:
    assert {name: tell(body) for name, body in NO_WORD.items()} == dict.fromkeys(NO_WORD, 400)
    assert world.processes[-1].poll() is None, "the agent lives"
    world.admitted("qingchuan-bank/n1")
    world.work()
    assert tell(json.dumps({"network": "settlement", "epoch": 2}).encode()) == 202
    eventually(lambda: world.applied(heming) == 2, "it looked")
