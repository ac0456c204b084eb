"""Answers signed before they are asked for, one file a certificate: ``PKI_DIR/ocsp/<ca>/<xx>/<serial>``.

Each file holds the status and two responses, for CertIDs with SHA-1 and with SHA-256, so it is also the
published index of what is issued and not ended. Its modification time says from when on it is due again.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs.status import ocsp
from certs.status.keyring import Opened
from certs.status.responders import Responder, directory
from consortium.core import files

PERIOD = timedelta(hours=24)
_HASHES = ("sha1", "sha256")
_HEAD = struct.Struct(">4sQQ3I")  # magic, this update, next update, length of the status and of each response
_MAGIC = b"CSA1"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is published for a certificate; ``responses`` by the hash of the CertID."""

    status: bytes
    this_update: datetime
    next_update: datetime
    responses: dict[str, bytes]


def path_of(authority: str, serial: str) -> Path:
    """``serial`` is lower-case hex; its last octet is random, so it spreads the files evenly."""
    return directory() / authority / serial[-2:] / serial


def revision_path(authority: str) -> Path:
    """Up to which of the authority's revisions its files are right: beside them, so lost with them."""
    return directory() / authority / "revision"


def revision(authority: str) -> int:
    """What :func:`revision_path` says; 0 where it says nothing."""
    try:
        return int(revision_path(authority).read_bytes())
    except (OSError, ValueError):
        return 0


def read(authority: str, serial: str) -> Prepared | None:
    """What is published; None where there is nothing, or nothing whole."""
    try:
        data = path_of(authority, serial).read_bytes()
    except OSError:
        return None
    if len(data) < _HEAD.size or data[:4] != _MAGIC:
        return None
    _, this_update, next_update, *lengths = _HEAD.unpack_from(data)
    if len(data) != _HEAD.size + sum(lengths):
        return None
    status, *responses = _split(data, lengths)
    period = (datetime.fromtimestamp(this_update, UTC), datetime.fromtimestamp(next_update, UTC))
    return Prepared(status, *period, dict(zip(_HASHES, responses, strict=True)))


def write(opened: Opened, serial: str, status: bytes, now: datetime, *, durable: bool) -> None:
    """Sign and publish. Not ``durable``: a power cut may take the file, and it is made again."""
    now = now.replace(microsecond=0)
    next_update = min(now + PERIOD, opened.responder.not_after)
    singles = [ocsp.Single(asked, status, now, next_update) for asked in _ids(opened.responder, serial)]
    responses = [opened.respond([single], now) for single in singles]
    period = (int(now.timestamp()), int(next_update.timestamp()))
    head = _HEAD.pack(_MAGIC, *period, len(status), *map(len, responses))
    path = path_of(opened.responder.authority, serial)
    (files.replace if durable else _replace)(path, b"".join((head, status, *responses)))
    due = sum(period) / 2
    os.utime(path, (due, due))


def _ids(responder: Responder, serial: str) -> list[bytes]:
    return [ocsp.cert_id(name, responder.issuer[name], int(serial, 16)) for name in _HASHES]


def _split(data: bytes, lengths: list[int]) -> Iterator[bytes]:
    at = _HEAD.size
    for length in lengths:
        yield data[at : at + length]
        at += length


def _replace(path: Path, data: bytes) -> None:
    """As :func:`files.replace` without waiting for the disk: thousands are renewed at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        os.fchmod(handle, 0o644)
        stream.write(data)
    Path(name).rename(path)
