"""Writing files so that a reader, or a crash, finds the old content or the new, never a part.

Without Django: what starts the stack uses it before there are settings.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path

_ABANDONED = 3600  # seconds: no writer needs a fraction of it


def replace(path: Path, data: bytes, *, mode: int = 0o644) -> Path:
    """Put ``data`` in place of ``path``: temporary file, fsync, rename, fsync of the directory."""
    temporary = _written(path, data, mode)
    temporary.rename(path)
    _sync_directory(path.parent)
    return path


def create(path: Path, data: bytes, *, mode: int) -> Path:
    """As :func:`replace`, but raises FileExistsError when ``path`` is there: a link never overwrites."""
    temporary = _written(path, data, mode)
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()
    _sync_directory(path.parent)
    return path


def make_public(directory: Path, *, top: Path) -> None:
    """Make ``directory`` for everybody who may enter ``top``, whatever this process's umask is.

    Who may enter is said in one place: ``top`` is closed to all but its owner and its group when it is made
    here, and is left alone when it is there.
    """
    wanted = [top, *reversed([place for place in (directory, *directory.parents) if top in place.parents])]
    for place in wanted:
        try:
            place.mkdir(parents=place == top)
        except FileExistsError:
            continue
        place.chmod(0o750 if place == top else 0o755)
        _sync_directory(place.parent)


def _written(path: Path, data: bytes, mode: int) -> Path:
    # A secret's directory is closed to others, a published one is for the web server to read.
    _make_directory(path.parent, 0o755 if mode & 0o004 else 0o700)
    _sweep(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:  # a full disk: each attempt would leave a part, and take what space there is
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _sweep(path: Path) -> None:
    """Take away what writers of ``path`` that were killed left behind: it may hold a secret."""
    temporary = re.compile(re.escape(f".{path.name}.") + r"[a-z0-9_]{8}")  # as tempfile names them
    for place in path.parent.iterdir():
        if temporary.fullmatch(place.name) and _age(place) > _ABANDONED:
            place.unlink(missing_ok=True)


def _age(place: Path) -> float:
    try:
        return time.time() - place.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # its writer is alive, and was quicker


def _make_directory(directory: Path, mode: int) -> None:
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    directory.mkdir(mode=mode, parents=True, exist_ok=True)
    for made in missing:
        _sync_directory(made.parent)  # else a power cut takes the new directory with all that is in it


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
