"""The repository in another store as well: a bucket that speaks S3, or whatever Django has a storage for.

The folder stays the one that versions are counted in. Files go up in the order in which nobody can come upon
a name before what it names: lists, roles, snapshot, the timestamp, and then roots, which fit what is there
already (see :class:`.repo.Repository`). Each is put whole. What broke off is finished by the next call.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import Storage

from governance.permissions.repository import parts


def bring(directory: Path, store: Storage) -> int:
    """Make ``store`` what ``directory`` is; returns how many files went up. Raises what the store raises."""
    timestamp = (directory / parts.TIMESTAMP).read_bytes()
    before = _read(store, parts.TIMESTAMP)
    names: list[str] = []
    if before != timestamp:
        names = [*_missing(directory, store, timestamp, before), parts.TIMESTAMP]
    roots = [name for name in parts.roots(directory) if not store.exists(name)]
    names += [*roots, "root.json"] if roots else []
    for name in names:
        _put(store, name, (directory / name).read_bytes())
    return len(names)


def mend(directory: Path, store: Storage) -> int:
    """Put again what ``store`` has lost of what current metadata need; returns how many files went up.

    The order does not matter here: what names them is there, or as lost as they are, but for the timestamp.
    """
    timestamp = (directory / parts.TIMESTAMP).read_bytes()
    if _read(store, parts.TIMESTAMP) not in {None, timestamp}:
        return 0  # an older publication: bringing the newest looks at what it needs itself
    found = {*_listed(store, "metadata"), *_listed(store, "targets")}
    lost = {name for name in parts.needed(directory) - found if "/" in name or not store.exists(name)}
    for name in sorted(lost, key=lambda name: (name == parts.TIMESTAMP, name)):
        _put(store, name, (directory / name).read_bytes())
    return len(lost)


def _listed(store: Storage, folder: str) -> Iterator[str]:
    """Names of all that is there: a request for each folder, not for each file."""
    folders, names = store.listdir(folder)
    yield from (f"{folder}/{name}" for name in names)
    for inner in folders:
        yield from _listed(store, f"{folder}/{inner}")


def _missing(directory: Path, store: Storage, timestamp: bytes, before: bytes | None) -> list[str]:
    """Names in the order in which they must go up. What the former snapshot named is there already."""
    snapshot = parts.snapshot_of(timestamp)
    known = _known(store, before)
    changed = [role for role in parts.roles_of((directory / snapshot).read_bytes()) if role not in known]
    lists = [name for role in changed for name in parts.targets_of((directory / role).read_bytes())]
    lists = [name for name in dict.fromkeys(lists) if not store.exists(name)]
    return [*lists, *changed, snapshot]


def _known(store: Storage, timestamp: bytes | None) -> set[str]:
    if timestamp is None:
        return set()
    snapshot = _read(store, parts.snapshot_of(timestamp))
    return set(parts.roles_of(snapshot)) if snapshot is not None else set()


def _read(store: Storage, name: str) -> bytes | None:
    try:
        with store.open(name) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def _put(store: Storage, name: str, data: bytes) -> None:
    saved = store.save(name, ContentFile(data))
    if saved != name:
        raise RuntimeError(f"the store wrote {saved} for {name}: it must overwrite")
