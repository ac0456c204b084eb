"""Whose turn it is to issue for a request: a session-level advisory lock.

Held from the first step to the last. Each step of issuing is a transaction of its own, so a row lock would
not last. A worker that dies gives its claims back the moment PostgreSQL notices the closed connection. A
claim only spares two workers the same work: what they store is decided under the rows' own locks.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import connection

from consortium.core.lookups import as_array

_LOCK_SPACE = 0x0CE7  # first half of the lock's key; the second is a hash of the request's id
_LOOK_AHEAD = 8  # times the batch: what other workers hold is passed over


@contextmanager
def some(limit: int, passed: Collection[uuid.UUID] = ()) -> Iterator[list[uuid.UUID]]:
    """Up to ``limit`` approved requests, the longest approved first, without those ``passed``."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS MATERIALIZED (
                SELECT id FROM certs_certificaterequest
                WHERE status = 'approved' AND id <> ALL(%s) ORDER BY decided_at, id LIMIT %s
            )
            SELECT id FROM due WHERE pg_try_advisory_lock(%s, hashtext(id::text)) LIMIT %s
            """,
            [list(passed), limit * _LOOK_AHEAD, _LOCK_SPACE, limit],
        )
        claimed = [row[0] for row in cursor.fetchall()]
    with _given_back(claimed):
        yield claimed


@contextmanager
def one(request_id: uuid.UUID) -> Iterator[None]:
    """This request, after whoever is at it now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_LOCK_SPACE, str(request_id)])
    with _given_back([request_id]):
        yield


@contextmanager
def _given_back(claimed: list[uuid.UUID]) -> Iterator[None]:
    try:
        yield
    finally:
        if claimed:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_advisory_unlock(%s, hashtext(id::text)) FROM unnest(%s::uuid[]) AS id",
                    [_LOCK_SPACE, as_array([str(request_id) for request_id in claimed])],
                )
