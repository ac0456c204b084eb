"""What a ledger's events amount to: pure functions from a row and the next event to the row after it.

A row is a dictionary of its columns, None where there is none. The same functions serve the indexer going
forward, a reorganisation going back, and a rebuild.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

SEAT, NODE, PROPOSAL, VOTE = "seat", "node", "proposal", "vote"
FOUNDING, QUORUM = "founding", "quorum"
UNDECODABLE = "Undecodable"  # a log that is not what its first topic says: kept, and nothing follows from it

_LATEST = datetime(9999, 12, 30, tzinfo=UTC)  # a day short of the last, so that it can be shown everywhere

VOTING_EVENTS = ("SeatGranted", "SeatSuspended", "SeatReinstated", "SeatRevoked")  # they move the electorate
WITH_A_VOTE = ("SeatGranted", "SeatReinstated")  # after these a seat counts
VOTER_EVENTS = ("SeatGranted", "SeatVoterChanged")  # after these an address votes for a member

_SEAT_STATUS = {
    "SeatGranted": "active",
    "SeatSuspended": "suspended",
    "SeatReinstated": "active",
    "SeatRevoked": "revoked",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of a contract: arguments as JSON, bytes as 0x-hex, uint256 as decimal text."""

    name: str
    args: dict[str, Any]
    contract: str
    block: int
    block_hash: str
    block_time: datetime
    log_index: int
    tx_hash: str

    @property
    def where(self) -> Row:
        """The columns that say where a row was last changed."""
        return {"block": self.block, "block_time": self.block_time, "tx_hash": self.tx_hash}


def about(fact: Fact) -> str:
    """What the event changes: ``kind:key``, the same for all events of one row."""
    if fact.name == UNDECODABLE:
        return f"undecodable:{fact.tx_hash}:{fact.log_index}"
    if fact.name.startswith("Seat"):
        return f"{SEAT}:{_text(fact.args['memberId'])}"
    if fact.name == "NodeRoleChanged":
        return f"{NODE}:{_text(fact.args['network'])}:{fact.args['consensusId'][2:]}"
    if fact.name in {"VoteCast", "VoteCastWithParams"}:
        return f"{VOTE}:{fact.args['proposalId']}:{fact.args['voter']}"
    if fact.name.startswith("Proposal"):
        return f"{PROPOSAL}:{fact.args['proposalId']}"
    return {"FoundingClosed": FOUNDING, "QuorumNumeratorUpdated": QUORUM}[fact.name]


def seat(row: Row | None, fact: Fact) -> Row:
    """A seat after the event. A revoked one stays as a row that says so."""
    known = row or {"member_id": _text(fact.args["memberId"])}
    changed = {**known, **fact.where}
    if fact.name in _SEAT_STATUS:
        changed["status"] = _SEAT_STATUS[fact.name]
    if fact.name in VOTER_EVENTS:
        changed["voting_address"] = fact.args["voter"]
    if fact.name == "SeatGranted":
        changed["category_number"] = fact.args["category"]
    return changed


def node(row: Row | None, fact: Fact) -> Row | None:
    """A registry entry after the event; role 0 removes it."""
    if fact.args["role"] == 0:
        return None
    return {
        "network": _text(fact.args["network"]),
        "consensus_id": fact.args["consensusId"][2:],
        "member_id": _text(fact.args["memberId"]),
        "role": fact.args["role"],
        **fact.where,
    }


def proposal(row: Row | None, fact: Fact) -> Row:
    """A proposal after the event. Electorate and quorum are counted apart: they depend on the seats."""
    if row is None:
        return _created(fact)
    changed = {**row, **fact.where}
    if fact.name == "ProposalExecuted":
        changed |= {"executed_at": fact.block_time, "executed_tx": fact.tx_hash}
    if fact.name == "ProposalCanceled":
        changed["canceled_at"] = fact.block_time
    return changed


def vote(row: Row | None, fact: Fact) -> Row:
    """A counted vote; the member behind the address is looked up apart, as of the proposal's snapshot."""
    return {
        "proposal_id": fact.args["proposalId"],
        "voter": fact.args["voter"],
        "support": fact.args["support"],
        "weight": int(fact.args["weight"]),
        **fact.where,
    }


def quorum(electorate: int, percent: int) -> int:
    """Votes needed, as the governor rounds: down."""
    return electorate * percent // 100


def _created(fact: Fact) -> Row:
    return {
        "proposal_id": fact.args["proposalId"],
        "proposer": fact.args["proposer"],
        "targets": fact.args["targets"],
        "values": fact.args["values"],
        "calldatas": fact.args["calldatas"],
        "description": fact.args["description"],
        "vote_start": _moment(fact.args["voteStart"]),
        "vote_end": _moment(fact.args["voteEnd"]),
        "executed_at": None,
        "executed_tx": "",
        "canceled_at": None,
        **fact.where,
    }


def _moment(seconds: str) -> datetime:
    """The ledger's clock goes further than the calendar."""
    return datetime.fromtimestamp(min(int(seconds), int(_LATEST.timestamp())), UTC)


def _text(code: str) -> str:
    return bytes.fromhex(code.removeprefix("0x")).rstrip(b"\0").decode("ascii")
