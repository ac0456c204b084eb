"""One writer of the repository at a time, wherever it runs."""

from __future__ import annotations

from django.db import connection

_LOCK = 0x7AF0_0001  # advisory


def keep_others_out() -> None:
    """Hold the repository until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
