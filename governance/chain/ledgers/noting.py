"""When a ledger was read last, how far, and what was in the way: for whoever wonders how old a page is."""

from __future__ import annotations

from consortium.core import clock
from consortium.core.errors import ConsoleError
from governance.chain.ledgers.models import GovernedLedger, LedgerReading


def read(row: GovernedLedger) -> None:
    """It was read to its end."""
    now = clock.now()
    newest = row.blocks.order_by("-number").first()
    LedgerReading.objects.update_or_create(
        ledger=row,
        defaults={
            "tried_at": now,
            "read_at": now,
            "head": newest.number if newest else None,
            "head_time": newest.time if newest else None,
            "trouble": "",
            "detail": "",
        },
    )


def failed(row: GovernedLedger, error: ConsoleError) -> None:
    """It could not be read; what was read before stands. The code is worded when it is shown."""
    told = ", ".join(str(value) for value in error.params.values())
    LedgerReading.objects.update_or_create(
        ledger=row,
        defaults={"tried_at": clock.now(), "trouble": error.code, "detail": told[:300]},
    )


def nodes_read(row: GovernedLedger) -> None:
    """The roles of its nodes were read."""
    LedgerReading.objects.update_or_create(ledger=row, defaults={"nodes_read_at": clock.now()})
