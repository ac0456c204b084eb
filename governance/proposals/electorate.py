"""Who could vote at a past moment, from the events of the Seats contract."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import QuerySet

from governance.chain.contracts import text
from governance.chain.models import ChainEvent, Ledger

SEAT_EVENTS = ("SeatGranted", "SeatVoterChanged", "SeatSuspended", "SeatReinstated", "SeatRevoked")


class Elector(NamedTuple):
    """An active seat: its voting address (EIP-55), and its industry category from 1."""

    voter: str
    category: int


def at(ledger: Ledger, moment: datetime) -> dict[str, Elector]:
    """By USCC, every seat that was active at ``moment`` (that second's block included).

    A seat that moved to another address afterwards votes with the former one in what was open by then.
    """
    return _electors(_events(ledger, moment).values_list("name", "args"))


def voter_of(ledger: Ledger, moment: datetime, uscc: str) -> str | None:
    """One member's voting address at ``moment``; None where it had no active seat."""
    own = _events(ledger, moment).filter(about=f"seat:{uscc}")
    return voter_by(own.values_list("name", "args"), uscc)


def voter_by(events: Iterable[tuple[str, dict[str, Any]]], uscc: str) -> str | None:
    """The same from its seat's events (name, arguments) up to then."""
    own = _electors(events).get(uscc)
    return own.voter if own else None


def _events(ledger: Ledger, moment: datetime) -> QuerySet[ChainEvent]:
    rows = ChainEvent.objects.filter(ledger=ledger, name__in=SEAT_EVENTS, block_time__lte=moment)
    return rows.order_by("block", "log_index")


def _electors(events: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Elector]:
    seats: dict[str, Elector] = {}
    silent: set[str] = set()
    for name, args in events:
        _apply(seats, silent, name, args)
    return {uscc: elector for uscc, elector in seats.items() if uscc not in silent}


def _apply(seats: dict[str, Elector], silent: set[str], name: str, args: dict[str, Any]) -> None:
    uscc = _uscc(args["memberId"])
    if name == "SeatGranted":
        seats[uscc] = Elector(args["voter"], int(args["category"]))
    elif name == "SeatVoterChanged":
        seats[uscc] = seats[uscc]._replace(voter=args["voter"])
    elif name == "SeatSuspended":
        silent.add(uscc)
    else:
        silent.discard(uscc)
    if name == "SeatRevoked":
        seats.pop(uscc, None)


def _uscc(member_id: str) -> str:
    return text(member_id) if member_id.startswith("0x") else member_id
