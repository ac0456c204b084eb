"""Besu's permissioning calls, and what its errors mean: they have one code, so messages tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from governance.agent.adapters import besu_lists, enodes
from governance.agent.adapters.enodes import Enode
from governance.agent.adapters.rpc import Rpc, RpcError, texts
from governance.agent.errors import AgentError, Refused, ReloadFailed

_NODES, _ACCOUNTS = "Nodes", "Accounts"


class Stale(ReloadFailed):
    """The node's list was not what it was a moment ago."""


class OutOfSync(ReloadFailed):
    """Applied, but not written: the node's file is not what the node wrote last."""


class NotReloaded(Refused):
    """The node could not take its file; what it has now is not known."""


class NotEnabled(Refused):
    """This kind of permissioning, or the call, is switched off at the node."""


# In this order: "out of sync" also speaks of what is persisted.
_MEANINGS: Mapping[str, Callable[[str], AgentError]] = {
    "has not been enabled": NotEnabled,
    "method not enabled": NotEnabled,
    "method not found": NotEnabled,
    "out of sync": OutOfSync,
    "unable to persist": ReloadFailed,
    "error reloading permissions": NotReloaded,
    "cannot add an existing": Stale,
    "cannot remove an absent": Stale,
    "cannot remove a fixed": Refused,
    "empty list": Refused,
    "an invalid": Refused,
    "duplicate": Refused,
}


def meaning(error: RpcError) -> AgentError:
    """What Besu's error is for the agent; one that nobody knows is worth another try."""
    said = error.message.lower()
    kind = next((kind for words, kind in _MEANINGS.items() if words in said), ReloadFailed)
    return kind(f"Besu: {error.message}")


class BesuCalls:
    """One node's calls. Every one raises what :func:`meaning` says."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def version(self) -> str:
        version = self._call("web3_clientVersion")
        return version[:200] if isinstance(version, str) else ""

    def nodes(self) -> dict[Enode, str]:
        """Who may connect now, with the text that the node knows each by."""
        found = texts("perm_getNodesAllowlist", self._call("perm_getNodesAllowlist"))
        try:
            return {enodes.parse(text): text for text in found}
        except ValueError as error:
            raise ReloadFailed(f"perm_getNodesAllowlist: {error}") from error

    def accounts(self) -> dict[str, str] | None:
        """Who may send now; None where the node does not ask."""
        try:
            found = texts("perm_getAccountsAllowlist", self._call("perm_getAccountsAllowlist"))
        except NotEnabled:
            return None
        return {text.lower(): text for text in found}

    def reload(self) -> None:
        self._change("perm_reloadPermissionsFromFile")

    def add_nodes(self, nodes: Iterable[Enode]) -> None:
        self._change("perm_addNodesToAllowlist", sorted(map(str, nodes)))

    def remove_nodes(self, known_as: Iterable[str]) -> None:
        self._change("perm_removeNodesFromAllowlist", sorted(known_as))

    def add_accounts(self, accounts: Iterable[str]) -> None:
        self._change("perm_addAccountsToAllowlist", sorted(accounts))

    def remove_accounts(self, known_as: Iterable[str]) -> None:
        self._change("perm_removeAccountsFromAllowlist", sorted(known_as))

    def has(self, wanted: besu_lists.Lists) -> bool:
        """Are these the lists in the node's memory? Without account permissioning only an empty list is."""
        accounts = self.accounts()
        return set(self.nodes()) == wanted.nodes and set(accounts or ()) == wanted.accounts

    def _change(self, method: str, *params: Any) -> None:
        if params == ([],):  # Besu refuses an empty list
            return
        if self._call(method, *params) != "Success":
            raise ReloadFailed(f"{method}: not answered by Success")

    def _call(self, method: str, *params: Any) -> Any:
        try:
            return self._rpc.call(method, *params)
        except RpcError as error:
            raise meaning(error) from error
