"""nginx alone serves the lists: each node its own network's, a revoked or expired certificate none."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from certs import services as certificates
from consortium.core import clock
from consortium.members.models import Node
from governance.permissions import services, tasks
from governance.permissions.tufrepo import Repository
from tests.permissions.tuf.web_server import start_gateway_behind, start_nginx
from tests.permissions.world import World, eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.peer("nginx")]


@pytest.fixture
def served(world: World) -> World:
    """Heming's node in settlement, Qingchuan's in custody; lists published; nginx, and no process of ours."""
    world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1", network="custody")
    world.work()
    start_nginx(world)
    return world


@pytest.fixture
def heming(served: World) -> Node:
    return Node.objects.select_related("institution").get(institution__short_name="heming-bank")


@pytest.fixture
def qingchuan(served: World) -> Node:
    return Node.objects.select_related("institution").get(institution__short_name="qingchuan-bank")


def target(network: str) -> str:
    """The address of a network's list."""
    file = Repository().state().files(network)[f"{network}/permissions.json"]
    return f"/tuf/targets/{network}/{file.hashes['sha256']}.permissions.json"


def status(world: World, node: Node | None, address: str) -> int:
    with world.client(node) as client:
        return client.get(address).status_code


def test_a_node_pulls_while_no_process_of_the_console_runs(served: World, heming: Node) -> None:
    served.configure(heming)
    served.agent_once(heming)
    assert served.in_force(heming) == served.content("permissions.json")
    served.admitted("heming-bank/n2")
    served.work()
    served.agent_once(heming)
    assert json.loads(served.in_force(heming))["epoch"] == 2


def test_a_running_agent_goes_on_polling_nginx(served: World, heming: Node) -> None:
    served.configure(heming, poll_seconds=0.3)
    served.start_agent(heming)
    place = served.folder(heming) / "permissions.json"
    eventually(place.exists, "the first list is in force")
    served.admitted("heming-bank/n2")
    served.work()
    eventually(lambda: json.loads(place.read_bytes())["epoch"] == 2, "the agent looked by itself")


def test_with_the_console_behind_it_reports_go_through(served: World, heming: Node) -> None:
    start_gateway_behind(served)
    served.configure(heming)
    done = served.agent_once(heming)
    assert done.returncode == 0, done.stderr
    assert served.applied(heming) == 1


def test_an_unchanged_file_is_answered_with_304(served: World, heming: Node) -> None:
    with served.client(heming) as client:
        for address in ("/tuf/metadata/timestamp.json", target("settlement")):
            first = client.get(address)
            again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
            assert (first.status_code, again.status_code) == (200, 304)
            assert again.content == b""


def test_a_node_reads_its_own_network_and_no_other(served: World, heming: Node, qingchuan: Node) -> None:
    for node, own, other in ((heming, "settlement", "custody"), (qingchuan, "custody", "settlement")):
        assert status(served, node, target(own)) == 200
        assert status(served, node, f"/tuf/metadata/1.{own}.json") == 200
        assert status(served, node, target(other)) == 403
        assert status(served, node, f"/tuf/metadata/1.{other}.json") == 403
        assert status(served, node, "/tuf/metadata/timestamp.json") == 200


@pytest.mark.parametrize(
    "address",
    [
        "/tuf/targets/settlement",
        "/tuf/targets/settlement/",
        "/tuf/targets",
        "/tuf/metadata",
        "/tuf",
        "/tuf/nodes/settlement/",
        "/tuf/root.json",
        "/tuf/metadata/../../keys/gateway.key",
        "/tuf/targets/settlement/%2e%2e/custody/permissions.json",
        "/tuf/targets/settlement//../../nodes/_/x",
        "/nodes/_/",
    ],
)
def test_no_other_file_is_handed_out_and_nobody_is_redirected(
    served: World, heming: Node, address: str
) -> None:
    with served.client(heming, follow_redirects=False) as client:
        answer = client.get(httpx.URL(served.gateway_url).copy_with(raw_path=address.encode()))
    assert answer.status_code in {400, 403, 404, 502}
    assert "Location" not in answer.headers


def test_nothing_is_written_by_it(served: World, heming: Node) -> None:
    with served.client(heming) as client:
        for method in ("POST", "PUT", "DELETE"):
            assert client.request(method, "/tuf/metadata/timestamp.json").status_code in {403, 405}


def test_who_has_no_certificate_reads_nothing(served: World) -> None:
    assert status(served, None, "/tuf/metadata/timestamp.json") == 403
    assert status(served, None, target("settlement")) == 403


def test_a_revoked_certificate_reads_nothing_more_not_even_on_an_open_connection(
    served: World, heming: Node
) -> None:
    with served.client(heming) as client:
        assert client.get(target("settlement")).status_code == 200
        served.revoke(heming.certificates.get())
        served.work()
        answer = client.get("/tuf/metadata/timestamp.json")
        assert answer.status_code == 403
        assert answer.json()["code"] == "refused"
        assert client.get(target("settlement")).status_code == 403


def test_a_suspended_certificate_waits_and_reads_again_when_released(served: World, heming: Node) -> None:
    certificate = heming.certificates.get()
    certificates.suspend(certificate, comment="the node is being moved", actor=served.secretary)
    served.work()
    assert status(served, heming, target("settlement")) == 403
    certificates.release(certificate, comment="it stands again", actor=served.secretary)
    served.work()
    assert status(served, heming, "/tuf/metadata/timestamp.json") == 200


def test_a_retired_nodes_permit_is_taken_away(served: World, heming: Node) -> None:
    Node.objects.filter(pk=heming.pk).update(retired_at=clock.now())
    tasks.keep_permits()
    assert status(served, heming, "/tuf/metadata/timestamp.json") == 403


def test_an_expired_certificate_reads_nothing_and_beat_takes_its_permit(served: World, heming: Node) -> None:
    other = served.node("heming-bank/n9")
    with clock.frozen(clock.now() - timedelta(days=400)):
        expired = served.certify(other)
    assert expired.not_after < clock.now()
    services.keep_permits()
    assert not permit("settlement", expired.serial_id).exists()
    permit("settlement", expired.serial_id).touch()  # beat did not come yet: nginx itself looks at the time
    permit("_", expired.serial_id).touch()
    assert status(served, other, "/tuf/metadata/timestamp.json") == 403
    tasks.keep_permits()
    assert not permit("settlement", expired.serial_id).exists()


def test_a_permit_dies_with_its_certificate_without_any_event(served: World, heming: Node) -> None:
    certificate = heming.certificates.get()
    assert permit("settlement", certificate.serial_id).exists()
    with clock.frozen(certificate.not_after + timedelta(seconds=1)):
        tasks.keep_permits()
    assert not permit("settlement", certificate.serial_id).exists()


def test_lost_permits_are_made_again(served: World, heming: Node) -> None:
    for place in (settings.TUF_DIR / "nodes").rglob("*"):
        if place.is_file():
            place.unlink()
    assert status(served, heming, target("settlement")) == 403
    assert services.keep_permits() == 4, "two nodes, each for its network and for what all share"
    assert services.keep_permits() == 0
    assert status(served, heming, target("settlement")) == 200


def permit(network: str, serial: str) -> Path:
    return Path(settings.TUF_DIR) / "nodes" / network / serial.upper()
