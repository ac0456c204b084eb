"""What web process and responder say to each other over the Unix socket ``settings.OCSP_SOCKET``.

There: four octets of length, the OCSPRequest. Back: four octets of length, the period from when to when the
response may be kept (two times eight octets, zeros where it may not), the OCSPResponse. Then the line ends.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

PATIENCE = 3.0  # seconds, for the whole exchange
_LONGEST_PATH = 100  # octets of a Unix socket's address, with some to spare
_MOST = 64 * 1024
_LENGTH = struct.Struct(">I")
_PERIOD = struct.Struct(">QQ")


class BrokenLine(Exception):
    """The other side went away, took too long or says too much."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The responder's answer; the period only where it may be kept."""

    der: bytes
    this_update: datetime | None = None
    next_update: datetime | None = None


def ask(request: bytes) -> Reply | None:
    """The responder's reply; None when it is not there or not quick enough."""
    end = time.monotonic() + PATIENCE
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, address() as place:
            connection.settimeout(PATIENCE)
            connection.connect(place)
            send(connection, request)
            return _unpacked(receive(connection, end))
    except (OSError, BrokenLine):
        return None


def reply(connection: socket.socket, answer: Reply) -> None:
    """Send the answer back. Raises OSError."""
    period = [int(at.timestamp()) if at else 0 for at in (answer.this_update, answer.next_update)]
    send(connection, _PERIOD.pack(*period) + answer.der)


def send(connection: socket.socket, data: bytes) -> None:
    """One message. Raises OSError."""
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket, end: float, most: int = _MOST) -> bytes:
    """One message, complete before ``end`` (monotonic seconds). Raises BrokenLine, OSError."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, end))
    if length > most:
        raise BrokenLine(f"{length} octets")
    return _exactly(connection, length, end)


@contextlib.contextmanager
def address(path: Path | None = None) -> Iterator[str]:
    """The socket's address: a path too long for one is reached through its directory's descriptor."""
    path = path or Path(settings.OCSP_SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _unpacked(data: bytes) -> Reply:
    if len(data) <= _PERIOD.size:
        raise BrokenLine
    period = [datetime.fromtimestamp(at, UTC) if at else None for at in _PERIOD.unpack_from(data)]
    return Reply(data[_PERIOD.size :], *period)


def _exactly(connection: socket.socket, size: int, end: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        left = end - time.monotonic()
        if left <= 0:
            raise BrokenLine("too slow")
        connection.settimeout(left)
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise BrokenLine("gone")
        data += chunk
    return bytes(data)
