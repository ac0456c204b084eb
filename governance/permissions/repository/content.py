"""A file to publish, without its bytes where nobody needs them: what is stored already is not read again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tuf.api.metadata import TargetFile  # type: ignore[attr-defined]

from governance.permissions.published import Target


@dataclass(frozen=True)
class Content:
    """``read`` gives the bytes; ``sha256`` and ``length`` are theirs, ``custom`` goes into the metadata."""

    sha256: str
    length: int
    custom: Mapping[str, Any]
    read: Callable[[], bytes]

    @classmethod
    def of(cls, target: Target) -> Content:
        """Of bytes that are at hand."""
        digest = hashlib.sha256(target.content).hexdigest()
        return cls(digest, len(target.content), target.custom, lambda: target.content)

    def described(self, path: str) -> TargetFile:
        """Its entry in a role's metadata."""
        return TargetFile(self.length, {"sha256": self.sha256}, path, {"custom": dict(self.custom)})


def stored_as(path: str, sha256: str) -> str:
    """Where a target lies, below ``targets``: its name begins with its hash (consistent snapshots)."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{sha256}.{name}"
