"""Which logs tell a proposal's story. Exporter and verifier ask the same lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from governance.verify import events
from governance.verify.blocks import Raw

SEAT_EVENTS: Final = (
    "SeatGranted", "SeatVoterChanged", "SeatSuspended", "SeatReinstated", "SeatRevoked", "FoundingClosed",
)  # fmt: skip
VOTES: Final = ("VoteCast", "VoteCastWithParams")
PROPOSAL_EVENTS: Final = frozenset({
    "ProposalCreated", "ProposalRuleFrozen", "ProposalExtended", "ProposalQueued", "ProposalExecuted",
    "ProposalCanceled", *VOTES,
})  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What a story is about. Addresses in lower case; ``executed_in``: the transaction that did it."""

    governor: str
    seats: str
    proposal_id: int
    executors: frozenset[str]  # the timelock, and what the calls go to: their logs in ``executed_in``
    executed_in: str = ""

    def holds(self, log: Raw) -> bool:
        """Whether this log (``address``, ``topics``, ``data``, ``tx_hash``) belongs to the story."""
        address = log["address"].lower()
        if self.executed_in and log["tx_hash"] == self.executed_in and address in self.executors:
            return True
        topic = log["topics"][0].lower() if log["topics"] else ""
        if address == self.seats:
            return topic in events.topics(*SEAT_EVENTS)
        if address != self.governor or topic not in events.topics(*PROPOSAL_EVENTS):
            return False
        found = events.event(log)
        return found is not None and found.args["proposalId"] == self.proposal_id


def plain(log: dict[str, Any]) -> Raw:
    """A log as JSON-RPC gives it, in the bundle's form."""
    return {
        "address": log["address"].lower(),
        "topics": [topic.lower() for topic in log["topics"]],
        "data": log["data"].lower(),
        "block": int(log["blockNumber"], 16),
        "block_hash": log["blockHash"].lower(),
        "tx_hash": log["transactionHash"].lower(),
        "index": int(log["logIndex"], 16),
    }


def in_order(logs: Iterable[Raw]) -> list[Raw]:
    """As the ledger has them."""
    return sorted(logs, key=lambda log: (log["block"], log["index"]))
