"""The contracts' logs: which are followed, what they say, and how a block's header tells that it has some.

What members write (a reason, a description) is hostile input: whatever it is, following goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from governance.chain import decoding, folds
from governance.chain.contracts import BREAK_GLASS, GOVERNOR, REGISTRY, SEATS, TIMELOCK
from governance.chain.decoding import Decoder, checksum
from governance.chain.errors import LedgerMoved
from governance.chain.folds import Fact

logger = logging.getLogger(__name__)

Raw = dict[str, Any]  # a log or a block's header, as JSON-RPC has it

# What decoding raises over a log that is not what its first topic says.
_UNDECODABLE = (DecodingError, ValueError, OverflowError)

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
        "ProposalRuleFrozen",
        "ProposalExtended",
        "ProposalQueued",
        "ProposalExecuted",
        "ProposalCanceled",
        "VoteCast",
        "VoteCastWithParams",
        "RuleChanged",
        "VotingDelaySet",
        "VotingPeriodSet",
        "LateQuorumVoteExtensionSet",
        "ConvenerSet",
        "ProposalGuardianSet",
    ),
    TIMELOCK: ("RoleGranted", "RoleRevoked", "MinDelayChange", "CallSalt", "CallExecuted", "Cancelled"),
    REGISTRY: (
        "NodeRoleChanged",
        "NodeFrozen",
        "NodeFreezeRatified",
        "NodeThawed",
        "AccountPermissionChanged",
        "GuardianSet",
    ),
    BREAK_GLASS: (
        "GuardiansChanged",
        "FreezeConfirmed",
        "RatificationOpened",
        "CancelConfirmed",
        "CancelledByGuardians",
    ),
}


def wanted(addresses: Sequence[str], first: int, last: int) -> dict[str, Any]:
    """``eth_getLogs``'s filter for logs of ``addresses`` in blocks ``first`` to ``last``, both included."""
    return {
        "address": list(addresses),
        "fromBlock": hex(first),
        "toBlock": hex(last),
        "topics": [sorted(_decoders())],
    }


def in_order(logs: Iterable[Raw]) -> list[Raw]:
    """As the ledger has them."""
    return sorted(logs, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))


def of_office(logs: Iterable[Raw], offices: Mapping[str, str]) -> list[Raw]:
    """Those that are their contract's to say; ``offices`` tells what the contract at an address is.

    A guardians' contract that said a seat was granted would be believed otherwise.
    """
    held = {address.lower(): office for address, office in offices.items()}
    return [log for log in logs if _decoders()[log["topics"][0]].contract == held[log["address"].lower()]]


def facts(logs: Iterable[Raw], headers: Mapping[int, Raw], ticks: int = 1) -> list[Fact]:
    """Decode; ``ticks`` of the contracts' clock make a second.

    Raises LedgerMoved when a log's block is not the one whose header we read.
    """
    times = {number: block_time(header) for number, header in headers.items()}
    return [_fact(log, headers, times, ticks) for log in logs]


def block_time(header: Raw) -> datetime:
    """A block's time, aware."""
    return folds.block_moment(int(header["timestamp"], 16))


def is_followed(log: Raw, addresses: Sequence[str]) -> bool:
    """Is this, of a receipt, a log that :func:`wanted` asks for?"""
    ours = {address.lower() for address in addresses}
    return bool(log["topics"]) and log["topics"][0] in _decoders() and log["address"].lower() in ours


def may_hold(bloom: str, addresses: Sequence[str]) -> bool:
    """Can a block with this filter hold an event that we follow? True also by chance, seldom."""
    bits = int(bloom, 16)
    masks = _address_masks(tuple(addresses))
    return any(bits & mask == mask for mask in masks) and any(bits & mask == mask for mask in _topic_masks())


@cache
def _decoders() -> dict[str, Decoder]:
    return decoding.by_topic(FOLLOWED)


@lru_cache(maxsize=16)
def _address_masks(found: tuple[str, ...]) -> list[int]:
    return [_mask(address) for address in found if address]


@cache
def _topic_masks() -> list[int]:
    return [_mask(topic) for topic in _decoders()]


def _mask(value: str) -> int:
    """The bits of a block's filter that an address or topic sets (Yellow Paper, section 4.3.1)."""
    digest = keccak(bytes.fromhex(value[2:]))
    mask = 0
    for place in (0, 2, 4):
        mask |= 1 << (int.from_bytes(digest[place : place + 2]) & 0x7FF)
    return mask


def _fact(log: Raw, headers: Mapping[int, Raw], times: Mapping[int, datetime], ticks: int) -> Fact:
    block = int(log["blockNumber"], 16)
    if block not in headers or log["blockHash"] != headers[block]["hash"]:
        raise LedgerMoved(block=block)
    decoder = _decoders()[log["topics"][0]]
    try:
        arguments = decoder.arguments(log["topics"], log["data"])
        fact = _placed(log, times[block], decoder.name, arguments, ticks)
        folds.about(fact)  # an id that is no text is as unreadable as no id
    except _UNDECODABLE as error:
        logger.warning(
            "%s in block %s, log %s can't be decoded: %r", decoder.name, block, log["logIndex"], error
        )
        return _placed(log, times[block], folds.UNDECODABLE, _raw(log, decoder.name), ticks)
    return fact


def _raw(log: Raw, name: str) -> dict[str, Any]:
    """The log as the ledger has it; ``event`` is what its first topic says it is."""
    return {"event": name, "topics": log["topics"], "data": log["data"]}


def _placed(log: Raw, time: datetime, name: str, args: dict[str, Any], ticks: int) -> Fact:
    return Fact(
        name=name,
        args=args,
        contract=checksum(log["address"]),
        block=int(log["blockNumber"], 16),
        block_hash=log["blockHash"],
        block_time=time,
        log_index=int(log["logIndex"], 16),
        tx_hash=log["transactionHash"],
        ticks=ticks,
    )
