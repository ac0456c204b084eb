"""The node gateway: a real gunicorn, real certificates, who is let in and who is not."""

from __future__ import annotations

import contextlib
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from consortium.core import clock
from consortium.core.models import Event
from consortium.members import services as members
from consortium.members.models import Node
from governance.permissions.models import Acknowledgement, Delivery
from tests.certs.openssl import openssl
from tests.permissions.world import LIMIT, World

THREADS = 4  # of the gateway that slow peers are set upon

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def served(world: World) -> World:
    """Two networks with a node each, published, behind a running gateway."""
    world.admitted("heming-bank/n1")
    world.admitted("qingchuan-bank/n1", network="custody")
    world.work()
    world.start_gateway()
    return world


def node(name: str = "heming-bank") -> Node:
    return Node.objects.select_related("institution").get(institution__short_name=name)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"code", "detail"}
    return answer.status_code, answer.json()["code"]


def report(world: World, **changes: Any) -> dict[str, Any]:
    """What heming's agent would say about the newest epoch."""
    epoch = world.published()
    files = {"permissions.json": epoch.files.get(path="permissions.json").sha256}
    body = {"network": "settlement", "epoch": epoch.number, "files": files, "agent_version": "1.1"}
    return {**body, "applied_at": "2026-11-23T08:00:00Z", **changes}


def test_a_node_fetches_metadata_and_its_own_list(served: World) -> None:
    with served.client(node()) as client:
        assert client.get("/tuf/metadata/timestamp.json").json()["signed"]["_type"] == "timestamp"
        answer = client.get("/v1/networks/settlement/lists/json")
        assert answer.content == served.content("permissions.json")
        assert answer.headers["Epoch"] == "1"
        sha256 = served.published().files.get(path="besu/permissions_config.toml").sha256
        target = client.get(f"/tuf/targets/settlement/besu/{sha256}.permissions_config.toml")
        assert target.content == served.content("besu/permissions_config.toml")
    assert Delivery.objects.get(node=node()).pulled_at is not None


def test_a_format_of_two_files_gives_either(served: World) -> None:
    with served.client(node()) as client:
        first = client.get("/v1/networks/settlement/lists/fisco-bcos")
        second = client.get("/v1/networks/settlement/lists/fisco-bcos?file=nodes.json")
        assert first.content == served.content("fisco-bcos/certificates.ini")
        assert second.content == served.content("fisco-bcos/nodes.json")
        assert refusal(client.get("/v1/networks/settlement/lists/fisco-bcos?file=etc")) == (404, "not_found")


def test_an_unchanged_list_is_answered_with_304(served: World) -> None:
    with served.client(node()) as client:
        etag = client.get("/v1/networks/settlement/lists/besu").headers["ETag"]
        again = client.get("/v1/networks/settlement/lists/besu", headers={"If-None-Match": etag})
        other = client.get("/v1/networks/settlement/lists/besu", headers={"If-None-Match": '"old"'})
    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200


def test_without_a_certificate_nothing_is_served(served: World) -> None:
    with served.client() as client:
        for path in ("/tuf/metadata/timestamp.json", "/v1/networks/settlement/lists/json", "/", "/admin/"):
            assert refusal(client.get(path)) == (403, "no_certificate")


def test_a_revoked_certificate_is_refused_on_a_connection_that_was_open_before(served: World) -> None:
    with served.client(node()) as client:
        assert client.get("/tuf/metadata/timestamp.json").status_code == 200
        served.revoke(node().certificates.get())
        assert refusal(client.get("/tuf/metadata/timestamp.json")) == (403, "revoked_certificate")


def test_a_refused_pull_is_recorded_once_not_per_request(served: World) -> None:
    served.revoke(node().certificates.get())
    with served.client(node()) as client:
        for _ in range(3):
            client.get("/tuf/metadata/timestamp.json")
    found = Event.objects.get(action="node.pull_refused")
    assert (found.node_id, found.data["code"]) == (node().pk, "revoked_certificate")
    assert Delivery.objects.get(node=node()).refused_at is not None


def test_an_expired_certificate_is_told_so(served: World) -> None:
    late = served.node("songling-bank/n1")
    with clock.frozen(clock.now() - timedelta(days=400)):
        served.certify(late)
    with served.client(late) as client:
        assert refusal(client.get("/tuf/metadata/timestamp.json")) == (403, "expired_certificate")


