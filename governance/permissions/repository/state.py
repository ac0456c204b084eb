"""What is published now, as the metadata on disk say: read, and verified from the root down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from governance.permissions.repository.roles import network_of

S = TypeVar("S", Targets, Snapshot, Timestamp)


@dataclass(frozen=True)
class State:
    """What is published now; ``lists`` are the networks' roles, by network."""

    targets: Targets
    snapshot: Snapshot
    timestamp: Timestamp
    lists: Mapping[str, Targets]

    def files(self, network: str) -> dict[str, TargetFile]:
        """What is published in a network's folder, by path; also as roles before delegation had it."""
        if network in self.lists:
            return dict(self.lists[network].targets)
        flat = self.targets.targets.items()
        return {path: file for path, file in flat if path.startswith(f"{network}/")}

    def networks(self) -> set[str]:
        """Those that anything is published for."""
        return {*self.lists, *(path.partition("/")[0] for path in self.targets.targets)}

    def all_files(self) -> dict[str, TargetFile]:
        """Every target, by its whole path."""
        return {path: file for network in self.networks() for path, file in self.files(network).items()}


def newest_root(metadata: Path) -> Root | None:
    """The root role of the highest version; None where there is none."""
    versions = root_versions(metadata)
    return Metadata[Root].from_file(str(versions[-1])).signed if versions else None


def root_versions(metadata: Path) -> list[Path]:
    """Files of the root role, the first version first."""
    return sorted(metadata.glob("*.root.json"), key=lambda path: int(path.name.split(".")[0]))


def read(metadata: Path, root: Root) -> State:
    """Raises FileNotFoundError, UnsignedMetadataError, LengthOrHashMismatchError.

    Verified because versions from a forged file would become ours.
    """
    timestamp = _load(metadata / "timestamp.json", Timestamp, root, Timestamp.type)
    snapshot = _named(metadata, "snapshot", timestamp.snapshot_meta, Snapshot, root)
    targets = _named(metadata, "targets", snapshot.meta["targets.json"], Targets, root)
    lists = {
        network_of(role): _named(metadata, role, snapshot.meta[f"{role}.json"], Targets, targets)
        for role in (targets.delegations.roles or {} if targets.delegations else {})
    }
    return State(targets, snapshot, timestamp, lists)


def _named(metadata: Path, role: str, meta: MetaFile, kind: type[S], delegator: Any) -> S:
    path = metadata / f"{meta.version}.{role}.json"
    meta.verify_length_and_hashes(path.read_bytes())
    loaded = _load(path, kind, delegator, role)
    if loaded.version != meta.version:
        raise LengthOrHashMismatchError(f"{path.name} says that it is version {loaded.version}")
    return loaded


def _load(path: Path, kind: type[S], delegator: Any, role: str) -> S:
    loaded = Metadata[S].from_bytes(path.read_bytes())
    delegator.verify_delegate(role, loaded.signed_bytes, loaded.signatures)
    if not isinstance(loaded.signed, kind):
        raise TypeError(f"{path} is no {kind.type}")
    return loaded.signed
