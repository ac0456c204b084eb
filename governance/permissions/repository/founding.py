"""The keys of the lists and their first, empty publication, by one command; and the keys' certificates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]
from tuf.api.serialization.json import JSONSerializer

from certs import console_certificates, keys
from governance.permissions.errors import NoListKeys
from governance.permissions.repository import keyring
from governance.permissions.repository.repo import Repository
from governance.permissions.repository.roles import (
    ONLINE_KEYS,
    ROOT_KEYS,
    ROOT_THRESHOLD,
    expiry,
    key_of,
    role_of,
)


def create(
    passphrase: bytes, root_passphrase: bytes, now: datetime, *, cost: Mapping[str, int] = keys.ARGON2
) -> bool:
    """Make the keys, the root and an empty first publication; False when that was done before.

    Keys that an interrupted run left behind are taken up again. ``timestamp.json`` comes last, and is what
    says that all is there. Raises :class:`RepositoryLost` when an epoch was published and its metadata are
    not there: versions that began again at 1 would be a rollback to every node.
    """
    repository = Repository(passphrase=passphrase)
    try:
        repository.state()
    except NoListKeys:
        online = {role: keyring.ensure(name, passphrase, cost) for role, name in ONLINE_KEYS.items()}
        ceremony = [_root_key(name, root_passphrase, cost) for name in ROOT_KEYS]
        data = _root(online, ceremony, now)
        repository.put(repository.metadata / "1.root.json", data)
        repository.put(repository.trusted_root, data)
        repository.begin(now)
        return True
    return False


def certify(passphrase: bytes | None = None) -> int:
    """See that each online key has a valid certificate of the list authority; returns how many were made.

    Nodes need none, they have root.json; whoever audits can hold a list against the alliance's own root.
    Raises KeysNotAvailable, NoAuthority, NoListKeys, RepositoryLost.
    """
    repository = Repository(passphrase=passphrase)
    root, state = repository.root(), repository.state()
    wanted = {first: root.roles[role].keyids for role, first in ONLINE_KEYS.items()}
    for network in state.lists:
        wanted[key_of(network)] = state.targets.get_delegated_role(role_of(network)).keyids
    made = 0
    for first, keyids in wanted.items():
        name = keyring.name_of(first, keyids, passphrase)
        public_key = keys.open_key(name, passphrase).public_key()
        made += console_certificates.ensure_list_signer(name, public_key, passphrase=passphrase)
    return made


def _root(online: Mapping[str, SSlibKey], ceremony: list[CryptoSigner], now: datetime) -> bytes:
    root = Root(1, expires=expiry(Root.type, now), consistent_snapshot=True)
    for role, key in online.items():
        root.add_key(key, role)
    for signer in ceremony:
        root.add_key(signer.public_key, Root.type)
    root.roles[Root.type].threshold = ROOT_THRESHOLD
    made = Metadata(root)
    for signer in ceremony:
        made.sign(signer, append=True)
    return made.to_bytes(JSONSerializer(compact=True))


def _root_key(name: str, passphrase: bytes, cost: Mapping[str, int]) -> CryptoSigner:
    if not keys.exists(name):
        keys.seal(name, Ed25519PrivateKey.generate(), passphrase, cost=cost)
    return CryptoSigner(keys.open_key(name, passphrase))
