"""Which files the current metadata need: what must be uploaded before them, and never be cleared away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Snapshot,
    Targets,
    Timestamp,
)

from governance.permissions.repository.content import stored_as

TIMESTAMP = "metadata/timestamp.json"


def snapshot_of(timestamp: bytes) -> str:
    """The name of the snapshot that a timestamp names."""
    return f"metadata/{Metadata[Timestamp].from_bytes(timestamp).signed.snapshot_meta.version}.snapshot.json"


def roles_of(snapshot: bytes) -> dict[str, MetaFile]:
    """The files of the roles that a snapshot names."""
    meta = Metadata[Snapshot].from_bytes(snapshot).signed.meta
    return {f"metadata/{one.version}.{name}": one for name, one in meta.items()}


def targets_of(role: bytes) -> Iterator[str]:
    """The files that a role names."""
    for path, file in Metadata[Targets].from_bytes(role).signed.targets.items():
        yield f"targets/{stored_as(path, file.hashes['sha256'])}"


def roots(directory: Path) -> list[str]:
    """All roots: a client goes from the one it knows to the newest by every one in between."""
    return sorted(f"metadata/{path.name}" for path in (directory / "metadata").glob("*.root.json"))


def needed(directory: Path) -> set[str]:
    """Everything that a client may ask for now, below ``directory``."""
    timestamp = (directory / TIMESTAMP).read_bytes()
    snapshot = snapshot_of(timestamp)
    found = {TIMESTAMP, snapshot, *roots(directory), "root.json"}
    for role in roles_of((directory / snapshot).read_bytes()):
        found |= {role, *targets_of((directory / role).read_bytes())}
    return found
