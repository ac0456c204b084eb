"""What the agent must not forget: which epoch is in force, and whether the console knows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from governance.agent import files


@dataclass(frozen=True)
class State:
    """``epoch`` is 0 before the first list; ``applied_at`` is RFC 3339.

    ``reload_pending``: files were, or were about to be, written that the node may not have loaded.
    """

    epoch: int = 0
    applied_at: str = ""
    reported: bool = False
    reload_pending: bool = False


def load(directory: Path) -> State:
    """The state kept in ``directory``; a first one where there is none, or none that can be read.

    Losing it is harmless: TUF's own metadata still refuse what is older, and the list is put in force again.
    """
    try:
        return State(**json.loads((directory / "state.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return State()


def save(directory: Path, state: State) -> None:
    """Keep ``state``, whole or not at all."""
    files.write(directory / "state.json", json.dumps(asdict(state)).encode(), mode=0o600)
