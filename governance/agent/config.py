"""The agent's one file of configuration, TOML. Relative paths are relative to that file.

::

    gateway = "https://console.example:8443"
    ca_file = "ca.pem"                  # the alliance's CA certificates, PEM: the gateway's and other nodes'
    certificate_file = "node.crt"       # this node's certificate and the issuing CA's, PEM
    key_file = "node.key"
    trusted_root = "root.json"          # from the ceremony, by a way that is not the gateway
    network = "mainnet"
    state_dir = "state"                 # the agent's own; verified metadata and the last list
    poll_seconds = 60                   # default 60
    listen = "0.0.0.0:9443"             # optional: where the console says that there is something new
    reload = ["/usr/bin/kill", "-USR1", "4711"]   # optional; run as it stands, without a shell
    reload_seconds = 30                 # default 30
    report_seconds = 300                # default 300: how often to say again what was said before

    [[file]]                            # for a node that only reads files; others have [node] instead
    target = "besu/permissions_config.toml"       # path in the network's folder of the repository
    path = "/var/lib/besu/permissions_config.toml"

    [[file]]
    target = "fisco-bcos/certificates.ini"
    path = "/var/lib/fisco/config.ini"
    splice = true                       # replace these sections of the file, keep the rest

    [node]                              # optional: what drives the node; governance/agent/adapters
    kind = "besu"                       # the other entries are the kind's own

    [renew]                             # optional: the certificate, by EST
    at = 0.667                          # share of its life after which the next is asked for; 0: never
    keep_key = true                     # default: where the key is of secp256k1 (FISCO BCOS 2)
    reload = ["/opt/agent/new-key"]     # optional; run once the agent has changed over, until it succeeds

    [ledger]                            # optional: the heads of the log that were anchored on chain
    url = "http://127.0.0.1:8545"       # the node's own JSON-RPC
    contract = "0x…"                    # EpochAnchors
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from governance.agent.errors import ConfigError

_REQUIRED = ("gateway", "ca_file", "certificate_file", "key_file", "trusted_root", "network", "state_dir")
_OPTIONAL = (
    *("poll_seconds", "report_seconds", "listen", "reload", "reload_seconds"),
    *("file", "node", "renew", "ledger"),
)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True)
class File:
    """A target of the repository and where the node reads it."""

    target: str
    path: Path
    splice: bool = False


@dataclass(frozen=True)
class Renew:
    """When the next certificate is asked for, and what happens then.

    ``at``: a share of the certificate's life, 0 for never. ``keep_key``: None where the key's kind decides.
    """

    at: float = 2 / 3
    keep_key: bool | None = None
    reload: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ledger:
    """Where the anchored heads of the log are read."""

    url: str
    contract: str


@dataclass(frozen=True)
class Config:
    """What an agent needs to know. Seconds are seconds; ``node`` is its table as it stands, {} for none."""

    gateway: str
    ca_file: Path
    certificate_file: Path
    key_file: Path
    trusted_root: Path
    network: str
    state_dir: Path
    files: tuple[File, ...]
    reload: tuple[str, ...] = ()
    reload_seconds: float = 30
    poll_seconds: float = 60
    listen: tuple[str, int] | None = None
    report_seconds: float = 300
    node: Mapping[str, Any] = field(default_factory=dict)
    renew: Renew = Renew()
    ledger: Ledger | None = None
    base: Path = Path()  # relative paths in ``node`` are relative to it


def read(path: Path) -> Config:
    """The configuration in ``path``. Raises ConfigError, naming the entry."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    unknown = sorted(set(values) - {*_REQUIRED, *_OPTIONAL})
    missing = [name for name in _REQUIRED if not isinstance(values.get(name), str) or not values[name]]
    if unknown or missing:
        raise ConfigError(f"{path}: missing {missing}, unknown {unknown}")
    return _config(values, path.resolve().parent)


def _config(values: dict[str, Any], base: Path) -> Config:
    return Config(
        gateway=_gateway(values["gateway"]),
        ca_file=base / values["ca_file"],
        certificate_file=base / values["certificate_file"],
        key_file=base / values["key_file"],
        trusted_root=base / values["trusted_root"],
        network=values["network"],
        state_dir=base / values["state_dir"],
        files=_files(values, base),
        reload=_command(values.get("reload", [])),
        reload_seconds=_seconds(values, "reload_seconds", 30),
        poll_seconds=_seconds(values, "poll_seconds", 60),
        listen=_address(values["listen"]) if "listen" in values else None,
        report_seconds=_seconds(values, "report_seconds", 300),
        node=_node(values),
        renew=_renew(_table(values, "renew", {"at": (int, float), "keep_key": bool, "reload": list})),
        ledger=_ledger(_table(values, "ledger", {"url": str, "contract": str})),
        base=base,
    )


def _gateway(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigError(f"gateway: {url!r} is no https address")
    return url.rstrip("/")


def _node(values: dict[str, Any]) -> dict[str, Any]:
    """The kind's own entries are its adapter's to judge."""
    table = values.get("node", {})
    if not isinstance(table, dict) or (table and not isinstance(table.get("kind"), str)):
        raise ConfigError("node: a table with a kind")
    return table


def _table(values: dict[str, Any], name: str, known: dict[str, Any]) -> dict[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{name}: a table")
    wrong = sorted(entry for entry in table if not isinstance(table[entry], known.get(entry, ())))
    if wrong:
        raise ConfigError(f"{name}: unknown, or of another type: {wrong}")
    return table


def _renew(table: dict[str, Any]) -> Renew:
    at = table.get("at", Renew.at)
    if isinstance(at, bool) or not 0 <= at < 1:
        raise ConfigError("renew: at is a share of the certificate's life, below 1; 0 for never")
    return Renew(float(at), table.get("keep_key"), _command(table.get("reload", []), "renew: reload"))


def _ledger(table: dict[str, Any]) -> Ledger | None:
    if not table:
        return None
    url, contract = table.get("url", ""), table.get("contract", "")
    if urlsplit(url).scheme not in ("http", "https") or not _ADDRESS.fullmatch(contract):
        raise ConfigError("ledger: url (http or https) and contract (0x and 40 hex digits)")
    return Ledger(url, contract)


def _files(values: dict[str, Any], base: Path) -> tuple[File, ...]:
    found = values.get("file", [])
    if not isinstance(found, list) or not (found or "node" in values):
        raise ConfigError("file: name at least one [[file]], or a [node]")
    return tuple(_file(value, base) for value in found)


def _file(value: Any, base: Path) -> File:
    known = {"target": str, "path": str, "splice": bool}
    if not isinstance(value, dict) or not {"target", "path"} <= set(value) <= set(known):
        raise ConfigError("file: target and path are needed, splice is possible, nothing else")
    if not all(isinstance(value[name], known[name]) for name in value):
        raise ConfigError(f"file: {value!r}")
    splice = value.get("splice", False)
    if splice and not value["target"].endswith(".ini"):
        raise ConfigError(f"file: {value['target']} has no sections that could be spliced")
    return File(value["target"], base / value["path"], splice)


def _command(value: Any, name: str = "reload") -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ConfigError(f"{name}: a list of words, as the program gets them")
    return tuple(value)


def _seconds(values: dict[str, Any], name: str, default: float) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86400:
        raise ConfigError(f"{name}: seconds, above 0 and at most 86400")
    return float(value)


def _address(value: Any) -> tuple[str, int]:
    host, _, port = str(value).rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"listen: host:port, not {value!r}")
    return host.strip("[]"), int(port)
