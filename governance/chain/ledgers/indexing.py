"""Follows a committee's ledger: blocks, the calls in them, and what the getters say of it now.

A range of blocks and what comes of it is one transaction: a crash loses it whole. One at a time indexes a
ledger. The chain says what a proposal does only in the transaction that created it, so transactions are read,
not just events.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from web3 import Web3
from web3.exceptions import BlockNotFound, TransactionNotFound
from web3.types import BlockData, LogReceipt, TxData, TxReceipt

from consortium.core import events
from governance.chain.errors import LedgerMoved
from governance.chain.folds import block_moment
from governance.chain.ledgers import projecting
from governance.chain.ledgers.committee import Addresses, CommitteeLedger
from governance.chain.ledgers.models import CommitteeCall, GovernedLedger, LedgerBlock
from governance.contracts import fisco

logger = logging.getLogger(__name__)

KEPT_BLOCKS = 300
_LOCK_SPACE = 0x0F15  # first half of the advisory lock's key; the second is the ledger's
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # PostgreSQL takes neither NUL nor half a surrogate pair


class _Busy(Exception):
    """Another indexer is at work."""


@dataclass(frozen=True, slots=True)
class _Range:
    """Blocks ``first`` to ``last``, and the committee's calls in them."""

    headers: list[BlockData]
    calls: list[CommitteeCall]


def follow(row: GovernedLedger, *, wait: bool = True, ranges: int = sys.maxsize) -> int:
    """Index up to the head in at most ``ranges`` steps, then read what is so now; the number of new calls.

    ``wait=False`` returns 0 at once while another indexer works. Raises LedgerUnreachable, OtherLedger,
    LedgerMoved (ask again), NotACommitteeLedger.
    """
    ledger = CommitteeLedger(row)
    addresses = ledger.addresses()
    found, went_back = 0, False
    try:
        for _ in range(ranges):
            step = _advance(ledger, addresses, wait)
            if step is None:
                break
            went_back = went_back or step < 0
            found += max(0, step)
        with transaction.atomic():
            _lock(row, wait)
            projecting.project(ledger, addresses, everything=went_back, new_calls=bool(found))
    except _Busy:
        return found
    return found


def rebuild(row: GovernedLedger) -> int:
    """Drop all that was computed and read the ledger again from its first block; the number of calls.

    One transaction: others see the old rows until the new ones are there. Raises what ``follow`` raises.
    """
    ledger = CommitteeLedger(row)
    addresses = ledger.addresses()
    with transaction.atomic():
        _lock(row, wait=True)
        row.calls.all().delete()
        row.blocks.all().delete()
        while (read := _read_next(ledger, addresses)) is not None:
            _keep(row, read)
        projecting.project(ledger, addresses, everything=True, new_calls=True)
        return row.calls.count()


def read_again(row: GovernedLedger, block: int) -> None:
    """Forget what was read from ``block`` on; following reads it again."""
    with transaction.atomic():
        _lock(row, wait=True)
        before = row.blocks.filter(number__lt=block)
        first = block if before.exists() else row.start_block  # what is older than the kept blocks: all of it
        row.calls.filter(block__gte=first).delete()
        row.blocks.filter(number__gte=first).delete()
    logger.warning("%s is read again from block %s", row.slug, first)


# --- Forward and back -----------------------------------------------------------------------------------
def _advance(ledger: CommitteeLedger, addresses: Addresses, wait: bool) -> int | None:
    """One range: the number of its calls; -1 for a step back, None at the head."""
    row = ledger.row
    with transaction.atomic():
        _lock(row, wait)
        newest = _newest(row)
        if newest is not None and not _still_there(ledger.client, newest):
            _roll_back(ledger)
            return -1
        read = _read_next(ledger, addresses)
        if read is None:
            return None
        _keep(row, read)
        return len(read.calls)


def _read_next(ledger: CommitteeLedger, addresses: Addresses) -> _Range | None:
    newest = _newest(ledger.row)
    first = ledger.row.start_block if newest is None else newest.number + 1
    last = min(ledger.head(), first + ledger.log_range - 1)
    if last < first:
        return None
    headers = [_block(ledger.client, number) for number in range(first, last + 1)]
    if newest is not None and headers[0]["parentHash"].to_0x_hex() != newest.hash:
        raise LedgerMoved(block=newest.number)
    return _Range(headers, _calls(ledger, addresses, headers))


def _roll_back(ledger: CommitteeLedger) -> None:
    """Forget the blocks that the ledger no longer has."""
    row = ledger.row
    ancestor = row.start_block - 1
    for block in row.blocks.order_by("-number"):
        if _still_there(ledger.client, block):
            ancestor = block.number
            break
    count, _ = row.calls.filter(block__gt=ancestor).delete()
    row.blocks.filter(number__gt=ancestor).delete()
    logger.warning("%s reorganised after block %s: %s calls taken back", row.slug, ancestor, count)
    events.record(
        "governed_ledger.reorganised", row, actor=events.INDEXER, ancestor=ancestor, calls_taken_back=count
    )


