"""Sealed files: AES-256-GCM under a key that Argon2id derives from a passphrase.

A JSON file, owner-readable alone. Its name is sealed with it, so that one can not stand in for another.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.keystores import places
from certs.keystores.errors import KeyThere, NoSuchKey, WrongSecret
from certs.keystores.kinds import PrivateKey

# OWASP's and RFC 9106's second choice: 64 MiB, three passes, four lanes; kept in the file, so it can rise.
ARGON2 = {"time_cost": 3, "memory_cost": 65536, "parallelism": 4}


def seal(path: Path, name: str, plain: bytes, passphrase: bytes, *, cost: Mapping[str, int] = ARGON2) -> Path:
    """Write ``plain`` sealed; ``cost`` is Argon2id's. Raises KeyThere, never replaces one."""
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
        return places.create(path, json.dumps(sealed, indent=1).encode(), mode=0o600)
    except FileExistsError:
        raise KeyThere(f"{path} is there; it is never overwritten") from None


def unseal(path: Path, name: str, passphrase: bytes) -> bytes:
    """What is sealed in ``path`` as ``name``. Raises NoSuchKey, WrongSecret."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NoSuchKey(f"{path}: there is no such key on this machine") from None
    cipher = AESGCM(_derive(passphrase, _raw(record["salt"]), record["argon2id"]))
    try:
        return cipher.decrypt(_raw(record["nonce"]), _raw(record["sealed"]), name.encode())
    except InvalidTag:
        raise WrongSecret(f"{path} does not open: wrong passphrase, or it was changed") from None


def plain_of(key: PrivateKey) -> bytes:
    """A private key as it is sealed: PKCS#8, DER."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _derive(passphrase: bytes, salt: bytes, cost: Mapping[str, int]) -> bytes:
    return hash_secret_raw(passphrase, salt, hash_len=32, type=Type.ID, **cost)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
