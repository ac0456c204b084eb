"""Nodes of geth's family: the admin_ calls, and for GoQuorum its two files, read at every connection."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from tests.agent.nodes.serving import Fault, Node, serve

_ENODE = re.compile(r"enode://([0-9a-f]{128})@(\[[0-9a-f:]+\]|[0-9.]+):([0-9]+)(\?.*)?", re.IGNORECASE)


def key_of(enode: str) -> str:
    found = _ENODE.fullmatch(enode)
    if found is None:
        raise Fault(-32000, "invalid enode: invalid public key (wrong length, want 128 hex chars)")
    return found.group(1).lower()


class Geth(Node):
    """Static peers are dialled, trusted ones let in over the limit; anybody may dial in."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.options = options
        self.key = options.key
        self.static: dict[str, str] = {}
        self.trusted: set[str] = set()
        self.peers: dict[str, str] = {}
        self.lingering: dict[str, int] = {}
        self.limits = 0
        if options.static_nodes and options.static_nodes.exists():
            self.static = {key_of(enode): enode for enode in json.loads(options.static_nodes.read_text())}
        self.methods = {
            "web3_clientVersion": lambda: options.version,
            "admin_nodeInfo": lambda: {
                "enode": f"enode://{self.key}@127.0.0.1:30303",
                "name": options.version,
            },
            "admin_peers": self.admin_peers,
            "admin_addPeer": self.add,
            "admin_removePeer": self.remove,
            "admin_addTrustedPeer": self.trust,
            "admin_removeTrustedPeer": self.distrust,
        }
        self.controls |= {
            "connect": self.connect,
            "peers": lambda: sorted(self.peers),
            "static": lambda: sorted(self.static),
            "trusted": lambda: sorted(self.trusted),
            "linger": self.linger,
            "limit": self.limit,
        }

    def connect(self, enode: str) -> bool:
        """Somebody dials in."""
        key = key_of(enode)
        if not self.admitted(key):
            return False
        self.peers[key] = enode
        return True

    def admitted(self, key: str) -> bool:
        return True

    def linger(self, enode: str, looks: int) -> None:
        """After it was removed, this peer is still seen so many times."""
        self.lingering[key_of(enode)] = looks

    def limit(self, number: int) -> None:
        """From so many static peers on the node says no."""
        self.limits = number

    def admin_peers(self) -> list[Any]:
        for key in [key for key, looks in self.lingering.items() if looks <= 0]:
            del self.lingering[key]
            self.peers.pop(key, None)
        self.lingering = {
            k: n - 1 if k not in self.static and n < 1000 else n for k, n in self.lingering.items()
        }
        return [self.shown(key, enode) for key, enode in self.peers.items()]

    def shown(self, key: str, enode: str) -> dict[str, Any]:
        return {
            "enode": enode,
            "id": hashlib.sha256(key.encode()).hexdigest(),  # newer versions: a hash, not the key
            "name": "Geth/v1.10.3",
            "network": {"trusted": key in self.trusted, "static": key in self.static, "inbound": True},
        }

    def add(self, enode: str) -> bool:
        key = key_of(enode)
        if self.limits and len(self.static) >= self.limits and key not in self.static:
            raise Fault(-32000, "too many static nodes")
        self.static[key] = enode
        return True

    def remove(self, enode: str) -> bool:
        key = key_of(enode)
        self.static.pop(key, None)  # by key, whatever the address
        if key not in self.lingering:
            self.peers.pop(key, None)
        return True

    def trust(self, enode: str) -> bool:
        self.trusted.add(key_of(enode))
        return True

    def distrust(self, enode: str) -> bool:
        self.trusted.discard(key_of(enode))
        return True


class GoQuorum(Geth):
    """Matches by node id only; never looks at live connections again."""

    def admitted(self, key: str) -> bool:
        permitted = self.listed("permissioned-nodes.json")
        if permitted is None or key not in permitted:  # a missing or bad file denies all
            return False
        if not (self.options.data_dir / "disallowed-nodes.json").exists():
            return True
        disallowed = self.listed("disallowed-nodes.json")
        return disallowed is not None and key not in disallowed  # one that can't be read blocks all

    def listed(self, name: str) -> set[str] | None:
        try:
            return {key_of(enode) for enode in json.loads((self.options.data_dir / name).read_text())}
        except (OSError, ValueError, TypeError, Fault):
            return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--kind", choices=("geth", "goquorum"), required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--version", default="Geth/v1.10.3-stable/linux-amd64/go1.16.4")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--static-nodes", type=Path)
    options = parser.parse_args()
    try:
        node = GoQuorum(options) if options.kind == "goquorum" else Geth(options)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    serve(node, options.port)


if __name__ == "__main__":
    main()
