"""Many agents in one process, each with its own certificate and its own connections. A program.

It listens where the console tells agents (one port, an address for each agent), and at each telling pulls as
the agent beside a node does: timestamp, snapshot, targets, its network's targets, who may take the list by
now, the log, the list, then the acknowledgement, over one connection that proves the node. Every file is held
against the hash and the signature that vouch for it; a signature over the same bytes by the same key is
checked once a process.

``bare`` does none of that: the same requests, over as many connections, as fast as one asyncio process sends
them, at a server that answers with what lies on its disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import random
import socket
import ssl
import sys
import traceback
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.formats import encode_canonical

AT_ONCE = 100  # agents that pull at the same time
LIST = "besu/permissions_config.toml"
TRIES = 5  # of a round, as a server that is busy or a lost connection ends no agent
PAUSE = 1.0  # seconds between two of them, about
BESIDE = ("rollout.json", "log.json")  # what an agent reads before it takes a list, where it is published
Answer = tuple[int, dict[str, str], bytes]


class Busy(Exception):
    """The server can't answer just now."""


class Connection:
    """HTTP/1.1 over one TLS connection, kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def open(cls, url: str, context: ssl.SSLContext) -> Connection:
        parts = urlsplit(url)
        host = parts.hostname or ""
        reader, writer = await asyncio.open_connection(host, parts.port, ssl=context, limit=2**20)
        return cls(reader, writer, host)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self._writer.write(head.encode() + b"\r\n" + body)
        return await self._answer()

    async def _answer(self) -> Answer:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in fields}
        if headers.get("transfer-encoding") == "chunked":
            return int(lines[0].split()[1]), headers, await self._chunks()
        length = int(headers.get("content-length", "0"))
        return int(lines[0].split()[1]), headers, await self._reader.readexactly(length)

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readline()
        return body

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self._writer.wait_closed()


class Agent:
    """One node's agent."""

    def __init__(self, kit: dict[str, str], plan: dict[str, Any]) -> None:
        self.kit, self.plan = kit, plan
        self.applied = 0

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.plan["ca"])
        context.load_cert_chain(self.kit["pem"])
        return context

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.kit["pem"])
        return context

    async def round(self) -> None:
        connection = await Connection.open(self.plan["gateway"], self._context())
        try:
            epoch, files = await self._pull(connection)
            await self._acknowledge(connection, epoch, files)
            self.applied = epoch
        finally:
            await connection.close()

    async def _pull(self, connection: Connection) -> tuple[int, dict[str, str]]:
        network = self.kit["network"]
        root = self.plan["root"]["signed"]
        timestamp = await self._metadata(connection, "timestamp.json", root, "timestamp")
        version = timestamp["meta"]["snapshot.json"]["version"]
        snapshot = await self._metadata(connection, f"{version}.snapshot.json", root, "snapshot")
        version = snapshot["meta"]["targets.json"]["version"]
        top = await self._metadata(connection, f"{version}.targets.json", root, "targets")
        found, path = top, f"{network}/{LIST}"
        if path not in top["targets"]:
            role = next(role for role in top["delegations"]["roles"] if role["name"] == network)
            keyring = {"keys": top["delegations"]["keys"], "roles": {network: role}}
            version = snapshot["meta"][f"{network}.json"]["version"]
            found = await self._metadata(connection, f"{version}.{network}.json", keyring, network)
        for each in (f"{network}/{name}" for name in BESIDE):
            if each in found["targets"]:
                await self._target(connection, each, found["targets"][each])
        entry = found["targets"][path]
        await self._target(connection, path, entry)
        return entry["custom"]["epoch"], {LIST: entry["hashes"]["sha256"]}

    async def _target(self, connection: Connection, path: str, entry: dict[str, Any]) -> None:
        folder, _, name = path.rpartition("/")
        expected = entry["hashes"]["sha256"]
        data = await self._get(connection, f"/tuf/targets/{folder}/{expected}.{name}")
        if hashlib.sha256(data).hexdigest() != expected or len(data) != entry["length"]:
            raise RuntimeError(f"{path} is not what was signed")

    async def _metadata(
        self, connection: Connection, name: str, keyring: dict[str, Any], role: str
    ) -> dict[str, Any]:
        data = await self._get(connection, f"/tuf/metadata/{name}")
        keys = tuple(keyring["keys"][key]["keyval"]["public"] for key in keyring["roles"][role]["keyids"])
        return verified(data, keys)

    async def _get(self, connection: Connection, path: str) -> bytes:
        status, _, body = await connection.ask("GET", path)
        check(path, status, body)
        return body

    async def _acknowledge(self, connection: Connection, epoch: int, files: dict[str, str]) -> None:
        now = datetime.now(UTC)
        body = {
            "network": self.kit["network"], "epoch": epoch, "files": files, "agent_version": "bench",
            "applied_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "clock": now.isoformat(timespec="milliseconds"),
        }  # fmt: skip
        status, _, answer = await connection.ask("POST", "/v1/acks", json.dumps(body).encode())
        check("acknowledgement", status, answer)


