"""Hundreds of hostile EST requests: each is refused by name, nothing is issued, the gateway stays up."""

from __future__ import annotations

import base64
import socket
import ssl
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from certs import services
from certs.models import Certificate, CertificateRequest, Enrolment, SerialNumber
from certs.rules import SIZE_LIMIT
from consortium.core import clock, events
from consortium.members.models import Node
from tests.certs.est.town import Town, ask, body, certificates, fresh_address
from tests.certs.hostile import hostile_requests
from tests.certs.openssl import openssl

A_SECRET = 12  # hostile requests with one secret: fewer than would slow it down
LONGEST = SIZE_LIMIT * 3 // 2  # octets of a body that is read at all
ALONE = {"Connection": "close"}  # a body too long to be read ends the connection
Credentials = tuple[str, str]


@pytest.fixture(scope="module")
def bank(town: Town) -> Iterator[Town]:
    """The town, whose gateway has nothing to report of its own at the end."""
    yield town
    log = (town.home / "gateway.log").read_text()
    assert [line for line in log.splitlines() if " ERROR " in line or "Warning:" in line] == []
    assert "WORKER TIMEOUT" not in log


@contextmanager
def nothing_issued(town: Town) -> Iterator[None]:
    """Neither a certificate nor a serial number nor a request comes of the block, and no worker goes."""
    before, workers = counted(), worker_ids(town)
    yield
    town.work()
    assert counted() == before
    assert worker_ids(town) == workers


def counted() -> dict[str, int]:
    return {row.__name__: row.objects.count() for row in (Certificate, CertificateRequest, SerialNumber)}


def worker_ids(town: Town) -> set[int]:
    gateway = town.processes[0].pid
    return set(map(int, Path(f"/proc/{gateway}/task/{gateway}/children").read_text().split()))


def refused(answer: httpx.Response, what: str) -> str:
    """The code; whatever it is, it is the client's fault and said in JSON."""
    assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text)
    assert set(answer.json()) == {"code", "detail"}, what
    return str(answer.json()["code"])


def enrolled_nodes(town: Town, prefix: str, count: int) -> list[tuple[Node, Credentials]]:
    """Nodes called as the hostile requests expect, each with a secret of its own."""
    nodes = [town.node(f"{prefix}-{number}/settlement-1") for number in range(count)]
    return [(node, (str(node.pk), town.secret(node)[1])) for node in nodes]


