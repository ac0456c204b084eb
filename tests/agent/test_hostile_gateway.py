"""Whoever has stolen the gateway's key can keep lists away, but not end, fill, silence or misuse an agent."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from tuf.api.metadata import TargetFile

from consortium.members.models import Node
from governance.agent import config as configs
from governance.agent import files, gateway, identity, log, repository, waiting
from governance.agent.agent import Agent
from governance.agent.errors import NotTrusted, Refused, ReportRefused, Unreachable
from governance.agent.log import Checkpoint, LogNotTrusted
from tests.permissions.world import World

Send = Callable[[bytes], None]
Steal = Callable[[Callable[[bytes, Send], None]], "tuple[Thief, configs.Config]"]
HEAD = b"HTTP/1.1 %d Whatever\r\nContent-Type: application/json\r\n"


class Thief:
    """A server with the gateway's own key and certificate. ``answer`` gets the request's head."""

    def __init__(self, answer: Callable[[bytes, Send], None]) -> None:
        self.answer = answer
        self.sent = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(settings.KEY_DIR / "gateway.crt", settings.KEY_DIR / "gateway.key")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as line:
            while head := line.recv(65536):
                self.answer(head, lambda data: self._send(line, data))

    def _send(self, line: ssl.SSLSocket, data: bytes) -> None:
        line.sendall(data)
        self.sent += len(data)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def heming(world: World) -> Node:
    node = world.admitted("heming-bank/n1")
    world.work()
    return node


@pytest.fixture
def steal(world: World, heming: Node) -> Iterator[Steal]:
    """A thief's server that answers in this way, and the configuration of an agent that asks it."""
    made: list[Thief] = []

    def begin(answer: Callable[[bytes, Send], None]) -> tuple[Thief, configs.Config]:
        made.append(Thief(answer))
        world.gateway_url = made[-1].url
        return made[-1], configs.read(world.configure(heming))

    yield begin
    for each in made:
        each.close()


def endless(status: int) -> Callable[[bytes, Send], None]:
    def answer(head: bytes, send: Send) -> None:
        send(HEAD % status + b"Content-Length: 99999999999\r\n\r\n")
        while True:
            send(b"[" * 65536)

    return answer


def whole(status: int, body: bytes, *headers: bytes) -> Callable[[bytes, Send], None]:
    lines = b"".join(each + b"\r\n" for each in headers)
    return lambda head, send: send(HEAD % status + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def dripping(begun: bytes) -> Callable[[bytes, Send], None]:
    """A byte now and then: no single read takes long."""

    def answer(head: bytes, send: Send) -> None:
        send(begun)
        while True:
            send(b"a")
            threading.Event().wait(0.05)

    return answer


def test_an_endless_answer_to_the_question_for_a_newer_root_is_not_read(steal: Steal) -> None:
    thief, config = steal(endless(404))
    agent = Agent(config)
    assert not agent.once()
    assert thief.sent < 20 * 2**20, "what the kernel's buffers hold, and no more"


@pytest.mark.parametrize("status", [200, 403, 500])
def test_an_endless_receipt_is_not_read(steal: Steal, status: int) -> None:
    thief, config = steal(endless(status))
    line = gateway.Gateway(config, identity.current(config))
    with pytest.raises(Unreachable, match="more than 65536 bytes"):
        line.report({"epoch": 1})
    line.close()
    assert thief.sent < 20 * 2**20


def test_a_compressed_answer_is_not_blown_up(steal: Steal) -> None:
    """A reason of a few bytes could be gigabytes: what is asked for is never compressed."""
    _, config = steal(whole(403, b"\x1f\x8b\x08", b"Content-Encoding: gzip"))
    line = gateway.Gateway(config, identity.current(config))
    with pytest.raises(ReportRefused, match="HTTP 403"):
        line.report({"epoch": 1})
    line.close()


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b"[]", b"null", b'{"code": {}}', b"\xff", b'{"code": "x", "detail": 1e999}'],
    ids=["deep", "list", "null", "code", "no text", "number"],
)
def test_a_strange_reason_is_a_refusal_like_others(steal: Steal, body: bytes) -> None:
    _, config = steal(whole(403, body))
    line = gateway.Gateway(config, identity.current(config))
    with pytest.raises(ReportRefused):
        line.report({"epoch": 1})
    line.close()


@pytest.mark.parametrize(
    "begun",
    [b"HTTP/1.1 200 OK\r\nX-Slow: ", HEAD % 200 + b"Content-Length: 1000000\r\n\r\n", HEAD % 404],
    ids=["head", "body", "not found"],
)
def test_an_answer_that_drips_is_cut_off(
    steal: Steal,
    begun: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway, "_LIFETIME", 2.0)
    _, config = steal(dripping(begun))
    agent = Agent(config)
    ended = threading.Event()
    threading.Thread(target=lambda: (agent.once(), ended.set()), daemon=True).start()
    assert ended.wait(60), "the round goes on for as long as the server likes"
    assert agent.failures == 1


