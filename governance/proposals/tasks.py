"""What the chain worker does for proposals."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from governance.proposals import services


def handle_execute(payload: dict[str, Any]) -> None:
    """Outbox: execute a proposal if it has passed; asked again while voting is open."""
    services.execute_when_due(UUID(payload["proposal"]))
