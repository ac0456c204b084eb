"""The desired state: who takes part in a network and how, and who is kept out. No format's words in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple, Protocol

ROLES: Mapping[int, str] = {1: "observer", 2: "sealer"}
PERMISSIONS: Mapping[int, str] = {1: "transact", 2: "deploy"}


class Address(NamedTuple):
    """Where peers reach a node: IPv4 or IPv6 without brackets, and the TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


RSA, SECP256K1, SM2 = "3.x", "2.x", "sm"
FORMS = (RSA, SECP256K1, SM2)
_KNOWN_FORMS = {
    has: frozenset(form for form, is_there in zip(FORMS, has, strict=True) if is_there)
    for has in product((False, True), repeat=len(FORMS))
}


class TlsIds(NamedTuple):
    """What FISCO BCOS knows TLS peers by, lower-case hex, each sorted.

    Three kinds of network know three: 3.x the modulus of an RSA 2048 key (512 digits), 2.x the secp256k1
    public key (128), 3.x in SM mode the SM2 public key (128).
    """

    rsa: tuple[str, ...] = ()
    secp256k1: tuple[str, ...] = ()
    sm2: tuple[str, ...] = ()

    def of(self, form: str) -> tuple[str, ...]:
        """The ids that a network of this form lists."""
        if form == RSA:
            return self.rsa
        return self.secp256k1 if form == SECP256K1 else self.sm2

    @property
    def forms(self) -> frozenset[str]:
        """Those that there is an id of."""
        return _KNOWN_FORMS[bool(self.rsa), bool(self.secp256k1), bool(self.sm2)]

    def as_json(self, *, without: str = "") -> dict[str, list[str]]:
        """By form, where there are any."""
        if not self.secp256k1 and not self.sm2 and self.rsa in ((), (without,)):
            return {}  # the usual case, 10,000 times
        found = {RSA: [one for one in self.rsa if one != without]}
        found |= {SECP256K1: list(self.secp256k1), SM2: list(self.sm2)}
        return {form: ids for form, ids in found.items() if ids}


NO_TLS_IDS = TlsIds()


class ListedNode(NamedTuple):
    """A node that may take part; the fields' names are those of ``permissions.json``.

    A tuple, as all that there is 10,000 times: a frozen dataclass takes four times as long to make.
    """

    id: str
    name: str
    member: str
    role: str
    consensus_id: str
    tls_id: str  # of its newest certificate; empty where that is not RSA 2048
    host: str
    port: int
    software: str
    software_version: str
    certificate_serial: str
    certificate_not_after: str
    addresses: tuple[Address, ...] = ()  # besides host and port
    discovery_port: int | None = None  # None: as port
    raft_port: int | None = None
    is_bootnode: bool = False
    # of all its valid certificates: between a renewal and the node's restart, its peers see the former one
    tls_ids: TlsIds = NO_TLS_IDS

    @property
    def first_address(self) -> Address:
        return Address(self.host, self.port)

    @property
    def reached_at(self) -> tuple[Address, ...]:
        first = (Address(self.host, self.port),)
        return (*first, *self.addresses) if self.addresses else first

    def as_json(self) -> dict[str, Any]:
        """Its entry in the file. By hand: ``dataclasses.asdict`` takes a second for 10,000 nodes."""
        return {
            "id": self.id,
            "name": self.name,
            "member": self.member,
            "role": self.role,
            "consensus_id": self.consensus_id,
            "tls_id": self.tls_id,
            "host": self.host,
            "port": self.port,
            "software": self.software,
            "software_version": self.software_version,
            "certificate_serial": self.certificate_serial,
            "certificate_not_after": self.certificate_not_after,
            "addresses": [str(address) for address in self.addresses],
            "discovery_port": self.discovery_port,
            "raft_port": self.raft_port,
            "is_bootnode": self.is_bootnode,
            "further_tls_ids": self.tls_ids.as_json(without=self.tls_id),
        }


