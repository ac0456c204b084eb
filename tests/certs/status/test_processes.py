"""Responder and web process as they run: others' clients, kills, no database, hostile requests."""

from __future__ import annotations

import random
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.x509 import ocsp as library
from pytest_django.fixtures import Settings

from certs import building, selectors, services
from certs.models import Certificate
from certs.status import line, ocsp, prepared
from certs.status.keyring import Opened
from consortium.core import clock, outbox
from consortium.members.models import User
from consortium.stack.endpoints import PROJECT
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation, openssl
from tests.certs.status import processes
from tests.certs.status.asking import SHA256, checked, get_path, request_for, request_for_serial
from tests.certs.status.conftest import OCSP_PASSPHRASE, issuer_of
from tests.certs.status.processes import NOWHERE, Elsewhere, Web, wait_until

pytestmark = pytest.mark.django_db
Status, ResponseStatus = library.OCSPCertStatus, library.OCSPResponseStatus
HEADERS = {"Content-Type": "application/ocsp-request"}


@pytest.fixture(scope="module")
def responder_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """One for all tests, as :func:`web_of_the_module`."""
    home = tmp_path_factory.mktemp("responder")
    (home / "word").write_bytes(OCSP_PASSPHRASE)  # any: it asks for one before it starts
    running = processes.responder(home, NOWHERE)
    running.start()
    yield running
    assert running.stop() == 0


def point(running: Elsewhere, pki: Pki, settings: Settings) -> Elsewhere:
    word = Path(str(settings.OCSP_PASSPHRASE_FILE))
    running.look_at(pki=pki.pki_dir, keys=pki.key_dir, word=word)
    settings.OCSP_SOCKET = running.home / "status.sock"
    return running


@pytest.fixture
def responder_process(
    responder: Opened, pki: Pki, responder_of_the_module: Elsewhere, settings: Settings
) -> Elsewhere:
    """Its database is not there: what is published must be enough."""
    return point(responder_of_the_module, pki, settings)


