"""Kind ``fisco-bcos``: two sections of ``config.ini``, ``nodes.json``, and a reload by version.

::

    [node]
    kind = "fisco-bcos"
    version = "3.16.4"                  # 2.x: a file to touch; from 3.4 on: a signal; else: a restart
    config_ini = "/var/lib/fisco/node0/config.ini"
    nodes_file = "/var/lib/fisco/node0/nodes.json"      # not needed for 2.x
    pid_file = "/run/fisco/node0.pid"   # from 3.4 on this, or: reload = ["systemctl", "kill", …]
    process_name = "fisco-bcos"         # default; the signal goes to no other program
    sm = false                          # default; true for a chain of 国密
    restart_notice = "…"                # default: config.ini.restart-needed beside it
    rpc = "http://127.0.0.1:20200"      # optional: then peers and version are read from the node
    group = "group0"                    # default; 2.x: "1"
    drop_seconds = 10                   # default 10: how long a peer may take to be gone
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from governance.agent import files as storage
from governance.agent.adapters import fisco_lists, fisco_reload
from governance.agent.adapters.base import ReadBack, sha256
from governance.agent.adapters.fisco_calls import FiscoCalls
from governance.agent.adapters.fisco_lists import Lists
from governance.agent.adapters.fisco_reload import THREE, Signal, Version
from governance.agent.adapters.fisco_restart import Restart
from governance.agent.adapters.rpc import Rpc
from governance.agent.adapters.tables import Table
from governance.agent.errors import ConfigError, Refused, ReloadFailed, RestartNeeded

if TYPE_CHECKING:
    from governance.agent.config import File

logger = logging.getLogger("agent")

_RSA, _CURVE = 512, 128  # hex digits of an id


@dataclass(frozen=True)
class Place:
    """Where the lists come from, and where this node reads them."""

    folder: str
    digits: int
    config_ini: Path
    nodes_file: Path | None


class Fisco:
    """A FISCO BCOS node, 2.x or 3.x."""

    def __init__(
        self, place: Place, version: Version, tell: Signal | None, restart: Restart, calls: FiscoCalls | None
    ) -> None:
        self._place = place
        self._version = version
        self._tell = tell
        self._restart = restart
        self._calls = calls
        self._certificates = f"{place.folder}/certificates.ini"
        self._nodes = f"{place.folder}/nodes.json"

    @classmethod
    def of(cls, table: Table, files: tuple[File, ...]) -> Fisco:
        version = Version.of(table.text("version"))
        if version is None or version < (2, 0):
            raise ConfigError("node.version: a version of FISCO BCOS, 2.0 or later")
        place = _place(table, version)
        pid_file = table.path_or_none("pid_file")
        tell = _signal(table, pid_file)
        if tell is None and version >= fisco_reload.SIGNAL_SINCE:
            raise ConfigError("node.pid_file: needed from 3.4 on, or node.reload")
        default = str(place.config_ini) + ".restart-needed"
        notice = table.path_or_none("restart_notice") or Path(default)
        return cls(place, version, tell, Restart(notice, pid_file), _calls(table, version))

    def targets(self) -> tuple[str, ...]:
        return (self._nodes, self._certificates) if self._place.nodes_file else (self._certificates,)

    def check(self, wanted: Mapping[str, bytes]) -> None:
        self._lists(wanted)
        if self._place.nodes_file:
            fisco_lists.peers(wanted[self._nodes], self._nodes)

    def put(self, wanted: Mapping[str, bytes]) -> None:
        self.check(wanted)
        lists, version = self._lists(wanted), self._version_now()
        former = fisco_lists.in_force(self._config(), self._place.digits)
        peers_changed = not self._has_nodes(wanted)
        reason = fisco_reload.needs_restart(version, former, lists, peers_changed=peers_changed)
        if reason:
            self._restart.announce(reason)
        self._write(wanted, lists)
        if reason or self._restart.outstanding():
            self._restart.written()
        fisco_reload.reload(version, self._place.config_ini, self._tell)
        self._require_restart()
        if self._calls is not None:
            self._calls.wait_for(lists, self._place.digits)

    def read_back(self, wanted: Mapping[str, bytes]) -> ReadBack:
        lists = self._lists(wanted)
        found = {self._certificates: self._found(wanted, lists)}
        if self._place.nodes_file:
            data = self._place.nodes_file.read_bytes() if self._place.nodes_file.exists() else b""
            found[self._nodes] = sha256(wanted[self._nodes] if self._has_nodes(wanted) else data)
        if reason := self._restart.outstanding():
            found[self._certificates] = sha256(reason.encode())
        if self._calls is None:
            return ReadBack(found, "file")
        if strangers := self._calls.strangers(lists, self._place.digits):
            found[self._certificates] = sha256(f"connected: {' '.join(strangers)}".encode())
        return ReadBack(found, "node")

    def version(self) -> str:
        return self._calls.version() if self._calls is not None else ""

    def _write(self, wanted: Mapping[str, bytes], lists: Lists) -> None:
        """``nodes.json`` first: the node reads it first, and reads no list when it can't."""
        if self._place.nodes_file and not self._has_nodes(wanted):
            storage.write(self._place.nodes_file, wanted[self._nodes])
        config = self._config()
        if fisco_lists.in_force(config, self._place.digits) != lists:
            storage.write(self._place.config_ini, storage.splice(config, wanted[self._certificates]))

    def _require_restart(self) -> None:
        if reason := self._restart.outstanding():
            logger.error("%s: start the node again for the new list to be in force", reason)
            raise RestartNeeded(f"{reason}: start the node again")

    def _version_now(self) -> Version:
        """As the node says where it can be asked: it may have been brought up to date."""
        if self._calls is None:
            return self._version
        try:
            return Version.of(self._calls.version()) or self._version
        except ReloadFailed as error:  # it may be down; what is written now is read when it starts
            logger.warning("%s; going by node.version", error)
            return self._version

    def _lists(self, wanted: Mapping[str, bytes]) -> Lists:
        return fisco_lists.parse(wanted[self._certificates], self._certificates, self._place.digits)

    def _config(self) -> bytes:
        """A configuration of two lists alone would not start a node, so there must be one."""
        try:
            return self._place.config_ini.read_bytes()
        except FileNotFoundError as error:
            raise ReloadFailed(f"{self._place.config_ini}: not there") from error

    def _found(self, wanted: Mapping[str, bytes], lists: Lists) -> str:
        config = self._config()
        same = fisco_lists.in_force(config, self._place.digits) == lists
        return sha256(wanted[self._certificates] if same else storage.sections(config, fisco_lists.SECTIONS))

    def _has_nodes(self, wanted: Mapping[str, bytes]) -> bool:
        path = self._place.nodes_file
        if path is None:
            return True
        try:
            there = fisco_lists.peers(path.read_bytes(), str(path))
        except (FileNotFoundError, Refused):
            return False
        return there == fisco_lists.peers(wanted[self._nodes], self._nodes)


def _place(table: Table, version: Version) -> Place:
    sm, old = table.flag("sm"), version < THREE
    if sm and old:
        raise ConfigError("node.sm: there is no list for a 2.x chain of 国密")
    folder = "fisco-bcos/2.x" if old else "fisco-bcos/sm" if sm else "fisco-bcos"
    nodes_file = table.path_or_none("nodes_file") if old else table.path("nodes_file")
    return Place(folder, _CURVE if sm or old else _RSA, table.path("config_ini"), nodes_file)


def _signal(table: Table, pid_file: Path | None) -> Signal | None:
    words, seconds = table.words("reload"), table.seconds("reload_seconds", 30)
    name = table.text("process_name", "fisco-bcos")
    if words:
        return fisco_reload.by_command(words, seconds)
    return fisco_reload.by_pid(pid_file, name) if pid_file else None


def _calls(table: Table, version: Version) -> FiscoCalls | None:
    group = table.text("group", "1" if version < THREE else "group0")
    if group.isdigit() is not (version < THREE):
        raise ConfigError("node.group: a number in 2.x, a name from 3.0 on")
    seconds = table.seconds("drop_seconds", 10)
    return FiscoCalls(Rpc.of(table), group, seconds) if table.has("rpc") else None