def test_a_retired_node_is_refused(served: World) -> None:
    members.retire_node(node(), actor=served.secretary, reason="replaced")
    with served.client(node()) as client:
        assert refusal(client.get("/tuf/metadata/timestamp.json")) == (403, "node_retired")


def refused_in_the_handshake(world: World, certificate: Path, key: Path) -> bool:
    context = ssl.create_default_context(cafile=str(settings.PKI_DIR / "chain.pem"))
    context.load_cert_chain(certificate, key)
    with httpx.Client(verify=context, trust_env=False, timeout=LIMIT) as client:
        try:
            client.get(f"{world.gateway_url}/tuf/metadata/timestamp.json")
        except (httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError):
            return True
    return False


def test_a_certificate_of_ours_that_is_for_servers_only_fails_in_the_handshake(served: World) -> None:
    keys = settings.KEY_DIR
    assert refused_in_the_handshake(served, keys / "gateway.crt", keys / "gateway.key")
    node_files = served.folder(node())
    assert not refused_in_the_handshake(served, node_files / "node.crt", node_files / "node.key")


def test_a_foreign_authoritys_certificate_fails_in_the_handshake(served: World) -> None:
    key, certificate = served.workstation.key("p256"), served.home / "foreign.crt"
    openssl("req", "-x509", "-key", str(key), "-subj", "/CN=heming-bank", "-out", str(certificate))
    assert refused_in_the_handshake(served, certificate, key)


def test_a_certificate_in_a_header_counts_for_nothing(served: World) -> None:
    pem = (served.folder(node()) / "node.crt").read_text().replace("\n", " ").strip()
    with served.client() as client:
        for name in ("X-SSL-Client-Cert", "X-Forwarded-Client-Cert", "gunicorn.socket"):
            answer = client.get("/tuf/metadata/timestamp.json", headers={name: pem})
            assert refusal(answer) == (403, "no_certificate")


def test_another_networks_lists_are_refused(served: World) -> None:
    sha256 = served.published("custody").files.get(path="permissions.json").sha256
    with served.client(node()) as client:
        for path in (
            "/v1/networks/custody/lists/json",
            f"/tuf/targets/custody/{sha256}.permissions.json",
            "/v1/networks/nowhere/lists/json",
        ):
            assert refusal(client.get(path)) == (403, "foreign_network")


NOWHERE = (
    "/",
    "/admin/",
    "/v1/networks/settlement/lists/parity",
    "/v1/networks/settlement/lists/json/",
    "/tuf/metadata/root.json",
    "/tuf/metadata/..%2Froot.json",
    "/tuf/metadata/99.root.json",
    "/tuf/targets/settlement/permissions.json",
    "/tuf/targets/settlement/..%2F..%2Fmetadata%2Ftimestamp.json",
    f"/tuf/targets/settlement/{'0' * 64}.permissions.json",
)


def test_what_is_not_there_is_404_in_json_and_never_a_redirect(served: World) -> None:
    with served.client(node()) as client:
        answers = {path: refusal(client.get(path)) for path in NOWHERE}
    assert answers == dict.fromkeys(NOWHERE, (404, "not_found"))


def test_a_wrong_method_is_refused(served: World) -> None:
    with served.client(node()) as client:
        assert refusal(client.post("/tuf/metadata/timestamp.json")) == (405, "method_not_allowed")
        assert refusal(client.get("/v1/acks")) == (405, "method_not_allowed")


def test_an_acknowledgement_is_kept_and_counts(served: World) -> None:
    with served.client(node()) as client:
        answer = client.post("/v1/acks", json=report(served))
    assert (answer.status_code, answer.json()) == (200, {"network": "settlement", "epoch": 1})
    delivery = Delivery.objects.get(node=node())
    assert (delivery.applied_epoch, delivery.applied_sha256) == (
        1,
        report(served)["files"]["permissions.json"],
    )
    kept = Acknowledgement.objects.get()
    assert (kept.node_id, kept.epoch, kept.matches) == (node().pk, 1, True)
    assert Event.objects.filter(action="node.acknowledged", node_id=node().pk).count() == 1


