"""A gunicorn worker that gives no connection more than a set time for one request.

gunicorn's thread worker waits five seconds for a first byte and then as long as the peer likes: a byte now
and then holds a thread for ever, and a few such peers hold all of them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

DEADLINE = float(os.environ.get("REQUEST_DEADLINE", "15"))  # seconds, from handshake to the last byte


_LOOK = 0.25  # seconds between two looks: a thread for each request would cost more than the request


class DeadlineWorker(ThreadWorker):
    """gthread, with a deadline for handshake, header, body and answer together."""

    def init_process(self) -> None:
        self._watch = _Watch()  # after the fork: threads do not survive it
        super().init_process()

    def handle(self, conn: Any) -> Any:
        with self._watch.over(conn.sock.fileno()):
            return super().handle(conn)


class _Watch:
    """Shuts connections down that are not done in time. TLS takes the socket over, but not its number."""

    def __init__(self) -> None:
        self._ends: dict[object, tuple[int, float]] = {}  # a turn's socket by its number, and when it ends
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="deadlines", daemon=True).start()

    @contextlib.contextmanager
    def over(self, descriptor: int) -> Iterator[None]:
        turn = object()
        self._ends[turn] = (descriptor, time.monotonic() + DEADLINE)
        try:
            yield
        finally:
            with self._lock:  # from here on the number may belong to another connection
                self._ends.pop(turn, None)

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK)
            now = time.monotonic()
            for turn, (_, end) in list(self._ends.items()):
                if end < now:
                    self._cut(turn)

    def _cut(self, turn: object) -> None:
        with self._lock:
            descriptor, _ = self._ends.pop(turn, (-1, 0.0))
            if descriptor < 0:
                return
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
                connection.shutdown(socket.SHUT_RDWR)
