"""The health of the ledger's nodes, as the secretariat sees it; and how readiness counts them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consortium.core import clock
from consortium.stack import child
from governance.chain import endpoint, standing
from governance.chain.models import RpcNode
from tests.web.admin.test_pages import queries

pytestmark = pytest.mark.django_db

LIST = "admin:chain_rpcnode_changelist"


def node(n: int, **columns: Any) -> RpcNode:
    now = clock.now()
    fresh = {"head": 100 + n, "milliseconds": 3, "asked_at": now, "answered_at": now}
    return RpcNode.objects.create(
        key=f"{n:016x}", address=f"http://node-{n}.example:8545", **{**fresh, **columns}
    )


@pytest.fixture
def three() -> list[RpcNode]:
    """One that is trusted, one that is left, one that nobody has asked for an hour."""
    now = clock.now()
    return [
        node(9),
        node(2, fault=standing.Fault.BEHIND, detail="102 < 109", left_at=now),
        node(5, asked_at=now - timedelta(hours=1)),
    ]


def test_the_page_says_who_is_trusted_who_is_left_and_why(zhou_lan: Client, three: list[RpcNode]) -> None:
    page = zhou_lan.get(reverse(LIST)).content.decode()
    for word in ("trusted", "left: is behind the others", "102 &lt; 109", "nobody looks", "of 109"):
        assert word in page, word
    assert "http://node-2.example:8545" in page


def test_the_regulator_sees_it_and_a_member_does_not(
    wu_rui: Client, chen_ling: Client, three: list[RpcNode]
) -> None:
    assert wu_rui.get(reverse(LIST)).status_code == 200
    assert chen_ling.get(reverse(LIST)).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_nodes(zhou_lan: Client, three: list[RpcNode]) -> None:
    few = queries(zhou_lan, reverse(LIST))
    for n in range(20, 40):
        node(n)
    assert queries(zhou_lan, reverse(LIST)) == few


def test_a_nodes_page_tells_its_story(zhou_lan: Client, transactional_db: None) -> None:
    standing.leave(
        "ab" * 8, "http://node-1.example:8545", standing.Fault.OTHER_LEDGER, "chain id 1, not 20200"
    )
    page = zhou_lan.get(reverse("admin:chain_rpcnode_change", args=["ab" * 8])).content.decode()
    assert "node of the ledger left" in page
    assert "chain id 1, not 20200" in page


def test_ready_by_any_node_that_is_trusted(client: Client, settings: Any, ledger_url: str) -> None:
    nobody = f"http://127.0.0.1:{child.free_port()}"
    settings.LEDGER_URL = f"{nobody},{ledger_url}"
    assert client.get("/readyz").json()["ledger"] == "ok"
    RpcNode.objects.create(
        key=endpoint.key_of(ledger_url),
        address=ledger_url,
        fault=standing.Fault.LOGS_MISSING,
        left_at=clock.now(),
    )
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/readyz").json()["ledger"] == "down"
    assert len(asked) == 1