def test_hostile_requests_with_a_right_secret(bank: Town) -> None:
    made = list(hostile_requests(seed=30, count=180))
    senders = enrolled_nodes(bank, "hostile", len(made) // A_SECRET)
    codes: Counter[str] = Counter()
    with nothing_issued(bank):
        for number, (node, auth) in enumerate(senders):
            read: Counter[str] = Counter()
            with bank.est(headers=ALONE) as client:
                for what, csr in made[number * A_SECRET : (number + 1) * A_SECRET]:
                    sent = base64.b64encode(csr)
                    code = refused(ask(client, "simpleenroll", sent, auth=auth), what)
                    codes[code] += 1
                    read[code] += len(sent) <= LONGEST
            assert recorded(node) == +read
    assert codes.total() == len(made)
    assert "too_many_attempts" not in codes  # the gate has looked at each
    assert len(codes) >= 6, codes
    assert not Enrolment.objects.filter(
        node__in=[node for node, _ in senders], request__isnull=False
    ).exists()


def test_hostile_requests_with_a_right_certificate(bank: Town) -> None:
    made = list(hostile_requests(seed=31, count=60))
    nodes = [bank.node(f"renewing-{number}/settlement-1") for number in range(len(made) // A_SECRET)]
    for node in nodes:
        bank.renewable(node)
    seen: set[str] = set()
    with nothing_issued(bank):
        for number, node in enumerate(nodes):
            codes = set()
            with bank.est(node=node, headers=ALONE) as client:
                for what, csr in made[number * A_SECRET : (number + 1) * A_SECRET]:
                    sent = base64.b64encode(csr)
                    code = refused(ask(client, "simplereenroll", sent), what)
                    assert code != "too_many_attempts"
                    if len(sent) <= LONGEST:  # else nobody has read it as a request
                        codes.add(code)
            assert set(recorded(node)) == codes
            seen |= codes
    assert "malformed_request" in seen
    assert len(seen) >= 6, seen


UNREADABLE = {
    "malformed_request": b"\x30\x03\x02\x01\x00",
    "request_too_large": b"\x30" * (SIZE_LIMIT + 1),
    "private_key_sent": b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("way", ["first", "again", "renewal"])
def test_what_is_refused_unread_leaves_its_event_by_every_way(bank: Town, way: str) -> None:
    """Whether a secret is new or used or a certificate stands for it."""
    node = bank.node(f"unread-{way}/settlement-1")
    operation, auth = "simpleenroll", (str(node.pk), bank.secret(node)[1])
    if way == "again":
        with bank.est() as client:
            csr = body(bank.workstation.request())
            assert ask(client, operation, csr, auth=auth).status_code == 202
    if way == "renewal":
        bank.renewable(node)
    with nothing_issued(bank), bank.est(node=node if way == "renewal" else None) as client:
        for code, csr in UNREADABLE.items():
            for _ in range(2):
                sent = base64.b64encode(csr)
                if way == "renewal":
                    assert refused(ask(client, "simplereenroll", sent), code) == code
                else:
                    assert refused(ask(client, operation, sent, auth=auth), code) == code
    times = 2 if way == "first" else 1  # what comes again within the hour is said once
    assert recorded(node) == dict.fromkeys(UNREADABLE, times)


def recorded(node: Node) -> Counter[str]:
    """The codes of the refusals on the node's timeline."""
    rows = events.timeline(node).filter(action="request.refused")
    return Counter(rows.values_list("data__code", flat=True))


def bad_bodies(good: bytes) -> dict[str, tuple[bytes, str]]:
    """Bodies and their types around a request that is good in itself."""
    der = base64.b64decode(good)
    pem = openssl("req", "-inform", "DER", data=der).stdout
    plain = {
        "empty": b"",
        "blank": b"\r\n \t\r\n",
        "der": der,
        "pem": pem,
        "pem in base64 twice": base64.b64encode(base64.b64encode(der)),
        "not of the alphabet": b"*" + good,
        "url-safe alphabet": good.replace(b"+", b"-").replace(b"/", b"_") + b"-_",
        "padding in the middle": good[:8] + b"==" + good[8:],
        "padding left out": good[:-3],
        "wrapped with backslashes": good[:64] + b"\\\n" + good[64:],
        "nul": good + b"\x00",
        "nul in the middle": good[:50] + b"\x00" + good[50:],
        "truncated": good[: len(good) // 2],
        "truncated with padding": base64.b64encode(der[:-20]),
        "something behind": base64.b64encode(der + b"\x00"),
        "two requests": base64.b64encode(der + der),
        "utf-16": good.decode().encode("utf-16"),
        "json": b'{"csr": "' + good + b'"}',
        "form": b"csr=" + good,
        "huge": b"A" * 3_000_000,
        "just too large": b"A" * 24_600,
        "huge blanks": b" " * 200_000 + good,
        "a private key": base64.b64encode(
            b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n"
        ),
        "deep": base64.b64encode(b"\x30\x80" * 4000),
        "long length": base64.b64encode(b"\x30\x84\xff\xff\xff\xff" + der),
    }
    typed = {f"type {name!r}": (good, name) for name in WRONG_TYPES}
    return {name: (content, "application/pkcs10") for name, content in plain.items()} | typed


WRONG_TYPES = (
    "",
    "text/plain",
    "application/pkcs7-mime",
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/pkcs10x",
    "application/pkcs10/../pkcs10",
    "pkcs10",
    "application/octet-stream",
    "*/*",
    "application/pkcs10,application/pkcs10",
)


def test_bodies_that_are_no_request(bank: Town) -> None:
    given = bad_bodies(body(bank.workstation.request()))
    senders = enrolled_nodes(bank, "bodies", len(given) // A_SECRET + 1)
    with nothing_issued(bank):
        for number, (what, (content, kind)) in enumerate(given.items()):
            auth = senders[number // A_SECRET][1]
            with bank.est() as client:
                refused(
                    client.post("simpleenroll", content=content, headers={"Content-Type": kind}, auth=auth),
                    what,
                )
            with bank.est() as client:  # in chunks, no length said
                chunks = (content[start : start + 5000] for start in range(0, len(content) or 1, 5000))
                headers = {"Content-Type": kind}
                answer = client.post("simpleenroll", content=chunks, headers=headers, auth=auth)
                assert refused(answer, what) in {"length_required", "wrong_content_type"}


def credentials(town: Town, good: Credentials, others: Credentials) -> dict[str, str]:
    """Authorization headers that open nothing."""
    node, secret = good
    pairs = {
        "another node's secret": (node, others[1]),
        "one's secret for another node": (others[0], secret),
        "unknown node": (str(uuid.uuid4()), secret),
        "secret cut": (node, secret[:-1]),
        "secret extended": (node, secret + "A"),
        "hash of the secret": (node, Enrolment.objects.get(node=node).secret_sha256),
        "id of the enrolment": (str(Enrolment.objects.get(node=node).pk), secret),
        "sql": (node, "' OR 1=1 --"),
        "nul": (node, secret + "\x00"),
        "nul in the name": (node + "\x00", secret),
        "bidi": (node, "\u202e" + secret),
        "long": (node, "x" * 4000),
        "braces": (f"{{{node}}}x", secret),
        "name": ("settlement-1", secret),
        "empty secret": (node, ""),
        "empty name": ("", secret),
    }
    encoded = {name: basic(f"{user}:{word}".encode()) for name, (user, word) in pairs.items()}
    return encoded | {
        "no colon": basic(node.encode()),
        "not utf-8": basic(b"\xff\xfe:\xff"),
        "surrogates": basic(b"\xed\xa0\x80:" + secret.encode()),
        "not base64": "Basic ***",
        "nothing": "Basic",
        "bearer": f"Bearer {secret}",
        "digest": 'Digest username="x", realm="EST"',
        "twice": f"{basic(b'a:b')}, {basic(f'{node}:{secret}'.encode())}",
        "negotiate": "Negotiate YII=",
    }


def basic(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


@pytest.mark.parametrize("operation", ["simpleenroll", "evm-node/simpleenroll", "csrattrs"])
def test_credentials_that_open_nothing(bank: Town, operation: str) -> None:
    (_, good), (_, others) = enrolled_nodes(bank, f"keys-{len(operation)}", 2)
    csr = body(bank.workstation.request())
    with nothing_issued(bank):
        for what, header in credentials(bank, good, others).items():
            headers = {"Authorization": header, "Content-Type": "application/pkcs10"}
            with bank.est() as client:
                method, content = ("GET", b"") if operation == "csrattrs" else ("POST", csr)
                answer = client.request(method, operation, content=content, headers=headers)
            assert refused(answer, what) in {"wrong_secret", "credentials_required"}, what
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    with bank.est() as client:
        assert client.get("csrattrs", auth=good).status_code == 200


def test_secrets_that_are_over(bank: Town) -> None:
    node = bank.node("over/settlement-1")
    with clock.frozen(clock.now() - timedelta(days=10)):
        _, expired = bank.secret(node)
    first, superseded = bank.secret(node)
    second, withdrawn = bank.secret(node)
    services.withdraw_enrolment(second, actor=second.created_by)
    first.refresh_from_db()
    assert first.withdrawn_at is not None
    with nothing_issued(bank):
        for secret in (expired, superseded, withdrawn) * 5:
            with bank.est() as client:
                csr = body(bank.workstation.request())
                code = refused(ask(client, "simpleenroll", csr, auth=(str(node.pk), secret)), secret)
                assert code in {"secret_expired", "secret_withdrawn"}


def test_replays_issue_nothing_twice(bank: Town) -> None:
    node = bank.node("replayed/settlement-1")
    _, secret = bank.secret(node)
    csr, auth = body(bank.workstation.request()), (str(node.pk), secret)
    with bank.est() as client:
        assert ask(client, "simpleenroll", csr, auth=auth).status_code == 202
        bank.approve()
        bank.work()
        first = certificates(ask(client, "simpleenroll", csr, auth=auth))
        with nothing_issued(bank):
            for _ in range(12):  # the same, and others with the secret of the same
                assert certificates(ask(client, "simpleenroll", csr, auth=auth)) == first
                other = body(bank.workstation.request())
                assert refused(ask(client, "simpleenroll", other, auth=auth), "other key") == "secret_spent"
    elsewhere = bank.node("replayed-elsewhere/settlement-1")
    _, theirs = bank.secret(elsewhere)
    with nothing_issued(bank), bank.est() as client:  # another bank's request, taken from the wire
        answer = ask(client, "simpleenroll", csr, auth=(str(elsewhere.pk), theirs))
        assert refused(answer, "replayed") == "key_seen_before"


def test_certificates_that_renew_nothing(bank: Town) -> None:
    revoked, fresh = bank.node("certs-1/settlement-1"), bank.node("certs-2/settlement-1")
    bank.renewable(revoked)
    bank.certify(fresh)
    bank.revoke(revoked.certificates.get())
    others = enrolled_nodes(bank, "certs-others", 1)[0][1]
    with nothing_issued(bank):
        for node, code in ((revoked, "revoked_certificate"), (fresh, "renewal_not_open")):
            with bank.est(node=node) as client:
                for _ in range(8):
                    csr = body(bank.workstation.request())
                    assert refused(ask(client, "simplereenroll", csr), code) == code
                    answer = ask(client, "simplereenroll", csr, auth=others)  # a secret helps nothing here
                    assert refused(answer, code) == code


def test_another_banks_certificate_renews_for_its_own_node_alone(bank: Town) -> None:
    """Whatever the request says, the certificate that is shown decides for whom it is."""
    victim, thief = bank.node("victim/settlement-1"), bank.node("thief/settlement-2")
    bank.renewable(thief)
    names = ("/CN=settlement-1", "/O=victim", "/CN=victim\\/settlement-1", "/CN=settlement-1/O=victim")
    urn = f"urn:consortium:{victim.institution_id}:node:{victim.pk}"
    makers = [bank.workstation.request(subject=name) for name in names]
    makers.append(bank.workstation.request("p256", "-addext", f"subjectAltName=URI:{urn}"))
    with nothing_issued(bank), bank.est(node=thief) as client:
        for csr in makers:
            assert refused(ask(client, "simplereenroll", body(csr)), "names") == "name_mismatch"


METHODS = ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "X" * 15)


def test_methods_that_est_does_not_have(bank: Town) -> None:
    (_, auth), *_ = enrolled_nodes(bank, "methods", 1)
    with nothing_issued(bank), bank.est() as client:
        for operation in ("simpleenroll", "simplereenroll", "evm-node/simpleenroll"):
            for method in METHODS:
                answer = client.request(method, operation, auth=auth)
                assert 400 <= answer.status_code < 500, (method, operation)
        for operation in ("cacerts", "csrattrs"):
            for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                answer = client.request(method, operation, content=b"x", auth=auth)
                assert refused(answer, method) == "method_not_allowed"


PATHS = (
    "../../admin/",
    "..%2f..%2fadmin",
    "simpleenroll/",
    "simpleenroll%00",
    "SIMPLEENROLL",
    "evm-node/simpleenroll/x",
    "officer/simpleenroll",
    "ocsp/simpleenroll",
    "geth/simpleenroll",
    "-/simpleenroll",
    "fullcmc",
    "serverkeygen",
    "x" * 1500,
    "%ff%fe/simpleenroll",
    "国密/simpleenroll",
)


def test_addresses_that_are_not_there(bank: Town) -> None:
    (_, auth), *_ = enrolled_nodes(bank, "paths", 1)
    csr = body(bank.workstation.request())
    with nothing_issued(bank), bank.est() as client:
        for path in PATHS:
            refused(ask(client, path, csr, auth=auth), path)


def raw_requests(port: int, auth: str) -> list[bytes]:
    """What is hardly HTTP."""
    head = (
        b"POST /.well-known/est/simpleenroll HTTP/1.1\r\nHost: x\r\nAuthorization: " + auth.encode() + b"\r\n"
    )
    kind = b"Content-Type: application/pkcs10\r\n"
    return [
        b"\x00" * 200,
        b"GET\r\n\r\n",
        b"POST /.well-known/est/simpleenroll\r\n\r\n",
        b"POST http:// HTTP/9.9\r\n\r\n",
        head + kind + b"Content-Length: -1\r\n\r\n",
        head + kind + b"Content-Length: 99999999999999999999\r\n\r\nAAAA",
        head + kind + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nAAAAA",
        head + kind + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head + kind + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        head + kind + b"Content-Length: 0x10\r\n\r\n" + b"A" * 16,
        head + kind + b"Content-Length: 4 \r\n\r\nAA",
        head + kind + "Content-Length: ４\r\n\r\nAAAA".encode(),
        head + b"Content-Type: " + b"a" * 9000 + b"\r\n\r\n",
        head + b"X: y\r\n" * 200 + b"\r\n",
        head + b"Expect: 100-continue\r\n" + kind + b"Content-Length: 4\r\n\r\n",
        head + kind + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
        head + kind + b"Content-Length: 100\r\n\r\nAAAA",
        b"POST /.well-known/est/simpleenroll?" + b"a" * 3000 + b" HTTP/1.1\r\n\r\n",
        b"POST /.well-known/est/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        head[:40],
    ]


def test_what_is_hardly_http(bank: Town) -> None:
    (_, auth), *_ = enrolled_nodes(bank, "raw", 1)
    port = int(bank.server.rpartition(":")[2])
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with nothing_issued(bank):
        for sent in raw_requests(port, basic(":".join(auth).encode())):
            address = (fresh_address(), 0)
            with (
                socket.create_connection(("127.0.0.1", port), timeout=30, source_address=address) as plain,
                context.wrap_socket(plain) as peer,
            ):
                peer.sendall(sent)
                peer.settimeout(1)  # who is not done is left standing
                status = _status(peer)
            assert status in {None, 100} or 400 <= status < 500, (sent[:90], status)
        with bank.est() as client:
            assert client.get("cacerts").status_code == 200


def _status(peer: ssl.SSLSocket) -> int | None:
    """Of the answer; None where the connection was closed or nothing came."""
    try:
        received = peer.recv(4096)
    except (TimeoutError, OSError):
        return None
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/") else None
