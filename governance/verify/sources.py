"""Where the truth comes from: a ledger that answers, or an exported range of its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
from eth_utils.address import to_checksum_address

from governance.verify import blocks, canonical
from governance.verify.blocks import Raw
from governance.verify.errors import CannotCheck, NotProven
from governance.verify.evidence import in_order, plain

BLOCKS: Final = "consortium-blocks/1"
_TIMEOUT: Final = 20.0  # seconds
_SEATS_CALL: Final = "0xfc0c546a"  # the selector of token()


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
        """Who signed the transaction (EIP-55)."""

    def seats_of(self, governor: str) -> str | None:
        """The seats contract that the governor counts by (lower case); None where the source can't tell."""


class LedgerSource:
    """A ledger's JSON-RPC. ``width``: blocks asked for at once; FISCO BCOS answers for ten only."""

    def __init__(self, url: str, first: int, *, width: int = 1000) -> None:
        self.url, self.first, self.width = url, first, width
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)
        self._headers: dict[int, Header] = {}
        self.last = int(self._ask("eth_blockNumber"), 16)
        self.trusted = f"what the ledger at {url} answers"

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
        found: list[Raw] = []
        for start in range(self.first, self.last + 1, self.width):
            end = min(start + self.width - 1, self.last)
            wanted = {"address": sorted(addresses), "fromBlock": hex(start), "toBlock": hex(end)}
            found += [plain(log) for log in self._ask("eth_getLogs", wanted)]
        return in_order(found)

    def sender(self, tx_hash: str) -> str:
        found = self._ask("eth_getTransactionByHash", tx_hash)
        if found is None:
            raise NotProven(f"the ledger has no transaction {tx_hash}")
        return to_checksum_address(found["from"])

    def seats_of(self, governor: str) -> str:
        answer = self._ask("eth_call", {"to": governor, "data": _SEATS_CALL}, "latest")
        return "0x" + str(answer)[-40:].lower()

    def raw_header(self, number: int) -> Raw:
        """The header as the ledger gives it."""
        found: Raw | None = self._ask("eth_getBlockByNumber", hex(number), False)
        if found is None:
            raise NotProven(f"the ledger has no block {number}")
        return found

    def export(self, addresses: set[str], last: int) -> bytes:
        """The blocks from ``first`` to ``last`` as a file that proves itself (:class:`BlocksSource`)."""
        exported = []
        for number in range(self.first, last + 1):
            found = self.raw_header(number)
            block: Raw = {"header": {name: found[name] for name in ("hash", *blocks.HEADER) if name in found}}
            if any(blocks.may_hold(found, address) for address in addresses):
                block |= self._content(found)
            exported.append(block)
        document = {"format": BLOCKS, "chain_id": self.chain_id(), "blocks": exported}
        return canonical.sealed(document)

    def _content(self, header: Raw) -> Raw:
        receipts = [self._ask("eth_getTransactionReceipt", one) for one in header["transactions"]]
        raw = [self._ask("eth_getRawTransactionByHash", one) for one in header["transactions"]]
        return {
            "transactions": raw,
            "receipts": [
                {
                    **{name: receipt[name] for name in blocks.RECEIPT if name != "logs"},
                    "logs": [{name: log[name] for name in blocks.LOG} for log in receipt["logs"]],
                }
                for receipt in receipts
            ],
        }

    def _ask(self, method: str, *arguments: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(arguments)}
        try:
            answer = self._client.post(self.url, json=body).raise_for_status().json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise CannotCheck(f"the ledger at {self.url} does not answer ({type(error).__name__})") from error
        if not isinstance(answer, dict) or "error" in answer:
            raise CannotCheck(f"the ledger refuses {method}: {answer}")
        return answer.get("result")


