"""From the ledger's logs to rows. (signatures)"""

from __future__ import annotations

from governance.chain.models import Ledger


def follow(ledger: Ledger, *, wait: bool = True) -> int:
    raise NotImplementedError


def follow_to(ledger: Ledger, block: int | None) -> int:
    raise NotImplementedError
