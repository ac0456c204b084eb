"""Where the truth comes from: a ledger that answers, or an exported range of its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
from eth_utils.address import to_checksum_address

from governance.verify import blocks, canonical, transactions
from governance.verify.blocks import Raw
from governance.verify.errors import CannotCheck, NotProven
from governance.verify.evidence import in_order, plain
from governance.verify.tally import CATEGORIES
from governance.verify.texts import say

BLOCKS: Final = "consortium-blocks/1"
_TIMEOUT: Final = 20.0  # seconds
_SEATS: Final = "0xfc0c546a"  # selectors of token(), timelock(), tally(uint256)
_TIMELOCK: Final = "0xd33219b4"
_TALLY: Final = "0xed8b6b31"
_WORD: Final = 64  # hex digits


@dataclass(frozen=True)
class Header:
    number: int
    hash: str
    timestamp: int  # seconds


class Source(Protocol):
    """What a check asks. Each raises NotProven for what is not there, CannotCheck where nobody answers."""

    first: int
    last: int
    trusted: str  # what the reader has to believe, in words

    def chain_id(self) -> int | None: ...

    def header(self, number: int) -> Header: ...

    def logs(self, addresses: set[str]) -> list[Raw]:
        """All logs of these addresses (lower case) from ``first`` to ``last``, in the ledger's order."""

    def sender(self, tx_hash: str) -> str:
        """Who signed the transaction (EIP-55); empty where that can't be told."""

    def seats_of(self, governor: str) -> str | None:
        """The seats contract that the governor counts by (lower case); None where the source can't tell."""

    def timelock_of(self, governor: str) -> str | None:
        """The timelock that carries out what the governor decides (lower case), or None as above."""

    def electorate(self, governor: str, proposal_id: int) -> list[int] | None:
        """Seats with a vote on the proposal, by category, as the governor counts them, or None as above."""