class BlocksSource:
    """An exported range of blocks, each proven by the next one's ``parentHash`` up to the last.

    ``head`` is the last block's hash, if the reader knows it from elsewhere. ``as_given`` takes the hashes
    of a ledger that makes them otherwise (validators' signatures inside) without computing them again.
    """

    def __init__(self, content: bytes, *, head: str | None = None, as_given: bool = False) -> None:
        document = canonical.opened(content, BLOCKS)
        self._chain_id, self._blocks = document["chain_id"], document["blocks"]
        if not self._blocks:
            raise NotProven("the exported range is empty")
        self._as_given = as_given
        try:
            self._check()
        except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
            raise NotProven(f"the exported blocks can't be read: {error!r}") from error
        ending = self._blocks[-1]["header"]["hash"]
        if head is not None and head.lower() != ending:
            raise NotProven(f"the exported range ends in block {ending}, not in {head}")
        told = "that it is the ledger's" if head is None else "as you said"
        self.trusted = f"block {self.last}, hash {ending}, {told}"

    @classmethod
    def from_file(cls, path: Path, **options: Any) -> BlocksSource:
        try:
            return cls(path.read_bytes(), **options)
        except OSError as error:
            raise CannotCheck(f"{path}: {error.strerror}") from error

    def chain_id(self) -> int | None:
        """As stated in the file; each proposal's own description binds it to one."""
        return int(self._chain_id)

    def header(self, number: int) -> Header:
        if not self.first <= number <= self.last:
            raise NotProven(f"block {number} is not in the exported range")
        found = self._blocks[number - self.first]["header"]
        return Header(number, found["hash"], blocks.number(found["timestamp"]))

    def logs(self, addresses: set[str]) -> list[Raw]:
        found: list[Raw] = []
        for block in self._blocks:
            if "receipts" in block:
                found += [log for log in self._logs(block) if log["address"] in addresses]
            elif any(blocks.may_hold(block["header"], address) for address in addresses):
                raise NotProven(f"block {block['header']['number']} was exported without its receipts")
        return found

    def sender(self, tx_hash: str) -> str:
        for block in self._blocks:
            for transaction in block.get("transactions", ()):
                if blocks.transaction_hash(transaction) == tx_hash:
                    return blocks.sender(transaction)
        raise NotProven(f"transaction {tx_hash} is not in the exported range")

    def seats_of(self, governor: str) -> None:
        return None

    def _check(self) -> None:
        before: Raw | None = None
        for block in self._blocks:
            header = block["header"]
            if set(header) - {"hash", *blocks.HEADER} or set(block) - {"header", "transactions", "receipts"}:
                raise NotProven(f"block {header.get('number')} holds what is no part of a block")
            self._check_header(header, before)
            if "receipts" in block:
                self._check_content(block)
            before = header
        self.first = blocks.number(self._blocks[0]["header"]["number"])
        self.last = blocks.number(self._blocks[-1]["header"]["number"])

    def _check_header(self, header: Raw, before: Raw | None) -> None:
        number = blocks.number(header["number"])
        if not self._as_given and blocks.header_hash(header) != header["hash"]:
            raise NotProven(f"block {number}: its header does not give its hash")
        if before is None:
            return
        if header["parentHash"] != before["hash"] or number != blocks.number(before["number"]) + 1:
            raise NotProven(f"block {number} does not follow on the block before it")

    def _check_content(self, block: Raw) -> None:
        header, receipts, sent = block["header"], block["receipts"], block["transactions"]
        number = blocks.number(header["number"])
        if len(receipts) != len(sent):
            raise NotProven(f"block {number}: receipts and transactions are not equally many")
        for receipt in receipts:
            if set(receipt) != set(blocks.RECEIPT) or any(
                set(log) != set(blocks.LOG) for log in receipt["logs"]
            ):
                raise NotProven(f"block {number}: a receipt holds what is no part of one")
        if blocks.receipts_root(receipts) != header["receiptsRoot"]:
            raise NotProven(f"block {number}: the receipts are not those that its header commits to")
        if blocks.transactions_root(sent) != header["transactionsRoot"]:
            raise NotProven(f"block {number}: the transactions are not those that its header commits to")

    def _logs(self, block: Raw) -> list[Raw]:
        found: list[Raw] = []
        for transaction, receipt in zip(block["transactions"], block["receipts"], strict=True):
            tx_hash = blocks.transaction_hash(transaction)
            for log in receipt["logs"]:
                placed = {"block": blocks.number(block["header"]["number"]), "index": len(found)}
                found.append({**log, **placed, "block_hash": block["header"]["hash"], "tx_hash": tx_hash})
        return found
