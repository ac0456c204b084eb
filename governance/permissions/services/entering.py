"""Entries of the log of digests: made before anything of an epoch is published, and never unmade.

The other way round, files that a node has read and a row that a crash prevented would let the next run give
the same place in the log to another epoch: to that node a fork.
"""

from __future__ import annotations

from collections.abc import Sequence

from consortium.core import clock
from governance.permissions import digests, logbook
from governance.permissions.digests import Entry
from governance.permissions.models import Epoch, LogEntry


def enter(epochs: Sequence[Epoch]) -> list[LogEntry]:
    """Enter each epoch that is not in its network's log yet. In a transaction that keeps others out."""
    return [_enter(epoch) for epoch in logbook.without_entry(epochs)]


def _enter(epoch: Epoch) -> LogEntry:
    last = logbook.newest(epoch.network_id)
    entry = Entry(epoch.number, digests.of_files(logbook.files_of(epoch)))
    return LogEntry.objects.create(
        network_id=epoch.network_id,
        position=last.position + 1 if last else 1,
        epoch=epoch,
        digest=entry.digest,
        head=digests.after(last.head if last else digests.START, epoch.network_id, entry),
        entered_at=clock.now(),
    )
