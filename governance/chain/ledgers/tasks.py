"""The chain worker's part for ledgers that a committee governs, and for those that are only read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import shared_task

from consortium.core.outbox import Later
from governance.chain.errors import (
    LedgerMoved,
    LedgerUnreachable,
    OtherLedger,
    RelayAccountEmpty,
    RelayKeyNotAvailable,
)
from governance.chain.ledgers import carrying, indexing, noting, registry_only, sending, watching, wishes
from governance.chain.ledgers.errors import NotACommitteeLedger
from governance.chain.ledgers.models import GovernedLedger

logger = logging.getLogger(__name__)

RETRY = 5  # seconds
RANGES = 500  # a call of the task; the next one goes on from there
Kind = GovernedLedger.Kind


@shared_task(name="ledgers.follow", ignore_result=True)
def follow() -> None:
    """Index what is new on every governed ledger, then do what is due there. Beat asks every two seconds."""
    for row in GovernedLedger.objects.exclude(kind=Kind.GOVERNOR):
        try:
            attend(row)
        except (LedgerUnreachable, LedgerMoved, OtherLedger, NotACommitteeLedger) as error:
            noting.failed(row, error)
            logger.warning("%s was not followed, asked again: %s", row.slug, error)
        except (RelayKeyNotAvailable, RelayAccountEmpty) as error:
            noting.failed(row, error)
            logger.error("proposals of %s past their deadline stay open: %s", row.slug, error)  # noqa: TRY400


def attend(row: GovernedLedger) -> None:
    """One round for one ledger: index, link and offer wishes, close what is past its deadline."""
    if row.kind == Kind.REGISTRY_ONLY:
        registry_only.read(row)
        noting.read(row)
        return
    indexing.follow(row, wait=False, ranges=RANGES)
    noting.read(row)
    sending.reconcile(row)
    wishes.advance(row)
    sending.refresh_overdue(row)


@shared_task(name="ledgers.watch_nodes", ignore_result=True)
def watch_nodes() -> None:
    """Look after the nodes of every governed ledger. Beat asks every few seconds."""
    watching.watch()


def handle_send(payload: dict[str, Any]) -> None:
    """Outbox: hand a stored transaction to its ledger."""
    with _patience():
        sending.send(payload["transaction"])


def handle_wish(payload: dict[str, Any]) -> None:
    """Outbox: wish for what the alliance's members decided."""
    with _patience():
        carrying.carry(payload)


def handle_confirm(payload: dict[str, Any]) -> None:
    """Outbox: see it on the ledger."""
    with _patience():
        sending.confirm(payload["transaction"])


@contextmanager
def _patience() -> Iterator[None]:
    """A ledger that is away is nothing that a transaction should be given up for."""
    try:
        yield
    except (LedgerUnreachable, OtherLedger) as error:
        raise Later(RETRY, f"{error.code}: {error}") from error
