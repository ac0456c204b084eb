"""What others wrote, shown on somebody's terminal."""

from __future__ import annotations


def printable(value: object) -> str:
    """Without control characters: what one member proposes must not redraw another's terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(value)
    )
