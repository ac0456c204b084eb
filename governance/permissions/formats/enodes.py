"""How Besu, GoQuorum and geth read their lists: strictly, and all of a list or nothing of it."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from governance.permissions.formats.errors import Malformed, once

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PORT = r"(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
# No name: those need an option of Besu's. No 0.0.0.0/8, which is everybody, and no multicast.
_HOST = rf"(?:(?!0\.)(?!22[4-9]|2[3-5][0-9]){_OCTET}(?:\.{_OCTET}){{3}}|\[([0-9a-f:.]+)\])"
ADDRESS = re.compile(rf"{_HOST}:{_PORT}")
_ENODE = re.compile(
    rf"enode://([0-9a-f]{{128}})@({_HOST}:{_PORT})\?discport=(?:0|{_PORT})(?:&raftport=({_PORT}))?"
)
_ACCOUNT = re.compile(r"0x[0-9a-f]{40}")
_PRIME = 2**256 - 2**32 - 977  # SEC 2, section 2.4.1: y² = x³ + 7 over this field


class Enode(NamedTuple):
    """An entry: the node's key, and where it is."""

    key: str
    address: str  # host, with brackets around IPv6, and port


@dataclass(frozen=True)
class BesuLists:
    """What Besu takes from ``permissions_config.toml``."""

    accounts: frozenset[str]
    nodes: tuple[Enode, ...]


def besu(path: str, content: bytes) -> BesuLists:
    """Both keys, each once, lists of plain strings. Raises Malformed.

    What is read is the part of TOML that holds two arrays of strings without escapes; there an array is
    written as in JSON, which a list of 10,000 entries is read faster as.
    """
    values: dict[str, list[str]] = {}
    for line in _text(path, content).splitlines():
        name, equals, array = line.partition("=")
        if not equals or name in values or name not in {"accounts-allowlist", "nodes-allowlist"}:
            raise Malformed(path, "unknown_or_repeated_key", line[:40])
        if "\\" in array:
            raise Malformed(path, "escape", line[:40])
        values[name] = _strings(path, array)
    if len(values) != 2:
        raise Malformed(path, "both_keys_needed", ", ".join(values))
    accounts = once(path, "duplicate_account", values["accounts-allowlist"])
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise Malformed(path, "account", account)
    nodes = _enodes(path, values["nodes-allowlist"], raft=False)
    once(path, "address_under_two_entries", [node.address for node in nodes])
    return BesuLists(accounts, nodes)


def json_list(path: str, content: bytes, *, raft: bool = False) -> tuple[Enode, ...]:
    """GoQuorum's and geth's: strict JSON, one entry a node, since they match by its id alone.

    Empty bytes are Malformed: GoQuorum would block everybody. An empty list is a list.
    """
    nodes = _enodes(path, _strings(path, _text(path, content)), raft=raft)
    once(path, "duplicate_node", [node.key for node in nodes])
    return nodes


def _text(path: str, content: bytes) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed(path, "not_ascii") from None


def _strings(path: str, text: str) -> list[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(path, "not_a_list", text[:40]) from None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Malformed(path, "not_a_list", text[:40])
    return found


def _enodes(path: str, urls: Sequence[str], *, raft: bool) -> tuple[Enode, ...]:
    once(path, "duplicate_enode", urls)
    return tuple([_enode(path, url, raft=raft) for url in urls])


def _enode(path: str, url: str, *, raft: bool) -> Enode:
    match = _ENODE.fullmatch(url)
    if match is None:
        raise Malformed(path, "enode", url)
    key, address, ipv6, raft_port = match.groups()
    if ipv6 is not None and not is_ipv6(ipv6):
        raise Malformed(path, "address", url)
    if raft_port is not None and not raft:
        raise Malformed(path, "raft_port", url)
    if not _on_curve(key):
        raise Malformed(path, "key_off_curve", key)
    return Enode(key, address)


def is_ipv6(text: str) -> bool:
    """An address that a single machine can have."""
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_multicast)


@lru_cache(maxsize=65536)  # the same keys are in three files, and in the next epoch again
def _on_curve(key: str) -> bool:
    """A point of secp256k1? A client that meets another rejects the whole list."""
    x, y = int(key[:64], 16), int(key[64:], 16)
    return max(x, y) < _PRIME and (y * y - x * x * x - 7) % _PRIME == 0
