"""What this node's own ledger is known to have of the log, from round to round.

A console that keeps lists from a node goes on showing it an old log: in order, signed, and the truth of
yesterday. The ledger has the head of a longer one by then. Between an anchor and its list pass minutes at
most, so who misses a list for longer is told: ``--status`` and the report say so. What is missed is held
against the ledger once it comes, however much longer the log is then.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass, replace

from governance.agent import anchors, files
from governance.agent.anchors import Anchor
from governance.agent.config import Config
from governance.agent.log import Document

logger = logging.getLogger("agent")

PATIENCE = 600.0  # seconds that an anchored list may be missed for
_FILE = "ledger.json"


@dataclass(frozen=True)
class Seen:
    """What was seen in one contract, of one network's log. Times are seconds since 1970.

    ``size`` and ``head``: the longest log that ledger and console agreed on last, ``at`` that time; 0: none
    yet. ``missed``: entries of a longer one that the ledger has had ``since`` then, and the console not
    served yet; 0: none.
    """

    contract: str = ""
    network: str = ""
    size: int = 0
    head: str = ""
    at: float = 0
    missed: int = 0
    since: float = 0


def check(config: Config, document: Document) -> None:
    """Hold a verified log against the ledger. A ledger that does not answer holds up no list.

    Raises LogNotTrusted when the ledger knows another log.
    """
    if config.ledger is None:
        return
    before, anchor = load(config), None
    try:
        anchor = anchors.check(config.ledger.url, config.ledger.contract, document, missed=before.missed)
    except anchors.NotRead as error:
        logger.warning("the anchored heads were not read: %s", error)
    now = time.time()
    seen = after(before, document.size, anchor, now)
    if is_withheld(seen, now):
        logger.error("the ledger has known %s lists for long, here are %s", seen.missed, document.size)
    if seen != before:
        files.write(config.state_dir / _FILE, json.dumps(asdict(seen)).encode(), mode=0o600)


def after(before: Seen, served: int, anchor: Anchor | None, now: float) -> Seen:
    """What is known after a round in which the console served ``served`` entries. Pure.

    ``anchor``: None where the ledger was not read. A wait begins with the first size that is missed, and
    only its coming ends it: one more list missed does not begin it anew.
    """
    seen = before
    if anchor is not None and anchor.agreed:
        seen = replace(seen, size=anchor.agreed, head=anchor.agreed_head, at=now)
    if seen.missed > served:
        return replace(seen, since=min(seen.since, now))  # a clock that was set back prolongs it, once
    if anchor is not None and anchor.size > served:
        return replace(seen, missed=anchor.size, since=now)
    return replace(seen, missed=0, since=0)


def is_withheld(seen: Seen, now: float) -> bool:
    """Is a list kept from this node?"""
    return seen.missed > 0 and now - seen.since > PATIENCE


def load(config: Config) -> Seen:
    """What was seen so far; nothing where it was in another contract, or can't be read.

    Losing it is harmless: the next round asks the ledger again.
    """
    if config.ledger is None:
        return Seen()
    begun = Seen(config.ledger.contract, config.network)
    try:
        found = Seen(**json.loads((config.state_dir / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return begun
    return found if (found.contract, found.network) == (begun.contract, begun.network) else begun
