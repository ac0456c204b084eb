"""Which logs tell a proposal's story, and whose word each is. Exporter and verifier ask the same lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from governance.verify import events
from governance.verify.blocks import Raw
from governance.verify.events import Event

SEAT_EVENTS: Final = (
    "SeatGranted", "SeatVoterChanged", "SeatSuspended", "SeatReinstated", "SeatRevoked", "FoundingClosed",
)  # fmt: skip
VOTES: Final = ("VoteCast", "VoteCastWithParams")
PROPOSAL_EVENTS: Final = frozenset({
    "ProposalCreated", "ProposalRuleFrozen", "ProposalExtended", "ProposalQueued", "ProposalExecuted",
    "ProposalCanceled", *VOTES,
})  # fmt: skip
OPERATION_EVENTS: Final = frozenset({"CallScheduled", "CallExecuted", "Cancelled"})  # of the timelock

# By function, the event of the contract that is called.
EFFECTS: Final = {
    "setRole": "NodeRoleChanged", "remove": "NodeRoleChanged", "setAccount": "AccountPermissionChanged",
    "ratifyFreeze": "NodeFreezeRatified", "thaw": "NodeThawed", "grant": "SeatGranted",
    "suspend": "SeatSuspended", "reinstate": "SeatReinstated", "revoke": "SeatRevoked",
    "changeVoter": "SeatVoterChanged", "setRule": "RuleChanged",
}  # fmt: skip

Content = tuple[list[str], list[int], list[str], str]  # targets, values, calldatas, description


@dataclass(frozen=True)
class Scope:
    """What a story is about. Addresses in lower case; anybody may write events of these names elsewhere.

    ``operation`` is what the timelock calls the proposal; ``executed_in`` the transaction in which it carried
    it out.
    """

    governor: str
    seats: str
    timelock: str
    proposal_id: int
    operation: str
    targets: frozenset[str]  # what the calls go to: the effect in ``executed_in``, and nothing else
    executed_in: str = ""

    @property
    def addresses(self) -> set[str]:
        return {self.governor, self.seats, self.timelock, *self.targets}

    def holds(self, log: Raw) -> bool:
        """Whether this log (``address``, ``topics``, ``data``, ``tx_hash``) belongs to the story."""
        return self._is_told(log) or self._is_effect(log)

    def speaks(self, event: Event) -> bool:
        """Whether the event is the word of the contract that alone may say so, and of this proposal."""
        address = event.address.lower()
        if event.name in SEAT_EVENTS:
            return address == self.seats
        if event.name in PROPOSAL_EVENTS:
            return address == self.governor and event.args["proposalId"] == self.proposal_id
        if event.name in OPERATION_EVENTS:
            return address == self.timelock and event.args["id"] == self.operation
        return False

    def carried_out(self, logs: Iterable[Raw]) -> Scope:
        """With the transaction in which the timelock carried the operation out, if these logs hold it."""
        found = [log["tx_hash"] for log in logs if self._is_operation(log, "CallExecuted")]
        return replace(self, executed_in=found[0]) if found else self

    def _is_told(self, log: Raw) -> bool:
        address, topic = log["address"].lower(), _topic(log)
        if address == self.seats and topic in events.topics(*SEAT_EVENTS):
            return True
        if self._is_operation(log, *OPERATION_EVENTS):
            return True
        if address != self.governor or topic not in events.topics(*PROPOSAL_EVENTS):
            return False
        found = events.event(log)
        return found is not None and self.speaks(found)

    def _is_operation(self, log: Raw, *names: str) -> bool:
        if log["address"].lower() != self.timelock or _topic(log) not in events.topics(*names):
            return False
        return bool(log["topics"][1].lower() == self.operation)

    def _is_effect(self, log: Raw) -> bool:
        here = bool(self.executed_in) and log["tx_hash"] == self.executed_in
        return (
            here
            and log["address"].lower() in self.targets
            and _topic(log) in events.topics(*EFFECTS.values())
        )


def scope(*, governor: str, seats: str, timelock: str, proposal_id: int, content: Content) -> Scope:
    """A proposal's scope; addresses in any case. Raises NotProven for calls that no ledger takes."""
    return Scope(
        governor=governor.lower(),
        seats=seats.lower(),
        timelock=timelock.lower(),
        proposal_id=proposal_id,
        operation=events.operation_id(governor, *content),
        targets=frozenset(target.lower() for target in content[0]),
    )


def _topic(log: Raw) -> str:
    return str(log["topics"][0].lower()) if log["topics"] else ""


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
