"""Where a node stands on its way to the newest list, from what is known of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

GRACE = timedelta(seconds=30)  # a node that needs longer is late

# Every state, the worst first: pages count and colour by them, and the API names them.
REFUSED, MISMATCH, DECLINED, BEHIND = "refused", "mismatch", "declined", "behind"
HELD, WAITING, TOLD, PULLED, APPLIED, VERIFIED, UNLISTED = (
    "held", "waiting", "told", "pulled", "applied", "verified", "unlisted",
)  # fmt: skip
STATES = (
    REFUSED, MISMATCH, DECLINED, BEHIND, HELD, WAITING, TOLD, PULLED, APPLIED, VERIFIED, UNLISTED,
)  # fmt: skip
DONE = frozenset({APPLIED, VERIFIED})
LATE = frozenset({REFUSED, MISMATCH, DECLINED, BEHIND})


@dataclass(frozen=True)
class Facts:
    """What is known of one node's delivery; epochs are numbers, 0 for none."""

    listed: bool
    wanted: int
    told: int
    applied: int
    mismatch: bool
    refused_at: datetime | None  # the gateway let its certificate pull nothing
    pulled_at: datetime | None
    wanted_at: datetime | None
    pulled: int = 0
    verified: int = 0  # read back from the node itself, not from a file beside it
    declined: int = 0  # the node would not have it
    held: int = 0  # it waits for its wave


def state(facts: Facts, now: datetime, *, grace: timedelta = GRACE) -> str:
    """One of :data:`STATES`. ``behind``: not applied ``grace`` after it was published."""
    if facts.refused_at is not None and (facts.pulled_at is None or facts.refused_at > facts.pulled_at):
        return REFUSED
    if not facts.listed:
        return UNLISTED
    if facts.mismatch:
        return MISMATCH
    if facts.declined > facts.applied:
        return DECLINED
    if facts.applied >= facts.wanted:
        return VERIFIED if facts.verified >= max(facts.wanted, 1) else APPLIED
    if facts.held >= facts.wanted:
        return HELD
    if facts.wanted_at is not None and now - facts.wanted_at > grace:
        return BEHIND
    if facts.pulled >= facts.wanted:
        return PULLED
    return TOLD if facts.told >= facts.wanted else WAITING


def worst(counts: Mapping[str, int]) -> str:
    """The state that stands for several nodes: the worst that any of them is in."""
    return next((name for name in STATES if counts.get(name)), UNLISTED)
