"""What the chain worker does for proposals."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from consortium.core.outbox import Later
from governance.chain.errors import LedgerUnreachable, OtherLedger
from governance.proposals import services

_RETRY = 5  # seconds


def handle_execute(payload: dict[str, Any]) -> None:
    """Outbox: execute a proposal if it has passed; asked again while voting is open.

    A ledger that is away is nothing that the execution should be given up for.
    """
    try:
        services.execute_when_due(UUID(payload["proposal"]))
    except (LedgerUnreachable, OtherLedger) as error:
        raise Later(_RETRY, f"{error.code}: {error}") from error
