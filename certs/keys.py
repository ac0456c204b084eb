"""The console's private keys: sealed in ``KEY_DIR/<name>.key``, or in a device (``pkcs11:<token>/<label>``).

Only a process whose environment names a SIGNING_PASSPHRASE_FILE (and for a device a PKCS11_PIN_FILE) can open
one; every other gets :class:`KeysNotAvailable`. Opened once, and kept for the life of the process. Callers
ask for nothing but a private key object to sign with.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from certs.errors import KeyExists, KeysNotAvailable, WrongPassphrase
from certs.keystores import device, kinds, sealed, words
from certs.keystores.errors import KeyThere, NoSecret, NoSuchKey, WrongSecret
from certs.keystores.kinds import PrivateKey as PrivateKey
from certs.keystores.sealed import ARGON2 as ARGON2

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_opened: dict[tuple[str, int], PrivateKey] = {}
_opened_bytes: dict[tuple[str, int], bytes] = {}


def in_device(name: str) -> bool:
    """Does the name mean a key in a device?"""
    return name.startswith(device.PREFIX)


def path_of(name: str) -> Path:
    """Where the sealed key ``name`` lies. Raises ValueError on a name that is no plain word."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a key name: {name!r}")
    return Path(settings.KEY_DIR) / f"{name}.key"


def exists(name: str) -> bool:
    """Is there a key of that name?"""
    if in_device(name):
        return device.exists(settings.PKCS11_MODULE, name)
    return path_of(name).exists()


def seal(name: str, private_key: PrivateKey, passphrase: bytes, *, cost: Mapping[str, int] = ARGON2) -> Path:
    """Write ``private_key`` sealed; ``cost`` is Argon2id's. Raises :class:`KeyExists`, never replaces one."""
    return seal_bytes(name, sealed.plain_of(private_key), passphrase, cost=cost)


def seal_bytes(name: str, pkcs8_der: bytes, passphrase: bytes, *, cost: Mapping[str, int] = ARGON2) -> Path:
    """Likewise, for a key that ``cryptography`` can't hold."""
    with console_errors(name):
        return sealed.seal(path_of(name), name, pkcs8_der, passphrase, cost=cost)


def make(name: str, kind: str, passphrase: bytes) -> PrivateKey:
    """A new authority's key: sealed, or in the device that ``name`` means. Raises KeyExists, NotThisKind."""
    if not in_device(name):
        seal(name, kinds.make(kind), passphrase)
        return open_key(name, passphrase)
    with console_errors(name):
        return device.make(settings.PKCS11_MODULE, name, kind, passphrase)


def open_key(name: str, passphrase: bytes | None = None) -> PrivateKey:
    """The private key ``name``; kept open for the life of the process unless ``passphrase`` is given.

    ``passphrase`` is the PIN where the key lies in a device. Raises :class:`KeysNotAvailable` where none is
    at hand or the key is not on this machine, :class:`WrongPassphrase` where it does not open.
    """
    if passphrase is not None:
        return _open(name, passphrase)
    stamp = _stamp(name)
    if stamp not in _opened:
        _opened[stamp] = _open(name, _own_secret(name))
    return _opened[stamp]


def open_bytes(name: str, passphrase: bytes | None = None) -> bytes:
    """A sealed key as PKCS#8, DER, for what ``cryptography`` can't hold; else as :func:`open_key`."""
    if passphrase is not None:
        return _unseal(name, passphrase)
    stamp = _stamp(name)
    if stamp not in _opened_bytes:
        _opened_bytes[stamp] = _unseal(name, _own_secret(name))
    return _opened_bytes[stamp]


def secret_for(name: str, passphrase: bytes) -> bytes:
    """What opens that key in a command: the passphrase given, or the device's PIN from its own file."""
    return read_passphrase(settings.PKCS11_PIN_FILE or "/nonexistent") if in_device(name) else passphrase


def read_passphrase(path: str | Path) -> bytes:
    """The first line of a passphrase file. Raises :class:`KeysNotAvailable` when missing or empty."""
    with console_errors(""):
        return words.read(path)


def _stamp(name: str) -> tuple[str, int]:
    """What is kept open belongs to this very file, or to this process's session with the device."""
    if not settings.SIGNING_PASSPHRASE_FILE:
        raise KeysNotAvailable
    if in_device(name):
        return name, os.getpid()
    try:
        return str(path_of(name)), path_of(name).stat().st_mtime_ns
    except FileNotFoundError:
        raise KeysNotAvailable from None


def _own_secret(name: str) -> bytes:
    file = settings.PKCS11_PIN_FILE if in_device(name) else settings.SIGNING_PASSPHRASE_FILE
    if not file:
        raise KeysNotAvailable
    return read_passphrase(file)


def _open(name: str, passphrase: bytes) -> PrivateKey:
    if in_device(name):
        with console_errors(name):
            return device.open_key(settings.PKCS11_MODULE, name, passphrase)
    return kinds.load(_unseal(name, passphrase), name)


def _unseal(name: str, passphrase: bytes) -> bytes:
    with console_errors(name):
        return sealed.unseal(path_of(name), name, passphrase)


@contextmanager
def console_errors(name: str) -> Iterator[None]:
    """Inside it, what the key stores refuse about the key ``name`` is an error of the console's."""
    try:
        yield
    except (NoSecret, NoSuchKey) as error:
        raise KeysNotAvailable from error
    except WrongSecret as error:
        raise WrongPassphrase(name=name) from error
    except KeyThere as error:
        raise KeyExists(name=name) from error
