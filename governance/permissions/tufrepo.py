"""The published lists: a TUF repository (The Update Framework 1.0, python-tuf) of plain files.

``settings.TUF_DIR/metadata`` and ``targets`` can be served by anything. The three online keys are sealed
(``certs.keys``) and opened by the signing worker alone; the root's keys are needed for a ceremony only.
Nothing is ever changed in place but ``timestamp.json``, which is renamed into place last: until then no
reader can reach what was written before it, so a crash leaves the former state, whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db.models import Max
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import (  # type: ignore[attr-defined]
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from certs import console_certificates, keys
from consortium.core import files
from governance.permissions.errors import NoListKeys, RepositoryLost
from governance.permissions.models import Epoch
from governance.permissions.published import Target

ROOT_KEYS = ("lists-root-1", "lists-root-2", "lists-root-3")
ROOT_THRESHOLD = 2
ONLINE_KEYS = {
    Targets.type: "lists-targets",
    Snapshot.type: "lists-snapshot",
    Timestamp.type: "lists-timestamp",
}
# How long a node goes on trusting what it has when nothing newer reaches it. Renewed at half time.
LIFETIME = {
    Root.type: timedelta(days=365),
    Targets.type: timedelta(days=90),
    Snapshot.type: timedelta(days=7),
    Timestamp.type: timedelta(days=1),
}

S = TypeVar("S", Targets, Snapshot, Timestamp)


@dataclass(frozen=True)
class State:
    """What is published now."""

    targets: Targets
    snapshot: Snapshot
    timestamp: Timestamp


class Repository:
    """The repository in ``directory``. Callers keep writers apart (``services.publishing`` holds a lock)."""

    def __init__(self, directory: Path | None = None, *, passphrase: bytes | None = None) -> None:
        self.directory = directory or Path(settings.TUF_DIR)
        self.metadata = self.directory / "metadata"
        self._passphrase = passphrase

    @property
    def trusted_root(self) -> Path:
        """The file that an agent is set up with."""
        return self.directory / "root.json"

    def root(self) -> Root:
        """The current root role. Raises :class:`NoListKeys` before the ceremony."""
        versions = [int(path.name.split(".")[0]) for path in self.metadata.glob("*.root.json")]
        if not versions:
            raise self._missing()
        newest = self.metadata / f"{max(versions)}.root.json"
        return Metadata[Root].from_bytes(newest.read_bytes()).signed

    def state(self) -> State:
        """What the metadata on disk says. Raises :class:`NoListKeys`, :class:`RepositoryLost`."""
        root = self.root()
        try:
            timestamp = self._load(root, Timestamp, "timestamp.json")
            snapshot = self._load(root, Snapshot, f"{timestamp.snapshot_meta.version}.snapshot.json")
            version = snapshot.meta["targets.json"].version
            state = State(self._load(root, Targets, f"{version}.targets.json"), snapshot, timestamp)
        except FileNotFoundError as error:
            raise self._missing() from error
        if timestamp.version < (_published_version() or 0):
            raise RepositoryLost(directory=str(self.directory))  # an older one was put back
        return state

    def _missing(self) -> NoListKeys | RepositoryLost:
        """Why files are not there. The disk alone can't tell: a lost directory looks like one never made."""
        if _published_version() is None:
            return NoListKeys()
        return RepositoryLost(directory=str(self.directory))

    def publish(self, wanted: Mapping[str, Target], now: datetime) -> int:
        """Make ``wanted`` (by path) what is published; returns the version of ``timestamp.json``.

        Signs again only what changed or has passed half of its lifetime; harmless when repeated.
        """
        state = self.state()
        listed = {path: _file(path, target) for path, target in wanted.items()}
        for path, target in wanted.items():
            self._write_target(path, listed[path], target.content)
        targets, snapshot = state.targets, state.snapshot
        if targets.targets != listed or _is_due(targets, now):
            targets = Targets(targets.version + 1, expires=_expiry(Targets.type, now), targets=listed)
            self._sign(targets, f"{targets.version}.targets.json")
        if snapshot.meta["targets.json"].version != targets.version or _is_due(snapshot, now):
            meta = {"targets.json": MetaFile(targets.version)}
            snapshot = Snapshot(snapshot.version + 1, expires=_expiry(Snapshot.type, now), meta=meta)
            self._sign(snapshot, f"{snapshot.version}.snapshot.json")
        return self._stamp(state.timestamp, snapshot, now)

    def _stamp(self, timestamp: Timestamp, snapshot: Snapshot, now: datetime) -> int:
        if timestamp.snapshot_meta.version != snapshot.version or _is_due(timestamp, now):
            expires = _expiry(Timestamp.type, now)
            timestamp = Timestamp(
                timestamp.version + 1, expires=expires, snapshot_meta=MetaFile(snapshot.version)
            )
            self._sign(timestamp, "timestamp.json")
        return timestamp.version

    def _write_target(self, path: str, target: TargetFile, content: bytes) -> None:
        folder, _, name = path.rpartition("/")
        place = self.directory / "targets" / folder / f"{target.hashes['sha256']}.{name}"
        if not place.exists():  # named after its content: what is there is right
            files.replace(place, content)

    def _sign(self, signed: Targets | Snapshot | Timestamp, name: str) -> None:
        made: Metadata[Any] = Metadata(signed)
        made.sign(_signer(ONLINE_KEYS[signed.type], self._passphrase))
        # A key that the root does not name would publish what every node refuses.
        self.root().verify_delegate(signed.type, made.signed_bytes, made.signatures)
        files.replace(self.metadata / name, made.to_bytes(JSONSerializer(compact=True)))

    def _load(self, root: Root, kind: type[S], name: str) -> S:
        """Verified: versions from a forged file would become ours."""
        loaded = Metadata[S].from_bytes((self.metadata / name).read_bytes())
        root.verify_delegate(kind.type, loaded.signed_bytes, loaded.signatures)
        return loaded.signed


