"""The alliance's rules as a few lines of Python, written from the rules' text and not from the contracts.

Times are ticks of the clock. Every question takes the moment at which it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.contracts.alliance import (
    ABSTAIN,
    ACTIVE,
    AGAINST,
    CANCELED,
    DEFEATED,
    DELAY,
    EXECUTED,
    EXTENSION,
    FOR,
    GUARDIANS_NEEDED,
    NONE,
    OPEN,
    PENDING,
    PERIOD,
    QUEUED,
    ROUTINE,
    RULES,
    SUCCEEDED,
    SUSPENDED,
    WAIT,
    Outlook,
)

CATEGORIES = range(1, 7)
UNREACHABLE = 2**32 - 1
HOUR = 3600
LONGEST_FREEZE, REST, ROUND = 72 * HOUR, 30 * 24 * HOUR, 24 * HOUR
UNTIL_THAWED = 2**48 - 1
ENDED = (CANCELED, DEFEATED, EXECUTED)

Rule = tuple[int, int, int, int, int]


@dataclass(frozen=True)
class Count:
    """Seats and votes by category, under a rule."""

    rule: Rule
    electorate: tuple[int, ...]
    votes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]  # against, for, abstain

    def passes(self) -> bool:
        quorum, approval = Fraction(*self.rule[:2]), Fraction(*self.rule[2:4])
        against, favour, abstain = (sum(votes) for votes in self.votes)
        return (
            Fraction(favour + abstain, sum(self.electorate)) >= quorum
            and favour > against
            and Fraction(favour, favour + against) >= approval
            and self.won() >= self.categories_needed()
        )

    def won(self) -> int:
        against, favour, _ = self.votes
        return sum(a < f for a, f in zip(against, favour, strict=True))

    def categories_needed(self) -> int:
        return min(self.rule[4], sum(seats > 0 for seats in self.electorate))

    def if_the_others_voted(self, support: int) -> Count:
        cast = [sum(column) for column in zip(*self.votes, strict=True)]
        votes = [list(by_category) for by_category in self.votes]
        for index, (seats, gone) in enumerate(zip(self.electorate, cast, strict=True)):
            votes[support][index] += seats - gone
        return Count(self.rule, self.electorate, (tuple(votes[0]), tuple(votes[1]), tuple(votes[2])))

    def possible(self) -> bool:
        return self.if_the_others_voted(FOR).passes()

    def decided(self) -> bool:
        return not self.possible() or self.if_the_others_voted(AGAINST).passes()

    def outlook(self) -> Outlook:
        return Outlook(
            self.passes(),
            self.possible(),
            self.decided(),
            self.quorum_missing(),
            self.approval_missing(),
            max(0, self.categories_needed() - self.won()),
        )

    def quorum_missing(self) -> int:
        there, needed = sum(self.votes[FOR]) + sum(self.votes[ABSTAIN]), Fraction(*self.rule[:2])
        return next(more for more in range(1000) if Fraction(there + more, sum(self.electorate)) >= needed)

    def approval_missing(self) -> int:
        against, favour, approval = sum(self.votes[0]), sum(self.votes[1]), Fraction(*self.rule[2:4])
        if approval == 1 and against:
            return UNREACHABLE
        return next(
            more
            for more in range(10_000)
            if favour + more > against and Fraction(favour + more, favour + more + against) >= approval
        )


@dataclass
class Proposal:
    """`effect` is what it does: the name of a method of Alliance's, and its arguments."""

    kind: int
    rule: Rule
    snapshot: int
    effect: tuple[Any, ...]
    deadline: int = 0
    quorum_reached: bool = False
    ballots: dict[int, int] = field(default_factory=dict)  # support by bank
    effective: int = 0
    executed: bool = False
    canceled: bool = False

    def __post_init__(self) -> None:
        self.deadline = self.snapshot + PERIOD


@dataclass
class Freeze:
    number: int = 0
    until: int = 0
    rests_until: int = 0
    ratified: bool = False
    ballot: int | None = None  # the proposal that ratifies it, by its index


