"""What a ledger's events amount to: pure functions from a row and the next event to the row after it.

A row is a dictionary of its columns, None where there is none. The same functions serve the indexer going
forward, a reorganisation going back, and a rebuild.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

SEAT, NODE, PROPOSAL, VOTE, ACCOUNT, RULE = "seat", "node", "proposal", "vote", "account", "rule"
FOUNDING, OFFICE, TERMS, GUARDIANS = "founding", "office", "terms", "guardians"
OPERATION = "operation"  # of the timelock; what it says is of a proposal, where it is known which
UNDECODABLE = "Undecodable"  # a log that is not what its first topic says: kept, and nothing follows from it

# What each event changes. Of the last five kinds no row is folded: they are looked up where they matter.
EVENTS: dict[str, str] = {
    **dict.fromkeys(
        ("SeatGranted", "SeatSuspended", "SeatReinstated", "SeatRevoked", "SeatVoterChanged"), SEAT
    ),
    **dict.fromkeys(("NodeRoleChanged", "NodeFrozen", "NodeFreezeRatified", "NodeThawed"), NODE),
    "AccountPermissionChanged": ACCOUNT,
    **dict.fromkeys(
        (
            "ProposalCreated",
            "ProposalRuleFrozen",
            "ProposalExtended",
            "ProposalQueued",
            "ProposalExecuted",
            "ProposalCanceled",
        ),
        PROPOSAL,
    ),
    **dict.fromkeys(("VoteCast", "VoteCastWithParams"), VOTE),
    "RuleChanged": RULE,
    "FoundingClosed": FOUNDING,
    **dict.fromkeys(("RoleGranted", "RoleRevoked"), OFFICE),
    **dict.fromkeys(
        ("VotingDelaySet", "VotingPeriodSet", "LateQuorumVoteExtensionSet", "MinDelayChange", "ConvenerSet"),
        TERMS,
    ),
    **dict.fromkeys(
        (
            "GuardiansChanged",
            "GuardianSet",
            "ProposalGuardianSet",
            "FreezeConfirmed",
            "RatificationOpened",
            "CancelConfirmed",
            "CancelledByGuardians",
        ),
        GUARDIANS,
    ),
    **dict.fromkeys(("CallSalt", "CallExecuted", "Cancelled"), OPERATION),
}

_STRICTEST = 2  # until the rule that was frozen into a proposal says otherwise
LAST_SECOND = 100_000_000_000  # year 5138 in seconds, 1973 in milliseconds: as the Seats contract tells them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)  # a day short of the last, so that it can be shown everywhere
_FURTHEST = int(_LATEST.timestamp()) * 1000

CATEGORIES = 6

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
    ticks: int = 1  # what the ledger's clock counts in a second
    of: str = ""  # of an operation of the timelock: its proposal, where it is known

    @property
    def where(self) -> Row:
        """The columns that say where a row was last changed."""
        return {"block": self.block, "block_time": self.block_time, "tx_hash": self.tx_hash}


def about(fact: Fact) -> str:
    """What the event changes: ``kind:key``, the same for all events of one row."""
    if fact.name == UNDECODABLE:
        return f"undecodable:{fact.tx_hash}:{fact.log_index}"
    kind = EVENTS[fact.name]
    if kind == OPERATION and fact.of:
        return f"{PROPOSAL}:{fact.of}"
    return ":".join([kind, *(str(part) for part in _KEYS.get(kind, _no_key)(fact))])


def _no_key(fact: Fact) -> tuple[str, ...]:
    return ()


_KEYS: dict[str, Callable[[Fact], tuple[Any, ...]]] = {
    SEAT: lambda fact: (_text(fact.args["memberId"]),),
    NODE: lambda fact: (_text(fact.args["network"]), fact.args["consensusId"][2:]),
    ACCOUNT: lambda fact: (_text(fact.args["network"]), fact.args["account"]),
    VOTE: lambda fact: (fact.args["proposalId"], fact.args["voter"]),
    PROPOSAL: lambda fact: (fact.args["proposalId"],),
    RULE: lambda fact: (fact.contract, fact.args["kind"]),
    OPERATION: lambda fact: (fact.args["id"],),
}


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
    """A registry entry after the event; role 0 removes it. A freeze that lapsed says so by its end alone."""
    if fact.name != "NodeRoleChanged":
        return row and {**row, **_freeze(row, fact), **fact.where}
    if fact.args["role"] == 0:
        return None
    return {
        **(row or _NOT_FROZEN),
        "network": _text(fact.args["network"]),
        "consensus_id": fact.args["consensusId"][2:],
        "member_id": _text(fact.args["memberId"]),
        "role": fact.args["role"],
        **fact.where,
    }


_NOT_FROZEN: Row = {"frozen_until": None, "freeze_ratified": False, "freeze_number": None}


def _freeze(row: Row, fact: Fact) -> Row:
    if fact.name == "NodeThawed":
        return _NOT_FROZEN
    number = int(fact.args["number"])
    if fact.name == "NodeFreezeRatified":
        return {"frozen_until": row["frozen_until"], "freeze_ratified": True, "freeze_number": number}
    until = moment(fact.args["until"], fact.ticks)
    return {"frozen_until": until, "freeze_ratified": False, "freeze_number": number}


def account(row: Row | None, fact: Fact) -> Row | None:
    """An account's permission after the event; 0 removes it."""
    if fact.args["permission"] == 0:
        return None
    return {
        "network": _text(fact.args["network"]),
        "address": fact.args["account"],
        "member_id": _text(fact.args["memberId"]),
        "permission": fact.args["permission"],
        **fact.where,
    }


