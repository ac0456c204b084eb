"""Questions about transactions of the relay's, many in one request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from web3 import Web3

from governance.chain import ledger as gateway
from governance.chain import refusals
from governance.chain.models import RelayTransaction
from governance.chain.rpc import AnswerError

GAS_MARGIN = 1.5  # a ballot between simulation and mining makes the next one dearer
# A ballot takes below 300,000 with 500 seats; a voter's account with code (EIP-7702) may burn any amount.
BALLOT_GAS = 1_000_000


class NotTaken(Exception):
    """A node answers with an error that is no refusal of the contract."""


@dataclass
class Simulated:
    """What the ledger said before anything was signed."""

    gas: dict[int, int] = field(default_factory=dict)  # by row; to send with
    refused: dict[int, AnswerError] = field(default_factory=dict)
    too_dear: set[int] = field(default_factory=set)  # no block has room for it, or no ballot needs so much
    price: int = 0
    count: int = 0  # of the account's transactions, by whatever way they came


class Receipt(NamedTuple):
    """What of a receipt counts here."""

    succeeded: bool
    block: int
    tx_hash: str
    sender: str


def simulate(client: Web3, rows: list[RelayTransaction], sender: str) -> Simulated:
    """In one question, with what signing needs besides.

    Of calls that differ only in their arguments the first one's gas is estimated, which takes a node ten
    times as long as running the call. Where that is too little for another, it is wanted anew.
    """
    account = Web3.to_checksum_address(sender)
    first = {_kind(row): row.pk for row in reversed(rows)}
    methods = ["eth_estimateGas" if first[_kind(row)] == row.pk else "eth_call" for row in rows]
    # "pending": the last block of an idle ledger may be hours old, and the governor asks for the time.
    calls = [(method, [_call(row, account), "pending"]) for method, row in zip(methods, rows, strict=True)]
    besides: list[tuple[str, list[Any]]] = [
        ("eth_gasPrice", []),
        ("eth_getTransactionCount", [account, "pending"]),
        ("eth_getBlockByNumber", ["latest", False]),
    ]
    *answers, price, count, block = ask(client, [*calls, *besides])
    found = Simulated(price=_number(price), count=_number(count))
    room = _room(block)
    by_row = dict(zip([row.pk for row in rows], answers, strict=True))
    for row in rows:
        estimate = by_row[first[_kind(row)]]
        if isinstance(by_row[row.pk], AnswerError):
            found.refused[row.pk] = by_row[row.pk]
        elif not isinstance(estimate, AnswerError) and _number(estimate) <= (most := _most(row, room)):
            # More than a block holds is never mined, and all later numbers would wait for this one's.
            found.gas[row.pk] = min(int(_number(estimate) * GAS_MARGIN), most)
        elif first[_kind(row)] == row.pk:
            found.too_dear.add(row.pk)
    done = found.gas.keys() | found.refused.keys() | found.too_dear
    left = [row for row in rows if row.pk not in done]
    if left:  # the first of their kind was refused
        found.gas |= (again := simulate(client, left, sender)).gas
        found.refused |= again.refused
        found.too_dear |= again.too_dear
    return found


def _most(row: RelayTransaction, room: int) -> int:
    return min(BALLOT_GAS, room) if row.key.startswith("ballot:") else room


def _room(block: Any) -> int:
    """Gas that a block holds. Raises NotTaken."""
    if isinstance(block, dict):
        return _number(block.get("gasLimit"))
    raise NotTaken(str(block))


def _kind(row: RelayTransaction) -> tuple[str, str, int]:
    """Of a creation the code itself."""
    return row.to, row.data[:10] if row.to else row.data, len(row.data)


def _call(row: RelayTransaction, sender: str) -> dict[str, Any]:
    return {"from": sender, "data": row.data, **refusals.to(row)}


def receipts(client: Web3, rows: Sequence[RelayTransaction]) -> dict[int, Receipt]:
    """By row; of whichever was mined, where its fee was raised."""
    hashes = [(row.pk, tx_hash) for row in rows for tx_hash in [*row.earlier_hashes, row.tx_hash]]
    answers = ask(client, [("eth_getTransactionReceipt", [tx_hash]) for _, tx_hash in hashes])
    return {
        pk: Receipt(
            succeeded=_number(answer.get("status")) == 1,
            block=_number(answer["blockNumber"]),
            tx_hash=str(answer["transactionHash"]).lower(),
            sender=str(answer["from"]),
        )
        for (pk, _), answer in zip(hashes, answers, strict=True)
        if isinstance(answer, dict) and answer.get("blockNumber")
    }


def known(client: Web3, rows: Sequence[RelayTransaction]) -> set[int]:
    """Which of them the ledger has, mined or not."""
    answers = ask(client, [("eth_getTransactionByHash", [row.tx_hash]) for row in rows])
    return {row.pk for row, answer in zip(rows, answers, strict=True) if isinstance(answer, dict)}


def ask(client: Web3, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
    return gateway.provider(client).ask_many(calls) if calls else []


def _number(answer: Any) -> int:
    """A quantity in an answer. Raises NotTaken for an error in its place."""
    if isinstance(answer, str):
        return int(answer, 16)
    raise NotTaken(str(answer))
