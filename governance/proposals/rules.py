"""How a proposal stands, derived as the governor derives it. Pure: facts and a time in, an answer out.

The governor's clock is a block's timestamp in whole seconds (``ConsortiumGovernor``): at the deadline's very
second a ballot still counts; a second later it does not. A vote is over before that once the ballots that are
still out can't change its outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cache
from typing import Any

from eth_utils.abi import function_abi_to_4byte_selector

from governance.contracts import artifact

CLOSING = timedelta(hours=24)  # a vote that ends within is shown as closing
UNREACHABLE = 2**32 - 1  # no number of votes would do; the contract's uint32 at its end
CATEGORIES = 6  # of industry; the contracts number them from 1


class State(StrEnum):
    """Every answer that :func:`state` gives; ``models.State`` has the same values, with labels."""

    DRAFT = "draft"
    DISCARDED = "discarded"
    SUBMITTING = "submitting"
    REFUSED = "refused"
    PENDING = "pending"
    VOTING = "voting"
    SUCCEEDED = "succeeded"
    QUEUED = "queued"
    EXECUTED = "executed"
    DEFEATED = "defeated"
    CANCELED = "canceled"


class Vote(IntEnum):
    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


class Weightiness(IntEnum):
    """How much a proposal may change, which says what it needs to pass (the contract's ``Kind``)."""

    ROUTINE = 0
    MEMBERSHIP = 1
    CONSTITUTIONAL = 2


_ROUTINE = frozenset({"setRole", "remove", "setAccount", "thaw", "ratifyFreeze"})  # of NodeRegistry
# Of Seats. Not changeVoter: who could move the others' votes to keys of their own would decide everything.
_MEMBERSHIP = frozenset({"grant", "suspend", "reinstate"})


@dataclass(frozen=True)
class Rule:
    """What a proposal needs: shares as (numerator, denominator), and a majority in so many categories."""

    quorum: tuple[int, int]  # for and abstentions, of the electorate
    approval: tuple[int, int]  # for, of for and against
    categories: int

    def __str__(self) -> str:
        (votes, of_votes), (share, of_share) = self.quorum, self.approval
        return f"quorum {votes}/{of_votes}, approval {share}/{of_share}, categories {self.categories}"

    @property
    def stored(self) -> dict[str, Any]:
        """As :meth:`read` takes it."""
        return {
            "quorum": list(self.quorum),
            "approval": list(self.approval),
            "categories": self.categories,
        }

    @property
    def sound(self) -> bool:
        """Whether the contract takes it: shares above 0, at most 1, and no more categories than there are."""
        shares = all(0 < part <= whole < 256 for part, whole in (self.quorum, self.approval))
        return shares and 0 <= self.categories <= CATEGORIES

    @classmethod
    def parse(cls, text: str) -> Rule:
        """From “1/2 2/3 3”. Raises ValueError."""
        quorum, approval, categories = text.split()
        shares = [tuple(int(part) for part in share.split("/")) for share in (quorum, approval)]
        (votes, of_votes), (share, of_share) = shares
        return cls((votes, of_votes), (share, of_share), int(categories))

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Rule:
        """As the projection keeps it."""
        return cls(tuple(stored["quorum"]), tuple(stored["approval"]), int(stored["categories"]))


# What the contract is deployed with unless told otherwise.
ROUTINE_RULE = Rule((1, 3), (1, 2), 0)


@dataclass(frozen=True)
class Tally:
    """Votes by kind, each a sum of weights; a seat weighs 1."""

    in_favour: int = 0
    against: int = 0
    abstain: int = 0

    @property
    def total(self) -> int:
        return self.in_favour + self.against + self.abstain

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.in_favour + other.in_favour, self.against + other.against, self.abstain + other.abstain
        )


@dataclass(frozen=True)
class Category:
    """One industry's seats at the snapshot, and how they have voted."""

    electorate: int = 0
    tally: Tally = Tally()

    @property
    def outstanding(self) -> int:
        """Seats that may still vote."""
        return self.electorate - self.tally.total

    @property
    def in_favour(self) -> bool:
        """A majority of its own. A category without seats has none."""
        return self.tally.in_favour > self.tally.against


NOBODY = (Category(),) * CATEGORIES