@pytest.fixture
def responder_with_database(
    responder: Opened, pki: Pki, settings: Settings, tmp_path: Path
) -> Iterator[Elsewhere]:
    """One that may be killed."""
    (tmp_path / "process").mkdir()
    running = processes.responder(tmp_path / "process", processes.test_database())
    point(running, pki, settings)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def web_of_the_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One for all tests: gunicorn and Django take seconds to start. It looks where each test points it."""
    running = processes.web(tmp_path_factory.mktemp("web"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def web_process(pki: Pki, web_of_the_module: Web, settings: Settings) -> Web:
    """Without a database and without a key: status must need neither."""
    web_of_the_module.look_at(pki=pki.pki_dir, socket=Path(str(settings.OCSP_SOCKET)))
    return web_of_the_module


def post(web: Web, request: bytes) -> httpx.Response:
    return httpx.post(f"{web.url}/pki/ocsp", content=request, headers=HEADERS, timeout=60, trust_env=False)


def get(web: Web, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{web.url}{path}", headers=headers, timeout=60, trust_env=False)


def status(answer: httpx.Response, certificate: Certificate) -> Status:
    assert answer.headers["Content-Type"] == "application/ocsp-response"
    return checked(answer.content, issuer_of(certificate.authority), clock.now()).certificate_status


def failure(answer: httpx.Response) -> ResponseStatus:
    assert answer.status_code == 200
    return library.load_der_ocsp_response(answer.content).response_status


def openssl_says(web: Web, certificate: Certificate, desk: Workstation, pki: Pki, *options: str) -> str:
    """What ``openssl ocsp`` prints when it asks by POST and checks everything."""
    done = openssl(
        "ocsp", *options, "-url", f"{web.url}/pki/ocsp",
        "-issuer", desk.file("nodes.pem", selectors.pem(pki.nodes.der).encode()),
        "-cert", desk.file("leaf.pem", selectors.pem(certificate.der).encode()),
        "-CAfile", str(pki.pki_dir / "chain.pem"),
    )  # fmt: skip
    return (done.stdout + done.stderr).decode()


def test_openssl_asks_by_post_with_and_without_nonce(
    certificate: Certificate, responder_process: Elsewhere, web_process: Web, workstation: Workstation,
    pki: Pki, wang_min: User,
) -> None:  # fmt: skip
    for options in (("-nonce",), ("-no_nonce",), ("-sha256", "-no_nonce")):
        text = openssl_says(web_process, certificate, workstation, pki, *options)
        assert "Response verify OK" in text
        assert "leaf.pem: good" in text
        assert "WARNING" not in text
    services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    outbox.drain("signing")
    text = openssl_says(web_process, certificate, workstation, pki, "-nonce")
    assert "leaf.pem: revoked" in text
    assert "Reason: keyCompromise" in text


def test_openssl_reads_what_get_gave(
    certificate: Certificate, web_process: Web, workstation: Workstation, pki: Pki
) -> None:
    nodes = workstation.file("nodes.pem", selectors.pem(pki.nodes.der).encode())
    leaf = workstation.file("leaf.pem", selectors.pem(certificate.der).encode())
    asked = workstation.home / "request.der"
    openssl("ocsp", "-issuer", nodes, "-cert", leaf, "-no_nonce", "-reqout", str(asked))
    answer = get(web_process, get_path(asked.read_bytes()))
    told = workstation.file("answer.der", answer.content)
    done = openssl(
        "ocsp", "-issuer", nodes, "-cert", leaf, "-respin", told,
        "-CAfile", str(pki.pki_dir / "chain.pem"), "-no_nonce",
    )  # fmt: skip
    assert b"Response verify OK" in done.stderr
    assert b"leaf.pem: good" in done.stdout


@pytest.mark.peer("ocsptool")
def test_ocsptool_agrees(
    certificate: Certificate, responder_process: Elsewhere, web_process: Web, workstation: Workstation,
    pki: Pki, wang_min: User,
) -> None:  # fmt: skip
    nodes = workstation.file("nodes.pem", selectors.pem(pki.nodes.der).encode())
    leaf = workstation.file("leaf.pem", selectors.pem(certificate.der).encode())
    argv = [
        "ocsptool", f"--ask={web_process.url}/pki/ocsp", "--load-issuer", nodes, "--load-cert", leaf,
        "--load-trust", nodes, "--nonce",
    ]  # fmt: skip
    good = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert "Verifying OCSP Response: Success" in good.stdout, good.stdout + good.stderr
    assert "Certificate Status: good" in good.stdout
    services.suspend(certificate, comment="Laptop missing", actor=wang_min)
    outbox.drain("signing")
    held = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert "Certificate Status: revoked" in held.stdout


def test_get_and_post_say_the_same_and_say_how_long_it_may_be_kept(
    certificate: Certificate, web_process: Web
) -> None:
    """RFC 5019 section 6.2."""
    request = request_for(certificate)
    got, posted = get(web_process, get_path(request)), post(web_process, request)
    assert got.content == posted.content
    assert status(got, certificate) is Status.GOOD
    response = library.load_der_ocsp_response(got.content)
    assert got.headers["Cache-Control"] == "max-age=300, public, no-transform, must-revalidate"
    assert got.headers["Last-Modified"] == httpdate(response.this_update_utc)
    assert got.headers["Expires"] == httpdate(response.next_update_utc)
    again = get(web_process, get_path(request), **{"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == got.headers["Cache-Control"]


def httpdate(at: object) -> str:
    from email.utils import format_datetime

    return format_datetime(at, usegmt=True)  # type: ignore[arg-type]


def test_a_nonces_answer_is_never_kept(
    certificate: Certificate, responder_process: Elsewhere, web_process: Web
) -> None:
    answer = post(web_process, request_for(certificate, nonce=b"mine alone"))
    assert status(answer, certificate) is Status.GOOD
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers


def test_with_the_database_stopped_both_are_served_as_published(
    certificate: Certificate, responder_process: Elsewhere, web_process: Web, wang_min: User, pki: Pki
) -> None:
    """Lists, prepared answers and, from what is published, nonces; of the rest it says to try later."""
    services.revoke(certificate, reason="superseded", actor=wang_min)
    outbox.drain("signing")
    assert status(post(web_process, request_for(certificate)), certificate) is Status.REVOKED
    fresh = post(web_process, request_for(certificate, nonce=b"fresh"))
    assert status(fresh, certificate) is Status.REVOKED
    assert list(library.load_der_ocsp_response(fresh.content).extensions)
    for part in ("nodes.crl", f"nodes/{certificate.crl_shard}.crl"):
        crl = x509.load_der_x509_crl(get(web_process, f"/pki/{part}").content)
        assert crl.get_revoked_certificate_by_serial_number(int(certificate.serial_id, 16))
    never = request_for_serial(building.new_serial(), issuer_of(pki.nodes))
    for _ in range(2):
        assert failure(post(web_process, never)) is ResponseStatus.TRY_LATER


@pytest.mark.django_db(transaction=True)
def test_the_responder_is_killed_and_comes_back(
    certificate: Certificate, responder_with_database: Elsewhere, web_process: Web, pki: Pki
) -> None:
    never = request_for_serial(building.new_serial(), issuer_of(pki.nodes))
    asked = post(web_process, never)
    assert status(asked, certificate) is Status.UNKNOWN
    responder_with_database.kill()
    assert status(post(web_process, request_for(certificate)), certificate) is Status.GOOD
    assert status(post(web_process, request_for(certificate, nonce=b"n")), certificate) is Status.GOOD
    assert failure(post(web_process, never)) is ResponseStatus.TRY_LATER
    responder_with_database.start()
    assert status(post(web_process, never), certificate) is Status.UNKNOWN


def test_clients_that_say_nothing_hold_up_nobody_for_long(
    certificate: Certificate, responder_process: Elsewhere
) -> None:
    """Eight that never finish, at four threads: the next one is answered all the same."""
    silent = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(8)]
    try:
        with line.address() as place:
            for number, peer in enumerate(silent):
                peer.connect(place)
                peer.sendall(struct.pack(">I", 60)[: number % 4 + 1])
        reply = patient_ask(request_for(certificate, nonce=b"patient"))
    finally:
        for peer in silent:
            peer.close()
    checked(reply.der, issuer_of(certificate.authority), clock.now())


def test_the_responder_holds_no_authoritys_key(tmp_path: Path) -> None:
    running = processes.responder(tmp_path, NOWHERE)
    assert "SIGNING_PASSPHRASE_FILE" not in running.env
    del running.env["OCSP_PASSPHRASE_FILE"]
    done = subprocess.run(
        running.argv, cwd=PROJECT, env=running.env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "OCSP_PASSPHRASE_FILE" in done.stderr


def hostile(valid: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Noise, truncation, changed octets, lengths that lie, depth, size, and what is right in parts."""
    chance = random.Random(seed)
    for number in range(count):
        data = bytearray(chance.choice(valid))
        kind = number % 10
        if kind == 0:
            yield chance.randbytes(chance.randrange(400))
        elif kind == 1:
            yield bytes(data[: chance.randrange(len(data))])
        elif kind in (2, 3, 4, 5):
            for _ in range(chance.randrange(1, 6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            yield bytes(data)
        elif kind == 6:
            yield bytes(data) * chance.randrange(2, 50)
        elif kind == 7:
            yield b"\x30\x80" * chance.randrange(1, 4000)
        elif kind == 8:
            at = chance.randrange(len(data))
            yield bytes(data[:at]) + b"\x30\x84\xff\xff\xff\xff" + bytes(data[at:])
        else:
            yield b"\x30\x83" + (len(data) + 5).to_bytes(3, "big") + bytes(data) + bytes(70_000)


def test_five_hundred_hostile_requests_lose_no_worker_and_cause_no_error(
    certificate: Certificate, responder_process: Elsewhere, web_process: Web, pki: Pki
) -> None:
    valid = [
        request_for(certificate),
        request_for(certificate, algorithm=SHA256, nonce=b"0123456789abcdef"),
        request_for_serial(building.new_serial(), issuer_of(pki.nodes)),
        request_for_serial(5, issuer_of(pki.root)),
    ]
    workers = web_process.children()
    each_its_own = httpx.Limits(max_keepalive_connections=0)  # gunicorn ends those with too long a body
    with httpx.Client(base_url=web_process.url, timeout=30, trust_env=False, limits=each_its_own) as client:
        for number, data in enumerate(hostile(valid, 500, seed=5280)):
            if number % 5 == 4 and len(data) < 1500:
                answer = client.get(get_path(data))
            else:
                answer = client.post("/pki/ocsp", content=data, headers=HEADERS)
            assert answer.status_code in (200, 400, 404), (number, answer.status_code)
            if answer.status_code == 200:
                said = library.load_der_ocsp_response(answer.content).response_status
                assert said is not ResponseStatus.INTERNAL_ERROR, number
    assert web_process.children() == workers
    assert responder_process.popen.poll() is None
    last = post(web_process, request_for(certificate, nonce=b"still there"))
    assert status(last, certificate) is Status.GOOD


def test_five_hundred_hostile_lines_lose_no_thread(
    certificate: Certificate, responder_process: Elsewhere
) -> None:
    """Straight at the responder's socket: what the web process would never send."""
    chance = random.Random(6960)
    valid = [request_for(certificate, nonce=b"0123456789abcdef")]
    with line.address() as place:
        for number, data in enumerate(hostile(valid, 500, seed=6960)):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.connect(place)
                length = chance.choice([len(data), len(data), 0, 2**32 - 1, 2**31])
                try:
                    peer.sendall(struct.pack(">I", length) + data)
                except (BrokenPipeError, ConnectionResetError):
                    assert length > ocsp.SIZE_LIMIT, number  # it does not listen to what is too long
    for number in range(16):
        reply = patient_ask(request_for(certificate, nonce=bytes([number + 1])))
        checked(reply.der, issuer_of(certificate.authority), clock.now())


def patient_ask(request: bytes) -> line.Reply:
    """As :func:`line.ask` on a machine that may be busy."""
    replies: list[line.Reply | None] = []

    def answered() -> bool:
        replies.append(line.ask(request))
        return replies[-1] is not None

    wait_until(answered, "never answered again")
    assert replies[-1] is not None
    return replies[-1]


def test_strange_addresses_are_answered_in_order(certificate: Certificate, web_process: Web) -> None:
    for path in ("/pki/ocsp/", "/pki/ocsp/%00", "/pki/ocsp/%FF%FE", "/pki/ocsp/a", "/pki/ocsp/===="):
        assert get(web_process, path).status_code in (200, 404), path
    assert get(web_process, "/pki/ocsp").status_code == 405
    assert httpx.put(f"{web_process.url}/pki/ocsp", content=b"", trust_env=False).status_code == 405
    request = request_for(certificate)
    signed_in = {**HEADERS, "Cookie": "sessionid=" + "a" * 32}
    answer = httpx.post(f"{web_process.url}/pki/ocsp", content=request, headers=signed_in, trust_env=False)
    assert status(answer, certificate) is Status.GOOD  # a cookie of somebody's asks no database
    unescaped = "/pki/ocsp/" + __import__("base64").b64encode(request).decode()
    assert status(get(web_process, unescaped), certificate) is Status.GOOD


def test_prepared_files_are_not_served_as_such(certificate: Certificate, web_process: Web) -> None:
    path = prepared.path_of("nodes", certificate.serial_id)
    assert path.exists()
    for name in ("ocsp/nodes.responder", f"ocsp/nodes/{path.parent.name}/{path.name}"):
        assert failure_or_missing(get(web_process, f"/pki/{name}"))


def failure_or_missing(answer: httpx.Response) -> bool:
    return answer.status_code == 404 or failure(answer) is ResponseStatus.MALFORMED_REQUEST
