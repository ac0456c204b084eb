"""The contracts' logs, fetched in bounded ranges and decoded.

What members write (a reason, a description) is hostile input: whatever it is, following goes on.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from eth_abi.exceptions import DecodingError
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.types import BlockData, FilterParams, LogReceipt

from governance.chain import folds
from governance.chain.contracts import GOVERNOR, REGISTRY, SEATS, offline
from governance.chain.errors import LedgerMoved
from governance.chain.folds import Fact
from governance.chain.models import Ledger

logger = logging.getLogger(__name__)

# What decoding raises over a log that is not what its first topic says.
_UNDECODABLE = (DecodingError, Web3Exception, ValueError, OverflowError)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # PostgreSQL takes neither NUL nor half a surrogate pair

# ERC-721 and ERC-5805 events are left out: they say in other words what these say.
FOLLOWED: dict[str, tuple[str, ...]] = {
    SEATS: (
        "SeatGranted",
        "SeatSuspended",
        "SeatReinstated",
        "SeatRevoked",
        "SeatVoterChanged",
        "FoundingClosed",
    ),
    GOVERNOR: (
        "ProposalCreated",
        "VoteCast",
        "VoteCastWithParams",
        "ProposalExecuted",
        "ProposalCanceled",
        "QuorumNumeratorUpdated",
    ),
    REGISTRY: ("NodeRoleChanged",),
}


def fetch(client: Web3, ledger: Ledger, first: int, last: int) -> list[LogReceipt]:
    """The followed logs of blocks ``first`` to ``last``, both included, in the ledger's order."""
    wanted: FilterParams = {
        "address": [Web3.to_checksum_address(a) for a in (ledger.seats, ledger.governor, ledger.registry)],
        "fromBlock": first,
        "toBlock": last,
        "topics": [sorted(_by_topic())],
    }
    found = client.eth.get_logs(wanted)
    return sorted(found, key=lambda log: (log["blockNumber"], log["logIndex"]))


def facts(logs: Iterable[LogReceipt], headers: dict[int, BlockData]) -> list[Fact]:
    """Decode. Raises LedgerMoved when a log's block is not the one whose header we read."""
    return [_fact(log, headers[log["blockNumber"]]) for log in logs]


def block_time(header: BlockData) -> datetime:
    """A block's time, aware."""
    return datetime.fromtimestamp(header["timestamp"], UTC)


@cache
def _by_topic() -> dict[str, tuple[str, str]]:
    return {
        offline(contract).events[name]().topic: (contract, name)
        for contract, names in FOLLOWED.items()
        for name in names
    }


def _fact(log: LogReceipt, header: BlockData) -> Fact:
    if log["blockHash"] != header["hash"]:
        raise LedgerMoved(block=log["blockNumber"])
    contract, name = _by_topic()[log["topics"][0].to_0x_hex()]
    try:
        fact = _placed(log, header, name, _arguments(log, contract, name))
        folds.about(fact)  # an id that is no text is as unreadable as no id
    except _UNDECODABLE as error:
        logger.warning(
            "%s in block %s, log %s can't be decoded: %r", name, log["blockNumber"], log["logIndex"], error
        )
        return _placed(log, header, folds.UNDECODABLE, _raw(log, name))
    return fact


def _arguments(log: LogReceipt, contract: str, name: str) -> dict[str, Any]:
    event = offline(contract).events[name]()
    arguments = event.process_log(log)["args"]
    return {item["name"]: _json(arguments[item["name"]], item["type"]) for item in event.abi["inputs"]}


def _raw(log: LogReceipt, name: str) -> dict[str, Any]:
    """The log as the ledger has it; ``event`` is what its first topic says it is."""
    topics = [topic.to_0x_hex() for topic in log["topics"]]
    return {"event": name, "topics": topics, "data": log["data"].to_0x_hex()}


def _placed(log: LogReceipt, header: BlockData, name: str, args: dict[str, Any]) -> Fact:
    return Fact(
        name=name,
        args=args,
        contract=str(log["address"]),
        block=log["blockNumber"],
        block_hash=log["blockHash"].to_0x_hex(),
        block_time=block_time(header),
        log_index=log["logIndex"],
        tx_hash=log["transactionHash"].to_0x_hex(),
    )


def _json(value: Any, kind: str) -> Any:
    """JSON without loss: bytes as 0x-hex, uint256 as decimal text. Of text, what can be stored."""
    if isinstance(value, list | tuple):
        return [_json(item, kind.removesuffix("[]")) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    return str(value) if kind == "uint256" else value
