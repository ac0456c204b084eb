"""Bringing a verified list into force, and back to the last good one when the node says no.

The order is: check, keep the files, note what is owed, put, read back, note what is in force. Whatever is cut
off after one of them is done again by the next round, from what was kept; doing it again is harmless.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from governance.agent import state, store
from governance.agent.adapters import Adapter, ReadBack
from governance.agent.adapters.base import sha256
from governance.agent.errors import Refused, ReloadFailed
from governance.agent.state import Refusal, State

logger = logging.getLogger("agent")

_LONGEST_REASON = 500  # characters


@dataclass(frozen=True)
class InForce:
    """What is remembered, and what the node was seen to have; None where nothing is in force."""

    known: State
    found: ReadBack | None = None


def take(state_dir: Path, adapter: Adapter, known: State, epoch: int, wanted: Mapping[str, bytes]) -> InForce:
    """Bring ``epoch`` into force, unless it is. After a refusal the last good epoch is in force again.

    Raises ReloadFailed or OSError; then the next round tries again.
    """
    try:
        if known.epoch != epoch or known.owed:
            return _begin(state_dir, adapter, known, epoch, wanted)
        found = adapter.read_back(wanted)
        if not same(found, wanted):
            logger.warning("the node has another list than epoch %s", epoch)
            return _begin(state_dir, adapter, known, epoch, wanted)
        store.keep(state_dir, epoch, wanted)
        return InForce(known, found)
    except Refused as refused:
        return _back(state_dir, adapter, known, epoch, refused)


def hold(state_dir: Path, adapter: Adapter, known: State) -> InForce:
    """Without anything new: what should be in force is put there again, if the node has lost it.

    Uses what was kept alone. Raises ReloadFailed or OSError.
    """
    epoch = known.owed or known.epoch
    wanted = store.load(state_dir, epoch) if epoch else None
    if wanted is None or not set(adapter.targets()) <= set(wanted):
        return InForce(known)
    return take(state_dir, adapter, known, epoch, wanted)


def same(found: ReadBack, wanted: Mapping[str, bytes]) -> bool:
    return all(found.files.get(path) == sha256(content) for path, content in wanted.items())


def _begin(
    state_dir: Path, adapter: Adapter, known: State, epoch: int, wanted: Mapping[str, bytes]
) -> InForce:
    """Raises Refused too."""
    adapter.check(wanted)
    store.keep(state_dir, epoch, wanted)
    # Before anything is touched: files that are right again would not say that their reload failed.
    known = state.save(state_dir, replace(known, owed=epoch))
    adapter.put(wanted)
    found = adapter.read_back(wanted)
    if not same(found, wanted):
        raise ReloadFailed(f"the node has not what epoch {epoch} says: {_differing(found, wanted)}")
    since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if epoch != known.epoch else known.since
    refused = known.refused if known.refused and known.refused.epoch > epoch else None
    known = state.save(state_dir, replace(known, epoch=epoch, since=since, owed=0, refused=refused))
    store.forget_all_but(state_dir, epoch)
    logger.info("epoch %s is in force", epoch)
    return InForce(known, found)


def _back(state_dir: Path, adapter: Adapter, known: State, epoch: int, refused: Refused) -> InForce:
    """The node refused ``epoch``: note that, then put the last good one where it was."""
    if epoch == known.epoch:
        raise ReloadFailed(f"the node refuses epoch {epoch}, which it had: {refused.reason}") from refused
    logger.error("epoch %s is refused by the node: %s", epoch, refused.reason)
    before = known.refused
    tries = before.tries + 1 if before is not None and before.epoch == epoch else 1
    refusal = Refusal(epoch, refused.reason[:_LONGEST_REASON], time.time(), tries)
    # What may have been touched is owed again; without any good epoch there is nothing to go back to.
    known = state.save(state_dir, replace(known, refused=refusal, owed=known.epoch))
    return hold(state_dir, adapter, known) if known.epoch else InForce(known)


def _differing(found: ReadBack, wanted: Mapping[str, bytes]) -> str:
    return ", ".join(sorted(path for path in wanted if found.files.get(path) != sha256(wanted[path])))
