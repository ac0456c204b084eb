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


class NotTaken(Exception):
    """A node answers with an error that is no refusal of the contract."""


@dataclass
class Simulated:
    """What the ledger said before anything was signed."""

    gas: dict[int, int] = field(default_factory=dict)  # by row; to send with
    refused: dict[int, AnswerError] = field(default_factory=dict)
    price: int = 0
    count: int = 0  # of the account's transactions, by whatever way they came


class Receipt(NamedTuple):
    """What of a receipt counts here."""

    succeeded: bool
    block: int
    tx_hash: str
    sender: str


def simulate(client: Web3, rows: list[RelayTransaction], sender: str) -> Simulated:
    """In one question, with what signing needs besides."""
    account = Web3.to_checksum_address(sender)
    # "pending": the last block of an idle ledger may be hours old, and the governor asks for the time.
    calls = [("eth_estimateGas", [_call(row, account), "pending"]) for row in rows]
    *gas, price, count = ask(
        client, [*calls, ("eth_gasPrice", []), ("eth_getTransactionCount", [account, "pending"])]
    )
    found = Simulated(price=_number(price), count=_number(count))
    for row, answer in zip(rows, gas, strict=True):
        if isinstance(answer, AnswerError):
            found.refused[row.pk] = answer
        else:
            found.gas[row.pk] = int(_number(answer) * GAS_MARGIN)
    return found


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
