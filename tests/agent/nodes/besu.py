"""Besu's local permissioning: ``permissions_config.toml``, its loading at the start, and the perm_ calls."""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
import time
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from tests.agent.nodes.serving import Fault, Node, serve

NODES, ACCOUNTS = "nodes-allowlist", "accounts-allowlist"
KINDS = {NODES: "node", ACCOUNTS: "account"}
_ENODE = re.compile(r"enode://[0-9a-fA-F]{128}@[^@?]+:[0-9]+(\?.*)?")
_ACCOUNT = re.compile(r"0x[0-9a-fA-F]{40}")


def fault(message: str) -> Fault:
    return Fault(-32000, message)


def written(enode: str) -> str:
    """As Besu writes it: lower-cased, and the discovery port only when it is not the port itself."""
    parts = urlsplit(enode)
    port = parts.port or 0
    discovery = parse_qs(parts.query).get("discport", [str(port)])[0]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    tail = "" if discovery == str(port) else f"?discport={discovery}"
    return f"enode://{(parts.username or '').lower()}@{host}:{port}{tail}"


class Besu(Node):
    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__()
        self.options = options
        self.files = {NODES: options.nodes_file, ACCOUNTS: options.accounts_file or options.nodes_file}
        self.enabled = [NODES, *([ACCOUNTS] if options.accounts else [])]
        self.lists: dict[str, list[str]] = {NODES: [], ACCOUNTS: []}
        self.fixed = [written(node) for node in options.bootnode]
        self.peers: list[str] = []
        self.disk_full = False
        for key in sorted(self.enabled):
            self.lists[key] = self.load(key)
        missing = [node for node in self.fixed if node not in self.lists[NODES]]
        if missing:
            sys.exit(f"Specified node(s) not in nodes-allowlist {missing}")
        self.methods = {
            "web3_clientVersion": lambda: f"besu/v{options.version}/linux-x86_64/openjdk-java-21",
            "perm_addNodesToAllowlist": lambda entries: self.add(NODES, entries),
            "perm_removeNodesFromAllowlist": lambda entries: self.remove(NODES, entries),
            "perm_addAccountsToAllowlist": lambda entries: self.add(ACCOUNTS, entries),
            "perm_removeAccountsFromAllowlist": lambda entries: self.remove(ACCOUNTS, entries),
            "perm_getNodesAllowlist": lambda: self.get(NODES),
            "perm_getAccountsAllowlist": lambda: self.get(ACCOUNTS),
            "perm_reloadPermissionsFromFile": self.reload,
        }
        self.controls |= {
            "connect": self.connect,
            "peers": lambda: self.peers,
            "memory": lambda: self.lists,
            "fill_disk": self.fill_disk,
        }

    # --- what a test asks -------------------------------------------------------------------------
    def connect(self, enode: str) -> bool:
        """A peer at the door."""
        if self.permitted(written(enode)):
            self.peers.append(written(enode))
            return True
        return False

    def permitted(self, enode: str) -> bool:
        major, minor = (int(part) for part in self.options.version.split(".")[:2])
        key = (lambda node: node.split("@")[1]) if (major, minor) >= (26, 3) else (lambda node: node)
        return key(enode) in [key(node) for node in self.lists[NODES]]

    def fill_disk(self, full: bool) -> None:
        self.disk_full = full

    # --- the file ---------------------------------------------------------------------------------
    def load(self, key: str) -> list[str]:
        text = self.files[key].read_text()
        if not text.strip():
            raise ValueError(f"Empty TOML: {self.files[key]}")
        entries = tomllib.loads(text).get(key)
        if entries is None:
            raise ValueError(f"{key} config option missing in TOML config file")
        self.examine(key, entries)
        if key == ACCOUNTS:
            entries = [entry.lower() for entry in entries]
            self.write(key, entries)  # loading accounts rewrites the file, without comments
            return entries
        return [written(entry) for entry in entries]

    def examine(self, key: str, entries: list[str]) -> None:
        form = _ENODE if key == NODES else _ACCOUNT
        for entry in entries:
            if not form.fullmatch(entry):
                raise ValueError(f"Invalid {KINDS[key]}: {entry}")
            host = urlsplit(entry).hostname or ""
            if key == NODES and not self.options.dns and re.search("[g-z]", host):
                raise ValueError(f"Invalid enode URL syntax: {entry}: DNS is not enabled")
        if len({entry.lower() for entry in entries}) != len(entries):
            raise ValueError(f"duplicate {KINDS[key]}s")

    def write(self, key: str, entries: list[str]) -> None:
        if self.disk_full:
            raise OSError("No space left on device")
        values = tomllib.loads(self.files[key].read_text())
        values[key] = entries
        self.files[key].write_text("".join(f"{name}={json.dumps(value)}\n" for name, value in values.items()))

    def reload(self) -> str:
        """Not atomic: accounts are loaded first, and each list is cleared before the new one is parsed."""
        for key in sorted(self.enabled):
            self.lists[key] = []
            try:
                self.lists[key] = self.load(key)
            except (OSError, ValueError) as error:
                self.drop()
                raise fault(
                    "Error reloading permissions file. Please use perm_getAccountsAllowlist and "
                    "perm_getNodesAllowlist to review the current state of the lists."
                ) from error
        self.drop()
        return "Success"

    def drop(self) -> None:
        self.peers = [peer for peer in self.peers if self.permitted(peer)]

    # --- the calls --------------------------------------------------------------------------------
    def get(self, key: str) -> list[str]:
        self.need(key)
        return list(self.lists[key])

    def need(self, key: str) -> None:
        if key not in self.enabled:
            raise fault(f"{KINDS[key].capitalize()} allowlist has not been enabled")

    def entries(self, key: str, entries: Any) -> list[str]:
        self.need(key)
        kind = KINDS[key]
        if not entries:
            raise fault(f"Request contains an empty list of {kind}s")
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise Fault(-32602, "Invalid params")
        form = _ENODE if key == NODES else _ACCOUNT
        if not all(form.fullmatch(entry) for entry in entries):
            raise fault(f"Request contains an invalid {kind}")
        if len({entry.lower() for entry in entries}) != len(entries):
            raise fault(f"Request contains duplicate {kind}s")
        return [written(entry) if key == NODES else entry.lower() for entry in entries]

    def add(self, key: str, entries: Any) -> str:
        entries = self.entries(key, entries)
        if any(entry in self.lists[key] for entry in entries):
            raise fault(f"Cannot add an existing {KINDS[key]} to allowlist")
        return self.change(key, self.lists[key] + entries)

    def remove(self, key: str, entries: Any) -> str:
        entries = self.entries(key, entries)
        if key == NODES and any(entry in self.fixed for entry in entries):
            raise fault("Cannot remove a fixed node (bootnode or static node) from allowlist")
        if any(entry not in self.lists[key] for entry in entries):
            raise fault(f"Cannot remove an absent {KINDS[key]} from allowlist")
        return self.change(key, [entry for entry in self.lists[key] if entry not in entries])

    def change(self, key: str, entries: list[str]) -> str:
        former, self.lists[key] = self.lists[key], entries
        try:
            in_file = tomllib.loads(self.files[key].read_text()).get(key, [])
            same = {written(e) if key == NODES else e.lower() for e in in_file} == set(former)
        except (OSError, ValueError):
            same = False
        if not same:
            self.drop()
            raise fault(
                "The permissioning allowlist configuration file is out of sync.  "
                "The changes have been applied, but not persisted to disk"
            )
        try:
            self.write(key, entries)
        except OSError as error:
            self.lists[key] = former
            raise fault(
                "Unable to persist changes to allowlist configuration file. Changes reverted"
            ) from error
        self.drop()
        return "Success"

    # --- who may call -----------------------------------------------------------------------------
    def answer(self, method: str, params: list[Any]) -> Any:
        if method.split("_")[0] not in self.options.api:
            raise Fault(-32604, "Method not enabled")
        return super().answer(method, params)

    def admits(self, authorization: str) -> bool:
        if not self.options.jwt_public_key and not self.options.jwt_secret:
            return True
        try:
            head, claims, signature = authorization.removeprefix("Bearer ").split(".")
            signed, given = f"{head}.{claims}".encode(), unpacked(signature)
            values = json.loads(unpacked(claims))
            return (
                self.signed(json.loads(unpacked(head))["alg"], signed, given)
                and values["exp"] > time.time()
                and "perm:*" in values["permissions"]
            )
        except (ValueError, KeyError, InvalidSignature):
            return False

    def signed(self, algorithm: str, signed: bytes, given: bytes) -> bool:
        if self.options.jwt_public_key:
            key: Any = serialization.load_pem_public_key(self.options.jwt_public_key.read_bytes())
            key.verify(given, signed, padding.PKCS1v15(), hashes.SHA256())
            return algorithm == "RS256"
        secret = bytes.fromhex(self.options.jwt_secret.read_text().strip())
        return algorithm == "HS256" and hmac.compare_digest(
            hmac.digest(secret, signed, hashlib.sha256), given
        )


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--version", default="26.1.0")
    parser.add_argument("--nodes-file", type=Path, required=True)
    parser.add_argument("--accounts-file", type=Path)
    parser.add_argument("--accounts", action="store_true", help="account permissioning is switched on, too")
    parser.add_argument("--bootnode", action="append", default=[])
    parser.add_argument("--dns", action="store_true")
    parser.add_argument("--api", default="perm,web3", type=lambda text: text.split(","))
    parser.add_argument("--jwt-public-key", type=Path)
    parser.add_argument("--jwt-secret", type=Path)
    options = parser.parse_args()
    try:
        node = Besu(options)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    serve(node, options.port)


if __name__ == "__main__":
    main()
