"""FISCO BCOS's network layer: its lists, what it reads of them while it runs, and its RPC."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

from tests.agent.nodes.serving import Fault, Node, serve


class Fisco(Node):
    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.options = options
        self.version = tuple(int(part) for part in options.version.split("."))
        self.digits = 512 if self.version >= (3, 0) and not options.sm else 128
        self.white: set[str] = set()
        self.black: set[str] = set()
        self.nodes: list[str] = []
        self.peers: list[str] = []
        self.loaded = 0
        self.log: list[str] = []
        self.slow = 0
        self.read_lists(white=True, black=True)
        if self.version >= (3, 0):
            self.read_nodes()
            self.methods = {"getPeers": self.get_peers, "getGroupInfo": self.get_group_info}
        else:
            self.methods = {"getPeers": self.get_peers_2, "getClientVersion": self.get_client_version}
        self.controls |= {
            "connect": self.connect,
            "peers": lambda: self.peers,
            "white": lambda: sorted(self.white),
            "black": lambda: sorted(self.black),
            "nodes": lambda: self.nodes,
            "loaded": lambda: self.loaded,
            "log": lambda: self.log,
            "keep_peers": self.keep_peers,
        }

    # --- the lists --------------------------------------------------------------------------------
    def admitted(self, peer: str) -> bool:
        """The black list wins; an empty white list lets everybody in."""
        return peer not in self.black and (not self.white or peer in self.white)

    def connect(self, peer: str) -> bool:
        if self.admitted(peer):
            self.peers.append(peer)
            return True
        return False

    def keep_peers(self, keep: bool) -> None:
        self.slow = keep

    def read_lists(self, *, white: bool, black: bool) -> None:
        sections: dict[str, dict[str, str]] = {}
        current = ""
        for line in (raw.strip() for raw in self.options.config_ini.read_text().splitlines()):
            if not line or line.startswith(";"):
                continue
            if line.startswith("["):
                current = line.strip("[]")
                if current in sections:
                    raise ValueError(f"duplicate section name: {current}")
                sections[current] = {}
                continue
            name, _, value = (part.strip() for part in line.partition("="))
            if name in sections.setdefault(current, {}):
                raise ValueError(f"duplicate key name: {name}")
            sections[current][name] = value
        if white:
            self.white = self.valid(sections.get("certificate_whitelist", {}), "cal.")
        if black:
            self.black = self.valid(sections.get("certificate_blacklist", {}), "crl.")

    def valid(self, entries: dict[str, str], prefix: str) -> set[str]:
        found = set()
        for name, value in entries.items():
            if not name.startswith(prefix):
                continue
            if re.fullmatch(f"[0-9a-fA-F]{{{self.digits}}}", value) and value.strip("0"):
                found.add(value.lower())
            else:
                self.log.append(f"invalid id {value[:20]}")
        return found

    def read_nodes(self) -> None:
        self.nodes = json.loads(self.options.nodes_file.read_text())["nodes"]

    # --- what makes it look again -----------------------------------------------------------------
    def on_signal(self, *args: Any) -> None:
        """From 3.4 on; nodes.json first, and without it no list."""
        with self.lock:
            try:
                self.read_nodes()
                self.read_lists(white=True, black=True)
            except (OSError, ValueError, KeyError) as error:
                self.log.append(f"reload failed: {error}")
                return
            self.look_round()

    def look_round(self) -> None:
        self.loaded += 1
        if not self.slow:
            self.peers = [peer for peer in self.peers if self.admitted(peer)]

    def watch(self) -> None:
        """2.x: the white list, when a file of this name appears."""
        asked = self.options.config_ini.with_name(
            self.options.config_ini.name + ".reset_certificate_whitelist"
        )
        while True:
            time.sleep(0.02)
            if asked.exists():
                with self.lock:
                    self.read_lists(white=True, black=False)
                    self.look_round()
                    asked.unlink()

    # --- RPC --------------------------------------------------------------------------------------
    def get_peers(self, group: Any) -> Any:
        if group != "group0":
            raise Fault(-32602, f"The group {group} does not exist")
        return {
            "endPoint": "0.0.0.0:30300",
            "groupNodeIDInfo": [],
            "p2pNodeID": "f" * self.digits,
            "peers": [
                {"endPoint": "127.0.0.1:30301", "groupNodeIDInfo": [], "p2pNodeID": p} for p in self.peers
            ],
        }

    def get_group_info(self, group: Any) -> Any:
        config = {"binaryInfo": {"buildTime": "", "version": self.options.version}, "chainID": "chain0"}
        return {"groupID": group, "nodeList": [{"iniConfig": json.dumps(config), "name": "node0"}]}

    def get_peers_2(self, group: Any) -> Any:
        if group != 1:
            raise Fault(-40001, "GroupID does not exist")
        return [{"Agency": "", "IPAndPort": "127.0.0.1:30301", "Node": "", "NodeID": p} for p in self.peers]

    def get_client_version(self) -> Any:
        return {"FISCO-BCOS Version": self.options.version, "Chain Id": "1"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--version", default="3.16.4")
    parser.add_argument("--config-ini", type=Path, required=True)
    parser.add_argument("--nodes-file", type=Path)
    parser.add_argument("--pid-file", type=Path)
    parser.add_argument("--sm", action="store_true")
    options = parser.parse_args()
    node = Fisco(options)
    if node.version >= (3, 4):
        signal.signal(signal.SIGUSR1, node.on_signal)
    if node.version < (3, 0):
        threading.Thread(target=node.watch, daemon=True).start()
    if options.pid_file:
        options.pid_file.write_text(f"{os.getpid()}\n")
    serve(node, options.port)


if __name__ == "__main__":
    main()
