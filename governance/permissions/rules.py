"""Who is on a network's list, and the bytes of the list: pure, so the same facts give the same bytes.

Formats after facts published by the node software: Besu's ``permissions_config.toml``, GoQuorum's
``permissioned-nodes.json``, FISCO BCOS's certificate lists and ``nodes.json``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

JSON_PATH = "permissions.json"
BESU_PATH = "besu/permissions_config.toml"
GOQUORUM_PATH = "goquorum/permissioned-nodes.json"
GOQUORUM_DISALLOWED_PATH = "goquorum/disallowed-nodes.json"
FISCO_CERTIFICATES_PATH = "fisco-bcos/certificates.ini"
FISCO_NODES_PATH = "fisco-bcos/nodes.json"

# The first file of a format is the one that its short address on the gateway answers.
FILES: Mapping[str, tuple[str, ...]] = {
    "json": (JSON_PATH,),
    "besu": (BESU_PATH,),
    "goquorum": (GOQUORUM_PATH, GOQUORUM_DISALLOWED_PATH),
    "fisco-bcos": (FISCO_CERTIFICATES_PATH, FISCO_NODES_PATH),
}
FORMAT_OF: Mapping[str, str] = {path: name for name, paths in FILES.items() for path in paths}

ROLES: Mapping[int, str] = {1: "observer", 2: "sealer"}

# FISCO BCOS takes an empty white list, or one of invalid ids only (all zeros is one), for "allow everyone".
# Where nobody may connect, the list therefore holds 2^2047: 2048 bits long, so a valid id, but even, so no
# product of two odd primes, so the modulus of no RSA key.
NOBODY_TLS_ID = "8" + "0" * 511


@dataclass(frozen=True)
class Entry:
    """What the registry says: a node's role (1 observer, 2 sealer) and the member that answers for it."""

    consensus_id: str  # 128 lowercase hex
    member_id: str  # USCC
    role: int


@dataclass(frozen=True)
class Endpoint:
    """What the console knows of a node that is in service."""

    node_id: str
    name: str
    member_id: str
    consensus_id: str
    software: str
    software_version: str
    host: str  # IPv4 or IPv6, without brackets
    port: int


@dataclass(frozen=True)
class Credential:
    """A node's valid certificate. ``tls_id`` is empty where FISCO BCOS could not list the key."""

    serial: str
    tls_id: str
    not_after: datetime


@dataclass(frozen=True)
class ListedNode:
    """A node as ``permissions.json`` shows it; the fields' names are the file's."""

    id: str
    name: str
    member: str
    role: str
    consensus_id: str
    tls_id: str
    host: str
    port: int
    software: str
    software_version: str
    certificate_serial: str
    certificate_not_after: str


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
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def listed(
    entries: Iterable[Entry],
    endpoints: Iterable[Endpoint],
    credentials: Mapping[str, Credential],
    active_members: Set[str],
) -> tuple[ListedNode, ...]:
    """The nodes that may take part, by node id on the ledger.

    A node is listed when the registry gives it a role, the member that the registry names is the one the
    console knows it under, that member's seat is active, and the node holds a valid certificate
    (``credentials``, by :attr:`Endpoint.node_id`).
    """
    known = {endpoint.consensus_id: endpoint for endpoint in endpoints}
    nodes = []
    for entry in sorted(entries, key=lambda entry: entry.consensus_id):
        endpoint = known.get(entry.consensus_id)
        if endpoint is None or endpoint.member_id != entry.member_id or entry.member_id not in active_members:
            continue
        credential = credentials.get(endpoint.node_id)
        if credential is not None and entry.role in ROLES:
            nodes.append(_listed(entry, endpoint, credential))
    return tuple(nodes)


def _listed(entry: Entry, endpoint: Endpoint, credential: Credential) -> ListedNode:
    return ListedNode(
        id=endpoint.node_id,
        name=endpoint.name,
        member=entry.member_id,
        role=ROLES[entry.role],
        consensus_id=entry.consensus_id,
        tls_id=credential.tls_id.lower(),
        host=endpoint.host,
        port=endpoint.port,
        software=endpoint.software,
        software_version=endpoint.software_version,
        certificate_serial=credential.serial,
        certificate_not_after=stamp(credential.not_after),
    )


