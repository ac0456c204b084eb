"""The chain worker: relays, confirms, follows."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from governance.chain import indexer, ledger, relay
from governance.chain.errors import LedgerMoved, LedgerUnreachable, NoLedger

logger = logging.getLogger(__name__)


@shared_task(name="chain.follow", ignore_result=True)
def follow() -> None:
    """Index what is new. Beat asks every second, so one that finds another at work leaves it to that one."""
    try:
        indexer.follow(ledger.current(), wait=False)
    except NoLedger:
        return  # nothing deployed yet: nothing to follow
    except (LedgerUnreachable, LedgerMoved) as error:
        logger.warning("following stopped, asked again in a second: %s", error)


def handle_relay(payload: dict[str, Any]) -> None:
    """Outbox: send a wanted transaction."""
    relay.send(payload["transaction"])


def handle_confirm(payload: dict[str, Any]) -> None:
    """Outbox: see it on the ledger, and index it at once."""
    row = relay.confirm(payload["transaction"])
    # Also when ours was refused: often because another's went first, and that one counts.
    if row.block is not None and not row.ledger.deploying:
        indexer.follow_to(row.ledger, row.block)
