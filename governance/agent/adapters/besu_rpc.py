"""Besu by JSON-RPC alone: the difference between what it has and what it should have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from governance.agent.adapters.besu_calls import BesuCalls, OutOfSync, Stale
from governance.agent.adapters.besu_lists import Lists
from governance.agent.errors import Refused, ReloadFailed

logger = logging.getLogger("agent")

_TRIES = 3  # when the list changes below our hands


class ByRpc:
    """The agent touches no file; Besu writes its own after each change."""

    def __init__(self, calls: BesuCalls) -> None:
        self._calls = calls

    def put(self, wanted: Lists) -> None:
        former = self._now()
        try:
            self._bring_about(wanted)
        except Refused as refused:
            self._undo(former, refused)
            raise

    def leave(self, wanted: Lists) -> None:
        """Besu's file is Besu's."""

    def kept(self, wanted: Lists) -> bool:
        """Besu's file is Besu's; that it could not write it was logged, and shows after its next start."""
        return True

    def _now(self) -> Lists:
        return Lists(frozenset(self._calls.nodes()), frozenset(self._calls.accounts() or ()))

    def _bring_about(self, wanted: Lists) -> None:
        for _ in range(_TRIES):
            try:
                self._change(wanted)
            except Stale as error:
                logger.warning("%s: somebody else changes this list, too", error)
            if self._calls.has(wanted):
                return
        raise ReloadFailed("Besu's list is not what was asked for: somebody else changes it, too")

    def _change(self, wanted: Lists) -> None:
        """First what is new, then what goes: the other way round a node would be alone for a moment."""
        nodes, accounts = self._calls.nodes(), self._calls.accounts() or {}
        _each(self._calls.add_nodes, wanted.nodes - set(nodes))
        _each(self._calls.remove_nodes, [text for node, text in nodes.items() if node not in wanted.nodes])
        _each(self._calls.add_accounts, wanted.accounts - set(accounts))
        gone = [text for account, text in accounts.items() if account not in wanted.accounts]
        _each(self._calls.remove_accounts, gone)

    def _undo(self, former: Lists, refused: Refused) -> None:
        try:
            self._bring_about(former)
        except Refused as again:
            raise ReloadFailed(f"Besu refuses the new list ({refused.reason}), and to go back") from again


def _each(change: Callable[[Iterable[Any]], None], entries: Iterable[Any]) -> None:
    try:
        change(entries)
    except OutOfSync as error:
        # It is in force. Besu writes its file again with the first change after its next start; until then
        # the file says something else, which is what a person should know.
        logger.warning('%s Somebody else writes Besu\'s file: use mode "file", or stop them', error)