class LedgerSource:
    """A ledger's JSON-RPC. ``width``: blocks asked for at once; FISCO BCOS answers for ten only.

    ``known``: a block that is said to have logs, by which it is seen whether all of a width is answered for.
    """

    def __init__(self, url: str, first: int, *, width: int = 1000, known: int | None = None) -> None:
        self.url, self.first, self.width, self.known = url, first, width, known
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)
        self._headers: dict[int, Header] = {}
        self.last = int(self._ask("eth_blockNumber"), 16)
        self.trusted = say("trusted_ledger", url=url)

    def __enter__(self) -> LedgerSource:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def chain_id(self) -> int:
        return int(self._ask("eth_chainId"), 16)

    def header(self, number: int) -> Header:
        if number not in self._headers:
            found = self.raw_header(number)
            self._headers[number] = Header(number, found["hash"].lower(), int(found["timestamp"], 16))
        return self._headers[number]

    def logs(self, addresses: set[str]) -> list[Raw]:
        self._check_width(addresses)
        found: list[Raw] = []
        for start in range(self.first, self.last + 1, self.width):
            found += self._told(addresses, start, self.width)
        return in_order(found)

    def _check_width(self, addresses: set[str]) -> None:
        """Raises NotProven for a node that quietly answers for fewer blocks than it was asked for.

        What it keeps to itself would seem never to have happened: the first or the last blocks of a width.
        """
        if self.known is None:
            return
        there = self._told(addresses, self.known, 1)
        for start in (max(0, self.known - self.width + 1), self.known):
            told = self._told(addresses, start, self.width)
            if any(log not in told for log in there):
                raise NotProven("width_unanswered", number=self.known, width=self.width)

    def _told(self, addresses: set[str], start: int, width: int) -> list[Raw]:
        """Logs of ``width`` blocks from ``start`` on, as far as there are so many."""
        end = min(start + width - 1, self.last)
        wanted = {"address": sorted(addresses), "fromBlock": hex(start), "toBlock": hex(end)}
        return [plain(log) for log in self._ask("eth_getLogs", wanted)]

    def sender(self, tx_hash: str) -> str:
        found = self._ask("eth_getTransactionByHash", tx_hash)
        if found is None:
            raise NotProven("transaction_unknown", tx_hash=tx_hash)
        return to_checksum_address(found["from"])

    def seats_of(self, governor: str) -> str:
        return "0x" + self._call(governor, _SEATS)[-40:]

    def timelock_of(self, governor: str) -> str:
        return "0x" + self._call(governor, _TIMELOCK)[-40:]

    def electorate(self, governor: str, proposal_id: int) -> list[int]:
        answer = self._call(governor, _TALLY + f"{proposal_id:064x}")
        return [int(answer[place : place + _WORD], 16) for place in range(0, CATEGORIES * _WORD, _WORD)]

    def _call(self, contract: str, calldata: str) -> str:
        """The answer in hex digits without 0x. Raises CannotCheck for what is no such contract."""
        asked = {"to": contract, "data": calldata}
        answer = str(self._ask("eth_call", asked, "latest")).removeprefix("0x").lower()
        if len(answer) < _WORD:
            raise CannotCheck("no_governor", governor=contract)
        return answer

    def raw_header(self, number: int) -> Raw:
        """The header as the ledger gives it."""
        found: Raw | None = self._ask("eth_getBlockByNumber", hex(number), False)
        if found is None:
            raise NotProven("block_unknown", number=number)
        return found

    def export(self, addresses: set[str], last: int, *, as_given: bool = False) -> bytes:
        """The blocks from ``first`` to ``last`` as a file that proves itself (:class:`BlocksSource`).

        Raises CannotCheck for a ledger whose hashes can't be computed again from what it tells: of such a
        one a file would prove nothing. ``as_given`` writes its headers nevertheless.
        """
        exported = []
        for number in range(self.first, last + 1):
            found = self.raw_header(number)
            header: Raw = {name: found[name] for name in ("hash", *blocks.HEADER) if name in found}
            if not as_given and not _gives_hash(header):
                raise CannotCheck("header_unprovable", number=number)
            block: Raw = {"header": header}
            if any(blocks.may_hold(found, address) for address in addresses):
                block |= self._content(number)
                _check_roots(number, block)
            exported.append(block)
        document = {"format": BLOCKS, "chain_id": self.chain_id(), "blocks": exported}
        return canonical.sealed(document)

    def _content(self, number: int) -> Raw:
        sent = self._ask("eth_getBlockByNumber", hex(number), True)["transactions"]
        receipts = [self._ask("eth_getTransactionReceipt", one["hash"]) for one in sent]
        return {
            "transactions": [self._raw(number, one) for one in sent],
            "receipts": [
                {
                    **{name: receipt[name] for name in blocks.RECEIPT if name != "logs"},
                    "logs": [{name: log[name] for name in blocks.LOG} for log in receipt["logs"]],
                }
                for receipt in receipts
            ],
        }

    def _raw(self, block: int, told: Raw) -> str:
        """As it was sent: from what the ledger tells of it, or, of a type not known here, as it gives it."""
        rebuilt = transactions.raw(told)
        if rebuilt is not None:
            return rebuilt
        kind, tx_hash = transactions.kind(told), told["hash"].lower()
        try:
            given = self._ask("eth_getRawTransactionByHash", tx_hash)
        except CannotCheck:
            given = None
        if not isinstance(given, str) or blocks.transaction_hash(given) != tx_hash:
            raise CannotCheck("transaction_unprovable", number=block, tx_hash=tx_hash, kind=kind)
        return given

    def _ask(self, method: str, *arguments: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
        try:
            answer = self._client.post(self.url, json=body).raise_for_status().json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise CannotCheck("ledger_away", url=self.url, reason=type(error).__name__) from error
        if not isinstance(answer, dict) or "error" in answer:
            raise CannotCheck("ledger_refuses", method=method, answer=answer)
        return answer.get("result")


def _gives_hash(header: Raw) -> bool:
    """False, too, for a header that lacks what a hash is made of."""
    try:
        return blocks.gives_hash(header)
    except (KeyError, ValueError, TypeError, AttributeError):
        return False


def _check_roots(number: int, block: Raw) -> None:
    """Raises CannotCheck for a ledger that makes its roots otherwise: better now than when it is checked."""
    made = {
        "receiptsRoot": blocks.receipts_root(block["receipts"]),
        "transactionsRoot": blocks.transactions_root(block["transactions"]),
    }
    for root, found in made.items():
        if found != block["header"][root]:
            raise CannotCheck("root_unprovable", number=number, root=root)


class BlocksSource:
    """An exported range of blocks, each proven by the next one's ``parentHash`` up to the last.

    ``head`` is the last block's hash, if the reader knows it from elsewhere. ``as_given`` takes hashes that
    can't be computed here as they are written: the reader then trusts the whole file, and no ``head`` could
    prove it.
    """

    def __init__(self, content: bytes, *, head: str | None = None, as_given: bool = False) -> None:
        document = canonical.opened(content, BLOCKS)
        self._chain_id, self._blocks = document["chain_id"], document["blocks"]
        if not self._blocks:
            raise NotProven("range_empty")
        self._as_given, self._believed = as_given, 0  # blocks whose hash is not that of their header
        try:
            self._check()
        except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
            raise NotProven("range_unreadable", reason=repr(error)) from error
        ending = self._blocks[-1]["header"]["hash"]
        if head is not None and self._believed:
            raise CannotCheck("head_of_believed", count=self._believed)
        if head is not None and head.lower() != ending:
            raise NotProven("other_head", found=ending, wanted=head)
        told = "trusted_blocks" if head is None else "trusted_head"
        self.trusted = say("trusted_as_given" if self._believed else told, number=self.last, hash=ending)

    @classmethod
    def from_file(cls, path: Path, **options: Any) -> BlocksSource:
        try:
            return cls(path.read_bytes(), **options)
        except OSError as error:
            raise CannotCheck("file_unreadable", path=path, reason=error.strerror) from error

    def chain_id(self) -> int | None:
        """As stated in the file; each proposal's own description binds it to one."""
        return int(self._chain_id)

    def header(self, number: int) -> Header:
        if not self.first <= number <= self.last:
            raise NotProven("out_of_range", number=number)
        found = self._blocks[number - self.first]["header"]
        return Header(number, found["hash"], blocks.number(found["timestamp"]))

    def logs(self, addresses: set[str]) -> list[Raw]:
        found: list[Raw] = []
        for block in self._blocks:
            if "receipts" in block:
                found += [log for log in self._logs(block) if log["address"] in addresses]
            elif any(blocks.may_hold(block["header"], address) for address in addresses):
                raise NotProven("receipts_missing", number=blocks.number(block["header"]["number"]))
        return found

    def sender(self, tx_hash: str) -> str:
        for block in self._blocks:
            for transaction in block.get("transactions", ()):
                if blocks.transaction_hash(transaction) == tx_hash:
                    return blocks.sender(transaction) or ""
        raise NotProven("transaction_not_exported", tx_hash=tx_hash)

    def seats_of(self, governor: str) -> None:
        return None

    def timelock_of(self, governor: str) -> None:
        return None

    def electorate(self, governor: str, proposal_id: int) -> None:
        return None

    def _check(self) -> None:
        before: Raw | None = None
        for block in self._blocks:
            header = block["header"]
            if set(header) - {"hash", *blocks.HEADER} or set(block) - {"header", "transactions", "receipts"}:
                raise NotProven("block_padded", number=header.get("number"))
            self._check_header(header, before)
            if "receipts" in block:
                self._check_content(block)
            before = header
        self.first = blocks.number(self._blocks[0]["header"]["number"])
        self.last = blocks.number(self._blocks[-1]["header"]["number"])

    def _check_header(self, header: Raw, before: Raw | None) -> None:
        number = blocks.number(header["number"])
        if not _gives_hash(header):
            if not self._as_given:
                raise NotProven("header_forged", number=number)
            self._believed += 1
        if before is None:
            return
        if header["parentHash"] != before["hash"] or number != blocks.number(before["number"]) + 1:
            raise NotProven("block_out_of_order", number=number)

    def _check_content(self, block: Raw) -> None:
        header, receipts, sent = block["header"], block["receipts"], block["transactions"]
        number = blocks.number(header["number"])
        if len(receipts) != len(sent):
            raise NotProven("receipts_uneven", number=number)
        for receipt in receipts:
            if set(receipt) != set(blocks.RECEIPT) or any(
                set(log) != set(blocks.LOG) for log in receipt["logs"]
            ):
                raise NotProven("receipt_padded", number=number)
        if blocks.receipts_root(receipts) != header["receiptsRoot"]:
            raise NotProven("receipts_forged", number=number)
        if blocks.transactions_root(sent) != header["transactionsRoot"]:
            raise NotProven("transactions_forged", number=number)

    def _logs(self, block: Raw) -> list[Raw]:
        found: list[Raw] = []
        for transaction, receipt in zip(block["transactions"], block["receipts"], strict=True):
            tx_hash = blocks.transaction_hash(transaction)
            for log in receipt["logs"]:
                placed = {"block": blocks.number(block["header"]["number"]), "index": len(found)}
                found.append({**log, **placed, "block_hash": block["header"]["hash"], "tx_hash": tx_hash})
        return found
