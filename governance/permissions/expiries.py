"""What of the published lists runs out and needs people: the root, which officers sign away from here.

Everything else of the repository is signed again by the signing worker, long before it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.conf import settings

from certs.forecast import Expiry, Kind
from governance.permissions.repository import state
from governance.permissions.repository.roles import ROOT_WARNING


def of_root(now: datetime) -> Iterator[Expiry]:
    """The root in force, as the published metadata have it; nothing before the ceremony."""
    root = state.newest_root(Path(settings.TUF_DIR) / "metadata")
    if root is not None:
        yield Expiry(Kind.LIST_ROOT, f"root {root.version}", root.expires)


def root_to_sign(now: datetime) -> Expiry | None:
    """The root, if officers have to meet for the next one."""
    return next((one for one in of_root(now) if one.alarms(now, ROOT_WARNING)), None)
