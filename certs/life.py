"""A certificate's life as tables: what may follow what, when it is renewed, when reminders are due.

Pure: no Django, no clock of its own. A state is derived from facts, never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

VALID, SUSPENDED, EXPIRED, REVOKED = "valid", "suspended", "expired", "revoked"
STATES = (VALID, SUSPENDED, EXPIRED, REVOKED)

# Revoked is final. A suspension ends by release or by revocation; nobody suspends what has run out, but its
# key may still turn out to be in other hands.
TRANSITIONS: dict[str, frozenset[str]] = {
    VALID: frozenset({SUSPENDED, REVOKED}),
    SUSPENDED: frozenset({VALID, REVOKED}),
    EXPIRED: frozenset({REVOKED}),
    REVOKED: frozenset(),
}

# Of a revocation nothing changes but this: a key may be found out to be in other hands later. RFC 5280 leaves
# it open; whoever relies on an old signature has to know. The date stays the first one.
_LATER = frozenset({"keyCompromise"})
REASON_CHANGES: dict[str, frozenset[str]] = {
    "unspecified": _LATER,
    "affiliationChanged": _LATER,
    "superseded": _LATER,
    "cessationOfOperation": _LATER,
    "privilegeWithdrawn": _LATER,
    "keyCompromise": frozenset(),
}

SECOND = timedelta(seconds=1)
STEPS = (60, 30, 14, 7, 1)  # days before the end at which a reminder is due
# A CA needs more time: what it signs may not outlive it, and a new root has to reach everybody who relies.
AUTHORITY_STEPS = (730, 365, 180, *STEPS)


def state(now: datetime, not_after: datetime, *, revoked: bool, held: bool) -> str:
    """Which of STATES. ``not_after`` is inclusive (RFC 5280 section 4.1.2.5)."""
    if revoked:
        return REVOKED
    if now > not_after:
        return EXPIRED
    return SUSPENDED if held else VALID


@dataclass(frozen=True, slots=True)
class RenewalFacts:
    """What decides on a renewal. ``blocked`` is a code of why there can be none, "" where there can."""

    not_after: datetime
    window: timedelta  # of the profile: how long before the end renewal opens
    renewed: bool  # a later certificate of the same kind is valid
    blocked: str = ""


NOT_YET, OPEN, RENEWED, ENDED, NOT_RENEWABLE = "not_yet", "open", "renewed", "ended", "not_renewable"


def renewal(facts: RenewalFacts, now: datetime) -> str:
    """NOT_RENEWABLE before all else; then RENEWED, ENDED, OPEN (both ends of the window count), NOT_YET."""
    if facts.blocked:
        return NOT_RENEWABLE
    if facts.renewed:
        return RENEWED
    if now > facts.not_after:
        return ENDED
    return OPEN if now >= facts.not_after - facts.window else NOT_YET


def due_step(
    now: datetime, not_before: datetime, not_after: datetime, steps: tuple[int, ...] = STEPS
) -> int | None:
    """The nearest step that has been reached, in days before the end; None where none is due.

    Steps that an outage let pass collapse into it. None for what has ended, and no step beyond a third of
    the whole period: a certificate of a week is not to be announced from its first day on.
    """
    left = not_after - now
    if left < timedelta(0):
        return None
    third = (not_after - not_before + SECOND) / 3
    reached = [step for step in steps if left <= timedelta(days=step) <= third]
    return min(reached, default=None)
