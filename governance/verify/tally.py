"""Who could vote, and whether the votes are enough: the governor's rules, counted again here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from governance.verify.events import Event
from governance.verify.texts import say

AGAINST, FOR, ABSTAIN = 0, 1, 2
CATEGORIES: Final = 6
KINDS: Final = ("routine", "membership", "constitutional")


@dataclass
class Seat:
    """A seat while its events are told again."""

    voter: str
    category: int
    active: bool = True


def electorate(told: Iterable[Event]) -> dict[str, Seat]:
    """Active seats by voting address (EIP-55), after these events of the seats contract."""
    seats: dict[str, Seat] = {}
    for event in told:
        _apply(seats, event.name, event.args)
    return {seat.voter: seat for seat in seats.values() if seat.active}


def _apply(seats: dict[str, Seat], name: str, args: dict[str, Any]) -> None:
    member = args.get("memberId", "")
    match name:
        case "SeatGranted":
            seats[member] = Seat(args["voter"], args["category"])
        case "SeatVoterChanged" if member in seats:
            seats[member].voter = args["voter"]
        case "SeatSuspended" | "SeatReinstated" if member in seats:
            seats[member].active = name == "SeatReinstated"
        case "SeatRevoked":
            seats.pop(member, None)


@dataclass(frozen=True)
class Rule:
    """Shares as numerator and denominator, and in how many categories a majority is needed besides."""

    quorum: tuple[int, int]
    approval: tuple[int, int]
    categories: int

    @classmethod
    def read(cls, stated: list[int]) -> Rule:
        """As ``ProposalRuleFrozen`` has it."""
        quorum_num, quorum_den, approval_num, approval_den, categories = stated
        return cls((quorum_num, quorum_den), (approval_num, approval_den), categories)

    def __str__(self) -> str:
        quorum, approval = ("/".join(map(str, share)) for share in (self.quorum, self.approval))
        key = "rule_categories" if self.categories else "rule"
        return say(key, quorum=quorum, approval=approval, categories=self.categories)


@dataclass(frozen=True)
class Tally:
    """Seats by category from 1, and votes by (category, support)."""

    seats: dict[int, int]
    votes: dict[tuple[int, int], int]

    def of(self, support: int) -> int:
        return sum(count for (_category, kind), count in self.votes.items() if kind == support)

    def passes(self, rule: Rule) -> bool:
        """As the governor decides: quorum of for and abstentions, approval of for and against, categories."""
        favour, against, abstained = self.of(FOR), self.of(AGAINST), self.of(ABSTAIN)
        needed = -(-sum(self.seats.values()) * rule.quorum[0] // rule.quorum[1])
        approved = favour > against and favour * rule.approval[1] >= rule.approval[0] * (favour + against)
        return favour + abstained >= needed and approved and self._won() >= self._wanted(rule)

    def _won(self) -> int:
        return sum(self.votes.get((one, FOR), 0) > self.votes.get((one, AGAINST), 0) for one in self.seats)

    def _wanted(self, rule: Rule) -> int:
        """Where fewer categories have seats than are wanted: all of those."""
        return min(rule.categories, sum(count > 0 for count in self.seats.values()))