@dataclass
class Alliance:
    """Banks by index, each with its category.

    What somebody does returns whether it was allowed; if it was not, nothing changed.
    """

    categories: tuple[int, ...]
    now: int
    rules: list[Rule] = field(default_factory=lambda: list(RULES))
    status: list[int] = field(default_factory=list)
    past: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    freezes: dict[int, Freeze] = field(default_factory=lambda: {0: Freeze(), 1: Freeze()})
    confirmed: dict[int, set[int]] = field(default_factory=lambda: {0: set(), 1: set()})
    round_ends: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    freeze_count: int = 0
    roles: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.status = [ACTIVE] * len(self.categories)
        self._remember(0)

    # --- Seats ---

    def suspend(self, bank: int) -> bool:
        return self._turn(bank, ACTIVE, SUSPENDED) if self.status.count(ACTIVE) > 1 else False

    def reinstate(self, bank: int) -> bool:
        return self._turn(bank, SUSPENDED, ACTIVE)

    def _turn(self, bank: int, before: int, after: int) -> bool:
        if self.status[bank] != before:
            return False
        self.status[bank] = after
        self._remember(self.now)
        return True

    def _remember(self, moment: int) -> None:
        self.past.append((moment, tuple(self.status)))

    def could_vote(self, bank: int, moment: int) -> bool:
        """As of the last change up to this moment."""
        status = next(status for since, status in reversed(self.past) if since <= moment)
        return status[bank] == ACTIVE

    # --- Proposals ---

    def propose(self, kind: int, *effect: Any) -> bool:
        self.proposals.append(Proposal(kind, self.rules[kind], self.now + DELAY, effect))
        return True

    def count(self, number: int) -> Count:
        proposal = self.proposals[number]
        moment = min(proposal.snapshot, self.now - 1)
        voters = [bank for bank in range(len(self.categories)) if self.could_vote(bank, moment)]
        votes = [
            [bank for bank, support in proposal.ballots.items() if support == wanted] for wanted in range(3)
        ]
        against, favour, abstain = (self._by_category(banks) for banks in votes)
        return Count(proposal.rule, self._by_category(voters), (against, favour, abstain))

    def _by_category(self, banks: list[int]) -> tuple[int, ...]:
        there = [self.categories[bank] for bank in banks]
        return tuple(there.count(category) for category in CATEGORIES)

    def state(self, number: int) -> int:
        proposal = self.proposals[number]
        if proposal.executed:
            return EXECUTED
        if proposal.canceled:
            return CANCELED
        if self.now <= proposal.snapshot:
            return PENDING
        count = self.count(number)
        if self.now <= proposal.deadline and not count.decided():
            return OPEN
        if not count.passes():
            return DEFEATED
        return QUEUED if proposal.effective else SUCCEEDED

    def vote(self, number: int, bank: int, support: int) -> bool:
        proposal = self.proposals[number]
        if self.state(number) != OPEN or bank in proposal.ballots:
            return False
        if not self.could_vote(bank, proposal.snapshot):
            return False
        proposal.ballots[bank] = support
        if not proposal.quorum_reached and self.count(number).quorum_missing() == 0:
            proposal.quorum_reached = True
            proposal.deadline = max(proposal.deadline, self.now + EXTENSION)
        return True

    def queue(self, number: int) -> bool:
        if self.state(number) != SUCCEEDED:
            return False
        self.proposals[number].effective = self.now + WAIT
        return True

    def execute(self, number: int) -> bool:
        proposal = self.proposals[number]
        if self.state(number) != QUEUED or self.now < proposal.effective:
            return False
        name, *arguments = proposal.effect
        if not getattr(self, name)(*arguments):
            return False
        proposal.executed = True
        return True

    def cancel(self, number: int, by_the_guardian: bool) -> bool:
        state = self.state(number)
        if state in (CANCELED, EXECUTED) or not (by_the_guardian or state == PENDING):
            return False
        if not by_the_guardian and self.proposals[number].effect[0] == "ratify":
            return False  # opened by the guardians, not by the secretariat
        self.proposals[number].canceled = True
        return True

    # --- What proposals do ---

    def set_rule(self, kind: int, rule: Rule) -> bool:
        self.rules[kind] = rule
        return True

    def set_role(self, node: int, role: int) -> bool:
        if self.status[0] != ACTIVE or self.roles.get(node, NONE) == role:
            return False
        self.roles[node] = role
        return True

    # --- Freezes ---

    def confirm_freeze(self, node: int, guardian: int) -> bool:
        freeze, open_ = self.freezes[node], self.now <= self.round_ends[node]
        undecided = freeze.ballot is not None and self.state(freeze.ballot) not in ENDED
        if freeze.number and undecided and self.now <= freeze.rests_until:
            return False
        confirmed = self.confirmed[node] if open_ else set()
        if guardian in confirmed:
            return False
        if len(confirmed) + 1 < GUARDIANS_NEEDED:
            self.confirmed[node] = confirmed | {guardian}
            self.round_ends[node] = self.round_ends[node] if open_ and confirmed else self.now + ROUND
            return True
        if self.is_frozen(node) or self.now <= freeze.rests_until:
            return False
        self.confirmed[node], self.round_ends[node] = set(), 0
        self._freeze(node)
        return True

    def _freeze(self, node: int) -> None:
        self.freeze_count += 1
        until = self.now + LONGEST_FREEZE
        ballot = len(self.proposals)
        self.freezes[node] = Freeze(self.freeze_count, until, until + REST, ballot=ballot)
        self.propose(ROUTINE, "ratify", node, self.freeze_count)

    def is_frozen(self, node: int) -> bool:
        return self.freezes[node].number != 0 and self.now < self.freezes[node].until

    def ratify(self, node: int, number: int) -> bool:
        freeze = self.freezes[node]
        if freeze.number != number or freeze.ratified or self.now > freeze.rests_until:
            return False
        freeze.ratified, freeze.until = True, UNTIL_THAWED
        return True

    def thaw(self, node: int) -> bool:
        if not self.is_frozen(node):
            return False
        self.freezes[node] = Freeze(0, self.now, self.now + REST)
        return True

    # --- Time ---

    def moments(self) -> list[int]:
        """What is still to come of itself."""
        there = [self.now]
        for proposal in self.proposals:
            there += [proposal.snapshot, proposal.deadline, proposal.effective]
        for node, freeze in self.freezes.items():
            there += [freeze.until, freeze.rests_until, self.round_ends[node]]
        return sorted({moment for moment in there if self.now <= moment < UNTIL_THAWED})
