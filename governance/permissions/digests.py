"""The log of digests: which lists were published, so that everybody can see they are the same for everyone.

Each published epoch of a network is an entry: its number, and one digest of all its files. Entries make a
hash chain, whose head stands for all of them. Pure. The agent has a reader of its own, written apart from
this (``governance.agent.log``): it trusts nothing that is computed here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PATH = "log.json"  # in the network's folder
PAGE = 1000  # entries in a full page, which never changes any more
START = "0" * 64  # the head of a log without entries


@dataclass(frozen=True)
class Entry:
    """A published epoch: its number and the digest of its files (64 lowercase hex)."""

    epoch: int
    digest: str


@dataclass(frozen=True)
class Part:
    """Entries ``first`` (counted from 1) to ``size`` of a network's log, and the heads around them."""

    network: str
    first: int
    before: str
    entries: Sequence[Entry]
    head: str

    @property
    def size(self) -> int:
        return self.first + len(self.entries) - 1


@dataclass(frozen=True)
class Former:
    """An epoch that some nodes are to keep, and SHA-256 of its files by path."""

    epoch: int
    files: Mapping[str, str]


def of_files(files: Mapping[str, str]) -> str:
    """The digest of an epoch: of what ``sha256sum`` prints of all its files (path to SHA-256), by path."""
    lines = "".join(f"{value}  {path}\n" for path, value in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def leaf(network: str, entry: Entry) -> str:
    """An entry's own hash: of its compact JSON with sorted keys."""
    said = {"digest": entry.digest, "epoch": entry.epoch, "network": network}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def after(head: str, network: str, entry: Entry) -> str:
    """The head once ``entry`` is in the log."""
    return hashlib.sha256(bytes.fromhex(head) + bytes.fromhex(leaf(network, entry))).hexdigest()


def full_pages(size: int) -> int:
    """How many pages are full and published by themselves; the rest is in the newest part.

    That is never empty: a page that has just become full stays the newest part until something follows.
    """
    return max(size - 1, 0) // PAGE


def path_of(page: int) -> str:
    """Of a full page, counted from 0, in the network's folder."""
    return f"log/{page}.json"


def document(
    part: Part,
    *,
    files: Mapping[str, str] | None = None,
    anchored: Mapping[str, Any] | None = None,
    former: Former | None = None,
) -> bytes:
    """A part as it is published. ``files`` of the newest epoch make it the newest part, else it is a page.

    ``former``: the epoch that is published beside the newest, for the nodes that wait.
    """
    body: dict[str, Any] = {
        "network": part.network,
        "size": part.size,
        "head": part.head,
        "first": part.first,
        "before": part.before,
        "entries": [{"epoch": entry.epoch, "digest": entry.digest} for entry in part.entries],
    }
    if files is not None:
        said = {"epoch": former.epoch, "files": dict(sorted(former.files.items()))} if former else None
        body |= {"files": dict(sorted(files.items())), "anchored": anchored, "former": said}
    return (json.dumps(body, ensure_ascii=True, separators=(",", ":")) + "\n").encode()
