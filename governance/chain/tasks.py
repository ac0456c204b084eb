"""The chain worker: relays, confirms, follows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import shared_task

from consortium.core.outbox import Later
from governance.chain import indexer, ledger, relay, watching
from governance.chain.errors import (
    LedgerMoved,
    LedgerUnreachable,
    LogsMissing,
    NoLedger,
    OtherLedger,
    RelayKeyNotAvailable,
)

logger = logging.getLogger(__name__)

RETRY = 5  # seconds
RANGES = 500  # a call of the task; the next second's goes on from there


@shared_task(name="chain.follow", ignore_result=True)
def follow() -> None:
    """Index what is new. Beat asks every second, so one that finds another at work leaves it to that one."""
    try:
        followed = ledger.current()
        indexer.follow(followed, wait=False, ranges=RANGES)
        relay.reconcile(followed)
    except NoLedger:
        return  # nothing deployed yet: nothing to follow
    except (LedgerUnreachable, LedgerMoved, LogsMissing) as error:
        logger.warning("following stopped, asked again in a second: %s", error)


@shared_task(name="chain.watch_nodes", ignore_result=True)
def watch_nodes() -> None:
    """Look after the ledger's nodes. Beat asks every few seconds."""
    try:
        watching.watch()
    except (LedgerUnreachable, LedgerMoved, LogsMissing, OtherLedger) as error:
        logger.warning("what was missed is not read again yet: %s", error)


def handle_relay(payload: dict[str, Any]) -> None:
    """Outbox: send a wanted transaction."""
    with _patience():
        relay.send(payload["transaction"])


def handle_confirm(payload: dict[str, Any]) -> None:
    """Outbox: see it on the ledger, and index it at once."""
    with _patience():
        _confirm(payload["transaction"])


def _confirm(pk: int) -> None:
    row = relay.confirm(pk)
    # Also when ours was refused: often because another's went first, and that one counts.
    if row.block is not None and not row.ledger.deploying:
        indexer.follow_to(row.ledger, row.block)


@contextmanager
def _patience() -> Iterator[None]:
    """A ledger that is away, or the wrong one, is nothing that the transaction should be given up for."""
    try:
        yield
    except (LedgerUnreachable, LedgerMoved, LogsMissing, OtherLedger, RelayKeyNotAvailable) as error:
        raise Later(RETRY, f"{error.code}: {error}") from error
