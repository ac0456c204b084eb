"""What a FISCO BCOS node says of itself, by its own JSON-RPC."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from governance.agent.adapters.fisco_lists import Lists
from governance.agent.adapters.rpc import Rpc
from governance.agent.errors import ReloadFailed

_PAUSE = 0.1  # seconds between two looks


class FiscoCalls:
    """``group`` as the node names it: "group0", or in 2.x a number. ``seconds``: for peers to be gone."""

    def __init__(self, rpc: Rpc, group: str, seconds: float) -> None:
        self._rpc = rpc
        self._group: str | int = int(group) if group.isdigit() else group
        self._seconds = seconds

    def version(self) -> str:
        """Empty when the answer does not have it."""
        if isinstance(self._group, int):
            return _text(self._rpc.call("getClientVersion"), "FISCO-BCOS Version")
        nodes = _of(self._rpc.call("getGroupInfo", self._group), "nodeList")
        first = nodes[0] if isinstance(nodes, list) and nodes else None
        try:
            config = json.loads(_text(first, "iniConfig") or "{}")
        except (ValueError, RecursionError):
            return ""
        return _text(_of(config, "binaryInfo"), "version")

    def connected(self) -> list[str]:
        """The ids of those connected, as the lists have them."""
        answer = self._rpc.call("getPeers", self._group)
        peers = answer if isinstance(self._group, int) else _of(answer, "peers")
        if not isinstance(peers, list):
            raise ReloadFailed("getPeers: not a list of peers")
        name = "NodeID" if isinstance(self._group, int) else "p2pNodeID"
        return [_text(peer, name).lower() for peer in peers]

    def strangers(self, lists: Lists, digits: int) -> list[str]:
        """Who is connected and should not be. An id of another kind than the lists' tells nothing."""
        return sorted(peer for peer in self.connected() if len(peer) == digits and not lists.admits(peer))

    def wait_for(self, lists: Lists, digits: int) -> None:
        """Until the node has let go of whoever is not listed. Raises ReloadFailed."""
        deadline = time.monotonic() + self._seconds
        while strangers := self.strangers(lists, digits):
            if time.monotonic() > deadline:
                raise ReloadFailed(f"still connected: {', '.join(peer[:16] for peer in strangers)}")
            time.sleep(_PAUSE)


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _text(value: Any, name: str) -> str:
    found = _of(value, name)
    return found[:2048] if isinstance(found, str) else ""
