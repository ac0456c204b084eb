"""Who is on a network's list, and how far a node is with it: pure, so the same facts give the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from governance.permissions.formats import checking, writing
from governance.permissions.formats.desired import (
    NO_TLS_IDS,
    PERMISSIONS,
    ROLES,
    Address,
    DesiredState,
    FrozenNode,
    Header,
    ListedAccount,
    ListedNode,
    TlsIds,
    stamp,
)
from governance.permissions.formats.errors import Malformed
from governance.permissions.formats.paths import (
    BESU_PATH,
    FILES,
    FISCO_CERTIFICATES_PATH,
    FISCO_NODES_PATH,
    FORMAT_OF,
    GETH_PATH,
    GOQUORUM_DISALLOWED_PATH,
    GOQUORUM_PATH,
    JSON_PATH,
)
from governance.permissions.formats.writing import NOBODY_PUBLIC_KEY, NOBODY_TLS_ID

__all__ = [
    "BESU_PATH",
    "FILES",
    "FISCO_CERTIFICATES_PATH",
    "FISCO_NODES_PATH",
    "FORMAT_OF",
    "GETH_PATH",
    "GOQUORUM_DISALLOWED_PATH",
    "GOQUORUM_PATH",
    "JSON_PATH",
    "NOBODY_PUBLIC_KEY",
    "NOBODY_TLS_ID",
    "ROLES",
    "Address",
    "Credential",
    "DesiredState",
    "Endpoint",
    "Entry",
    "Facts",
    "FrozenNode",
    "Header",
    "Keys",
    "ListedAccount",
    "ListedNode",
    "Malformed",
    "Permission",
    "TlsIds",
    "compile_list",
    "content_hash",
    "desired",
    "digest",
    "frozen_nodes",
    "listed",
    "listed_accounts",
    "sha256",
    "stamp",
]


class Entry(NamedTuple):
    """What the registry says: a node's role (1 observer, 2 sealer) and the member that answers for it."""

    consensus_id: str  # 128 lowercase hex
    member_id: str  # USCC
    role: int


class Endpoint(NamedTuple):
    """What the console knows of a node that is in service."""

    node_id: str
    name: str
    member_id: str
    consensus_id: str
    software: str
    software_version: str
    host: str  # IPv4 or IPv6, without brackets
    port: int
    addresses: tuple[Address, ...] = ()  # besides host and port
    discovery_port: int | None = None
    raft_port: int | None = None
    is_bootnode: bool = False


class Credential(NamedTuple):
    """A node's newest valid certificate, and the ids of the keys of all of them.

    ``tls_id`` is empty where FISCO BCOS 3 could not list the key.
    """

    serial: str
    tls_id: str
    not_after: datetime
    tls_ids: TlsIds = NO_TLS_IDS


@dataclass(frozen=True)
class Permission:
    """What the registry says of an account: 1 may transact, 2 deploy contracts besides."""

    address: str  # any case, with 0x
    member_id: str
    permission: int


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
    tls_id, ids = credential.tls_id.lower(), credential.tls_ids
    return ListedNode(
        id=endpoint.node_id,
        name=endpoint.name,
        member=entry.member_id,
        role=ROLES[entry.role],
        consensus_id=entry.consensus_id,
        tls_id=tls_id,
        host=endpoint.host,
        port=endpoint.port,
        software=endpoint.software,
        software_version=endpoint.software_version,
        certificate_serial=credential.serial,
        certificate_not_after=stamp(credential.not_after),
        addresses=endpoint.addresses,
        discovery_port=endpoint.discovery_port,
        raft_port=endpoint.raft_port,
        is_bootnode=endpoint.is_bootnode,
        tls_ids=TlsIds(_ids([*ids.rsa, tls_id]), _ids(ids.secp256k1), _ids(ids.sm2)),
    )


def _ids(values: Iterable[str]) -> tuple[str, ...]:
    found = {value.lower() for value in values if value}
    return tuple(sorted(found)) if len(found) > 1 else tuple(found)


def frozen_nodes(entries: Iterable[Entry], endpoints: Iterable[Endpoint]) -> tuple[FrozenNode, ...]:
    """Of the registry's entries that are frozen now, the nodes that the console knows; by node id."""
    known = {endpoint.consensus_id: endpoint for endpoint in endpoints}
    found = []
    for entry in sorted(entries, key=lambda entry: entry.consensus_id):
        node = known.get(entry.consensus_id)
        if node is not None and node.member_id == entry.member_id:
            place = (node.consensus_id, node.host, node.port)
            found.append(FrozenNode(node.node_id, node.name, entry.member_id, *place))
    return tuple(found)


def listed_accounts(permissions: Iterable[Permission], active_members: Set[str]) -> tuple[ListedAccount, ...]:
    """The accounts that may send transactions, by address: those whose member's seat is active."""
    found = (
        ListedAccount(account.address.lower(), account.member_id, PERMISSIONS[account.permission])
        for account in permissions
        if account.member_id in active_members and account.permission in PERMISSIONS
    )
    return tuple(sorted(found, key=lambda account: account.address))


@dataclass(frozen=True)
class Facts:
    """All that a list follows from, as of one block. ``entries`` are without the ``frozen`` ones."""

    entries: tuple[Entry, ...]
    frozen: tuple[Entry, ...]
    permissions: tuple[Permission, ...]
    active_members: Set[str]


@dataclass(frozen=True)
class Keys:
    """Certificates: of each node by its id, and what was taken back before its end."""

    valid: Mapping[str, Credential]
    revoked: TlsIds = NO_TLS_IDS


def desired(facts: Facts, endpoints: Iterable[Endpoint], keys: Keys) -> DesiredState:
    """The state that the facts ask for. Keys of frozen nodes are denied as revoked ones are."""
    endpoints = tuple(endpoints)
    frozen = frozen_nodes(facts.frozen, endpoints)
    return DesiredState(
        nodes=listed(facts.entries, endpoints, keys.valid, facts.active_members),
        accounts=listed_accounts(facts.permissions, facts.active_members),
        frozen=frozen,
        denied=_denied(keys, {node.id for node in frozen}),
    )


def _denied(keys: Keys, frozen: Set[str]) -> TlsIds:
    held = [keys.revoked]
    for node_id in frozen & keys.valid.keys():
        credential = keys.valid[node_id]
        held += [credential.tls_ids, TlsIds(rsa=(credential.tls_id,))]
    return TlsIds(
        _ids(value for ids in held for value in ids.rsa),
        _ids(value for ids in held for value in ids.secp256k1),
        _ids(value for ids in held for value in ids.sm2),
    )


def compile_list(header: Header, state: DesiredState) -> dict[str, bytes]:
    """Every file of an epoch, by its path inside the network's folder, read back as the nodes will.

    Raises Malformed where one of them would be refused, or taken for something else.
    """
    files = writing.write(header, state)
    checking.check(files)
    return files


def content_hash(network: str, state: DesiredState) -> str:
    """SHA-256 of what is listed, whatever the epoch: equal hashes mean that nothing changed."""
    return sha256(f"{network}\n".encode() + state.body)


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
