"""Kind ``geth``: static and trusted peers, by the admin calls and ``static-nodes.json``.

::

    [node]
    kind = "geth"
    static_nodes_file = "/var/lib/geth/geth/static-nodes.json"
    rpc = "http://127.0.0.1:8545"       # ADMIN and WEB3 among its modules
    target = "goquorum/permissioned-nodes.json"     # default; the same format
    drop_seconds = 10                   # default 10: how long a peer may take to be gone

geth has no allow list. The agent keeps it connected to those listed, and sends away who is not; one that
dials in again is there until the next round. Start it with ``--nodiscover``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from governance.agent import files as storage
from governance.agent.adapters import enodes
from governance.agent.adapters.base import ReadBack, sha256
from governance.agent.adapters.enodes import Enode
from governance.agent.adapters.peers import Peers
from governance.agent.adapters.rpc import Rpc, RpcError
from governance.agent.adapters.tables import Table
from governance.agent.errors import Refused

if TYPE_CHECKING:
    from governance.agent.config import File

_NONE: frozenset[Enode] = frozenset()


class Geth:
    """The file is the memory of what geth was told: it can't be asked for its static and trusted peers."""

    def __init__(self, peers: Peers, file: Path, target: str) -> None:
        self._peers = peers
        self._file = file
        self._target = target

    @classmethod
    def of(cls, table: Table, files: tuple[File, ...]) -> Geth:
        peers = Peers(Rpc.of(table), table.seconds("drop_seconds", 10))
        return cls(
            peers, table.path("static_nodes_file"), table.text("target", "goquorum/permissioned-nodes.json")
        )

    def targets(self) -> tuple[str, ...]:
        return (self._target,)

    def check(self, wanted: Mapping[str, bytes]) -> None:
        self._wanted(wanted)

    def put(self, wanted: Mapping[str, bytes]) -> None:
        nodes, former = self._wanted(wanted), self._noted()
        own = self._peers.own_key()
        # Both lists, until geth knows: broken off here, a note is left of everybody that it was told of.
        self._note(nodes | former)
        try:
            self._change(former, nodes, own)
        except RpcError as error:
            self._change(nodes | former, former, own)
            self._note(former)
            raise Refused(f"{self._target}: {error}") from error
        self._note(nodes)
        listed = _keys(nodes)
        self._peers.drop(lambda peer: peer.key not in listed)

    def read_back(self, wanted: Mapping[str, bytes]) -> ReadBack:
        nodes = self._wanted(wanted)
        if self._noted() != nodes:
            return ReadBack({self._target: sha256(self._bytes())}, "node")
        listed, connected = _keys(nodes), self._peers.connected()
        wrong = sorted(peer.key for peer in connected if peer.key not in listed or not peer.trusted)
        if wrong:  # a stranger, or geth was restarted and has forgotten whom it trusts
            return ReadBack({self._target: sha256(f"connected: {' '.join(wrong)}".encode())}, "node")
        if not connected:  # perhaps forgotten, too; to be told twice does no harm
            self._add(nodes, self._peers.own_key())
        return ReadBack({self._target: sha256(wanted[self._target])}, "node")

    def version(self) -> str:
        return self._peers.version()

    def _change(self, former: frozenset[Enode], nodes: frozenset[Enode], own: str) -> None:
        """Who goes, first: geth knows a node by its key alone, so one that moved would be removed for good."""
        gone = [str(node) for node in sorted(former - nodes) if node.key != own]
        self._peers.tell("admin_removeTrustedPeer", gone)
        self._peers.tell("admin_removePeer", gone)
        self._add(nodes, own)

    def _add(self, nodes: Iterable[Enode], own: str) -> None:
        others = [str(node) for node in sorted(nodes) if node.key != own]
        self._peers.tell("admin_addTrustedPeer", others)
        self._peers.tell("admin_addPeer", others)

    def _wanted(self, wanted: Mapping[str, bytes]) -> frozenset[Enode]:
        return frozenset(enodes.parse_json(wanted[self._target], self._target))

    def _bytes(self) -> bytes:
        return self._file.read_bytes() if self._file.exists() else b""

    def _noted(self) -> frozenset[Enode]:
        try:
            return frozenset(enodes.parse_json(self._bytes(), str(self._file)))
        except Refused:  # none yet, or none that geth could read either
            return _NONE

    def _note(self, nodes: frozenset[Enode]) -> None:
        data = (json.dumps([str(node) for node in sorted(nodes)], indent=1) + "\n").encode()
        if data != self._bytes():
            storage.write(self._file, data)


def _keys(nodes: Iterable[Enode]) -> frozenset[str]:
    return frozenset(node.key for node in nodes)
