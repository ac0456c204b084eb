"""The check before signing: each file is read as its node would read it, then all are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.permissions.formats import enodes, fisco, paths
from governance.permissions.formats.enodes import BesuLists, Enode
from governance.permissions.formats.errors import Malformed, once
from governance.permissions.formats.fisco import FiscoLists

_NOBODY = {512: "8" + "0" * 511, 128: "8" + "0" * 127}
_FISCO = {
    "3.x": (paths.FISCO_CERTIFICATES_PATH, paths.FISCO_NODES_PATH, 512),
    "2.x": (paths.FISCO_2_CERTIFICATES_PATH, paths.FISCO_2_NODES_PATH, 128),
    "sm": (paths.FISCO_SM_CERTIFICATES_PATH, paths.FISCO_SM_NODES_PATH, 128),
}

_ENTRIES = {
    "nodes": {"id", "consensus_id", "host", "port", "is_bootnode"},
    "accounts": {"address", "permission"},
    "frozen": {"consensus_id"},
}


@dataclass(frozen=True)
class Parsed:
    """What the nodes of each kind would have in force. ``document`` is ``permissions.json``."""

    document: Mapping[str, Any]
    besu: BesuLists
    goquorum: tuple[Enode, ...]
    goquorum_disallowed: tuple[Enode, ...]
    geth: tuple[Enode, ...]
    fisco: Mapping[str, FiscoLists]  # by form: 3.x, 2.x, sm


def check(files: Mapping[str, bytes]) -> Parsed:
    """All files of an epoch. Raises Malformed for the first that its reader would not take as it is meant."""
    if files.keys() != paths.FORMAT_OF.keys():
        different = sorted(files.keys() ^ paths.FORMAT_OF.keys())
        raise Malformed(different[0], "file_missing_or_unknown")
    parsed = Parsed(
        document=_document(files[paths.JSON_PATH]),
        besu=enodes.besu(paths.BESU_PATH, files[paths.BESU_PATH]),
        goquorum=_enodes(files, paths.GOQUORUM_PATH, raft=True),
        goquorum_disallowed=_enodes(files, paths.GOQUORUM_DISALLOWED_PATH, raft=True),
        geth=_enodes(files, paths.GETH_PATH, raft=False),
        fisco={form: _fisco(files, *where) for form, where in _FISCO.items()},
    )
    _agree(parsed)
    return parsed


def _enodes(files: Mapping[str, bytes], path: str, *, raft: bool) -> tuple[Enode, ...]:
    return enodes.json_list(path, files[path], raft=raft)


def _fisco(files: Mapping[str, bytes], certificates: str, peers: str, digits: int) -> FiscoLists:
    white, black = fisco.certificates(certificates, files[certificates], digits)
    nobody = _NOBODY[digits]
    if nobody in white and len(white) > 1:
        raise Malformed(certificates, "nobody_beside_others")
    found = fisco.peers(peers, files[peers])
    if found and nobody in white:
        raise Malformed(peers, "peers_of_nobody", min(found))
    return FiscoLists(white, black, found, nobody in white)


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise Malformed(paths.JSON_PATH, "not_json") from None
    needed = {"network", "epoch", "block", "tx_hash", "effective_at", "nodes", "accounts", "frozen"}
    if not isinstance(found, dict) or not needed <= found.keys():
        raise Malformed(paths.JSON_PATH, "field_missing")
    for name, fields in _ENTRIES.items():
        if not all(isinstance(entry, dict) and fields <= entry.keys() for entry in found[name]):
            raise Malformed(paths.JSON_PATH, "field_missing", name)
    once(paths.JSON_PATH, "duplicate_node", [node["consensus_id"] for node in found["nodes"]])
    return found


def _agree(parsed: Parsed) -> None:
    """One list in five forms: whom one lets in, no other keeps out, but for what a form can't express."""
    nodes = parsed.document["nodes"]
    listed = {node["consensus_id"] for node in nodes}
    frozen = {node["consensus_id"] for node in parsed.document["frozen"]}
    if both := listed & frozen:
        raise Malformed(paths.JSON_PATH, "frozen_node_listed", min(both))
    for path, found in ((paths.GOQUORUM_PATH, parsed.goquorum), (paths.GETH_PATH, parsed.geth)):
        _same(path, {node.key for node in found}, listed)
    _same(paths.GOQUORUM_DISALLOWED_PATH, {node.key for node in parsed.goquorum_disallowed}, frozen)
    _besu(parsed, listed)
    accounts = {account["address"] for account in parsed.document["accounts"]}
    _same(paths.BESU_PATH, parsed.besu.accounts, accounts)


def _besu(parsed: Parsed, listed: set[str]) -> None:
    """Only listed keys, and every node's first address; without a bootnode's Besu does not start."""
    if strangers := {node.key for node in parsed.besu.nodes} - listed:
        raise Malformed(paths.BESU_PATH, "node_not_listed", min(strangers))
    addresses = {node.address for node in parsed.besu.nodes}
    for node in parsed.document["nodes"]:
        host = f"[{node['host']}]" if ":" in node["host"] else node["host"]
        if f"{host}:{node['port']}" not in addresses:
            rule = "bootnode_missing" if node["is_bootnode"] else "address_missing"
            raise Malformed(paths.BESU_PATH, rule, node["consensus_id"])


def _same(path: str, found: set[str] | frozenset[str], wanted: set[str]) -> None:
    if different := set(found) ^ wanted:
        raise Malformed(path, "differs_from_list", min(different))
