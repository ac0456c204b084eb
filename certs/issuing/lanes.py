"""Batch after batch, in two lanes: while one waits for PostgreSQL the other reads, builds and signs.

A lane is a thread with a database connection of its own, to the database the same as one more worker: claims
keep them apart. Keys are shared; one in a device does one thing at a time by its own lock.
"""

from __future__ import annotations

import threading
import time

from django.db import connections

from certs.issuing.batches import BATCH, Report, issue_some


def issue_until(end: float, limit: int = BATCH) -> tuple[Report, bool]:
    """Issue for all approved requests that no other worker is at, taking up nothing more after ``end``.

    ``end`` is a moment of :func:`time.monotonic`, ``limit`` the most that a batch has. Returns what became of
    them, and whether there may be more. Raises what :func:`issue_some` raises; nothing is under way then.
    """
    first = issue_some(limit=limit)
    if len(first.taken) < limit:
        return _further(first, end, limit) if first.taken else (first, False)
    with _Lane(end, limit) as beside:
        report, more = _further(first, end, limit)
    report.add(beside.report)
    return report, more or beside.more


def _further(
    report: Report, end: float, limit: int, stop: threading.Event | None = None
) -> tuple[Report, bool]:
    while time.monotonic() < end and not (stop and stop.is_set()):
        found = issue_some(report.left, limit)
        if not found.taken:
            return report, False
        report.add(found)
    return report, True


class _Lane(threading.Thread):
    """The second lane; what went wrong in it is raised where it is awaited."""

    def __init__(self, end: float, limit: int) -> None:
        super().__init__(name="issuing", daemon=True)
        self.report, self.more = Report(), False
        self._end, self._limit, self._stop_asked = end, limit, threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self.report, self.more = _further(self.report, self._end, self._limit, self._stop_asked)
        except BaseException as error:  # noqa: BLE001 - raised by finish
            self._error = error
        finally:
            connections.close_all()

    def __enter__(self) -> _Lane:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        """Wait for the batch that it is at; where this lane was stopped, the other takes up no more."""
        if kind is not None:
            self._stop_asked.set()
        self.join()
        if self._error is not None:
            raise self._error
