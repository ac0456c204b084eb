"""A range of blocks in one request: every header and all followed logs, checked against each other.

Each header names its parent, so the range hangs together and on the last block that was indexed, or the
ledger was reorganised. Each log lies in a block of the range. And where a header's filter says that a block
holds an event of ours, the node has to give one, or show by its receipts that the filter spoke by chance.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from governance.chain import logs, offices
from governance.chain.errors import LedgerMoved, LedgerUnreachable, LogsMissing
from governance.chain.folds import Fact
from governance.chain.logs import Raw
from governance.chain.models import IndexedBlock, Ledger
from governance.chain.rpc import AnswerError, Provider
from governance.chain.standing import Fault

logger = logging.getLogger(__name__)

LARGEST_BATCH = 100  # questions in one request; nodes take some hundreds
GROWS_AFTER = 20  # ranges that went well, before a larger one is tried again

_TOO_MUCH = re.compile(
    r"too (many|large|wide|big)|limit|exceed|max(imum)?|range|results?|block count|10,?000", re.IGNORECASE
)
_NO_SUCH_METHOD = frozenset({-32601})


@dataclass(frozen=True, slots=True)
class Range:
    """What was read of blocks ``first`` to ``last``: headers by number, events in order."""

    first: int
    last: int
    headers: dict[int, Raw]
    facts: list[Fact]


class RangeRefused(Exception):
    """The node gives less than so many blocks at once, and says so."""


class Reader:
    """Reads a ledger range by range. One for a pass of the indexer."""

    _limits: dict[str, int] = {}  # by ledger: what its nodes give, as this process learnt

    def __init__(self, provider: Provider, ledger: Ledger) -> None:
        self.provider, self.ledger = provider, ledger
        self._head = -1
        self._went_well = 0
        self._offices: dict[str, str] = {}  # by address

    def after(self, newest: IndexedBlock | None) -> Range | None:
        """The next range; None at the head. Raises LedgerMoved where it does not follow on ``newest``,
        LogsMissing where the node withholds events and no other gives them."""
        try:
            return self._after(newest)
        except LedgerMoved:
            self._head, self._offices = -1, {}  # it may have gone back
            raise

    # --- How much at once -----------------------------------------------------------------------------------
    def _after(self, newest: IndexedBlock | None) -> Range | None:
        first = self.ledger.start_block if newest is None else newest.number + 1
        if first > self._head:
            self._head = self._ask_head()
        while first <= self._head:
            last = min(self._head, first + self._limit - 1)
            try:
                read = self._range(first, last)
            except RangeRefused as refusal:
                self._shrink(last - first + 1, refusal)
                continue
            except LogsMissing as error:
                self._doubt(first, last, error)
                continue
            self._grow()
            _check_parent(read, newest)
            if offices.changed_by(read.facts):
                self._offices = {}
            return read
        return None

    @property
    def _wanted(self) -> int:
        return max(1, self.ledger.log_range or settings.LEDGER_LOG_RANGE)

    @property
    def _limit(self) -> int:
        return min(self._wanted, self._limits.get(self.ledger.slug, self._wanted))

    def _shrink(self, asked: int, why: Exception) -> None:
        """Half as much from now on. Raises LedgerUnreachable where even one block is refused."""
        if asked == 1:
            raise LedgerUnreachable(detail=str(why)) from why
        self._limits[self.ledger.slug], self._went_well = asked // 2, 0
        logger.info("%s blocks at once are too many: %s", asked, why)

    def _grow(self) -> None:
        self._went_well += 1
        if self._went_well % GROWS_AFTER == 0 and self._limit < self._wanted:
            self._limits[self.ledger.slug] = self._limit * 2

    def _doubt(self, first: int, last: int, error: LogsMissing) -> None:
        """Some nodes cut what is too much without a word. Who does it with one block withholds events."""
        if last > first:
            self._shrink(last - first + 1, error)
            return
        if not self.provider.several:
            raise error
        self.provider.distrust(Fault.LOGS_MISSING, f"block {first}", first)

    # --- Asking ---------------------------------------------------------------------------------------------
    def _ask_head(self) -> int:
        found = self.provider.make_request("eth_blockNumber", [])  # type: ignore[arg-type]
        if "error" in found:
            raise LedgerUnreachable(detail=str(AnswerError(found["error"])))
        return int(str(found["result"]), 16)

    def _range(self, first: int, last: int) -> Range:
        numbers = range(first, last + 1)
        asked: list[Any] = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
        self._offices = self._offices or offices.contracts_at(self.ledger)
        addresses = list(self._offices)
        asked.append(("eth_getLogs", [logs.wanted(addresses, first, last)]))
        answers: list[Any] = []
        for start in range(0, len(asked), LARGEST_BATCH):
            answers += self.provider.ask_many(asked[start : start + LARGEST_BATCH])
        headers = _headers(numbers, answers[:-1])
        found = logs.in_order(_logs(answers[-1]))
        self._check_filters(headers, {int(log["blockNumber"], 16) for log in found}, addresses)
        theirs = logs.of_office(found, self._offices)
        facts = logs.facts(theirs, headers, self.ledger.ticks_per_second)
        return _up_to_a_change(Range(first, last, headers, facts), addresses)

    def _check_filters(self, headers: dict[int, Raw], given: set[int], addresses: list[str]) -> None:
        """Raises LogsMissing where a header says that there is an event of ours, and a receipt has it."""
        for number, header in headers.items():
            if number in given or not logs.may_hold(header["logsBloom"], addresses):
                continue
            if self._receipts_hold(header, addresses):
                raise LogsMissing(block=number)

    def _receipts_hold(self, header: Raw, addresses: list[str]) -> bool:
        asked = [("eth_getTransactionReceipt", [tx_hash]) for tx_hash in header["transactions"]]
        receipts: list[Any] = []
        for start in range(0, len(asked), LARGEST_BATCH):
            receipts += self.provider.ask_many(asked[start : start + LARGEST_BATCH])
        return any(
            logs.is_followed(log, addresses)
            for receipt in receipts
            if isinstance(receipt, dict) and receipt.get("blockHash") == header["hash"]
            for log in receipt["logs"]
        )


def _up_to_a_change(read: Range, followed: list[str]) -> Range:
    """A range ends where somebody takes office: the next one asks for the newcomer's events as well."""
    last = offices.takes_office(read.facts, followed)
    if last is None or last == read.last:
        return read
    headers = {number: header for number, header in read.headers.items() if number <= last}
    return Range(read.first, last, headers, [fact for fact in read.facts if fact.block <= last])


def _headers(numbers: range, answers: list[Any]) -> dict[int, Raw]:
    found: dict[int, Raw] = {}
    before = None
    for number, header in zip(numbers, answers, strict=True):
        if isinstance(header, AnswerError):
            raise LedgerUnreachable(detail=str(header))
        if header is None or (before is not None and header["parentHash"] != before):
            raise LedgerMoved(block=number)
        found[number], before = header, header["hash"]
    return found


def _logs(answer: Any) -> list[Raw]:
    if isinstance(answer, AnswerError):
        if _TOO_MUCH.search(answer.message) and answer.code not in _NO_SUCH_METHOD:
            raise RangeRefused(str(answer))
        raise LedgerUnreachable(detail=str(answer))
    found: list[Raw] = answer
    return found


def _check_parent(read: Range, newest: IndexedBlock | None) -> None:
    if newest is not None and read.headers[read.first]["parentHash"] != newest.hash:
        raise LedgerMoved(block=newest.number)