@dataclass(frozen=True)
class Count:
    """The six categories under a rule: all that an outcome follows from."""

    rule: Rule = ROUTINE_RULE
    categories: tuple[Category, ...] = NOBODY

    @property
    def electorate(self) -> int:
        return sum(category.electorate for category in self.categories)

    @property
    def tally(self) -> Tally:
        return sum((category.tally for category in self.categories), Tally())

    @property
    def quorum(self) -> int:
        """Votes for and abstentions needed together, rounded up."""
        numerator, denominator = self.rule.quorum
        return -(-self.electorate * numerator // denominator)

    @property
    def categories_needed(self) -> int:
        """As the rule has it; where fewer categories have seats, all of those."""
        return min(self.rule.categories, sum(category.electorate > 0 for category in self.categories))

    @property
    def categories_won(self) -> int:
        return sum(category.in_favour for category in self.categories)


@dataclass(frozen=True)
class Outlook:
    """What a vote lacks, and whether it can still pass; the contract's ``outlook`` answers the same.

    ``quorum_missing``: votes for or abstentions; ``approval_missing``: votes for, if nobody else votes
    against; ``categories_missing``: categories in which a majority is still wanted.
    """

    passes: bool
    possible: bool
    decided: bool
    quorum_missing: int
    approval_missing: int
    categories_missing: int


@dataclass(frozen=True)
class OnLedger:
    """What the ledger says of a proposal. ``vote_end`` moves when a late vote extends the time."""

    vote_start: datetime
    vote_end: datetime
    count: Count = Count()
    queued_at: datetime | None = None
    effective_at: datetime | None = None  # from then on the timelock lets it be executed
    executed: bool = False
    canceled: bool = False

    @property
    def tally(self) -> Tally:
        return self.count.tally


@dataclass(frozen=True)
class Facts:
    """All that a state follows from. ``refused``: the ledger would not take the proposal."""

    opened: bool = False
    discarded: bool = False
    refused: bool = False
    on_ledger: OnLedger | None = None


# --- The state ----------------------------------------------------------------------------------------------
def state(facts: Facts, now: datetime) -> State:
    """The state at ``now`` (aware; fractions of a second don't count, as a block's timestamp has none)."""
    if facts.on_ledger is not None:
        return state_on_ledger(facts.on_ledger, now)
    if facts.discarded:
        return State.DISCARDED
    if not facts.opened:
        return State.DRAFT
    return State.REFUSED if facts.refused else State.SUBMITTING


def state_on_ledger(facts: OnLedger, now: datetime) -> State:
    """As :func:`state`, of one that is on its ledger."""
    now = now.replace(microsecond=0)
    if facts.executed:
        return State.EXECUTED
    if facts.canceled:
        return State.CANCELED
    if now <= facts.vote_start:
        return State.PENDING
    if now <= facts.vote_end and not decided(facts.count):
        return State.VOTING
    if not passes(facts.count):
        return State.DEFEATED
    return State.SUCCEEDED if facts.queued_at is None else State.QUEUED


def seconds_left(vote_end: datetime, now: datetime) -> int:
    """Whole seconds in which a ballot still counts; 0 once the deadline has passed."""
    return max(0, int((vote_end - now.replace(microsecond=0)).total_seconds()) + 1)


# --- The count ----------------------------------------------------------------------------------------------
def passes(count: Count) -> bool:
    """Quorum, approval and categories, by the votes that are in."""
    votes = count.tally
    return (
        votes.in_favour + votes.abstain >= count.quorum
        and _approved(count.rule, votes)
        and count.categories_won >= count.categories_needed
    )


def decided(count: Count) -> bool:
    """Whether no ballot that is still out can change the outcome.

    More votes for never make a vote fail and more against never make it pass, so the two extremes tell.
    """
    return passes(_all_out(count, Vote.AGAINST)) or not passes(_all_out(count, Vote.FOR))


def outlook(count: Count) -> Outlook:
    """What is missing, and whether it can still come."""
    votes = count.tally
    return Outlook(
        passes=passes(count),
        possible=passes(_all_out(count, Vote.FOR)),
        decided=decided(count),
        quorum_missing=max(0, count.quorum - votes.in_favour - votes.abstain),
        approval_missing=_approval_missing(count.rule, votes),
        categories_missing=max(0, count.categories_needed - count.categories_won),
    )


def tally(votes: Iterable[tuple[int, int]]) -> Tally:
    """Sum (support, weight) pairs. Raises ValueError for a support that is no :class:`Vote`."""
    sums = dict.fromkeys(Vote, 0)
    for support, weight in votes:
        sums[Vote(support)] += weight
    return Tally(sums[Vote.FOR], sums[Vote.AGAINST], sums[Vote.ABSTAIN])


def by_category(electorate: Sequence[int], votes: Iterable[tuple[int, int, int]]) -> tuple[Category, ...]:
    """The six categories from their seats and (category from 1, support, weight) triples."""
    cast: dict[int, list[tuple[int, int]]] = {}
    for category, support, weight in votes:
        cast.setdefault(category, []).append((support, weight))
    return tuple(
        Category(seats, tally(cast.get(number, ()))) for number, seats in enumerate(electorate, start=1)
    )


def _approved(rule: Rule, votes: Tally) -> bool:
    numerator, denominator = rule.approval
    enough = votes.in_favour * denominator >= numerator * (votes.in_favour + votes.against)
    return votes.in_favour > votes.against and enough


def _approval_missing(rule: Rule, votes: Tally) -> int:
    """Votes for that are still wanted if nobody else votes against."""
    numerator, denominator = rule.approval
    rest = denominator - numerator
    if rest == 0:  # unanimity: one vote against can't be outweighed
        return max(0, 1 - votes.in_favour) if votes.against == 0 else UNREACHABLE
    share = -(-(numerator * votes.against - rest * votes.in_favour) // rest)
    return max(0, share, votes.against + 1 - votes.in_favour)


def _all_out(count: Count, vote: Vote) -> Count:
    """The count if every seat that is still out voted so."""
    voted = (replace(one, tally=one.tally + tally([(vote, one.outstanding)])) for one in count.categories)
    return replace(count, categories=tuple(voted))


# --- The kind -----------------------------------------------------------------------------------------------
def weightiness(calls: Iterable[tuple[str, str]], *, seats: str, registry: str) -> Weightiness:
    """The strictest of the calls, each (target, data as 0x-hex). What is not known is constitutional."""
    known = {
        seats.lower(): _selectors("Seats", _MEMBERSHIP),
        registry.lower(): _selectors("NodeRegistry", _ROUTINE),
    }
    heaviest = Weightiness.ROUTINE
    for target, data in calls:
        if data[:10].lower() not in known.get(target.lower(), frozenset()):
            return Weightiness.CONSTITUTIONAL
        if target.lower() == seats.lower():
            heaviest = Weightiness.MEMBERSHIP
    return heaviest


@cache
def _selectors(contract: str, names: frozenset[str]) -> frozenset[str]:
    functions = (item for item in artifact(contract)["abi"] if item["type"] == "function")
    return frozenset(
        "0x" + function_abi_to_4byte_selector(item).hex() for item in functions if item["name"] in names
    )


# --- The text -----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Attached:
    """A file as the description names it; ``size`` in bytes."""

    sha256: str
    size: int
    name: str


def description(
    *,
    number: int,
    kind: str,
    subjects: Sequence[str],
    text_sha256: str,
    chain_id: int,
    governor: str,
    proposer: str,
    attachments: Sequence[Attached] = (),
    amends: int | None = None,
) -> str:
    """What goes on chain: one text for one proposal, always the same. Addresses in EIP-55 form.

    A proposal's id is a hash of its content, this text included. Its last two lines bind it: ``#governor=``
    to one contract on one chain (CAIP-10), so that two of them never give one id, and ``#proposer=`` to the
    account that opens it, so nobody can open the same proposal first and cancel it (OpenZeppelin,
    ``Governor._isValidDescriptionForProposer``). The governor refuses a text that ends otherwise.
    """
    lines = [
        f"Proposal {number}: {kind}",
        *(f"Subject: {subject}" for subject in subjects),
        *([f"Amends: proposal {amends}"] if amends else []),
        f"Text SHA-256: {text_sha256}",
        *(f"Attachment SHA-256: {one.sha256} ({one.size} bytes) {one.name}" for one in attachments),
        binding(chain_id=chain_id, governor=governor, proposer=proposer),
    ]
    return "\n".join(lines)


def binding(*, chain_id: int, governor: str, proposer: str) -> str:
    """The two lines that every proposal's description ends with."""
    return f"#governor=eip155:{chain_id}:{governor}\n#proposer={proposer}"
