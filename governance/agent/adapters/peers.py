"""Who is connected to a node of geth's family, and who is sent away."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from governance.agent.adapters.rpc import Rpc
from governance.agent.errors import ReloadFailed

_KEY = re.compile(r"enode://([0-9a-fA-F]{128})@")
_PAUSE = 0.1  # seconds between two looks


@dataclass(frozen=True)
class Peer:
    """A live connection; ``enode`` is the node's own text for it."""

    key: str
    enode: str
    trusted: bool


class Peers:
    """``seconds``: how long a peer that was sent away may take to be gone."""

    def __init__(self, rpc: Rpc, seconds: float) -> None:
        self._rpc = rpc
        self._seconds = seconds

    def version(self) -> str:
        version = self._rpc.call("web3_clientVersion")
        return version[:200] if isinstance(version, str) else ""

    def own_key(self) -> str:
        """The node's own; a list names it, too."""
        info = self._rpc.call("admin_nodeInfo")
        return _peer("admin_nodeInfo", info).key

    def connected(self) -> list[Peer]:
        found = self._rpc.call("admin_peers")
        if not isinstance(found, list):
            raise ReloadFailed("admin_peers: not a list")
        return [_peer("admin_peers", peer) for peer in found]

    def tell(self, method: str, enodes: Iterable[str]) -> None:
        """One call for each. Raises RpcError when the node says no."""
        for enode in enodes:
            if self._rpc.call(method, enode) is not True:
                raise ReloadFailed(f"{method}: not answered by true: {enode}")

    def drop(self, unwanted: Callable[[Peer], bool]) -> None:
        """Send them away, and see them gone: the call answers before the connection is closed.

        Raises ReloadFailed when one is still, or again, there.
        """
        deadline = time.monotonic() + self._seconds
        told: set[str] = set()
        while True:
            there = [peer for peer in self.connected() if unwanted(peer)]
            if not there:
                return
            if time.monotonic() > deadline:
                raise ReloadFailed(f"still connected: {', '.join(sorted(peer.key[:16] for peer in there))}")
            new = [peer.enode for peer in there if peer.enode not in told]
            self.tell("admin_removePeer", new)
            told.update(new)
            time.sleep(_PAUSE)


def _peer(method: str, value: Any) -> Peer:
    """``id`` is the key's hash in newer versions, so the key is taken from the enode address."""
    enode = value.get("enode") if isinstance(value, dict) else None
    key = _KEY.match(enode) if isinstance(enode, str) else None
    if key is None:
        raise ReloadFailed(f"{method}: a peer without an enode address")
    network = value.get("network")
    trusted = isinstance(network, dict) and network.get("trusted") is True
    return Peer(key.group(1).lower(), str(enode), trusted)
