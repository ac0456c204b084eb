"""Follows the ledger: a range of blocks, their events and all rows computed from them, in one transaction.

A crash loses a transaction, never half of one. One indexer works at a time; the lock belongs to the
transaction, so it is free the moment its holder dies. A range hangs together, and on the last block indexed,
by the hashes of its headers (:mod:`governance.chain.reading`): a reorganisation finds no gap to slip through.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from web3 import Web3
from web3.exceptions import BlockNotFound

from consortium.core import bulk, events
from governance.chain import ledger as gateway
from governance.chain import logs, offices, operations, projections, relay
from governance.chain.errors import LedgerMoved, OtherLedger
from governance.chain.folds import Fact
from governance.chain.models import ChainEvent, IndexedBlock, Ledger
from governance.chain.reading import Range, Reader

logger = logging.getLogger(__name__)

KEPT_BLOCKS = 300
TOGETHER = 2000  # events that a rebuild stores in one go
_LOCK_SPACE = 0x0C4A  # first half of the advisory lock's key; the second is the ledger's


class _Busy(Exception):
    """Another indexer is at work."""


def follow(ledger: Ledger, *, wait: bool = True, ranges: int = sys.maxsize) -> int:
    """Index up to the ledger's head, in at most ``ranges`` steps; the number of new events.

    ``wait=False`` returns 0 at once while another indexer works. Raises LedgerUnreachable, OtherLedger,
    LedgerMoved (ask again).
    """
    client = gateway.web3(ledger)
    reader = Reader(gateway.provider(client), ledger)
    found = 0
    try:
        for _ in range(ranges):
            step = _advance(client, reader, wait)
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
    reader = Reader(gateway.provider(gateway.web3(ledger)), ledger)
    with transaction.atomic():
        _lock(ledger, wait=True)
        ledger.events.all().delete()
        ledger.blocks.all().delete()
        _read_all(ledger, reader)
        projections.refold_all(ledger)
        return ledger.events.count()


def read_again(ledger: Ledger, block: int) -> None:
    """Read ``block`` and all after it once more: a node withheld events of it. Records what changes.

    One transaction, like a rebuild; raises what that does.
    """
    reader = Reader(gateway.provider(gateway.web3(ledger)), ledger)
    with transaction.atomic():
        _lock(ledger, wait=True)
        marked = ledger.blocks.filter(number__lt=block).values_list("number", flat=True).first()
        ancestor = ledger.start_block - 1 if marked is None else marked
        gone = ledger.events.filter(block__gt=ancestor)
        abouts, since = set(gone.values_list("about", flat=True)), _since(gone)
        gone.delete()
        ledger.blocks.filter(number__gt=ancestor).delete()
        _read_all(ledger, reader)
        fresh = ledger.events.filter(block__gt=ancestor)
        abouts |= set(fresh.values_list("about", flat=True))
        projections.refold(ledger, abouts, min(since, _since(fresh)))
        events.record("ledger.read_again", ledger, actor=events.INDEXER, block=block)


# --- Forward ------------------------------------------------------------------------------------------------
def _advance(client: Web3, reader: Reader, wait: bool) -> int | None:
    """One range, or one step back; the number of new events, None at the head."""
    ledger = reader.ledger
    with transaction.atomic():
        _lock(ledger, wait)
        newest = _newest(ledger)
        try:
            read = reader.after(newest)
        except LedgerMoved:
            if newest is None or not _is_gone(client, newest):
                raise
            read = None
        if read is not None:
            facts = operations.linked(ledger, read.facts)
            _keep(ledger, read, facts)
            projections.apply(ledger, facts)
            return len(facts)
        if newest is None or not _is_gone(client, newest):
            return None
        _roll_back(client, ledger)
        return 0


def _read_all(ledger: Ledger, reader: Reader) -> None:
    """Store what the ledger has up to its head, some ranges together; no row is computed yet."""
    newest, facts, marks = _newest(ledger), list[Fact](), list[IndexedBlock]()
    while (read := reader.after(newest)) is not None:
        marks = [*marks, *_marks(ledger, read)][-KEPT_BLOCKS:]
        newest = marks[-1]
        facts += read.facts
        # whom to follow is read from what is stored
        if len(facts) >= TOGETHER or offices.changed_by(read.facts):
            projections.store(ledger, operations.linked(ledger, facts))
            facts = []
    projections.store(ledger, operations.linked(ledger, facts))
    bulk.insert(marks)


def _keep(ledger: Ledger, read: Range, facts: list[Fact]) -> None:
    bulk.insert(_marks(ledger, read))
    projections.store(ledger, facts)
    if read.last % KEPT_BLOCKS < read.last - read.first + 1:  # now and then
        surplus = ledger.blocks.order_by("-number").values_list("number", flat=True)[KEPT_BLOCKS:]
        if surplus:
            ledger.blocks.filter(number__lte=surplus[0]).delete()


def _marks(ledger: Ledger, read: Range) -> list[IndexedBlock]:
    """The blocks to know the ledger by: those with events of ours, and the last."""
    return [
        IndexedBlock(
            ledger=ledger,
            number=number,
            hash=read.headers[number]["hash"],
            timestamp=logs.block_time(read.headers[number]),
        )
        for number in sorted({read.last, *(fact.block for fact in read.facts)})
    ]


# --- Back ---------------------------------------------------------------------------------------------------
def _roll_back(client: Web3, ledger: Ledger) -> None:
    """Forget the blocks that the ledger no longer has, and make the rows what the rest amounts to."""
    ancestor = _common_ancestor(client, ledger)
    gone = ChainEvent.objects.filter(ledger=ledger, block__gt=ancestor)
    abouts = set(gone.values_list("about", flat=True))
    since = _since(gone)
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


def _is_gone(client: Web3, newest: IndexedBlock) -> bool:
    """Has the ledger itself given this block up? A node that lags behind the others has not got it yet."""
    if _still_there(client, newest):
        return False
    found = gateway.provider(client).ask_each("eth_getBlockByNumber", [hex(newest.number), False])
    return not any(isinstance(header, dict) and header["hash"] == newest.hash for header in found)


# --- Small things -------------------------------------------------------------------------------------------
def _newest(ledger: Ledger) -> IndexedBlock | None:
    return ledger.blocks.order_by("-number").first()


def _since(found: QuerySet[ChainEvent]) -> datetime:
    """The first one's time; where there is none, what has no effect before it has none at all."""
    return found.order_by("block").values_list("block_time", flat=True).first() or _beginning()


def _beginning() -> datetime:
    return datetime.fromtimestamp(0, UTC)


def _lock(ledger: Ledger, wait: bool) -> None:
    with connection.cursor() as cursor:
        key: tuple[int, str] = (_LOCK_SPACE, ledger.slug)
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", key)
            return
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", key)
        if not cursor.fetchone()[0]:
            raise _Busy
