"""What every kind of node offers to the agent's rounds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Source = Literal["node", "file"]


@dataclass(frozen=True)
class ReadBack:
    """What is in force: SHA-256 by target path, and whether the node itself said so or only its file.

    The hash is that of the wanted bytes when the node has the same set in force, however it writes it.
    """

    files: dict[str, str]
    source: Source


class Adapter(Protocol):
    """A kind of node. ``wanted`` maps target paths in the network's folder to verified bytes."""

    def targets(self) -> tuple[str, ...]:
        """The paths in the network's folder that it needs."""
        ...

    def check(self, wanted: Mapping[str, bytes]) -> None:
        """Parse by the node's own rules, and touch nothing. Raises Refused."""
        ...

    def put(self, wanted: Mapping[str, bytes]) -> None:
        """Put the lists in force; doing it again is harmless.

        Raises Refused when this node can't take them, and then it has what it had before; ReloadFailed or
        OSError when it is worth another try.
        """
        ...

    def read_back(self, wanted: Mapping[str, bytes]) -> ReadBack:
        """What is in force now. Raises ReloadFailed or OSError when that can't be told."""
        ...

    def version(self) -> str:
        """The node's software as the node says; empty when it can't."""
        ...


def sha256(data: bytes) -> str:
    """Lowercase hex."""
    return hashlib.sha256(data).hexdigest()


def holds(adapter: Adapter, wanted: Mapping[str, bytes]) -> bool:
    """Has the node what ``wanted`` says in force?"""
    return adapter.read_back(wanted).files == {name: sha256(data) for name, data in wanted.items()}