def test_all_that_an_agent_says_comes_through(served: World) -> None:
    told = {
        "clock": clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "node": {"software": "besu", "version": "besu/v25.1.0"},
        "read_back": "node",
        "log": {"size": 1, "head": "ab" * 32},
    }
    with served.client(node()) as client:
        assert client.post("/v1/acks", json=report(served, **told)).status_code == 200
        assert client.post("/v1/acks", json=report(served, **told)).status_code == 200
        late = {**told, "clock": "2026-11-22T08:00:00.000Z"}
        assert refusal(client.post("/v1/acks", json=report(served, **late))) == (409, "replayed_report")
        future = report(served, refused={"epoch": 9, "reason": "no"})
        assert refusal(client.post("/v1/acks", json=future)) == (409, "unknown_epoch")
    found = Delivery.objects.get(node=node())
    assert (found.verified_epoch, found.read_back, found.node_version) == (1, "node", "besu/v25.1.0")
    assert (found.log_size, found.declined_epoch, Acknowledgement.objects.count()) == (1, 0, 1)


def test_one_nodes_report_says_nothing_of_another(served: World) -> None:
    """Heming's report in Nanpu's connection: the certificate says whose it is."""
    served.admitted("nanpu-bank/n1")
    served.work()
    with served.client(node("nanpu-bank")) as client:
        assert client.post("/v1/acks", json=report(served)).status_code == 200
    assert Delivery.objects.get(node=node("nanpu-bank")).applied_epoch == 2
    assert Delivery.objects.get(node=node()).applied_epoch == 0


def test_a_fetched_file_tells_how_far_the_node_is(served: World) -> None:
    sha256 = served.published().files.get(path="besu/permissions_config.toml").sha256
    with served.client(node()) as client:
        assert client.get(f"/tuf/targets/settlement/besu/{sha256}.permissions_config.toml").status_code == 200
    found = Delivery.objects.get(node=node())
    assert (found.pulled_epoch, found.applied_epoch) == (1, 0)


def test_saying_it_again_changes_nothing(served: World) -> None:
    with served.client(node()) as client:
        for _ in range(2):
            assert client.post("/v1/acks", json=report(served)).status_code == 200
    assert Acknowledgement.objects.count() == 1
    assert Event.objects.filter(action="node.acknowledged").count() == 1


def test_a_wrong_hash_is_kept_as_wrong_and_does_not_count(served: World) -> None:
    wrong = {"permissions.json": "0" * 64}
    with served.client(node()) as client:
        assert refusal(client.post("/v1/acks", json=report(served, files=wrong))) == (409, "hash_mismatch")
    assert not Acknowledgement.objects.get().matches
    assert Delivery.objects.get(node=node()).applied_epoch == 0
    assert Event.objects.get(action="node.ack_refused").data["code"] == "hash_mismatch"


def test_an_epoch_that_does_not_exist_is_refused(served: World) -> None:
    with served.client(node()) as client:
        assert refusal(client.post("/v1/acks", json=report(served, epoch=9))) == (409, "unknown_epoch")
    assert not Acknowledgement.objects.exists()


def test_an_older_epoch_than_reported_is_refused(served: World) -> None:
    first = report(served)
    served.admitted("songling-bank/n1")
    served.work()
    with served.client(node()) as client:
        assert client.post("/v1/acks", json=report(served)).status_code == 200
        assert refusal(client.post("/v1/acks", json=first)) == (409, "older_epoch")
    assert Delivery.objects.get(node=node()).applied_epoch == 2


def test_a_node_reports_for_its_own_network_only(served: World) -> None:
    with served.client(node("qingchuan-bank")) as client:
        assert refusal(client.post("/v1/acks", json=report(served))) == (403, "foreign_network")
    assert not Acknowledgement.objects.exists()


WRONG_REPORTS: tuple[dict[str, Any], ...] = (
    {"epoch": "1"},
    {"epoch": True},
    {"epoch": 2**40},
    {"files": {}},
    {"files": []},
    {"files": {"../../etc/passwd": "0" * 64}},
    {"files": {"permissions.json": "0"}},
    {"applied_at": "yesterday"},
    {"applied_at": "2026-02-31T00:00:00Z"},
    {"applied_at": "2026-11-23T08:00:00"},
    {"applied_at": "0001-01-01T00:00:00+14:00"},  # a year BC in UTC: stored, it could never be read again
    {"applied_at": "9999-12-31T23:59:59-14:00"},
    {"applied_at": "2999-01-01T00:00:00Z"},
    {"network": None},
    {"agent_version": "x" * 41},
    {"agent_version": "1\n2"},
    {"clock": "now"},
    {"node": {"software": "besu"}},
    {"read_back": "guess"},
    {"refused": {"epoch": 1, "reason": "no"}},
    {"held": {"epoch": 1}},
    {"log": {"size": 1, "head": "0"}},
    {"surprise": 1},
)
NO_REPORTS = (b"", b"{", b"[]", b"\xff\xfe", b"{" + b" " * 20000 + b"}", b"[" * 10000)


