"""The secretariat notes a node's further addresses, its software, and whether it is a boot node."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from tests import factories
from tests.web.admin.test_acts import act, offered


def test_the_secretariat_changes_what_a_node_is_reached_by(zhou_lan: Client) -> None:
    node = factories.NodeFactory()
    assert "endpoint" in offered(zhou_lan, node)
    page = act(
        zhou_lan,
        node,
        "endpoint",
        host=node.host,
        port=node.port,
        addresses="10.8.0.1:30303",
        discovery_port=30301,
        is_bootnode="on",
        push_url="",
        software="fisco-bcos",
        software_version="2.11.0",
        reason="a second line",
    )
    assert page.status_code == 302
    node.refresh_from_db()
    assert [str(row) for row in node.addresses.all()] == ["10.8.0.1:30303"]
    assert (node.software, node.discovery_port, node.raft_port) == ("fisco-bcos", 30301, None)
    assert node.is_bootnode
    shown = zhou_lan.get(reverse("admin:members_node_change", args=[node.pk])).content.decode()
    assert "10.8.0.1:30303" in shown
