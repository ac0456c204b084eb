"""The chain worker: relays, confirms, follows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import shared_task

from consortium.core import outbox
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
from governance.chain.models import RelayTransaction

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


def handle_relay(payloads: list[dict[str, Any]]) -> list[outbox.Outcome]:
    """Outbox: send wanted transactions, many together."""
    pks = [payload["transaction"] for payload in payloads]
    with _patience():
        outcomes = relay.send_all(pks)
    return [_ended(outcomes[pk]) for pk in pks]


def handle_confirm(payloads: list[dict[str, Any]]) -> list[outbox.Outcome]:
    """Outbox: see them on the ledger, and index them at once."""
    pks = [payload["transaction"] for payload in payloads]
    with _patience():
        outcomes = relay.confirm_all(pks)
        # Also where ours was refused: often because another's went first, and that one counts.
        _index(row for row in outcomes.values() if isinstance(row, RelayTransaction))
    return [_ended(outcomes[pk]) for pk in pks]


def _ended(outcome: relay.Outcome) -> outbox.Outcome:
    return outcome if isinstance(outcome, Exception) else None


def _index(rows: Iterable[RelayTransaction]) -> None:
    """Each ledger up to the newest block of ours."""
    newest: dict[str, RelayTransaction] = {}
    for row in rows:
        if row.block is not None and not row.ledger.deploying:
            known = newest.setdefault(row.ledger_id, row)
            if row.block > (known.block or 0):
                newest[row.ledger_id] = row
    for row in newest.values():
        indexer.follow_to(row.ledger, row.block)


@contextmanager
def _patience() -> Iterator[None]:
    """A ledger that is away, or the wrong one, is nothing that the transaction should be given up for."""
    try:
        yield
    except (LedgerUnreachable, LedgerMoved, LogsMissing, OtherLedger, RelayKeyNotAvailable) as error:
        raise Later(RETRY, f"{error.code}: {error}") from error
