"""Passphrases and PINs: from a file's first line or from a prompt, never from the command line."""

from __future__ import annotations

import getpass
from pathlib import Path

from certs.keystores.errors import NoSecret


def read(path: str | Path) -> bytes:
    """The first line of a file. Raises NoSecret when the file is missing or the line empty."""
    try:
        line = Path(path).read_bytes().split(b"\n", 1)[0].strip()
    except OSError as error:
        raise NoSecret(f"{path}: no such file, or not for us to read") from error
    if not line:
        raise NoSecret(f"{path}: no passphrase in its first line")
    return line


def ask(what: str, *, twice: bool = False) -> bytes:
    """Ask whoever sits at the terminal, without echo; ``twice`` where a slip would lose a key."""
    said = getpass.getpass(f"{what}: ")
    if twice and getpass.getpass(f"{what}, once more: ") != said:
        raise NoSecret("the two were not the same")
    if not said.strip():
        raise NoSecret("nothing was typed")
    return said.strip().encode()


def obtain(path: str | Path | None, what: str, *, twice: bool = False) -> bytes:
    """From the file where one is named, else from the prompt."""
    return read(path) if path else ask(what, twice=twice)
