"""What the agent must not forget: the epoch in force, the one it is putting there, what the node refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from governance.agent import files


@dataclass(frozen=True)
class Refusal:
    """The node said no to ``epoch``; ``at``: seconds since 1970, of the last of ``tries``."""

    epoch: int
    reason: str
    at: float
    tries: int = 1


@dataclass(frozen=True)
class State:
    """``epoch`` is what the node had in force when it was last looked at, 0 before the first list.

    ``since``: RFC 3339, from when on. ``owed``: the epoch that is being put in force, noted before anything
    is touched and cleared when it was read back; 0 for none. ``held``: an epoch that waits for its wave.
    ``told``: what the console has taken of us last, as a digest, at ``told_at`` (seconds since 1970).
    """

    epoch: int = 0
    since: str = ""
    owed: int = 0
    held: int = 0
    refused: Refusal | None = None
    told: str = ""
    told_at: float = 0


def load(directory: Path) -> State:
    """The state kept in ``directory``; a first one where there is none, or none that can be read.

    Losing it is harmless: TUF's own metadata still refuse what is older, and the list is put in force again.
    """
    try:
        return _state(json.loads((directory / "state.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return State()


def save(directory: Path, state: State) -> State:
    """Keep ``state``, whole or not at all; returns it."""
    files.write(directory / "state.json", json.dumps(asdict(state)).encode(), mode=0o600)
    return state


def _state(values: dict[str, Any]) -> State:
    if "reload_pending" in values:  # as version 1.0 kept it
        owed = values["epoch"] if values["reload_pending"] else 0
        return State(epoch=values["epoch"], since=values["applied_at"], owed=owed)
    known = {field.name for field in fields(State)}  # a later version's further entries are let be
    kept = {name: value for name, value in values.items() if name in known}
    refused = kept.pop("refused", None)
    return State(**kept, refused=Refusal(**refused) if refused else None)
