"""The member's key: an encrypted keystore file, opened on the member's own machine and nowhere else."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from governance.ballot.texts import BallotError, say

_FOR_OTHERS = 0o077


def address(path: Path) -> str:
    """The keystore's address (EIP-55), as it states it: no passphrase needed. Raises BallotError."""
    return _address_of(_read(path), path)


def unlock(path: Path, passphrase_file: Path | None) -> LocalAccount:
    """The account of the keystore. Asks for the passphrase where no file holds it. Raises BallotError."""
    content = _read(path)
    stated = _address_of(content, path)
    _warn_if_open(path)
    phrase = _passphrase(path, passphrase_file)
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(content, phrase))
    except ValueError as error:
        raise BallotError("passphrase_wrong", path=path) from error
    except (KeyError, TypeError, NotImplementedError) as error:
        raise BallotError("keystore_broken", path=path) from error
    if account.address != stated:
        raise BallotError("keystore_broken", path=path)
    return account


def read_line(path: Path, missing: str) -> str:
    """The first line of a secret's file, without its line end. Raises BallotError ``missing``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BallotError(missing, path=path, reason=_why(error)) from error
    return lines[0] if lines else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BallotError("keystore_missing", path=path, reason=_why(error)) from error
    except ValueError as error:
        raise BallotError("keystore_broken", path=path) from error
    if not isinstance(content, dict) or content.get("version") != 3:
        raise BallotError("keystore_broken", path=path)
    return content


def _address_of(content: dict[str, Any], path: Path) -> str:
    try:
        return str(to_checksum_address("0x" + str(content["address"]).removeprefix("0x")))
    except (KeyError, ValueError) as error:
        raise BallotError("keystore_broken", path=path) from error


def _warn_if_open(path: Path) -> None:
    if path.stat().st_mode & _FOR_OTHERS:
        print(say("keystore_open", path=path), file=sys.stderr)


def _passphrase(path: Path, passphrase_file: Path | None) -> str:
    if passphrase_file is not None:
        return read_line(passphrase_file, "passphrase_missing")
    return getpass.getpass(say("passphrase_prompt", path=path))


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
