"""Kind ``goquorum``: its two files, and sending away who is connected and no longer permitted.

::

    [node]
    kind = "goquorum"
    data_dir = "/var/lib/quorum"        # where permissioned-nodes.json and disallowed-nodes.json are
    rpc = "http://127.0.0.1:8545"       # ADMIN and WEB3 among its modules
    drop_seconds = 10                   # default 10: how long a peer may take to be gone

The node reads the files at every connection, so there is nothing to reload.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from governance.agent import files as storage
from governance.agent.adapters import enodes
from governance.agent.adapters.base import ReadBack, sha256
from governance.agent.adapters.enodes import Enode
from governance.agent.adapters.peers import Peer, Peers
from governance.agent.adapters.rpc import Rpc
from governance.agent.adapters.tables import Table
from governance.agent.errors import Refused

if TYPE_CHECKING:
    from governance.agent.config import File

_PERMITTED, _DISALLOWED = "permissioned-nodes.json", "disallowed-nodes.json"


class GoQuorum:
    """A GoQuorum node started with ``--permissioned``."""

    def __init__(self, peers: Peers, data_dir: Path, folder: str) -> None:
        self._peers = peers
        # In this order: whoever was told to stay out is out before anybody new is in.
        self._places = {f"{folder}/{name}": data_dir / name for name in (_DISALLOWED, _PERMITTED)}
        self._disallowed, self._permitted = self._places

    @classmethod
    def of(cls, table: Table, files: tuple[File, ...]) -> GoQuorum:
        peers = Peers(Rpc.of(table), table.seconds("drop_seconds", 10))
        return cls(peers, table.path("data_dir"), table.text("folder", "goquorum"))

    def targets(self) -> tuple[str, ...]:
        return tuple(self._places)

    def check(self, wanted: Mapping[str, bytes]) -> None:
        """A permissioned file that can't be read denies all; a disallowed one blocks all, zero bytes too."""
        for target in self._places:
            enodes.parse_json(wanted[target], target)

    def put(self, wanted: Mapping[str, bytes]) -> None:
        self.check(wanted)
        for target, path in self._places.items():
            if not _says(path, wanted[target], target):
                storage.write(path, wanted[target])
        # A change of the files closes no connection.
        self._peers.drop(self._unwanted(wanted))

    def read_back(self, wanted: Mapping[str, bytes]) -> ReadBack:
        found = {target: _found(path, wanted[target], target) for target, path in self._places.items()}
        unwanted = self._unwanted(wanted)
        strangers = sorted(peer.key for peer in self._peers.connected() if unwanted(peer))
        if strangers:
            found[self._permitted] = sha256(f"connected: {' '.join(strangers)}".encode())
        return ReadBack(found, "node")

    def version(self) -> str:
        return self._peers.version()

    def _unwanted(self, wanted: Mapping[str, bytes]) -> _Unwanted:
        permitted = _keys(wanted[self._permitted], self._permitted)
        return _Unwanted(permitted - _keys(wanted[self._disallowed], self._disallowed))


class _Unwanted:
    """GoQuorum looks at the key alone, never at the address; who is disallowed is out though permitted."""

    def __init__(self, keys: frozenset[str]) -> None:
        self._keys = keys

    def __call__(self, peer: Peer) -> bool:
        return peer.key not in self._keys


def _keys(data: bytes, target: str) -> frozenset[str]:
    return frozenset(node.key for node in enodes.parse_json(data, target))


def _says(path: Path, data: bytes, target: str) -> bool:
    """Has the file the same addresses?"""
    there = _addresses(path)
    return there is not None and there == frozenset(enodes.parse_json(data, target))


def _found(path: Path, data: bytes, target: str) -> str:
    if _says(path, data, target):
        return sha256(data)
    return sha256(path.read_bytes() if path.exists() else b"")


def _addresses(path: Path) -> frozenset[Enode] | None:
    try:
        return frozenset(enodes.parse_json(path.read_bytes(), str(path)))
    except (FileNotFoundError, Refused):
        return None
