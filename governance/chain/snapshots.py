"""Who had a seat when: what the seats' events say of any moment, in memory while rows are computed."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from functools import cached_property
from typing import Any

from governance.chain import folds
from governance.chain.models import ChainEvent, Ledger

_NAMES = sorted({*folds.VOTING_EVENTS, *folds.VOTER_EVENTS})

_Entry = tuple[datetime, str, str, Any, Any]  # time, name, about, voter, category


class Seats:
    """The history of a ledger's seats: as many entries as seats were granted, suspended and the like."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._electorates: dict[int, list[int]] = {}

    @cached_property
    def _events(self) -> list[_Entry]:
        """Read when somebody asks: most ranges have neither a proposal nor a vote."""
        events = ChainEvent.objects.filter(ledger=self._ledger, name__in=_NAMES)
        columns = ("block_time", "name", "about", "args__voter", "args__category")
        return list(events.order_by("block", "log_index").values_list(*columns))

    @cached_property
    def _times(self) -> list[datetime]:
        return [event[0] for event in self._events]

    @cached_property
    def _by_voter(self) -> dict[str, list[tuple[datetime, str]]]:
        found: dict[str, list[tuple[datetime, str]]] = {}
        for time, name, about, voter, _ in self._events:
            if name in folds.VOTER_EVENTS:
                found.setdefault(voter, []).append((time, about))
        return found

    @cached_property
    def _grants(self) -> dict[str, list[tuple[datetime, int]]]:
        found: dict[str, list[tuple[datetime, int]]] = {}
        for time, name, about, _, category in self._events:
            if name == "SeatGranted":
                found.setdefault(about, []).append((time, category))
        return found

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
