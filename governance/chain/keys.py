"""The relay account's key: it pays for transactions and convenes votes; it has none itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from eth_account import Account
from eth_account.signers.local import LocalAccount

from consortium.core import files
from governance.chain.errors import RelayKeyNotAvailable

_chosen: ContextVar[Path | None] = ContextVar("relay_passphrase_file", default=None)


def key_file() -> Path:
    """Where the encrypted keystore lies (Web3 Secret Storage, version 3)."""
    return Path(settings.KEY_DIR) / "relay.json"


def create(passphrase_file: Path) -> str:
    """Make the relay account, unless there is one; its address (EIP-55)."""
    if not key_file().exists():
        made: LocalAccount = Account.create()
        keystore = json.dumps(Account.encrypt(made.key, _passphrase(passphrase_file)))
        with suppress(FileExistsError):  # somebody else made one meanwhile: that one counts
            files.create(key_file(), keystore.encode("ascii"), mode=0o600)
    return account(passphrase_file).address


def account(passphrase_file: Path | None = None) -> LocalAccount:
    """The relay account, opened. Raises RelayKeyNotAvailable in a process that has no passphrase for it."""
    chosen = passphrase_file or _chosen.get() or settings.RELAY_PASSPHRASE_FILE
    if not chosen:
        raise RelayKeyNotAvailable(detail="RELAY_PASSPHRASE_FILE")
    path = key_file()
    if not path.is_file():
        raise RelayKeyNotAvailable(detail=str(path))
    return _opened(path.read_text("ascii"), _passphrase(Path(chosen)))


@contextmanager
def opened_with(passphrase_file: Path) -> Iterator[None]:
    """Use this passphrase inside the block: a ceremony brings its own, whatever the process was given."""
    token = _chosen.set(passphrase_file)
    try:
        yield
    finally:
        _chosen.reset(token)


@lru_cache(maxsize=4)  # opening is slow by design, and the chain worker opens it for every transaction
def _opened(keystore: str, passphrase: str) -> LocalAccount:
    try:
        key = Account.decrypt(json.loads(keystore), passphrase)
    except (ValueError, KeyError) as error:
        raise RelayKeyNotAvailable(detail=str(key_file())) from error
    opened: LocalAccount = Account.from_key(key)
    return opened


def _passphrase(path: Path) -> str:
    try:
        words = path.read_text("utf-8").strip()
    except OSError as error:
        raise RelayKeyNotAvailable(detail=str(path)) from error
    if not words:
        raise RelayKeyNotAvailable(detail=str(path))
    return words
