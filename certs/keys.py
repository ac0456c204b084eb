"""Sealed private keys: AES-256-GCM under a key that Argon2id derives from a passphrase.

``settings.KEY_DIR/<name>.key`` is a JSON file, owner-readable alone. Only a process whose environment names a
SIGNING_PASSPHRASE_FILE can open one; every other gets :class:`KeysNotAvailable`. A signer in hardware would
take the place of :func:`open_key`: callers ask for nothing but a private key object to sign with.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from django.conf import settings

from certs.errors import KeyExists, KeysNotAvailable, WrongPassphrase
from consortium.core import files

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

# OWASP's and RFC 9106's second choice: 64 MiB, three passes, four lanes; kept in the file, so it can rise.
ARGON2 = {"time_cost": 3, "memory_cost": 65536, "parallelism": 4}
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_opened: dict[tuple[str, int], PrivateKey] = {}


def path_of(name: str) -> Path:
    """Where the sealed key ``name`` lies. Raises ValueError on a name that is no plain word."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a key name: {name!r}")
    return Path(settings.KEY_DIR) / f"{name}.key"


def exists(name: str) -> bool:
    """Is there a sealed key of that name?"""
    return path_of(name).exists()


def seal(name: str, private_key: PrivateKey, passphrase: bytes, *, cost: Mapping[str, int] = ARGON2) -> Path:
    """Write ``private_key`` sealed; ``cost`` is Argon2id's. Raises :class:`KeyExists`, never replaces one."""
    plain = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = {
        "format": "consortium-sealed-key-1",
        "name": name,
        "argon2id": dict(cost),
        "salt": _text(salt),
        "nonce": _text(nonce),
        "sealed": _text(AESGCM(_derive(passphrase, salt, cost)).encrypt(nonce, plain, name.encode())),
    }
    try:
        return files.create(path_of(name), json.dumps(sealed, indent=1).encode(), mode=0o600)
    except FileExistsError:
        raise KeyExists(name=name) from None


def open_key(name: str, passphrase: bytes | None = None) -> PrivateKey:
    """The private key ``name``; kept open for the life of the process unless ``passphrase`` is given.

    Raises :class:`KeysNotAvailable` where no passphrase is at hand or the file is not on this machine,
    :class:`WrongPassphrase` where it does not open.
    """
    if passphrase is not None:
        return _unseal(name, passphrase)
    if not settings.SIGNING_PASSPHRASE_FILE:
        raise KeysNotAvailable
    try:
        stamp = path_of(name).stat().st_mtime_ns
    except FileNotFoundError:
        raise KeysNotAvailable from None
    key = (str(path_of(name)), stamp)
    if key not in _opened:
        _opened[key] = _unseal(name, read_passphrase(settings.SIGNING_PASSPHRASE_FILE))
    return _opened[key]


def read_passphrase(path: str | Path) -> bytes:
    """The first line of a passphrase file. Raises :class:`KeysNotAvailable` when missing or empty."""
    try:
        line = Path(path).read_bytes().split(b"\n", 1)[0].strip()
    except OSError as error:
        raise KeysNotAvailable from error
    if not line:
        raise KeysNotAvailable
    return line


def _unseal(name: str, passphrase: bytes) -> PrivateKey:
    try:
        record: dict[str, Any] = json.loads(path_of(name).read_bytes())
    except FileNotFoundError:
        raise KeysNotAvailable from None
    cipher = AESGCM(_derive(passphrase, _raw(record["salt"]), record["argon2id"]))
    try:
        plain = cipher.decrypt(_raw(record["nonce"]), _raw(record["sealed"]), name.encode())
    except InvalidTag:
        raise WrongPassphrase(name=name) from None
    # Authenticated by the seal: checking an RSA key's primes again would cost a quarter of a second.
    key = load_der_private_key(plain, None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, PrivateKey):
        raise TypeError(f"{name} holds a key of another kind: {type(key).__name__}")
    return key


def _derive(passphrase: bytes, salt: bytes, cost: Mapping[str, int]) -> bytes:
    return hash_secret_raw(passphrase, salt, hash_len=32, type=Type.ID, **cost)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
