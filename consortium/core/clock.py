"""The one clock. Services and tasks ask it; rules are handed its answer, so tests can move time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_frozen: ContextVar[datetime | None] = ContextVar("frozen_clock", default=None)


def now() -> datetime:
    """The current time, aware, in UTC."""
    return _frozen.get() or datetime.now(UTC)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Make :func:`now` answer ``at`` inside the block; for tests of expiry and deadlines.

    ``at`` must be aware: a naive time would silently be read in the machine's zone.
    """
    if at.tzinfo is None:
        raise TypeError("the clock needs an aware time")
    token = _frozen.set(at)
    try:
        yield
    finally:
        _frozen.reset(token)