def test_a_handshake_that_drips_is_cut_off(
    world: World, heming: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "_LIFETIME", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        world.gateway_url = f"https://localhost:{listening.getsockname()[1]}"
        agent = Agent(configs.read(world.configure(heming)))
        ended = threading.Event()
        threading.Thread(target=lambda: (agent.once(), ended.set()), daemon=True).start()
        with listening.accept()[0] as line, contextlib.suppress(OSError):
            line.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB, a byte at a time
            while not ended.wait(0.05):
                line.sendall(b"\x02")
        assert ended.wait(60)
    assert agent.failures == 1


@pytest.mark.parametrize(
    "value", [b"99999999", b"Fri, 31 Dec 9999 23:59:59 -2359", b"9" * 4000], ids=["far", "zone", "long"]
)
def test_the_agent_is_not_silenced_for_long(steal: Steal, value: bytes) -> None:
    _, config = steal(whole(503, b"", b"Retry-After: " + value))
    agent = Agent(config)
    assert not agent.once()
    assert agent.asked_for <= waiting.LONGEST
    assert waiting.pause(60, 1, agent.asked_for, 1) <= 1.2 * 900


def test_what_nobody_foresaw_fails_the_round_and_is_told(
    steal: Steal,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A file of the agent's own that is a folder, say, or a fault of ours."""
    _, config = steal(whole(404, b"{}"))
    agent = Agent(config)

    def strange() -> None:
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(agent, "_round", strange)
    assert not agent.once()
    assert agent.failures == 1
    assert "ZeroDivisionError: nobody thought of this" in (config.state_dir / "status.json").read_text()
    assert "ZeroDivisionError" in caplog.text


# --- What a signing key in other hands could say ------------------------------------------------------------
@pytest.mark.parametrize(
    "custom",
    [
        None, [], "x", 7, {}, {"epoch": True}, {"epoch": "7"}, {"epoch": 0}, {"epoch": -1}, {"epoch": 2**31},
        {"epoch": [1]}, {"epoch": {"a": 1}}, {"epoch": 1.0},
    ],
)  # fmt: skip
def test_a_signed_epoch_that_is_none_is_not_trusted(custom: object) -> None:
    described = {"length": 1, "hashes": {"sha256": "0" * 64}, "custom": custom}
    with pytest.raises(NotTrusted):
        repository._listing({"a": TargetFile.from_dict(described, "a")})


def test_files_of_different_epochs_are_not_trusted() -> None:
    found = {
        name: TargetFile.from_dict(
            {"length": 1, "hashes": {"sha256": "0" * 64}, "custom": {"epoch": epoch}}, name
        )
        for name, epoch in (("a", 1), ("b", 2))
    }
    with pytest.raises(NotTrusted, match="mixed epochs"):
        repository._listing(found)


def test_a_list_sets_no_other_option_of_the_node(tmp_path: Path) -> None:
    config_ini = tmp_path / "config.ini"
    before = b"[p2p]\n    listen_port=30300\n[certificate_whitelist]\n    cal.0=aa\n"
    config_ini.write_bytes(before)
    file = configs.File(target="fisco-bcos/certificates.ini", path=config_ini, splice=True)
    for data in (
        b"[certificate_whitelist]\n    cal.0=bb\n[p2p]\n    listen_ip=0.0.0.0\n",
        b"[rpc]\n    disable_ssl=true\n",
        b"  loose=1\n[certificate_whitelist]\n    cal.0=bb\n",
    ):
        with pytest.raises(Refused, match=r"too$"):
            files.put(file, data)
        assert config_ini.read_bytes() == before
    files.put(file, b"[certificate_blacklist]\n[certificate_whitelist]\n    cal.0=bb\n")
    assert b"listen_port=30300" in config_ini.read_bytes()
    assert b"cal.0=bb" in config_ini.read_bytes()


@pytest.mark.parametrize("first", [2, 2**31, 2**62, 2**63, -1, True, "1"])
def test_a_log_that_claims_to_be_huge_is_refused(first: object) -> None:
    said = {
        "network": "settlement", "size": 2**62, "head": "0" * 64, "first": first, "before": "1" * 64,
        "entries": [{"epoch": 1, "digest": "0" * 64}],
    }  # fmt: skip
    with pytest.raises(LogNotTrusted):
        log.read(json.dumps(said).encode())


def test_a_gap_of_a_million_lists_is_not_walked() -> None:
    epoch = 2**31 - 1
    said = {
        "network": "settlement", "size": epoch, "head": "0" * 64, "first": epoch, "before": "1" * 64,
        "entries": [{"epoch": epoch, "digest": "0" * 64}],
    }  # fmt: skip
    document = log.read(json.dumps(said).encode())
    with pytest.raises(LogNotTrusted, match="pages are missing"):
        log.missing(document, Checkpoint("settlement", 1, "0" * 64))
