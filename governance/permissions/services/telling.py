"""Saying "there is a new epoch" to agents, many at a time: sockets alone, no rows.

Each agent is spoken to once, on its own address, and closes the connection: what a client library keeps for
connections to come would be for nothing. Who answers is looked at before anything is said.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

AT_ONCE = 200  # open connections of one worker
SECONDS = 3.0  # for the whole of one attempt
_LONGEST_HEAD = 8 * 1024  # bytes of an answer that are looked at


class WrongAgent(Exception):
    """Another node answers at this node's push address."""


class NoAnswer(Exception):
    """What came back is no HTTP."""


@dataclass(frozen=True, slots=True)
class Job:
    """One node to tell of one epoch."""

    node_id: uuid.UUID
    url: str
    network: str
    epoch: int
    attempts: int
    urn: str  # the name in its certificate


@lru_cache(maxsize=4)
def context(anchors: str) -> ssl.SSLContext:
    """Trusts these authorities (PEM) alone. The agent is known by its node id, not by a host name."""
    made = ssl.create_default_context(cadata=anchors or None)
    made.check_hostname = False
    made.set_alpn_protocols(["http/1.1"])
    return made


async def tell_all(jobs: Sequence[Job], trust: ssl.SSLContext) -> dict[uuid.UUID, str]:
    """What each attempt ended with, by node: empty when the agent took it, else why not."""
    waiting = iter(jobs)
    found: dict[uuid.UUID, str] = {}

    async def work() -> None:
        for job in waiting:
            found[job.node_id] = await tell(job, trust)

    await asyncio.gather(*(work() for _ in range(min(AT_ONCE, len(jobs)))))
    return found


async def tell(job: Job, trust: ssl.SSLContext) -> str:
    try:
        async with asyncio.timeout(SECONDS):
            return await _tell(job, trust)
    except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, WrongAgent, NoAnswer) as error:
        return f"{type(error).__name__}: {error}"


async def _tell(job: Job, trust: ssl.SSLContext) -> str:
    host, port, head = _request(job)
    reader, writer = await asyncio.open_connection(host, port, ssl=trust, limit=_LONGEST_HEAD)
    try:
        _check_agent(writer, job.urn)
        writer.write(head)
        await writer.drain()
        status = _status(await reader.readline())
    finally:
        writer.transport.abort()  # it has answered: nothing is left to say, and nobody need wait for its end
    return "" if 200 <= status < 300 else f"HTTP {status}"


def _request(job: Job) -> tuple[str, int, bytes]:
    """Where to, and all of the request. Raises ValueError for an address that is none."""
    url = urlsplit(job.url)
    if url.scheme != "https" or not url.hostname:
        raise ValueError(f"no https address: {job.url[:200]}")
    body = json.dumps({"network": job.network, "epoch": job.epoch}, separators=(",", ":")).encode()
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise ValueError("no path for a request")
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {host}:{url.port or 443}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "",
        "",
    )
    return url.hostname, url.port or 443, "\r\n".join(lines).encode("ascii") + body


def _check_agent(writer: asyncio.StreamWriter, urn: str) -> None:
    peer = writer.get_extra_info("ssl_object")
    names = peer.getpeercert().get("subjectAltName", ()) if peer else ()
    if ("URI", urn) not in names:
        raise WrongAgent(", ".join(f"{kind}:{name}" for kind, name in names) or "no name")


def _status(line: bytes) -> int:
    version, _space, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise NoAnswer(repr(line[:80]))
    return int(rest[:3])
