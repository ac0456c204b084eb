"""Follows the ledger: a range of blocks, their events and all rows computed from them, in one transaction.

A crash loses a transaction, never half of one. One indexer works at a time; the lock belongs to the
transaction, so it is free the moment its holder dies. Reading goes in an order that leaves no gap for a
reorganisation to slip through: the range's last header first, then the last indexed one, then the logs. What
changes in between shows as another hash, at once or at the next pass.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from web3 import Web3
from web3.exceptions import BlockNotFound
from web3.types import BlockData

from consortium.core import events
from governance.chain import ledger as gateway
from governance.chain import logs, projections, relay
from governance.chain.errors import LedgerMoved, OtherLedger
from governance.chain.folds import Fact
from governance.chain.models import ChainEvent, IndexedBlock, Ledger

logger = logging.getLogger(__name__)

KEPT_BLOCKS = 300
_LOCK_SPACE = 0x0C4A  # first half of the advisory lock's key; the second is the ledger's


class _Busy(Exception):
    """Another indexer is at work."""


@dataclass(frozen=True, slots=True)
class _Range:
    """What was read of blocks ``first`` to ``last``: headers by number, events in order."""

    first: int
    last: int
    headers: dict[int, BlockData]
    facts: list[Fact]


def follow(ledger: Ledger, *, wait: bool = True, ranges: int = sys.maxsize) -> int:
    """Index up to the ledger's head, in at most ``ranges`` steps; the number of new events.

    ``wait=False`` returns 0 at once while another indexer works. Raises LedgerUnreachable, OtherLedger,
    LedgerMoved (ask again).
    """
    client = gateway.web3(ledger)
    found = 0
    try:
        for _ in range(ranges):
            step = _advance(client, ledger, wait)
            if step is None:
                break
            found += step
    except _Busy:
        return found
    return found


def follow_to(ledger: Ledger, block: int | None) -> None:
    """Index at least up to ``block``, unless that is done."""
    newest = _newest(ledger)
    if newest is None or block is None or newest.number < block:
        follow(ledger)


def rebuild(ledger: Ledger) -> int:
    """Drop all that was computed and read the ledger again from its first block; the number of events.

    One transaction: others see the old rows until the new ones are complete. Rows that come out different
    are recorded as changed. Raises LedgerMoved when the chain is reorganised meanwhile: run it again.
    """
    client = gateway.web3(ledger)
    with transaction.atomic():
        _lock(ledger, wait=True)
        abouts = projections.abouts_of_rows(ledger)
        ledger.events.all().delete()
        ledger.blocks.all().delete()
        while (read := _read_next(client, ledger)) is not None:
            _keep(ledger, read)
        abouts |= set(ledger.events.values_list("about", flat=True))
        projections.refold(ledger, abouts, since=_beginning())
        return ledger.events.count()


# --- Forward ------------------------------------------------------------------------------------------------
def _advance(client: Web3, ledger: Ledger, wait: bool) -> int | None:
    """One range, or one step back; the number of new events, None at the head."""
    with transaction.atomic():
        _lock(ledger, wait)
        newest = _newest(ledger)
        if newest is not None and not _still_there(client, newest):
            _roll_back(client, ledger)
            return 0
        read = _read_next(client, ledger)
        if read is None:
            return None
        _keep(ledger, read)
        projections.apply(ledger, read.facts)
        return len(read.facts)


def _read_next(client: Web3, ledger: Ledger) -> _Range | None:
    newest = _newest(ledger)
    first = ledger.start_block if newest is None else newest.number + 1
    last = min(client.eth.block_number, first + settings.LEDGER_LOG_RANGE - 1)
    if last < first:
        return None
    end = _header(client, last)
    if newest is not None and not _still_there(client, newest):
        raise LedgerMoved(block=newest.number)
    found = logs.fetch(client, ledger, first, last)
    numbers = {log["blockNumber"] for log in found} - {last}
    headers: dict[int, BlockData] = {number: _header(client, number) for number in numbers}
    headers[last] = end
    return _Range(first, last, headers, logs.facts(found, headers))


def _keep(ledger: Ledger, read: _Range) -> None:
    IndexedBlock.objects.bulk_create(
        IndexedBlock(
            ledger=ledger,
            number=number,
            hash=header["hash"].to_0x_hex(),
            timestamp=logs.block_time(header),
        )
        for number, header in sorted(read.headers.items())
    )
    projections.store(ledger, read.facts)
    surplus = ledger.blocks.order_by("-number").values_list("number", flat=True)[KEPT_BLOCKS:]
    if surplus:
        ledger.blocks.filter(number__lte=surplus[0]).delete()


# --- Back ---------------------------------------------------------------------------------------------------
def _roll_back(client: Web3, ledger: Ledger) -> None:
    """Forget the blocks that the ledger no longer has, and make the rows what the rest amounts to."""
    ancestor = _common_ancestor(client, ledger)
    gone = ChainEvent.objects.filter(ledger=ledger, block__gt=ancestor)
    abouts = set(gone.values_list("about", flat=True))
    since = gone.order_by("block").values_list("block_time", flat=True).first() or _beginning()
    count, _ = gone.delete()
    ledger.blocks.filter(number__gt=ancestor).delete()
    sent_again = relay.lost_after(ledger, ancestor)
    logger.warning("ledger reorganised after block %s: %s events taken back", ancestor, count)
    events.record(
        "ledger.reorganised",
        ledger,
        actor=events.INDEXER,
        ancestor=ancestor,
        events_taken_back=count,
        transactions_to_confirm=sent_again,
    )
    projections.refold(ledger, abouts, since)


def _common_ancestor(client: Web3, ledger: Ledger) -> int:
    """The newest indexed block that the ledger still has; the block before the first where none is left."""
    for block in ledger.blocks.order_by("-number"):
        if _still_there(client, block):
            return block.number
    if not client.eth.get_code(Web3.to_checksum_address(ledger.seats)):
        raise OtherLedger(what="seats contract", actual="–", expected=ledger.seats)
    return ledger.start_block - 1


def _still_there(client: Web3, block: IndexedBlock) -> bool:
    try:
        return client.eth.get_block(block.number)["hash"].to_0x_hex() == block.hash
    except BlockNotFound:
        return False


# --- Small things -------------------------------------------------------------------------------------------
def _header(client: Web3, number: int) -> BlockData:
    try:
        return client.eth.get_block(number)
    except BlockNotFound as error:
        raise LedgerMoved(block=number) from error


def _newest(ledger: Ledger) -> IndexedBlock | None:
    return ledger.blocks.order_by("-number").first()


def _beginning() -> datetime:
    return logs.block_time({"timestamp": 0})  # type: ignore[typeddict-item]


def _lock(ledger: Ledger, wait: bool) -> None:
    with connection.cursor() as cursor:
        key: tuple[int, str] = (_LOCK_SPACE, ledger.slug)
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", key)
            return
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", key)
        if not cursor.fetchone()[0]:
            raise _Busy