def test_a_report_that_makes_no_sense_is_refused(served: World) -> None:
    with served.client(node()) as client:
        for change in WRONG_REPORTS:
            answer = client.post("/v1/acks", json=report(served, **change))
            assert refusal(answer) == (400, "invalid_report"), change
        for body in NO_REPORTS:
            assert refusal(client.post("/v1/acks", content=body)) == (400, "invalid_report"), body[:20]
    assert not Acknowledgement.objects.exists()


HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # the beginning of a record of 512 octets


@pytest.mark.parametrize("said", [b"", HELLO[:3], HELLO], ids=["nothing", "half a header", "half a record"])
def test_strangers_that_say_nothing_whole_hold_nobody_up(world: World, said: bytes) -> None:
    """A hundred of them for each of its threads, and it would cut them off after ten minutes only."""
    world.admitted("heming-bank/n1")
    world.work()
    world.start_gateway(GATEWAY_THREADS="2", REQUEST_DEADLINE="600")
    port = int(world.gateway_url.rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        for one in silent:
            one.sendall(said)
        with world.client(node()) as client:
            assert client.get("/tuf/metadata/timestamp.json").status_code == 200
    finally:
        for one in silent:
            one.close()


def test_who_speaks_haltingly_is_heard_out(served: World) -> None:
    """A greeting that comes an octet at a time is a greeting."""
    host, port = "127.0.0.1", int(served.gateway_url.rpartition(":")[2])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    with socket.create_connection((host, port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.settimeout(30)
        for octet in outgoing.read():
            peer.sendall(bytes([octet]))
        incoming.write(peer.recv(65536))
        with contextlib.suppress(ssl.SSLWantReadError):
            session.do_handshake()
        assert session.version() in {"TLSv1.2", "TLSv1.3"}


def test_who_leaves_within_a_greeting_is_forgotten(served: World) -> None:
    port = int(served.gateway_url.rpartition(":")[2])
    for said in (b"", HELLO[:3], HELLO, b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(said)
            peer.shutdown(socket.SHUT_WR)
            peer.settimeout(30)
            with contextlib.suppress(ConnectionResetError):
                assert b"HTTP/1.1 200" not in peer.recv(65536)
    with served.client(node()) as client:
        assert client.get("/tuf/metadata/timestamp.json").status_code == 200


def test_peers_that_do_not_finish_are_cut_off(world: World) -> None:
    """As many of them as the gateway has threads, and a node is served all the same."""
    world.admitted("heming-bank/n1")
    world.work()
    world.start_gateway(GATEWAY_THREADS=str(THREADS), REQUEST_DEADLINE="10")
    port = int(world.gateway_url.rpartition(":")[2])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    slow = [context.wrap_socket(socket.create_connection(("127.0.0.1", port))) for _ in range(THREADS)]
    try:
        for one in slow:
            one.sendall(b"GET /tuf/metadata/timestamp.json HTTP/1.1\r\nX-Slow: a")
        with world.client(node()) as client:
            assert client.get("/tuf/metadata/timestamp.json").status_code == 200
        assert [_is_open(one) for one in slow] == [False] * THREADS
    finally:
        for one in slow:
            one.close()


def _is_open(peer: ssl.SSLSocket) -> bool:
    peer.settimeout(20)
    try:
        return peer.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


def test_what_a_node_says_of_one_epoch_fills_no_table(served: World) -> None:
    with served.client(node()) as client:
        for number in range(30):
            wrong = {"permissions.json": f"{number:064x}"}
            assert refusal(client.post("/v1/acks", json=report(served, files=wrong)))[0] == 409
    assert Acknowledgement.objects.filter(matches=False).count() == 20
    assert Event.objects.filter(action="node.ack_refused").count() == 1


def test_metadata_of_an_absurd_version_is_not_there(served: World) -> None:
    with served.client(node()) as client:
        answer = client.get("/tuf/metadata/" + "9" * 1000 + ".root.json")
    assert answer.status_code == 404