def _keep(row: GovernedLedger, read: _Range) -> None:
    LedgerBlock.objects.bulk_create(
        LedgerBlock(
            ledger=row, number=header["number"], hash=header["hash"].to_0x_hex(), time=block_time(header)
        )
        for header in read.headers
    )
    CommitteeCall.objects.bulk_create(read.calls)
    surplus = row.blocks.order_by("-number").values_list("number", flat=True)[KEPT_BLOCKS:]
    if surplus:
        row.blocks.filter(number__lte=surplus[0]).delete()


# --- Reading --------------------------------------------------------------------------------------------
def _calls(ledger: CommitteeLedger, addresses: Addresses, headers: list[BlockData]) -> list[CommitteeCall]:
    """The committee's calls in these blocks: sent to it, or found by the event that another's left."""
    wanted = {addresses.manager.lower(), addresses.proposals.lower()}
    numbers = {header["number"]: header for header in headers}
    results = _results(ledger, headers)
    found = [
        _call(ledger, header, sent, results.pop(sent["hash"].to_0x_hex(), None))
        for header in headers
        for sent in header["transactions"]
        if isinstance(sent, Mapping) and str(sent.get("to") or "").lower() in wanted
    ]
    indirect = [_indirect(ledger, numbers[log["blockNumber"]], log, code) for log, code in results.values()]
    return sorted([*found, *indirect], key=lambda call: (call.block, call.index))


def _results(ledger: CommitteeLedger, headers: list[BlockData]) -> dict[str, tuple[LogReceipt, int]]:
    """``execResult`` by transaction. Raises LedgerMoved where a log is of another block than the one read."""
    hashes = {header["number"]: header["hash"] for header in headers}
    found = {}
    for log in ledger.results(headers[0]["number"], headers[-1]["number"]):
        if hashes.get(log["blockNumber"]) != log["blockHash"]:
            raise LedgerMoved(block=log["blockNumber"])
        found[log["transactionHash"].to_0x_hex()] = (log, _code(log))
    return found


def _call(
    ledger: CommitteeLedger, header: BlockData, sent: TxData, result: tuple[LogReceipt, int] | None
) -> CommitteeCall:
    receipt = _receipt(ledger.client, sent)
    call = CommitteeCall(
        ledger=ledger.row,
        block=header["number"],
        index=sent["transactionIndex"],
        block_time=block_time(header),
        tx_hash=sent["hash"].to_0x_hex(),
        sender=str(Web3.to_checksum_address(sent["from"])),
        succeeded=receipt["status"] == 1,
        exec_code=result[1] if result else _code_in(receipt),
    )
    try:
        read = fisco.read(sent["input"])
    except fisco.NotACall:
        return call
    call.function, call.type, call.interval = read.function.name, read.function.type, read.interval
    call.arguments = {name: _storable(value) for name, value in read.arguments.items()}
    return call


def _indirect(ledger: CommitteeLedger, header: BlockData, log: LogReceipt, code: int) -> CommitteeCall:
    """A result without a transaction to the committee: a governor that is a contract voted."""
    sent = next(
        each
        for each in header["transactions"]
        if isinstance(each, Mapping) and each["hash"] == log["transactionHash"]
    )
    return CommitteeCall(
        ledger=ledger.row,
        block=header["number"],
        index=log["transactionIndex"],
        block_time=block_time(header),
        tx_hash=log["transactionHash"].to_0x_hex(),
        sender=str(Web3.to_checksum_address(sent["from"])),
        succeeded=True,
        exec_code=code,
    )


def _code_in(receipt: TxReceipt) -> int | None:
    """The result in a receipt: getLogs may have lost it."""
    topic = Web3.keccak(text=fisco.EXEC_RESULT)
    for log in receipt["logs"]:
        ours = str(log["address"]).lower() == fisco.COMMITTEE_MANAGER
        if ours and log["topics"] and bytes(log["topics"][0]) == bytes(topic):
            return _code(log)
    return None


def _code(log: LogReceipt) -> int:
    return int.from_bytes(bytes(log["data"])[:32], signed=True)


def _receipt(client: Web3, sent: TxData) -> TxReceipt:
    try:
        receipt = client.eth.get_transaction_receipt(sent["hash"])
    except TransactionNotFound as error:
        raise LedgerMoved(block=sent["blockNumber"]) from error
    if receipt["blockHash"] != sent["blockHash"]:
        raise LedgerMoved(block=sent["blockNumber"])
    return receipt


def block_time(header: BlockData) -> datetime:
    """A block's time, aware."""
    return block_moment(header["timestamp"])


def _storable(value: Any) -> Any:
    return _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value


def _block(client: Web3, number: int) -> BlockData:
    try:
        return client.eth.get_block(number, full_transactions=True)
    except BlockNotFound as error:
        raise LedgerMoved(block=number) from error


def _still_there(client: Web3, block: LedgerBlock) -> bool:
    try:
        return client.eth.get_block(block.number)["hash"].to_0x_hex() == block.hash
    except BlockNotFound:
        return False


def _newest(row: GovernedLedger) -> LedgerBlock | None:
    return row.blocks.order_by("-number").first()


def _lock(row: GovernedLedger, wait: bool) -> None:
    with connection.cursor() as cursor:
        key: tuple[int, str] = (_LOCK_SPACE, row.slug)
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", key)
            return
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", key)
        if not cursor.fetchone()[0]:
            raise _Busy
