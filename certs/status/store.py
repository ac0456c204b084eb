"""Keeping the prepared answers true: made at issuance, changed with the status, renewed in time.

Everything is written under the authority's lock, which whoever changes a status takes as well: no answer that
was read before a revocation is written after it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction

from certs.models import Authority, Certificate
from certs.status import prepared, states
from certs.status.keyring import Opened
from certs.status.responders import directory
from consortium.core import clock, files

LIMIT = 10_000  # answers renewed in one run: a few seconds of the signing worker's time
_BATCH = 200  # under one lock, a tenth of a second
_RECENT = timedelta(minutes=15)
_ABANDONED = 3600  # seconds after which a temporary file has no writer


def follow(authority: Authority, opened: Opened) -> int:
    """Prepare again what was revoked, suspended or released since the last call. Returns how many."""
    revision = Authority.objects.values_list("revision", flat=True).get(pk=authority.pk)
    serials = states.changed_after(authority, prepared.revision(authority.name))
    written = _prepare(authority, opened, serials, durable=True)
    if prepared.revision(authority.name) != revision:
        files.replace(prepared.revision_path(authority.name), str(revision).encode("ascii"))
    return written


def welcome(authority: Authority, opened: Opened) -> int:
    """Prepare answers for what was issued lately and has none. Returns how many."""
    lately = Certificate.objects.filter(authority=authority, issued_at__gte=clock.now() - _RECENT)
    serials = lately.values_list("serial_id", flat=True)
    missing = [serial for serial in serials if prepared.read(authority.name, serial) is None]
    return _prepare(authority, opened, missing, durable=True)


def renew(authority: Authority, opened: Opened, limit: int = LIMIT) -> int:
    """Prepare again what is missing or past half its life, and take away what has ended. Returns how many."""
    now = clock.now()
    living, fresh = states.living(authority, now), set()
    for path, due in _stored(authority):
        if path.name not in living:
            path.unlink(missing_ok=True)
        elif due > now.timestamp():
            fresh.add(path.name)
    return _prepare(authority, opened, sorted(living - fresh)[:limit], durable=False)


def oldest_due(authority: Authority) -> datetime | None:
    """When the answer that waits longest for its renewal was or will be due; None where there is none."""
    oldest = min((due for _path, due in _stored(authority)), default=None)
    return datetime.fromtimestamp(oldest, UTC) if oldest is not None else None


def _prepare(authority: Authority, opened: Opened, serials: Iterable[str], *, durable: bool) -> int:
    waiting, written = list(serials), 0
    while waiting:
        batch, waiting = waiting[:_BATCH], waiting[_BATCH:]
        written += _prepare_batch(authority, opened, batch, durable=durable)
    return written


@transaction.atomic
def _prepare_batch(authority: Authority, opened: Opened, serials: list[str], *, durable: bool) -> int:
    Authority.objects.select_for_update(of=("self",)).get(pk=authority.pk)
    now = clock.now()
    found = states.statuses(authority, serials, now)
    for serial, status in found.items():
        prepared.write(opened, serial, status, now, durable=durable)
    return len(found)


def _stored(authority: Authority) -> Iterator[tuple[Path, float]]:
    """Each answer's file and from when on it is due; an empty one is due at once."""
    home = directory() / authority.name
    for bucket in sorted(home.glob("[0-9a-f][0-9a-f]")):
        with os.scandir(bucket) as found:
            for entry in found:
                if entry.name.startswith("."):
                    _sweep(Path(entry.path))
                else:
                    about = entry.stat()
                    yield Path(entry.path), about.st_mtime if about.st_size else 0.0


def _sweep(path: Path) -> None:
    if time.time() - path.stat().st_mtime > _ABANDONED:
        path.unlink(missing_ok=True)
