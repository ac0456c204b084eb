"""How long to wait for the next round. Pure, but for the dice that the caller throws."""

from __future__ import annotations

FIRST = 1.0  # seconds after a first failure; doubles up to the polling interval
LONGEST = 900.0  # seconds, whatever the server asks for: who has its key must not silence the agent


def pause(poll: float, failures: int, asked_for: float, dice: float) -> float:
    """Seconds to the next round; ``dice`` in 0 … 1 spreads agents by a fifth to either side.

    ``asked_for``: what the server wants to be left alone for. Sooner than that nobody comes; that agents
    told the same do not all come at once, it gets longer by up to a fifth; :data:`LONGEST` at most.
    """
    longest = min(poll, FIRST * 2.0 ** min(failures - 1, 16)) if failures else poll
    return max(longest * (0.8 + 0.4 * dice), min(asked_for, LONGEST) * (1 + 0.2 * dice))