def rule(row: Row | None, fact: Fact) -> Row:
    """What a kind of action needs from now on."""
    kind = {"governor": fact.contract, "kind": fact.args["kind"]}
    return {**kind, "rule": voting_rule(fact.args["rule"]), **fact.where}


def proposal(row: Row | None, fact: Fact) -> Row | None:
    """A proposal after the event. Electorate and quorum are counted apart: they depend on the seats.

    None for one whose beginning was not followed: opened with a governor that was not in office yet.
    """
    if fact.name == "ProposalCreated":
        return _created(fact)
    return row and {**row, **_CHANGES[fact.name](fact), **fact.where}


_CHANGES: dict[str, Callable[[Fact], Row]] = {
    "ProposalRuleFrozen": lambda fact: {"kind": fact.args["kind"], "rule": voting_rule(fact.args["rule"])},
    "ProposalExtended": lambda fact: {"vote_end": moment(fact.args["extendedDeadline"], fact.ticks)},
    "ProposalQueued": lambda fact: {
        "queued_at": fact.block_time,
        "queued_tx": fact.tx_hash,
        "effective_at": moment(fact.args["etaSeconds"], fact.ticks),
    },
    "ProposalExecuted": lambda fact: {"executed_at": fact.block_time, "executed_tx": fact.tx_hash},
    "ProposalCanceled": lambda fact: {"canceled_at": fact.block_time},
    # The timelock's own word, which is all there is where somebody did it past the governor.
    "CallSalt": lambda fact: {},
    "CallExecuted": lambda fact: {"executed_at": fact.block_time, "executed_tx": fact.tx_hash},
    "Cancelled": lambda fact: {"canceled_at": fact.block_time},
}


def vote(row: Row | None, fact: Fact) -> Row:
    """A counted vote; the member behind the address is looked up apart, as of the proposal's snapshot."""
    return {
        "proposal_id": fact.args["proposalId"],
        "voter": fact.args["voter"],
        "support": fact.args["support"],
        "weight": int(fact.args["weight"]),
        **fact.where,
    }


def quorum(electorate: int, rule: dict[str, Any]) -> int:
    """Votes for and abstentions that are needed; a fraction of a vote counts as a whole one."""
    if not rule:
        return electorate
    numerator, denominator = rule["quorum"]
    return -(-electorate * int(numerator) // int(denominator))


def voting_rule(values: list[int]) -> dict[str, Any]:
    """The contracts' ``Rule`` as rows have it."""
    quorum_num, quorum_den, approval_num, approval_den, categories = values
    quorum, approval = [quorum_num, quorum_den], [approval_num, approval_den]
    return {"quorum": quorum, "approval": approval, "categories": categories}


def block_moment(timestamp: int) -> datetime:
    """When a block was made, by its JSON: in seconds, whatever contracts are told; milliseconds are known."""
    return moment(timestamp, 1000 if timestamp > LAST_SECOND else 1)


def moment(ticks: str | int, per_second: int) -> datetime:
    """A point of the ledger's clock, which goes further than the calendar."""
    return min(_EPOCH + timedelta(milliseconds=min(int(ticks) * 1000 // per_second, _FURTHEST)), _LATEST)


def _created(fact: Fact) -> Row:
    return {
        "governor": fact.contract,
        "proposal_id": fact.args["proposalId"],
        "proposer": fact.args["proposer"],
        "targets": fact.args["targets"],
        "values": fact.args["values"],
        "calldatas": fact.args["calldatas"],
        "description": fact.args["description"],
        "vote_start": moment(fact.args["voteStart"], fact.ticks),
        "vote_end": moment(fact.args["voteEnd"], fact.ticks),
        "kind": _STRICTEST,
        "rule": {},
        "queued_at": None,
        "queued_tx": "",
        "effective_at": None,
        "executed_at": None,
        "executed_tx": "",
        "canceled_at": None,
        **fact.where,
    }


def _text(code: str) -> str:
    return bytes.fromhex(code.removeprefix("0x")).rstrip(b"\0").decode("ascii")
