"""Driving a relayed transaction to its end, for commands: a worker that does the same does no harm."""

from __future__ import annotations

import time

from django.db import transaction

from consortium.core.outbox import Later
from governance.chain import relay
from governance.chain.calls import Call
from governance.chain.errors import RelayFailed, RelayTimeout
from governance.chain.models import Ledger, RelayTransaction

PATIENCE = 120.0  # seconds; a block of a slow ledger takes some
PAUSE = 0.05  # seconds between two looks


def done(ledger: Ledger, key: str, call: Call) -> RelayTransaction:
    """Have ``call`` on the ledger, once and for all runs of ``key``.

    Raises RelayFailed with the contract's error, RelayTimeout, and what :mod:`relay` raises.
    """
    with transaction.atomic():
        row = relay.want(ledger, key=key, to=call.target, data=call.data)
    return drive(row)


def drive(row: RelayTransaction) -> RelayTransaction:
    """Send and confirm ``row``; it comes back mined."""
    deadline = time.monotonic() + PATIENCE
    while row.status not in {relay.Status.MINED, relay.Status.REVERTED, relay.Status.REFUSED}:
        if time.monotonic() > deadline:
            raise RelayTimeout(key=row.key, seconds=int(PATIENCE))
        row = _one_step(row)
    if row.status != relay.Status.MINED:
        raise RelayFailed(key=row.key, error_code=row.error_code)
    return row


def _one_step(row: RelayTransaction) -> RelayTransaction:
    step = relay.send if row.status == relay.Status.WANTED else relay.confirm
    try:
        return step(row.pk)
    except Later:
        time.sleep(PAUSE)
        row.refresh_from_db()
        return row
