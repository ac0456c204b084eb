"""What is published beside an epoch's own files: other parts add theirs here, and nobody else needs to know.

A part that has something to say to the nodes calls :func:`add` once, when its module is loaded. What it
returns is signed and published together with the epoch, so a reader never sees one without the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from governance.permissions.models import Epoch


@dataclass(frozen=True)
class Target:
    """A file to publish and what goes with it into the signed metadata (``epoch`` at least)."""

    content: bytes
    custom: Mapping[str, Any]


# From a network's slug and the epoch that is published to files by their path in the network's folder
# (at most three parts: ``log/0.json``). Pure as far as the database's rows go: same rows, same bytes.
Source = Callable[[str, "Epoch"], Mapping[str, Target]]
_sources: list[Source] = []


def add(source: Source) -> Source:
    """Have ``source`` asked at each publication; harmless when repeated. Can be used as a decorator."""
    if source not in _sources:
        _sources.append(source)
    return source


def extra_targets(network: str, epoch: Epoch) -> dict[str, Target]:
    """What all sources add, by path in the network's folder. Raises ValueError where two want one path."""
    found: dict[str, Target] = {}
    for source in _sources:
        for path, target in source(network, epoch).items():
            if path in found:
                raise ValueError(f"{network}/{path} is published twice")
            found[path] = target
    return found
