"""Besu's ``permissions_config.toml``, by Besu's own rules."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from governance.agent.adapters import enodes
from governance.agent.adapters.enodes import Enode
from governance.agent.errors import Refused

NODES, ACCOUNTS = "nodes-allowlist", "accounts-allowlist"
_ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}")
_VERSION = re.compile(r"/v?([0-9]+)\.([0-9]+)")
_BY_ADDRESS = (26, 3)  # from this version on an entry matches by address and port, no longer by key


@dataclass(frozen=True)
class Lists:
    """Who may connect, and who may send; sets, since Besu writes them in an order and case of its own."""

    nodes: frozenset[Enode]
    accounts: frozenset[str]

    def file(self, *keys: str) -> bytes:
        """As a file with ``keys`` alone."""
        values = {NODES: map(str, self.nodes), ACCOUNTS: self.accounts}
        return "".join(f"{key}={json.dumps(sorted(values[key]))}\n" for key in keys).encode()


def parse(data: bytes, path: str, *, dns: bool = False) -> Lists:
    """A whole list. Both keys must be there, since Besu does not load a file without one it has switched on.

    Raises Refused. ``dns``: the node takes names for addresses (``--Xdns-enabled``).
    """
    values = _values(data, path)
    if set(values) != {NODES, ACCOUNTS}:
        raise Refused(f"{path}: {NODES} and {ACCOUNTS} are needed, and nothing else")
    nodes = enodes.parse_all(_texts(values, NODES, path), path)
    named = [node.host for node in nodes if node.named]
    if named and not dns:
        raise Refused(f"{path}: a name for an address, which the node does not look up: {named[0]}")
    return Lists(frozenset(nodes), accounts(_texts(values, ACCOUNTS, path), path))


def part(data: bytes, path: str, key: str) -> Any:
    """The list under ``key`` of a file of the node's; None when there is none that can be read."""
    try:
        texts = _texts(_values(data, path), key, path)
        return frozenset(enodes.parse_all(texts, path)) if key == NODES else accounts(texts, path)
    except Refused:
        return None


def accounts(texts: Iterable[str], path: str) -> frozenset[str]:
    """Raises Refused: for one that can't be read, and for one that is there twice."""
    found: set[str] = set()
    for text in texts:
        if not _ACCOUNT.fullmatch(text):
            raise Refused(f"{path}: not an account: {text[:200]!r}")
        if text.lower() in found:
            raise Refused(f"{path}: there twice: {text}")
        found.add(text.lower())
    return frozenset(found)


def matches_by_address(version: str) -> bool:
    """Does Besu of this version look at address and port alone? Supposed of one that is not known."""
    found = _VERSION.search(version)
    return found is None or (int(found.group(1)), int(found.group(2))) >= _BY_ADDRESS


def shared_address(nodes: Iterable[Enode]) -> Enode | None:
    """A node at an address that another key has, too: matched by address, either could be the other."""
    seen: dict[tuple[str, int], str] = {}
    return next((node for node in sorted(nodes) if seen.setdefault(node.address, node.key) != node.key), None)


def missing(fixed: Iterable[Enode], nodes: Iterable[Enode], *, by_address: bool) -> Enode | None:
    """A bootnode or static node that is not listed. Besu does not start then, and can't remove it either."""
    listed = {_matched(node, by_address) for node in nodes}
    return next((node for node in fixed if _matched(node, by_address) not in listed), None)


def _matched(node: Enode, by_address: bool) -> tuple[str, str, int]:
    return "" if by_address else node.key, node.host, node.port


def _values(data: bytes, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path}: not TOML") from error


def _texts(values: dict[str, Any], key: str, path: str) -> list[str]:
    texts = values.get(key)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise Refused(f"{path}: {key} is not a list of texts")
    return texts
