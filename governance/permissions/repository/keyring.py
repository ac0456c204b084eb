"""The online keys of the lists: which generation signs, and a network's key when the network is new.

A key is never replaced in its file: a newer generation is a file of its own (``lists2-timestamp.key``). Which
one signs is what the role's delegator says, so a key made for the next root waits until that root is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import count

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

from certs import keys
from certs.errors import KeysNotAvailable


def signer(first: str, keyids: Collection[str], passphrase: bytes | None) -> CryptoSigner:
    """Signs with the generation of the key ``first`` that ``keyids`` name, or else with the newest.

    The newest then makes a signature that the delegator does not know, which is refused where it is made.
    Raises KeysNotAvailable, WrongPassphrase.
    """
    return _signer(name_of(first, keyids, passphrase), passphrase)


def name_of(first: str, keyids: Collection[str], passphrase: bytes | None) -> str:
    """The name of that generation. Raises KeysNotAvailable, WrongPassphrase."""
    here = list(generations(first))
    if not here:
        raise KeysNotAvailable
    named = (name for name in here if _signer(name, passphrase).public_key.keyid in keyids)
    return next(named, here[0])


def public(first: str, passphrase: bytes | None) -> SSlibKey:
    """The newest generation's public key. Raises KeysNotAvailable."""
    for name in generations(first):
        return _public(_signer(name, passphrase))
    raise KeysNotAvailable


def generations(first: str) -> Iterator[str]:
    """Names of the generations that are here, the newest first."""
    found = []
    for number in count(1):
        name = _generation(first, number)
        if not keys.exists(name):
            break
        found.append(name)
    yield from reversed(found)


def ensure(first: str, passphrase: bytes | None, cost: Mapping[str, int] = keys.ARGON2) -> SSlibKey:
    """The newest generation's public key; a first one is made where there is none."""
    if keys.exists(first):
        return public(first, passphrase)
    return renew(first, passphrase, cost)


def renew(first: str, passphrase: bytes | None, cost: Mapping[str, int] = keys.ARGON2) -> SSlibKey:
    """Make the next generation; returns its public key. Raises KeysNotAvailable."""
    name = next(name for number in count(1) if not keys.exists(name := _generation(first, number)))
    keys.seal(name, Ed25519PrivateKey.generate(), passphrase or _own_passphrase(), cost=cost)
    return public(first, passphrase)


def _generation(first: str, number: int) -> str:
    return first if number == 1 else first.replace("lists-", f"lists{number}-", 1)


def _signer(name: str, passphrase: bytes | None) -> CryptoSigner:
    key = keys.open_key(name, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError(f"{name} is no Ed25519 key")
    return CryptoSigner(key)


def _public(made: CryptoSigner) -> SSlibKey:
    key = made.public_key
    if not isinstance(key, SSlibKey):
        raise TypeError(f"{key.keyid} is of another kind")
    return key


def _own_passphrase() -> bytes:
    if not settings.SIGNING_PASSPHRASE_FILE:
        raise KeysNotAvailable
    return keys.read_passphrase(settings.SIGNING_PASSPHRASE_FILE)
