"""Are the lists still in force, and were they renewed when they should have been?

WidePoint's list ran out unnoticed after a hardware failure, and with it every certificate. Lists are renewed
from half their life on; one past three quarters has missed its turn, and somebody is told while it holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from certs.models import Authority, RevocationList


class State(Enum):
    FRESH = "fresh"
    LATE = "late"  # in force, but its renewal was missed
    OVER = "over"  # run out, or not there at all


@dataclass(frozen=True, slots=True)
class Finding:
    """One published thing: whose, what, and until when it holds (None where it is missing)."""

    authority: Authority
    what: str
    state: State
    until: datetime | None

    def __str__(self) -> str:
        until = f"until {self.until:%F %T} UTC" if self.until else "missing"
        return f"{self.state.value:5}  {self.authority.name} {self.what}: {until}"


def lists(now: datetime) -> list[Finding]:
    """Every list that should be in force, as the rows have it; authorities that ended need none."""
    newest = {(row.authority_id, row.shard): row for row in _newest()}
    found = []
    for authority in Authority.objects.filter(not_after__gt=now):
        for shard in parts_of(authority):
            row = newest.get((authority.pk, shard))
            period = (row.this_update, row.next_update) if row else None
            found.append(finding(authority, part_name(shard), period, now))
    return found


def finding(
    authority: Authority, what: str, period: tuple[datetime, datetime] | None, now: datetime
) -> Finding:
    """What is to be said of something that holds for ``period`` (None where it is missing)."""
    if period is None:
        return Finding(authority, what, State.OVER, None)
    this_update, next_update = period
    late = now >= this_update + (next_update - this_update) * 3 / 4
    state = State.OVER if now >= next_update else State.LATE if late else State.FRESH
    return Finding(authority, what, state, next_update)


def _newest() -> list[RevocationList]:
    rows = RevocationList.objects.order_by("authority_id", "shard", "-number")
    return list(rows.distinct("authority_id", "shard").defer("der"))


def parts_of(authority: Authority) -> list[int | None]:
    """The full list (None) and the parts that an authority should have."""
    return [None] if authority.kind == Authority.Kind.ROOT else [None, *range(authority.crl_shards)]


def part_name(shard: int | None) -> str:
    """As people call it."""
    return "list" if shard is None else f"list, part {shard}"
