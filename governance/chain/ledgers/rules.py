"""How a committee decides, as the chain computes it at every vote. Pure: no Django.

The weights and rates are those of the moment of each vote, and the first votes that reach the participation
rate decide. So the order of votes matters, and a proposal can be denied for good while votes are outstanding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from itertools import product

_WORD = 2**32  # the chain computes in 32 bits and refuses what does not fit
_MOST_ORDERS = 7  # outstanding votes up to which every order is tried


class Outcome(Enum):
    """What a vote leaves behind."""

    OPEN = "open"
    PASSED = "passed"
    DENIED = "denied"
    FAILS = "fails"  # the chain refuses the vote itself: the weights are too large


@dataclass(frozen=True, slots=True)
class Rules:
    """Weights by governor's address, and the two rates in percent, as they are now."""

    weights: Mapping[str, int]
    participation: int
    win: int

    @property
    def all(self) -> int:
        return sum(self.weights.values())


@dataclass(frozen=True, slots=True)
class Votes:
    """Who voted how so far: addresses."""

    agree: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def plus(self, voter: str, agree: bool) -> Votes:
        if agree:
            return Votes((*self.agree, voter), self.against)
        return Votes(self.agree, (*self.against, voter))


@dataclass(frozen=True, slots=True)
class Tally:
    """Weights for, against and of all, and what is missing for the participation rate."""

    agree: int
    against: int
    all: int
    participation_missing: int  # weight that must still vote before anything is decided
    outstanding: int  # weight that has not voted


@dataclass(frozen=True, slots=True)
class Outlook:
    """What can still come of an open proposal, shown before anybody votes."""

    if_agree: dict[str, Outcome]  # by governor that has not voted: what follows if it is next and agrees
    if_against: dict[str, Outcome]
    can_pass: bool
    can_be_denied: bool
    order_matters: bool  # the same votes in another order give another outcome
    removes_itself: str = ""  # a governor whose agreement can't be the deciding one: it would be removed


def outcome(rules: Rules, votes: Votes) -> Outcome:
    """The chain's own computation, 32 bits included."""
    agree = _weight(rules, votes.agree)
    voted = agree + _weight(rules, votes.against)
    if max(voted * 100, rules.all * rules.participation, agree * 100, rules.win * voted) >= _WORD:
        return Outcome.FAILS
    if voted * 100 < rules.all * rules.participation:
        return Outcome.OPEN
    return Outcome.PASSED if agree * 100 >= rules.win * voted else Outcome.DENIED


def tally(rules: Rules, votes: Votes) -> Tally:
    agree, against = _weight(rules, votes.agree), _weight(rules, votes.against)
    needed = -(-rules.all * rules.participation // 100)  # rounded up
    return Tally(
        agree=agree,
        against=against,
        all=rules.all,
        participation_missing=max(0, needed - agree - against),
        outstanding=rules.all - agree - against,
    )


def outlook(rules: Rules, votes: Votes, *, removes: str = "") -> Outlook:
    """What each next vote would do. ``removes``: the governor that the proposal removes, if it does."""
    left = tuple(who for who in rules.weights if who not in {*votes.agree, *votes.against})
    ends = _reachable(rules, votes, left)
    return Outlook(
        if_agree={who: _next(rules, votes, who, True, removes) for who in left},
        if_against={who: outcome(rules, votes.plus(who, False)) for who in left},
        can_pass=Outcome.PASSED in ends,
        can_be_denied=Outcome.DENIED in ends,
        order_matters=_order_matters(rules, votes, left),
        removes_itself=removes if removes in left else "",
    )


def _next(rules: Rules, votes: Votes, who: str, agree: bool, removes: str) -> Outcome:
    found = outcome(rules, votes.plus(who, agree))
    # Nobody removes itself: the chain refuses the deciding vote of the one that would go.
    return Outcome.FAILS if found is Outcome.PASSED and who == removes else found


def _reachable(rules: Rules, votes: Votes, left: tuple[str, ...]) -> set[Outcome]:
    """The ends that the outstanding votes can still lead to."""
    if len(left) <= _MOST_ORDERS:
        return {
            end
            for choice in product((True, False), repeat=len(left))
            for end in _ends(rules, votes, left, choice)
        }
    ends: set[Outcome] = set()
    for agree in (True, False):  # all alike is the surest way to either end
        now = votes
        for who in left:
            now = now.plus(who, agree)
            if (found := outcome(rules, now)) is not Outcome.OPEN:
                ends.add(found)
                break
    return ends


def _order_matters(rules: Rules, votes: Votes, left: tuple[str, ...]) -> bool:
    if len(left) > _MOST_ORDERS:
        # Too many orders to try: it does as soon as some of the votes are enough to decide.
        heaviest = sorted((rules.weights[who] for who in left), reverse=True)[:-1]
        voted = _weight(rules, (*votes.agree, *votes.against)) + sum(heaviest)
        return voted * 100 >= rules.all * rules.participation
    choices = product((True, False), repeat=len(left))
    return any(len(_ends(rules, votes, left, choice)) > 1 for choice in choices)


def _ends(rules: Rules, votes: Votes, left: tuple[str, ...], choice: tuple[bool, ...]) -> set[Outcome]:
    """Where these very votes lead, over all orders that they may come in."""

    @cache
    def from_here(cast: frozenset[int]) -> frozenset[Outcome]:
        now = votes
        for index in sorted(cast):
            now = now.plus(left[index], choice[index])
        if cast and (found := outcome(rules, now)) is not Outcome.OPEN:
            return frozenset({found})
        rest = [index for index in range(len(left)) if index not in cast]
        if not rest:
            return frozenset({Outcome.OPEN})
        return frozenset(end for index in rest for end in from_here(cast | {index}))

    return set(from_here(frozenset()))


def worst_sum(weights: Mapping[str, int], wanted: Iterator[tuple[str, int]] | list[tuple[str, int]]) -> int:
    """The largest sum of weights there can be if any of the ``wanted`` (account, weight) come to pass."""
    heaviest = dict(weights)
    for account, weight in wanted:
        heaviest[account] = max(heaviest.get(account, 0), weight)
    return sum(heaviest.values())


def _weight(rules: Rules, voters: tuple[str, ...]) -> int:
    return sum(rules.weights.get(who, 0) for who in voters)
