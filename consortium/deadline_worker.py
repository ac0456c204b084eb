"""A gunicorn worker that gives no connection more than a set time for one request.

gunicorn's thread worker waits five seconds for a first byte and then as long as the peer likes: a byte now
and then holds a thread for ever, and a few such peers hold all of them. Here a connection has no thread until
a whole TLS record has come (a byte, without TLS): hundreds that say nothing, or half of it, hold up nobody.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

DEADLINE = float(os.environ.get("REQUEST_DEADLINE", "15"))  # seconds, from handshake to the last byte


_LOOK = 0.25  # seconds between two looks: a thread for each request would cost more than the request


class DeadlineWorker(ThreadWorker):
    """gthread, with a deadline for handshake, header, body and answer together."""

    def init_process(self) -> None:
        self._watch = _Watch()  # after the fork: threads do not survive it
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """A thread, but for one that has just connected: what it says first is waited for without."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        if self.cfg.is_ssl:
            _wake_at(conn.sock, _RECORD_HEADER)
        conn.timeout = time.monotonic() + DEADLINE
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: Any, client: socket.socket) -> None:
        if self.cfg.is_ssl:
            if not _has_whole_record(client):
                return
            _wake_at(client, 1)
        super().on_pending_socket_readable(conn, client)

    def handle(self, conn: Any) -> Any:
        with self._watch.over(conn.sock.fileno()):
            return super().handle(conn)


_RECORD_HEADER = 5  # octets: type, version, and in the last two how many follow (RFC 8446, section 5.1)
_LARGEST_RECORD = _RECORD_HEADER + 2**14


def _wake_at(connection: socket.socket, octets: int) -> None:
    """The kernel calls the connection readable when so many octets are there, or it has ended."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, octets)


def _has_whole_record(connection: socket.socket) -> bool:
    """Is the first record here, or nothing more to come? Otherwise the kernel is told what to wait for."""
    awaited = connection.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)
    try:
        here = connection.recv(_LARGEST_RECORD, socket.MSG_PEEK)
    except OSError:
        return True  # the thread that reads will meet it, too, and close
    if len(here) < awaited:
        return True
    needed = min(_RECORD_HEADER + int.from_bytes(here[3:_RECORD_HEADER], "big"), _LARGEST_RECORD)
    if len(here) < needed:
        _wake_at(connection, needed)
    return len(here) >= needed


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
