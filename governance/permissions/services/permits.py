"""Who may read a network's lists where a plain web server hands them out (deploy/nginx).

``TUF_DIR/nodes/<network>/<SERIAL>`` is there for each certificate that the gateway would admit, and
``nodes/_/<SERIAL>`` for what all networks share. The name is the serial number as TLS libraries print it: hex
in capitals, of even length. The files are empty: being there is all they say.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from certs import selectors as certs
from consortium.core import clock, files

SHARED = "_"  # no network's name has one
_LOCK = 0x7AF0_0002  # advisory lock: a slow writer must not put back what a quicker one took away


def keep_permits() -> int:
    """Bring the permits in step with the certificates; returns how many files came or went.

    Harmless when repeated, and by any number of workers at once. Does nothing before there is a repository.
    """
    if not Path(settings.TUF_DIR).is_dir():
        return 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        return _keep(Path(settings.TUF_DIR) / "nodes", _wanted())


def _wanted() -> dict[str, set[str]]:
    """Names of the files, by folder."""
    rows = certs.valid_certificates(clock.now()).filter(node__retired_at__isnull=True, node__isnull=False)
    found: dict[str, set[str]] = defaultdict(set)
    for network, serial in rows.values_list("node__network_id", "serial_id"):
        name = serial.upper()
        found[network].add(name)
        found[SHARED].add(name)
    return found


def _keep(directory: Path, wanted: dict[str, set[str]]) -> int:
    changed = 0
    folders = {place.name for place in directory.iterdir()} if directory.is_dir() else set()
    for folder in sorted(folders | wanted.keys()):
        place = directory / folder
        files.make_public(place, top=Path(settings.TUF_DIR))
        here = set(os.listdir(place))
        for name in here - wanted.get(folder, set()):
            (place / name).unlink(missing_ok=True)
        for name in wanted.get(folder, set()) - here:
            (place / name).touch()
            (place / name).chmod(0o644)
        changed += len(here ^ wanted.get(folder, set()))
    return changed
