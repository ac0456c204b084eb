"""Who had a seat when: what the seats' events say of any moment, in memory while rows are folded anew."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from typing import Any

from governance.chain import folds
from governance.chain.models import ChainEvent, Ledger

_NAMES = sorted({*folds.VOTING_EVENTS, *folds.VOTER_EVENTS})


class Seats:
    """The history of a ledger's seats: as many entries as seats were granted, suspended and the like."""

    def __init__(self, ledger: Ledger) -> None:
        events = ChainEvent.objects.filter(ledger=ledger, name__in=_NAMES).order_by("block", "log_index")
        self._events: list[tuple[datetime, str, str, Any, Any]] = list(
            events.values_list("block_time", "name", "about", "args__voter", "args__category")
        )
        self._times = [event[0] for event in self._events]
        self._electorates: dict[int, list[int]] = {}
        self._by_voter: dict[str, list[tuple[datetime, str]]] = {}
        self._grants: dict[str, list[tuple[datetime, int]]] = {}
        for time, name, about, voter, category in self._events:
            if name in folds.VOTER_EVENTS:
                self._by_voter.setdefault(voter, []).append((time, about))
            if name == "SeatGranted":
                self._grants.setdefault(about, []).append((time, category))

    def by_category(self, at: datetime) -> list[int]:
        """Seats with a vote in each of the categories."""
        end = bisect_right(self._times, at)
        if end not in self._electorates:
            self._electorates[end] = self._counted(end)
        return self._electorates[end]

    def member(self, voter: str, at: datetime) -> dict[str, Any] | None:
        """Whose address it was, as columns of a vote; None where it was nobody's."""
        about = _last(self._by_voter.get(voter, ()), at)
        if about is None:
            return None
        return {
            "member_id": about.partition(":")[2],
            "category_number": _last(self._grants.get(about, ()), at),
        }

    def _counted(self, end: int) -> list[int]:
        votes: dict[str, bool] = {}
        categories: dict[str, int] = {}
        for _, name, about, _, category in self._events[:end]:
            if name in folds.VOTING_EVENTS:
                votes[about] = name in folds.WITH_A_VOTE
            if name == "SeatGranted":
                categories[about] = category
        found = [0] * folds.CATEGORIES
        for about, counts in votes.items():
            found[categories[about] - 1] += counts
        return found


def _last(entries: Any, at: datetime) -> Any:
    """What was true at a moment, of entries in the order of time."""
    end = bisect_right(entries, at, key=lambda entry: entry[0])
    return entries[end - 1][1] if end else None
