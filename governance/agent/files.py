"""Putting a list where the node reads it, and reading back what is there."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from governance.agent.errors import Refused

if TYPE_CHECKING:  # the configuration asks the adapters, and they ask here
    from governance.agent.config import File

SPLICED = frozenset({b"certificate_blacklist", b"certificate_whitelist"})  # of a FISCO BCOS config.ini
_SECTION = re.compile(rb"^\s*\[([^\]\r\n]+)\]")


def write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Replace ``path`` whole or not at all: temporary file, fsync, rename, fsync of the directory.

    An existing file's permissions are kept, or the node might no longer be able to read it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def put(file: File, data: bytes) -> None:
    """Bring the list in ``data`` to where ``file`` says."""
    if file.splice:
        if strange := _strange(data):
            raise Refused(f"{file.target}: it would change {strange} of {file.path.name}, too")
        existing = file.path.read_bytes() if file.path.exists() else b""
        data = splice(existing, data)
    write(file.path, data)


def read_back(file: File, expected: bytes) -> str:
    """SHA-256 of what the node has: that of ``expected`` when it says the same, else of what is there.

    Besu rewrites its file when it loads it, so for TOML the sets count, not the bytes.
    """
    try:
        found = file.path.read_bytes()
    except FileNotFoundError:
        found = b""
    if file.splice:
        found = sections(found, _names(expected))
    elif file.path.suffix == ".toml" and _allowlists(found) == _allowlists(expected) is not None:
        found = expected
    return hashlib.sha256(found).hexdigest()


def holds(file: File, expected: bytes) -> bool:
    """Does the node's file say what ``expected`` says?"""
    return read_back(file, expected) == hashlib.sha256(expected).hexdigest()


def splice(existing: bytes, replacement: bytes) -> bytes:
    """``existing`` with the sections of ``replacement`` in place of its own of the same names."""
    names = _names(replacement)
    kept = b"".join(line for name, line in lines(existing) if name not in names)
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    return kept + replacement


def _strange(data: bytes) -> str:
    """What is spliced beside the two lists; empty for nothing. Whoever signs lists sets no other option."""
    names = {name for name, line in lines(data) if line.strip()} - SPLICED
    return ", ".join(sorted(repr(name.decode(errors="replace"))[:80] for name in names))


def sections(data: bytes, names: frozenset[bytes]) -> bytes:
    """The lines of the sections ``names``."""
    return b"".join(line for name, line in lines(data) if name in names)


def lines(data: bytes) -> list[tuple[bytes, bytes]]:
    """Each line with the name of its section; empty before the first."""
    current, found = b"", []
    for line in data.splitlines(keepends=True):
        head = _SECTION.match(line)
        current = head.group(1).strip() if head else current
        found.append((current, line))
    return found


def _names(data: bytes) -> frozenset[bytes]:
    return frozenset(name for name, _ in lines(data) if name)


def _allowlists(data: bytes) -> dict[str, frozenset[str]] | None:
    try:
        values = tomllib.loads(data.decode())
        return {name: frozenset(value) for name, value in values.items()}
    except (ValueError, TypeError):
        return None


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
