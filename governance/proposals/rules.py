"""The state of a proposal, derived as the governor derives it. Pure: facts and a time in, an answer out.

The governor's clock is a block's timestamp in whole seconds (``ConsortiumGovernor``): at the deadline's very
second a ballot still counts; a second later it does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

CLOSING = timedelta(hours=24)  # a vote that ends within is shown as closing


class State(StrEnum):
    """Every answer that :func:`state` gives; ``models.State`` has the same values, with labels."""

    DRAFT = "draft"
    DISCARDED = "discarded"
    SUBMITTING = "submitting"
    REFUSED = "refused"
    PENDING = "pending"
    VOTING = "voting"
    SUCCEEDED = "succeeded"
    EXECUTED = "executed"
    DEFEATED = "defeated"
    CANCELED = "canceled"


class Vote(IntEnum):
    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@dataclass(frozen=True)
class Tally:
    """Votes by kind, each a sum of weights; a seat weighs 1."""

    in_favour: int = 0
    against: int = 0
    abstain: int = 0

    @property
    def total(self) -> int:
        return self.in_favour + self.against + self.abstain


@dataclass(frozen=True)
class OnLedger:
    """What the ledger says of a proposal. ``quorum``: votes for and abstentions needed together."""

    vote_start: datetime
    vote_end: datetime
    quorum: int
    tally: Tally = Tally()
    executed: bool = False
    canceled: bool = False


@dataclass(frozen=True)
class Facts:
    """All that a state follows from. ``refused``: the ledger would not take the proposal."""

    opened: bool = False
    discarded: bool = False
    refused: bool = False
    on_ledger: OnLedger | None = None


def state(facts: Facts, now: datetime) -> State:
    """The state at ``now`` (aware; fractions of a second don't count, as a block's timestamp has none)."""
    if facts.on_ledger is not None:
        return _on_ledger_state(facts.on_ledger, now.replace(microsecond=0))
    if facts.discarded:
        return State.DISCARDED
    if not facts.opened:
        return State.DRAFT
    return State.REFUSED if facts.refused else State.SUBMITTING


def _on_ledger_state(facts: OnLedger, now: datetime) -> State:
    if facts.executed:
        return State.EXECUTED
    if facts.canceled:
        return State.CANCELED
    if now <= facts.vote_start:
        return State.PENDING
    if now <= facts.vote_end:
        return State.VOTING
    return State.SUCCEEDED if passes(facts.tally, facts.quorum) else State.DEFEATED


def passes(tally: Tally, quorum: int) -> bool:
    """More for than against, and for and abstain together reach the quorum."""
    return tally.in_favour > tally.against and tally.in_favour + tally.abstain >= quorum


def tally(votes: Iterable[tuple[int, int]]) -> Tally:
    """Sum (support, weight) pairs. Raises ValueError for a support that is no :class:`Vote`."""
    sums = dict.fromkeys(Vote, 0)
    for support, weight in votes:
        sums[Vote(support)] += weight
    return Tally(sums[Vote.FOR], sums[Vote.AGAINST], sums[Vote.ABSTAIN])


def seconds_left(vote_end: datetime, now: datetime) -> int:
    """Whole seconds in which a ballot still counts; 0 once the deadline has passed."""
    return max(0, int((vote_end - now.replace(microsecond=0)).total_seconds()) + 1)


def description(
    *, number: int, kind: str, subject: str, text_sha256: str, chain_id: int, governor: str, proposer: str
) -> str:
    """What goes on chain: one text for one proposal, always the same. Addresses in EIP-55 form.

    A proposal's id is a hash of its content, this text included. Its last two lines bind it: ``#governor=``
    to one contract on one chain (CAIP-10), so that two of them never give one id, and ``#proposer=`` to the
    account that opens it, so nobody can open the same proposal first and cancel it (OpenZeppelin,
    ``Governor._isValidDescriptionForProposer``). The governor refuses a text that ends otherwise.
    """
    return (
        f"Proposal {number}: {kind}\nSubject: {subject}\nText SHA-256: {text_sha256}\n"
        f"{binding(chain_id=chain_id, governor=governor, proposer=proposer)}"
    )


def binding(*, chain_id: int, governor: str, proposer: str) -> str:
    """The two lines that every proposal's description ends with."""
    return f"#governor=eip155:{chain_id}:{governor}\n#proposer={proposer}"
