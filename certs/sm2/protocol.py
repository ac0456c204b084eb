"""The protocol of the 国密 root's ceremonies: what it signed, when and before whom, signed with its key.

A file of lines beside the key. Each is one entry in JSON of one canonical form, with the SHA-256 of the line
before it and the root's SM2 signature, so that no byte can change unnoticed. That the last lines were cut off
shows by the head, the SHA-256 of the last line: witnesses write it down.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from certs.errors import ProtocolNotAccepted
from certs.sm2.library import PrivateKey, PublicKey

FORMAT = "consortium-sm2-protocol-1"
START = "0" * 64  # what stands for the line before the first


@dataclass(frozen=True, slots=True)
class Signed:
    """Something that the root's key signed: ``kind`` is root, nodes or crl."""

    kind: str
    name: str
    der: bytes


@dataclass(frozen=True, slots=True)
class Protocol:
    """All entries so far, verified; ``append`` makes the next one."""

    data: bytes = b""
    entries: tuple[dict[str, Any], ...] = ()

    @property
    def head(self) -> str:
        """SHA-256 of the last line."""
        return _hash(self.data.splitlines()[-1]) if self.data else START

    def signed(self, kind: str) -> Iterator[Signed]:
        """What was signed of that kind, oldest first."""
        for entry in self.entries:
            for part in entry["signed"]:
                if part["kind"] == kind:
                    yield Signed(kind, part["name"], base64.b64decode(part["der"]))

    def append(
        self, key: PrivateKey, parts: Iterable[Signed], *, at: datetime, witnesses: Sequence[str]
    ) -> Protocol:
        """The protocol with one more entry, signed with the root's key."""
        entry = {
            "format": FORMAT,
            "number": len(self.entries) + 1,
            "previous": self.head,
            "root": _hash(key.spki),
            "at": at.astimezone(UTC).isoformat(timespec="seconds"),
            "witnesses": list(witnesses),
            "signed": [_item(part) for part in parts],
        }
        signature = base64.b64encode(key.sign(_message(entry))).decode()
        line = _canonical({"entry": entry, "signature": signature})
        return Protocol(self.data + line + b"\n", (*self.entries, entry))


def read(data: bytes, key: PublicKey) -> Protocol:
    """The protocol in ``data``, every byte of it checked against the root's ``key``.

    Raises ProtocolNotAccepted, which says where it is wrong.
    """
    if not data.endswith(b"\n"):
        raise ProtocolNotAccepted(what="it does not end with a whole line")
    before, entries = START, []
    for number, line in enumerate(data[:-1].split(b"\n"), 1):
        entries.append(_entry(line, number, before, key))
        before = _hash(line)
    return Protocol(data, tuple(entries))


def _entry(line: bytes, number: int, before: str, key: PublicKey) -> dict[str, Any]:
    try:
        record = json.loads(line)
        entry, signature = dict(record["entry"]), base64.b64decode(record["signature"], validate=True)
        known = (entry["format"], entry["number"], entry["previous"], entry["root"])
        same = _canonical({"entry": entry, "signature": base64.b64encode(signature).decode()}) == line
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolNotAccepted(what=f"entry {number} is not readable: {error!r}") from error
    if not same or known != (FORMAT, number, before, _hash(key.spki)):
        raise ProtocolNotAccepted(what=f"entry {number} does not follow on the one before it")
    if not key.verifies(signature, _message(entry)):
        raise ProtocolNotAccepted(what=f"entry {number} was changed: its signature does not fit")
    return entry


def _item(part: Signed) -> dict[str, str]:
    return {
        "kind": part.kind,
        "name": part.name,
        "der": base64.b64encode(part.der).decode(),
        "sha256": _hash(part.der),
    }


def _message(entry: dict[str, Any]) -> bytes:
    return FORMAT.encode() + b"\n" + _canonical(entry)


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
