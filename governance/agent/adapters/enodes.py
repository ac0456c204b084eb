"""Addresses of nodes: ``enode://<128 hex>@<host>:<port>?discport=<p>&raftport=<p>``."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from governance.agent.errors import Refused

_FORM = re.compile(
    r"enode://([0-9a-fA-F]{128})@(\[[0-9a-fA-F:.]+\]|[^\[\]@:/?#\s]+):([0-9]{1,5})(?:\?([^#\s]*))?"
)
_QUERY = re.compile(r"(discport|raftport)=([0-9]{1,5})")
_NAME = re.compile(r"(?!.*[.-]{2})[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, order=True)
class Enode:
    """Two texts that mean the same are equal: case, the form of an IPv6 address and a discport that is the
    port do not matter."""

    key: str
    host: str
    port: int
    discport: int
    raftport: int = 0

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def named(self) -> bool:
        """Is the host a DNS name?"""
        return not _is_address(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        raft = f"&raftport={self.raftport}" if self.raftport else ""
        return f"enode://{self.key}@{host}:{self.port}?discport={self.discport}{raft}"


def parse(text: str) -> Enode:
    """Raises ValueError, with a reason to show."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"not an enode address: {text[:200]!r}")
    port = int(form.group(3))
    ports = _ports(form.group(4) or "", text)
    if not 0 < port < 65536 or not all(0 <= number < 65536 for number in ports.values()):
        raise ValueError(f"a port outside its range: {text[:200]!r}")
    host = _host(form.group(2), text)
    return Enode(form.group(1).lower(), host, port, ports.get("discport", port), ports.get("raftport", 0))


def parse_json(data: bytes, path: str) -> list[Enode]:
    """A strict JSON list of addresses, as GoQuorum and geth read it. Raises Refused."""
    try:
        texts = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path}: not JSON") from error
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused(f"{path}: not a list of texts")
    return parse_all(texts, path)


def parse_all(texts: Iterable[str], path: str) -> list[Enode]:
    """Raises Refused: for one that can't be read, and for one that is there twice."""
    found: dict[Enode, None] = {}
    for text in texts:
        try:
            enode = parse(text)
        except ValueError as error:
            raise Refused(f"{path}: {error}") from error
        if enode in found:
            raise Refused(f"{path}: there twice: {text[:200]}")
        found[enode] = None
    return list(found)


def _ports(query: str, text: str) -> dict[str, int]:
    ports: dict[str, int] = {}
    for part in query.split("&") if query else ():
        pair = _QUERY.fullmatch(part)
        if pair is None or pair.group(1) in ports:
            raise ValueError(f"not an enode address: {text[:200]!r}")
        ports[pair.group(1)] = int(pair.group(2))
    return ports


def _host(host: str, text: str) -> str:
    bare = host.strip("[]")
    if _is_address(bare):
        return ipaddress.ip_address(bare).compressed
    if host != bare or not _NAME.fullmatch(bare.lower()) or bare.replace(".", "").isdigit():
        raise ValueError(f"not a host: {text[:200]!r}")
    return bare.lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
