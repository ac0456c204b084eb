"""A bank says where else its node is reached, what runs there, and whether others begin with it."""

from __future__ import annotations

from django.test import Client

from consortium.core.models import Event
from consortium.members.models import Node
from tests.factories import consensus_id
from tests.web.portal.town import Town

MORE = {
    "addresses": "10.8.0.1:30303\n[fd00::8]:30304\n",
    "discovery_port": "30301",
    "raft_port": "50401",
    "is_bootnode": "on",
}
ENDPOINT = {"host": "10.9.9.9", "port": "30303", "push_url": "", "software_version": "2.3.0"}


def test_a_node_is_registered_with_all_its_addresses_and_its_page_shows_them(
    town: Town, client: Client
) -> None:
    client.force_login(town.heming.officer)
    identity = {
        "network": "settlement",
        "name": "node-9",
        "software": "goquorum",
        "consensus_id": consensus_id(800_902),
    }
    page = client.post("/nodes/new/", {**identity, **ENDPOINT, **MORE}, follow=True).content.decode()
    node = Node.objects.get(name="node-9")
    assert (node.discovery_port, node.raft_port, node.is_bootnode) == (30301, 50401, True)
    assert "10.8.0.1:30303" in page
    assert "[fd00::8]:30304" in page


def test_the_form_begins_with_what_the_node_has_and_a_change_keeps_what_it_shows(
    town: Town, client: Client
) -> None:
    node = town.heming.node
    path = f"/nodes/{node.pk}/endpoint/"
    client.force_login(town.heming.officer)
    client.post(path, {**ENDPOINT, **MORE, "software": "geth", "reason": "a second line"})
    node.refresh_from_db()
    assert (node.software, node.is_bootnode) == ("geth", True)
    form = client.get(path).context["form"]
    assert form["addresses"].value() == "10.8.0.1:30303\n[fd00::8]:30304"
    assert (form["software"].value(), form["raft_port"].value()) == ("geth", 50401)
    client.post(path, {**ENDPOINT, "addresses": "", "reason": "the line is gone"})
    node.refresh_from_db()
    assert not node.addresses.exists()
    assert (node.software, node.is_bootnode) == ("geth", False)
    assert Event.objects.filter(action="node.changed", node_id=node.pk).count() == 2


def test_what_is_no_address_with_a_port_is_marked(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)
    path = f"/nodes/{town.heming.node.pk}/endpoint/"
    page = client.post(path, {**ENDPOINT, "addresses": "10.8.0.1", "reason": "a second line"})
    assert page.status_code == 400
    assert page.context["form"].errors.keys() == {"addresses"}
