"""Files written whole or not at all, for a machine that has no console (there: ``consortium.core.files``)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def replace(path: Path, data: bytes, *, mode: int = 0o644) -> Path:
    """Put ``data`` in place of ``path``: a reader, or a crash, finds the old content or the new."""
    temporary = _written(path, data, mode)
    temporary.rename(path)
    _sync(path.parent)
    return path


def create(path: Path, data: bytes, *, mode: int) -> Path:
    """Likewise, but raises FileExistsError when ``path`` is there: a link never overwrites."""
    temporary = _written(path, data, mode)
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync(path.parent)
    return path


def _written(path: Path, data: bytes, mode: int) -> Path:
    path.parent.mkdir(mode=0o755 if mode & 0o004 else 0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
