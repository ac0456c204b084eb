"""How lists spread, on the portal's pages and in the API: who may look, what differs, what it costs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from consortium.members.models import Network, Node
from governance.permissions import convergence
from governance.permissions.models import Epoch
from tests.factories import UserFactory
from tests.permissions.spread import alarmed, spread

pytestmark = pytest.mark.django_db
STATES = ["verified"] * 6 + ["applied"] * 2 + ["held", "behind", "declined", "mismatch"]
COUNTS = {"mismatch": 1, "declined": 1, "behind": 1, "held": 1, "applied": 2, "verified": 6}


@pytest.fixture
def network() -> Network:
    return spread(STATES, banks=3)


@pytest.fixture
def wu_rui(client: Client) -> Client:
    """Of the regulator: reads along."""
    client.force_login(UserFactory(regulator=True, username="wu.rui"))
    return client


def officer_of(client: Client, network: Network) -> Client:
    """An officer of the first bank with a node there."""
    node = Node.objects.filter(network=network).select_related("institution").earliest("consensus_id")
    client.force_login(UserFactory(institution=node.institution))
    return client


def test_page_and_api_say_the_same_to_the_regulator(wu_rui: Client, network: Network) -> None:
    page = wu_rui.get(f"/lists/networks/{network.pk}/state.json").json()
    api = wu_rui.get(f"/api/v1/networks/{network.pk}/convergence/").json()
    assert {**page, "at": ""} == {**api, "at": ""}
    assert (page["epoch"], page["listed"], page["done"], page["counts"]) == (2, 12, 8, COUNTS)
    assert page["latency"]["count"] == 8
    assert page["curve"][0] == [0.0, 0]
    assert page["curve"][-1][1] == 8
    assert [cell["state"] for cell in page["cells"]].count("held") == 1


def test_how_other_banks_nodes_fare_is_not_a_members_to_see(client: Client, network: Network) -> None:
    officer_of(client, network)
    for path in ("lists/networks/{}/", "lists/networks/{}/state.json", "api/v1/networks/{}/convergence/"):
        assert client.get("/" + path.format(network.pk)).status_code == 404


def test_ten_thousand_nodes_come_by_institution_and_with_as_many_queries(
    wu_rui: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    network = spread(STATES * 834, banks=50)
    with django_assert_max_num_queries(5):
        picture = convergence.picture(network)
    assert len(picture.cells) == 10008
    found = wu_rui.get(f"/lists/networks/{network.pk}/state.json")
    assert found.json()["counts"] == {state: 834 * count for state, count in COUNTS.items()}
    assert (len(found.json()["groups"]), found.json()["cells"]) == (50, [])
    assert len(found.content) < 20_000


def test_the_history_tells_how_long_each_epoch_took(wu_rui: Client, network: Network) -> None:
    newest, oldest = wu_rui.get(f"/api/v1/networks/{network.pk}/epochs/").json()
    assert (newest["number"], newest["latency"]["count"]) == (2, 8)
    assert 2 <= newest["latency"]["p50"] < newest["latency"]["p99"] <= 42
    assert (oldest["number"], oldest["latency"]) == (
        1, {"count": 0, "first_at": None, "last_at": None, "p50": None, "p99": None},
    )  # fmt: skip
    assert [
        row["number"] for row in wu_rui.get(f"/api/v1/networks/{network.pk}/epochs/?before=2").json()
    ] == [1]
    page = wu_rui.get(f"/lists/networks/{network.pk}/epochs/")
    assert page.status_code == 200
    assert f"/lists/networks/{network.pk}/changes/?to=2" in page.content.decode()


def test_any_two_epochs_are_compared(wu_rui: Client, network: Network) -> None:
    found = wu_rui.get(f"/api/v1/networks/{network.pk}/changes/?from=1&to=2").json()
    assert (found["before"], found["after"]) == (1, 2)
    (nodes,) = found["sections"]
    assert nodes["name"] == "nodes"
    assert {field["name"] for entry in nodes["changed"] for field in entry["changes"]} == {"host"}
    backwards = wu_rui.get(f"/api/v1/networks/{network.pk}/changes/?from=2&to=1").json()
    assert backwards["sections"][0]["changed"][0]["changes"][0]["before"] == "10.9.9.9"
    first = wu_rui.get(f"/api/v1/networks/{network.pk}/changes/?from=0&to=1").json()
    assert len(first["sections"][0]["entering"]) == 6
    page = wu_rui.get(f"/lists/networks/{network.pk}/changes/?from=1&to=2").content.decode()
    assert "10.9.9.9" in page
    assert wu_rui.get(f"/api/v1/networks/{network.pk}/changes/?to=9").status_code == 404
    assert wu_rui.get(f"/api/v1/networks/{network.pk}/changes/?to=x").status_code == 404
    assert (
        "There is no epoch 7" in wu_rui.get(f"/lists/networks/{network.pk}/changes/?from=7").content.decode()
    )


def test_files_come_as_they_were_signed(wu_rui: Client, network: Network) -> None:
    file = Epoch.objects.get(network=network, number=1).files.get()
    page = wu_rui.get(f"/lists/{file.epoch_id}/files/permissions.json")
    api = wu_rui.get(f"/api/v1/networks/{network.pk}/file/?epoch=1")
    assert page.content == api.content == bytes(file.content)
    assert hashlib.sha256(page.content).hexdigest() == page["X-Content-SHA256"] == file.sha256
    assert page["Content-Disposition"] == f'attachment; filename="{network.pk}-1-permissions.json"'
    assert wu_rui.get(f"/lists/{file.epoch_id}/files/../etc/passwd").status_code == 404
    assert wu_rui.get(f"/api/v1/networks/{network.pk}/file/?path=etc").status_code == 404


def test_a_member_sees_its_own_nodes_alarms_alone(client: Client, network: Network) -> None:
    officer_of(client, network)
    own, other = Node.objects.filter(network=network).order_by("consensus_id")[:2]
    alarmed(own, "clock", seconds=-3600)
    alarmed(other, "silent", since="2026-11-23T08:00:00+00:00")
    (found,) = client.get("/api/v1/alarms/").json()["results"]
    assert (found["node"], found["kind"], found["params"]) == (str(own.pk), "clock", {"seconds": -3600})
    assert found["detail"] == "The clock is 3600 seconds behind."
    assert "The clock is 3600 seconds behind." in client.get(f"/nodes/{own.pk}/").content.decode()


def test_every_alarm_has_its_sentence_and_the_dashboard_counts_it(wu_rui: Client, network: Network) -> None:
    version = {"version": "1", "oldest": "2"}
    params: dict[str, dict[str, Any]] = {
        "list": {"epoch": 2}, "declined": {"epoch": 2, "reason": "no"}, "log": {"size": 2},
        "withheld": {"size": 4, "served": 2},
        "silent": {"since": "2026-11-23T08:00:00+00:00"}, "clock": {"seconds": 90}, "old-node": version,
        "other-node": {"recorded": "besu 1", "reported": "besu 2"}, "old-agent": version,
        "certificate": {"ends": "2026-12-01T00:00:00+00:00"},
    }  # fmt: skip
    for node, (kind, values) in zip(Node.objects.order_by("consensus_id"), params.items(), strict=False):
        alarmed(node, kind, **values)
    rows = wu_rui.get("/api/v1/alarms/").json()["results"]
    assert {row["kind"] for row in rows} == set(params)
    assert not [row for row in rows if "%" in row["detail"]]
    listed = wu_rui.get("/admin/permissions/alarm/?state=open").content.decode()
    assert "The agent is 1; the oldest that should run is 2." in listed
    node = Node.objects.earliest("consensus_id")
    assert (
        "What it reports for epoch 2" in wu_rui.get(f"/admin/members/node/{node.pk}/change/").content.decode()
    )
    assert "Alarms about nodes" in wu_rui.get("/admin/").content.decode()
    metrics = wu_rui.get("/metrics").content.decode()
    assert 'console_node_alarms{kind="clock"} 1.0' in metrics


def test_what_a_node_says_of_itself_stands_on_its_delivery(wu_rui: Client, network: Network) -> None:
    node = Node.objects.get(network=network, name="node-10")
    node.delivery.node_version, node.delivery.clock_offset_ms = "besu/v25.1.0", -1250
    node.delivery.save()
    page = wu_rui.get(f"/admin/permissions/delivery/{node.pk}/change/").content.decode()
    assert "besu/v25.1.0" in page
    assert "-1.250" in page
    assert "no bootnode in the list" in page