def compile_list(header: Header, nodes: Iterable[ListedNode]) -> dict[str, bytes]:
    """Every file of an epoch, by its path inside the network's folder."""
    nodes = tuple(nodes)
    return {
        JSON_PATH: _permissions_json(header, nodes),
        BESU_PATH: _besu(nodes),
        GOQUORUM_PATH: _json([_enode(node) for node in nodes]),
        GOQUORUM_DISALLOWED_PATH: _json([]),  # never empty bytes: GoQuorum would then block everybody
        FISCO_CERTIFICATES_PATH: _fisco_certificates(nodes),
        FISCO_NODES_PATH: _json({"nodes": [_address(node) for node in _with_tls_id(nodes)]}),
    }


def content_hash(network: str, nodes: Iterable[ListedNode]) -> str:
    """SHA-256 of what is listed, whatever the epoch: equal hashes mean that nothing changed."""
    return sha256(_json({"network": network, "nodes": [asdict(node) for node in nodes]}))


def sha256(content: bytes) -> str:
    """Lowercase hex."""
    return hashlib.sha256(content).hexdigest()


def digest(files: Mapping[str, str]) -> str:
    """One hash for the files of a format (path to sha256): its only file's own, else that of their list.

    The list is what ``sha256sum`` prints, sorted by path.
    """
    if len(files) == 1:
        return next(iter(files.values()))
    lines = (f"{value}  {path}\n" for path, value in sorted(files.items()))
    return sha256("".join(lines).encode())


def _permissions_json(header: Header, nodes: tuple[ListedNode, ...]) -> bytes:
    head = {"network": header.network, **header.custom()}
    return _json({**head, "nodes": [asdict(node) for node in nodes]})


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def _address(node: ListedNode) -> str:
    host = f"[{node.host}]" if ":" in node.host else node.host
    return f"{host}:{node.port}"


def _enode(node: ListedNode) -> str:
    return f"enode://{node.consensus_id}@{_address(node)}?discport={node.port}"


def _besu(nodes: tuple[ListedNode, ...]) -> bytes:
    # Both keys always: Besu does not start when one is missing that its options switch on.
    allowed = ",".join(f'"{_enode(node)}"' for node in nodes)
    return f"accounts-allowlist=[]\nnodes-allowlist=[{allowed}]\n".encode()


def _with_tls_id(nodes: tuple[ListedNode, ...]) -> list[ListedNode]:
    return [node for node in nodes if node.tls_id]


def _fisco_certificates(nodes: tuple[ListedNode, ...]) -> bytes:
    ids = [node.tls_id for node in _with_tls_id(nodes)] or [NOBODY_TLS_ID]
    allowed = "".join(f"    cal.{number}={tls_id}\n" for number, tls_id in enumerate(ids))
    return f"[certificate_blacklist]\n[certificate_whitelist]\n{allowed}".encode("ascii")


@dataclass(frozen=True)
class DeliveryFacts:
    """What is known of one node's delivery; epochs are numbers, 0 for none."""

    listed: bool
    wanted: int
    told: int
    applied: int
    mismatch: bool
    refused_at: datetime | None
    pulled_at: datetime | None
    wanted_at: datetime | None


def delivery_state(facts: DeliveryFacts, now: datetime, *, grace: timedelta = timedelta(seconds=30)) -> str:
    """``unlisted``, ``refused``, ``mismatch``, ``applied``, ``told``, ``waiting`` or ``behind``.

    ``behind`` is a node that has not applied what it should ``grace`` after it was published.
    """
    if facts.refused_at is not None and (facts.pulled_at is None or facts.refused_at > facts.pulled_at):
        return "refused"
    if not facts.listed:
        return "unlisted"
    if facts.mismatch:
        return "mismatch"
    if facts.applied >= facts.wanted:
        return "applied"
    if facts.wanted_at is not None and now - facts.wanted_at > grace:
        return "behind"
    return "told" if facts.told >= facts.wanted else "waiting"
