"""Kind ``besu``: local permissioning, by its file and a reload, or by JSON-RPC alone.

::

    [node]
    kind = "besu"
    rpc = "http://127.0.0.1:8545"       # PERM in --rpc-http-api; WEB3 for the version
    mode = "file"                       # default; or "rpc": the agent touches no file, Besu keeps its own
    permissions_file = "/var/lib/besu/permissions_config.toml"    # mode "file"
    accounts_file = "/var/lib/besu/accounts.toml"                 # optional: accounts in a file of their own
    bootnodes = ["enode://…"]           # optional: must be listed, or Besu does not start
    static_nodes_file = "/var/lib/besu/static-nodes.json"         # optional: must be listed, too
    ignore_accounts = false             # optional: the node has no account permissioning, and shall have none
    dns = false                         # optional: the node looks names up (--Xdns-enabled)
    jwt_key_file = "rpc-key.pem"        # optional; or jwt_secret_file, or token_file: see tokens.py

One writer: nobody else changes the file or uses the RPC's add and remove.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from governance.agent.adapters import besu_lists, enodes
from governance.agent.adapters.base import ReadBack, sha256
from governance.agent.adapters.besu_calls import BesuCalls, NotEnabled
from governance.agent.adapters.besu_file import ByFile
from governance.agent.adapters.besu_lists import Lists
from governance.agent.adapters.besu_rpc import ByRpc
from governance.agent.adapters.enodes import Enode
from governance.agent.adapters.rpc import Rpc
from governance.agent.adapters.tables import Table
from governance.agent.errors import ConfigError, Refused, ReloadFailed

if TYPE_CHECKING:
    from governance.agent.config import File

_FILE = "permissions_config.toml"


class _Way(Protocol):
    """How a list is brought to the node."""

    def put(self, wanted: Lists) -> None: ...

    def leave(self, wanted: Lists) -> None:
        """Leave the list where the node finds it when it starts."""
        ...

    def kept(self, wanted: Lists) -> bool:
        """Would the node have the list again after a restart, as far as that can be seen?"""
        ...


class Besu:
    """A Besu node with local permissioning."""

    def __init__(
        self,
        calls: BesuCalls,
        way: _Way,
        *,
        folder: str,
        bootnodes: tuple[Enode, ...] = (),
        static_nodes_file: Path | None = None,
        dns: bool = False,
        ignore_accounts: bool = False,
    ) -> None:
        self._calls = calls
        self._way = way
        self._target = f"{folder}/{_FILE}"
        self._bootnodes = bootnodes
        self._static_nodes_file = static_nodes_file
        self._dns = dns
        self._ignore_accounts = ignore_accounts

    @classmethod
    def of(cls, table: Table, files: tuple[File, ...]) -> Besu:
        calls = BesuCalls(Rpc.of(table))
        return cls(
            calls,
            _way(table, calls),
            folder=table.text("folder", "besu"),
            bootnodes=_bootnodes(table),
            static_nodes_file=table.path_or_none("static_nodes_file"),
            dns=table.flag("dns"),
            ignore_accounts=table.flag("ignore_accounts"),
        )

    def targets(self) -> tuple[str, ...]:
        return (self._target,)

    def check(self, wanted: Mapping[str, bytes]) -> None:
        """Besu clears its list before it reads the file, so what it could not read must not get there."""
        self._require_fixed(self._parse(wanted), by_address=True)

    def put(self, wanted: Mapping[str, bytes]) -> None:
        lists = self._parse(wanted)
        try:
            self._fit(lists)
        except ReloadFailed:
            # It may be down because of its very file: then only a good one lets it start again.
            if besu_lists.shared_address(lists.nodes) is None:
                self._way.leave(lists)
            raise
        self._way.put(lists)

    def _fit(self, lists: Lists) -> None:
        """Does the list fit this node, as it says of itself? Raises Refused, ReloadFailed."""
        by_address = besu_lists.matches_by_address(self.version())
        self._require_fixed(lists, by_address=by_address)
        shared = besu_lists.shared_address(lists.nodes)
        if by_address and shared is not None:
            raise Refused(
                f"{self._target}: {shared.host}:{shared.port} is the address of two keys, and "
                "this version of Besu looks at the address alone"
            )
        self._calls.nodes()  # before anything is touched: may the agent call at all?
        asks = self._calls.accounts() is not None
        if lists.accounts and not asks:
            raise Refused(f"{self._target}: accounts are listed, and the node has no account permissioning")
        if asks and self._ignore_accounts:
            raise Refused("node.ignore_accounts is set, and the node has account permissioning")

    def read_back(self, wanted: Mapping[str, bytes]) -> ReadBack:
        lists = self._parse(wanted)
        if self._calls.has(lists) and self._way.kept(lists):
            return ReadBack({self._target: sha256(wanted[self._target])}, "node")
        accounts = frozenset(self._calls.accounts() or ())
        found = Lists(frozenset(self._calls.nodes()), accounts).file(besu_lists.ACCOUNTS, besu_lists.NODES)
        return ReadBack({self._target: sha256(b"# as Besu has it\n" + found)}, "node")

    def version(self) -> str:
        try:
            return self._calls.version()
        except NotEnabled:  # WEB3 is not in --rpc-http-api
            return ""

    def _parse(self, wanted: Mapping[str, bytes]) -> Lists:
        lists = besu_lists.parse(wanted[self._target], self._target, dns=self._dns)
        return replace(lists, accounts=frozenset()) if self._ignore_accounts else lists

    def _require_fixed(self, lists: Lists, *, by_address: bool) -> None:
        missing = besu_lists.missing(self._fixed(), lists.nodes, by_address=by_address)
        if missing is not None:
            raise Refused(
                f"{self._target}: {missing} is a bootnode or static node of this node and is not listed: "
                "Besu would not start"
            )

    def _fixed(self) -> tuple[Enode, ...]:
        if self._static_nodes_file is None or not self._static_nodes_file.exists():
            return self._bootnodes
        data = self._static_nodes_file.read_bytes()
        return (*self._bootnodes, *enodes.parse_json(data, str(self._static_nodes_file)))


def _way(table: Table, calls: BesuCalls) -> _Way:
    if table.choice("mode", ("file", "rpc")) == "rpc":
        return ByRpc(calls)
    return ByFile(calls, table.path("permissions_file"), table.path_or_none("accounts_file"))


def _bootnodes(table: Table) -> tuple[Enode, ...]:
    try:
        return tuple(enodes.parse(text) for text in table.words("bootnodes"))
    except ValueError as error:
        raise ConfigError(f"node.bootnodes: {error}") from error
