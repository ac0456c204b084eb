"""What members may set about the voting itself: durations and guardians. Pure.

The contracts' own limits, and a longest duration that they lack: nobody ends a vote that lasts for years.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

LONGEST = 45 * 24 * 3600  # seconds; in milliseconds it still fits into the contract's uint32
NOBODY = "0x" + "0" * 40

# The shortest of each, in seconds; in the order in which a proposal changes them.
DURATIONS: Mapping[str, int] = {
    "voting_delay": 0,
    "voting_period": 1,
    "late_quorum_extension": 0,
    "timelock": 0,
}

FEWEST_AGREE, MOST_GUARDIANS = 2, 16  # BreakGlass.LOWEST_THRESHOLD, MAX_GUARDIANS


def duration_fits(name: str, seconds: int) -> bool:
    """Whether the contract takes it. Raises KeyError for what is no duration."""
    return DURATIONS[name] <= seconds <= LONGEST


def in_order(durations: Mapping[str, int]) -> dict[str, int]:
    """In the order of ``DURATIONS``, so that the same wish always makes the same calls."""
    return {name: durations[name] for name in DURATIONS if name in durations}


def guardians_fit(guardians: Sequence[str]) -> bool:
    """Enough of them, not too many, none twice and none of them nobody."""
    distinct = {address.lower() for address in guardians} - {NOBODY}
    return len(distinct) == len(guardians) and FEWEST_AGREE <= len(guardians) <= MOST_GUARDIANS


def threshold_fits(threshold: int, guardians: Sequence[str]) -> bool:
    """One alone may never do it, and all together must be enough."""
    return FEWEST_AGREE <= threshold <= len(guardians)
