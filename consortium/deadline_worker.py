"""A gunicorn worker that gives no connection more than a set time for one request.

gunicorn's thread worker waits five seconds for a first byte and then as long as the peer likes: a byte now
and then holds a thread for ever, and a few such peers hold all of them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

DEADLINE = float(os.environ.get("REQUEST_DEADLINE", "15"))  # seconds, from handshake to the last byte


class DeadlineWorker(ThreadWorker):
    """gthread, with a deadline for handshake, header, body and answer together."""

    def handle(self, conn: Any) -> Any:
        guard = _Guard(conn.sock.fileno())
        try:
            return super().handle(conn)
        finally:
            guard.release()


class _Guard:
    """Shuts a connection down unless released in time. TLS takes the socket over, but not its number."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(DEADLINE, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def release(self) -> None:
        self._timer.cancel()
        with self._lock:  # from here on the number may belong to another connection
            self._over = True

    def _cut(self) -> None:
        with self._lock:
            if self._over:
                return
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._descriptor)) as connection:
                connection.shutdown(socket.SHUT_RDWR)