@dataclass(frozen=True)
class ListedAccount:
    """An account that may send transactions, or deploy contracts besides."""

    address: str  # 0x and 40 lower-case hex
    member: str
    permission: str

    def as_json(self) -> dict[str, str]:
        return {"address": self.address, "member": self.member, "permission": self.permission}


@dataclass(frozen=True)
class FrozenNode:
    """A node that the guardians or the members froze: kept out by name, not only by its absence."""

    id: str
    name: str
    member: str
    consensus_id: str
    host: str
    port: int

    def as_json(self) -> dict[str, Any]:
        names = ("id", "name", "member", "consensus_id", "host", "port")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class DesiredState:
    """All that a list says. ``denied``: ids of keys that are frozen, suspended or revoked."""

    nodes: tuple[ListedNode, ...] = ()
    accounts: tuple[ListedAccount, ...] = ()
    frozen: tuple[FrozenNode, ...] = ()
    denied: TlsIds = NO_TLS_IDS

    @cached_property
    def claims(self) -> Mapping[Address, ListedNode]:
        """Whose each address is; of nodes that name the same one the first's, bootnodes before others.

        Besu matches by address and port since 26.3 and refuses the same entry twice: a list that names an
        address under two keys means either of them. A first address counts more than a further one.
        """
        found: dict[Address, ListedNode] = {}
        ranked = sorted(self.nodes, key=lambda node: (not node.is_bootnode, node.consensus_id))
        for node in ranked:
            found.setdefault(Address(node.host, node.port), node)
        for node in ranked:
            for address in node.addresses:
                found.setdefault(address, node)
        return found

    @cached_property
    def reach(self) -> Sequence[tuple[ListedNode, Sequence[Address]]]:
        """Each node with the addresses that are its own in the lists."""
        claims = self.claims
        return [
            (node, [address for address in node.reached_at if claims[address] is node]) for node in self.nodes
        ]

    @property
    def shared(self) -> list[str]:
        """Addresses that more than one listed node names."""
        lost = (set(node.reached_at).difference(own) for node, own in self.reach)
        return sorted({str(address) for addresses in lost for address in addresses})

    def white(self, form: str) -> list[str]:
        """Ids that FISCO BCOS is to let in, in the nodes' order."""
        return list(dict.fromkeys(one for node in self.nodes for one in node.tls_ids.of(form)))

    def black(self, form: str) -> list[str]:
        """Ids that it is to keep out: none that a listed node's valid certificate has, since this list wins.

        A certificate of 2.x is renewed with the same key, and the former one may be revoked as superseded.
        """
        denied = self.denied.of(form)
        return sorted(set(denied) - set(self.white(form))) if denied else []

    @cached_property
    def body(self) -> bytes:
        """``permissions.json`` after its header: all that is listed, whatever the epoch."""
        denied = {form: ids for form in FORMS if (ids := self.black(form))}
        return (
            f' "nodes": {_lines(self.nodes, "id")},\n'
            f' "accounts": {_lines(self.accounts, "address")},\n'
            f' "frozen": {_lines(self.frozen, "id")},\n'
            f' "denied_tls_ids": {json.dumps(denied)}}}\n'
        ).encode()


class _Entry(Protocol):
    def as_json(self) -> dict[str, Any]: ...


def _lines(entries: Iterable[_Entry], first: str) -> str:
    """An entry a line. Written at once, since the encoder in C knows no lines; ``first`` is their first key.

    A quotation mark inside a string has a backslash before it, so the words can't be part of one.
    """
    text = json.dumps([entry.as_json() for entry in entries], ensure_ascii=False)
    return text.replace(f'}}, {{"{first}": ', f'}},\n  {{"{first}": ')


@dataclass(frozen=True)
class Header:
    """What names an epoch: of which network, after which block and transaction, since when."""

    network: str
    epoch: int
    block: int
    tx_hash: str
    effective_at: datetime

    def custom(self) -> dict[str, Any]:
        """The part that travels in a TUF target's ``custom``."""
        return {
            "epoch": self.epoch,
            "block": self.block,
            "tx_hash": self.tx_hash,
            "effective_at": stamp(self.effective_at),
        }


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return at.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
