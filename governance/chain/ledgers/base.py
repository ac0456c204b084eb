"""What the console asks of a ledger, whichever way it is governed. Three answer: see ``adapters``.

Everything that changes a ledger is handed out as a transaction to be signed by a member, outside the server:
nothing here holds a key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

from governance.chain.ledgers.rules import Outlook


class State(Enum):
    """Where a proposal stands, on any ledger; not every ledger has every state."""

    OPEN = "open"
    OVERDUE = "overdue"  # its deadline block is there, but the chain has not been asked to close it
    PASSED = "passed"  # and nobody can tell yet whether it was applied
    QUEUED = "queued"
    APPLIED = "applied"
    NOT_APPLIED = "not_applied"  # passed, and the ledger refused to do it: offer a new proposal
    DENIED = "denied"
    REVOKED = "revoked"
    OUTDATED = "outdated"


class Deadline(Enum):
    """What a deadline counts in."""

    BLOCKS = "blocks"  # an idle ledger makes none, and then it stands still
    SECONDS = "seconds"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this way of governing can do; a method that it can't raises LedgerCannot."""

    proposes: bool  # members may open proposals through the console
    ballots: bool  # a vote is a signed message that the console puts into a transaction
    transactions: bool  # a vote is a transaction that the member signs itself
    abstains: bool
    executes: bool  # carrying out is a step of its own after passing
    revokes: bool  # the proposer may withdraw
    must_refresh: bool  # somebody has to close what is past its deadline
    frozen_rules: bool  # electorate and rules are those of the moment the proposal opened
    one_at_a_time: frozenset[int] = frozenset()  # proposal types of which the ledger has only one open


@dataclass(frozen=True, slots=True)
class Clock:
    """How a ledger tells time. Its RPC says seconds, whatever ``block.timestamp`` in a contract is."""

    deadline: Deadline
    ticks_per_second: int = 1  # 1000: contracts are told milliseconds

    def to_contract(self, moment: datetime) -> int:
        """A moment as a contract of that ledger would write it."""
        return round(moment.timestamp() * self.ticks_per_second)

    def from_contract(self, ticks: int) -> datetime:
        """What a contract of that ledger wrote, as a moment."""
        return datetime.fromtimestamp(ticks / self.ticks_per_second, UTC)


@dataclass(frozen=True, slots=True)
class TransactionStyle:
    """How a transaction for this ledger must be made."""

    legacy: bool  # no access list, no fee market: FISCO BCOS takes only these
    gas: int | None  # explicit; None: estimate
    gas_price: int | None  # explicit; None: ask


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A transaction for a member to sign: ``data`` 0x-hex, ``to`` EIP-55, ``words`` what it does."""

    chain_id: int
    sender: str
    to: str
    data: str
    nonce: int
    gas: int
    gas_price: int

    def fields(self) -> dict[str, Any]:
        """As signing libraries want it."""
        return {
            "chainId": self.chain_id,
            "to": self.to,
            "data": self.data,
            "nonce": self.nonce,
            "gas": self.gas,
            "gasPrice": self.gas_price,
            "value": 0,
        }


@dataclass(frozen=True, slots=True)
class Action:
    """What a proposal does. ``type`` is the ledger's own number or name, ``arguments`` by name."""

    type: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Elector:
    """Somebody with a vote; ``member`` is the USCC where the console knows whose address it is."""

    address: str
    weight: int
    member: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """Weights, and per ledger what else there is to know of who decides."""

    agree: int
    against: int
    abstain: int
    all: int
    outlook: Outlook | None = None  # of an open committee proposal


@dataclass(frozen=True, slots=True)
class Found:
    """A proposal as the ledger has it. ``actions`` None: the ledger can't tell, and nothing was kept."""

    id: str
    proposer: str
    state: State
    actions: tuple[Action, ...] | None
    deadline_block: int | None = None
    deadline_at: datetime | None = None
    error_code: int | None = None  # of an application that failed
    after_deadline: bool = False  # it was decided by a vote that came too late


@dataclass(frozen=True, slots=True)
class NodeRole:
    """A node's part: role 1 observer, 2 sealer; weight 0 where the ledger has none."""

    consensus_id: str
    role: int
    weight: int = 0


@dataclass(frozen=True, slots=True)
class AccountRight:
    """``may_deploy`` and ``frozen`` as the ledger would decide right now."""

    address: str
    may_deploy: bool
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened on the ledger; ``what`` is an event's or a function's name."""

    block: int
    index: int
    tx_hash: str
    what: str
    arguments: dict[str, Any] = field(default_factory=dict)


class GovernedLedger(Protocol):
    """A ledger, asked. Every method may raise LedgerUnreachable or OtherLedger; LedgerCannot where
    ``capabilities`` says no."""

    kind: str
    capabilities: Capabilities
    clock: Clock
    log_range: int  # blocks that one eth_getLogs covers for sure
    style: TransactionStyle

    def head(self) -> int: ...

    def propose(self, actions: Sequence[Action], *, sender: str, interval: int = 0) -> Unsigned:
        """A transaction that opens a proposal."""
        ...

    def vote(self, proposal_id: str, *, agree: bool, sender: str) -> Unsigned:
        """A transaction that votes."""
        ...

    def revoke(self, proposal_id: str, *, sender: str) -> Unsigned:
        """A transaction by which the proposer withdraws."""
        ...

    def execute(self, proposal_id: str, *, sender: str) -> Unsigned:
        """A transaction that carries out what has passed."""
        ...

    def proposal(self, proposal_id: str) -> Found: ...

    def tally(self, proposal_id: str) -> Counted: ...

    def electorate(self, proposal_id: str = "") -> list[Elector]:
        """Who decides: on this proposal, or on one opened now."""
        ...

    def nodes(self, network: str = "") -> list[NodeRole]: ...

    def account(self, address: str, network: str = "") -> AccountRight: ...

    def changes(self, first: int, last: int) -> list[Change]:
        """What happened in the blocks ``first`` to ``last``, both included, in the ledger's order."""
        ...
