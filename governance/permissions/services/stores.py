"""Where the repository is besides the folder, and what is cleared away in either."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.core.files.storage import Storage, storages
from django.db import transaction

from consortium.core import clock
from governance.permissions.errors import KeptTooShort
from governance.permissions.repository import mirror, parts
from governance.permissions.repository.repo import Repository
from governance.permissions.services.locking import keep_others_out

logger = logging.getLogger(__name__)
STORE = "lists"  # its name in settings.STORAGES
SHORTEST = timedelta(days=7)  # a snapshot's life: who holds one may come for what it names
_KEPT = {"metadata", "targets"}


def upload() -> int:
    """Bring the store in step with the folder, if there is one; returns how many files went up."""
    store = _store()
    return mirror.bring(Path(settings.TUF_DIR), store) if store else 0


def mend_store() -> int:
    """Put into the store again what it has lost since it was brought in step; how many files went up.

    Harmless when repeated. Raises NoListKeys, RepositoryLost, and what the store raises.
    """
    store = _store()
    if store is None:
        return 0
    with transaction.atomic():
        keep_others_out()
        repository = Repository()
        repository.state()  # an older folder must not put back what later publications left behind
        mended = mirror.mend(repository.directory, store)
    if mended:
        logger.warning("the bucket of the lists had lost %d files: they are there again", mended)
    return mended


def prune(older: timedelta, *, really: bool = True) -> list[str]:
    """Remove what no current metadata need and ``older`` has passed since; returns what (would have) gone.

    Roots stay for good. Bundles of decisions made later lack the lists that were cleared away. Raises
    KeptTooShort, NoListKeys, RepositoryLost.
    """
    if older < SHORTEST:
        raise KeptTooShort(days=SHORTEST.days)
    with transaction.atomic():
        keep_others_out()
        directory, before = Repository().directory, clock.now() - older
        Repository().state()
        needed = parts.needed(directory)
        here = [name for name in _old(directory, before) if name not in needed]
        store = _store()
        there = [name for name in _old_in(store, before) if name not in needed] if store else []
        if really:
            for name in here:
                (directory / name).unlink(missing_ok=True)
            for name in there:
                store.delete(name)  # type: ignore[union-attr]
    return sorted({*here, *there})


def _store() -> Storage | None:
    return storages[STORE] if STORE in settings.STORAGES else None


def _old(directory: Path, before: datetime) -> Iterator[str]:
    for folder in sorted(_KEPT):
        for place in (directory / folder).rglob("*"):
            if place.is_file() and datetime.fromtimestamp(place.stat().st_mtime, UTC) < before:
                yield str(place.relative_to(directory))


def _old_in(store: Storage, before: datetime, folder: str = "") -> Iterator[str]:
    folders, names = store.listdir(folder)
    for name in names:
        whole = f"{folder}/{name}"
        if folder and store.get_modified_time(whole) < before:
            yield whole
    for inner in folders:
        if folder or inner in _KEPT:
            yield from _old_in(store, before, f"{folder}/{inner}" if folder else inner)