def check(what: str, status: int, body: bytes) -> None:
    if status != 200:
        kind = Busy if status in {429, 502, 503, 504} else RuntimeError
        raise kind(f"{what}: HTTP {status} {body[:200]!r}")


@cache
def verified(data: bytes, keys: tuple[str, ...]) -> dict[str, Any]:
    """What is signed in ``data`` by one of ``keys``."""
    document = json.loads(data)
    signature = bytes.fromhex(document["signatures"][0]["sig"])
    signed = encode_canonical(document["signed"]).encode()
    if len(keys) != 1:
        raise RuntimeError("one key is expected")
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(keys[0])).verify(signature, signed)
    return document["signed"]


async def listen(plan: dict[str, Any]) -> None:
    """Until the input ends."""
    agents = {kit["address"]: Agent(kit, plan) for kit in plan["agents"]}
    slots = asyncio.Semaphore(AT_ONCE)
    under_way: set[asyncio.Task[None]] = set()

    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agent = agents[writer.get_extra_info("sockname")[0]]
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            await writer.start_tls(agent.server_context())
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            epoch = json.loads(await reader.readexactly(length))["epoch"]
            writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            if epoch > agent.applied:
                task = asyncio.create_task(pull(agent))
                under_way.add(task)
                task.add_done_callback(ended)
        writer.close()

    async def pull(agent: Agent) -> None:
        for left in reversed(range(TRIES)):
            try:
                async with slots:
                    await agent.round()
                break
            except (Busy, OSError, asyncio.IncompleteReadError) as error:
                if not left:
                    raise
                print(f"{agent.kit['node']} tries again: {error!r}", file=sys.stderr, flush=True)
            await asyncio.sleep(random.uniform(0.5, 1.5) * PAUSE)

    def ended(task: asyncio.Task[None]) -> None:
        under_way.discard(task)
        if error := task.exception():  # a measurement without this agent would be no measurement
            traceback.print_exception(error)
            os._exit(1)

    server = socket.create_server(("0.0.0.0", plan["port"]), backlog=1024)
    async with await asyncio.start_server(told, sock=server):
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def bare(plan: dict[str, Any]) -> None:
    """The same requests at ``plan["server"]``; says how many agents' worth, and in how many seconds."""
    slots = asyncio.Semaphore(AT_ONCE)
    pushing = ssl.create_default_context(cafile=plan["ca"])
    told = json.dumps({"network": "n" * 10, "epoch": 100}).encode()
    report = b"x" * plan["report_bytes"]
    loop = asyncio.get_running_loop()

    async def one(kit: dict[str, str]) -> None:
        async with slots:
            push = await Connection.open(plan["server"], pushing)
            await expect(push, "POST", "/push", told)
            await push.close()
            context = ssl.create_default_context(cafile=plan["ca"])
            context.load_cert_chain(kit["pem"])
            connection = await Connection.open(plan["server"], context)
            for path in plan["paths"]:
                await expect(connection, "GET", path)
            await expect(connection, "POST", "/v1/acks", report)
            await connection.close()

    async def expect(connection: Connection, method: str, path: str, body: bytes = b"") -> None:
        status, _, _ = await connection.ask(method, path, body)
        if status != 200:
            raise RuntimeError(f"{path}: HTTP {status}")

    began = loop.time()
    await asyncio.gather(*(one(kit) for kit in plan["agents"]))
    print(json.dumps({"agents": len(plan["agents"]), "seconds": loop.time() - began}), flush=True)


async def asking(plan: dict[str, Any]) -> None:
    """An unchanged file asked for over one connection, again and again: seconds a request."""
    agent = Agent(plan["agents"][0], plan)
    connection = await Connection.open(plan["server"], agent._context())
    status, headers, _ = await connection.ask("GET", plan["path"])
    if status != 200:
        raise RuntimeError(f"{plan['path']}: HTTP {status}")
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(plan["count"]):
        status, _, _ = await connection.ask("GET", plan["path"], If_None_Match=headers["etag"])
        if status != 304:
            raise RuntimeError(f"HTTP {status}")
    print(json.dumps({"seconds": (loop.time() - began) / plan["count"]}), flush=True)


if __name__ == "__main__":
    work = {"listen": listen, "bare": bare, "asking": asking}[sys.argv[1]]
    asyncio.run(work(json.loads(Path(sys.argv[2]).read_text())))