def _file(path: str, target: Target) -> TargetFile:
    """Its entry in the targets role."""
    made = TargetFile.from_data(path, target.content, ["sha256"])
    made.unrecognized_fields["custom"] = dict(target.custom)
    return made


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
        _begin(repository, passphrase, root_passphrase, now, cost)
        return True
    return False


def certify(passphrase: bytes | None = None) -> int:
    """See that each online key has a valid certificate of the list authority; returns how many were made.

    Nodes need none, they have root.json; whoever audits can hold a list against the alliance's own root.
    Raises KeysNotAvailable, NoAuthority.
    """
    made = 0
    for name in ONLINE_KEYS.values():
        public_key = keys.open_key(name, passphrase).public_key()
        made += console_certificates.ensure_list_signer(name, public_key, passphrase=passphrase)
    return made


def _begin(
    repository: Repository, passphrase: bytes, root_passphrase: bytes, now: datetime, cost: Mapping[str, int]
) -> None:
    online = {role: _key(name, passphrase, cost) for role, name in ONLINE_KEYS.items()}
    ceremony = [_key(name, root_passphrase, cost) for name in ROOT_KEYS]
    data = _root(online, ceremony, now)
    files.replace(repository.metadata / "1.root.json", data)
    files.replace(repository.trusted_root, data)
    repository._sign(Targets(1, expires=_expiry(Targets.type, now)), "1.targets.json")
    repository._sign(Snapshot(1, expires=_expiry(Snapshot.type, now)), "1.snapshot.json")
    repository._sign(Timestamp(1, expires=_expiry(Timestamp.type, now)), "timestamp.json")


def _published_version() -> int | None:
    """Version of ``timestamp.json`` with the newest published epoch; None when none was ever published."""
    published = Epoch.objects.filter(published_at__isnull=False)
    if not published.exists():
        return None
    return published.aggregate(version=Max("tuf_version"))["version"] or 0


def _root(online: Mapping[str, Ed25519PrivateKey], ceremony: list[Ed25519PrivateKey], now: datetime) -> bytes:
    root = Root(1, expires=_expiry(Root.type, now), consistent_snapshot=True)
    for role, key in online.items():
        root.add_key(SSlibKey.from_crypto(key.public_key()), role)
    for key in ceremony:
        root.add_key(SSlibKey.from_crypto(key.public_key()), Root.type)
    root.roles[Root.type].threshold = ROOT_THRESHOLD
    made = Metadata(root)
    for key in ceremony:
        made.sign(CryptoSigner(key), append=True)
    return made.to_bytes(JSONSerializer(compact=True))


def _key(name: str, passphrase: bytes, cost: Mapping[str, int]) -> Ed25519PrivateKey:
    if keys.exists(name):
        key = keys.open_key(name, passphrase)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{name} is no Ed25519 key")
        return key
    made = Ed25519PrivateKey.generate()
    keys.seal(name, made, passphrase, cost=cost)
    return made


def _signer(name: str, passphrase: bytes | None) -> CryptoSigner:
    return CryptoSigner(keys.open_key(name, passphrase))


def _expiry(role: str, now: datetime) -> datetime:
    return now.replace(microsecond=0) + LIFETIME[role]


def _is_due(signed: Targets | Snapshot | Timestamp, now: datetime) -> bool:
    return signed.expires - now < LIFETIME[signed.type] / 2
