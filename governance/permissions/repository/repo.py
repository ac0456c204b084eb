"""The published lists: a TUF repository (The Update Framework 1.0, python-tuf) of plain files.

``settings.TUF_DIR/metadata`` and ``targets`` can be served by anything. The online keys are sealed
(``certs.keys``) and opened by the signing worker alone; the root's keys are the officers'.
Nothing is ever changed in place but ``timestamp.json``, which is renamed into place last: until then no
reader can reach what was written before it, so a crash leaves the former state, whole. Snapshot and timestamp
hold the hashes of what they name, so neither key alone can put together what was never published so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Max
from tuf.api.exceptions import UnsignedMetadataError
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

from consortium.core import files
from governance.permissions.errors import NoListKeys, RepositoryLost
from governance.permissions.models import Epoch
from governance.permissions.repository import keyring, roles, state
from governance.permissions.repository.content import Content, stored_as
from governance.permissions.repository.roles import LISTS, ONLINE_KEYS, expiry, is_due, role_of
from governance.permissions.repository.state import State

S = TypeVar("S", Targets, Snapshot, Timestamp)
Wanted = Mapping[str, Mapping[str, Content]]  # by network, then by path in its folder


class Repository:
    """The repository in ``directory``. Callers keep writers apart (``services.publishing`` holds a lock).

    ``next_root``: what is signed then satisfies it, too. So a root with other online keys can come into force
    without a moment in which it does not fit what it names.
    """

    def __init__(
        self, directory: Path | None = None, *, passphrase: bytes | None = None, next_root: Root | None = None
    ) -> None:
        self.directory = directory or Path(settings.TUF_DIR)
        self.metadata = self.directory / "metadata"
        self._passphrase = passphrase
        self._next_root = next_root

    @property
    def trusted_root(self) -> Path:
        """The file that an agent is set up with: the newest root."""
        return self.directory / "root.json"

    def root(self) -> Root:
        """The current root role. Raises :class:`NoListKeys` before the ceremony."""
        root = state.newest_root(self.metadata)
        if root is None:
            raise self._missing()
        return root

    def state(self) -> State:
        """What the metadata on disk says. Raises :class:`NoListKeys`, :class:`RepositoryLost`."""
        root = self.root()
        try:
            found = state.read(self.metadata, root)
        except FileNotFoundError as error:
            raise self._missing() from error
        if found.timestamp.version < (_published_version() or 0):
            raise RepositoryLost(directory=str(self.directory))  # an older one was put back
        return found

    def content(self, target: TargetFile) -> bytes | None:
        """The published bytes; None where the file is lost or spoilt."""
        place = self.directory / "targets" / stored_as(target.path, target.hashes["sha256"])
        try:
            content = place.read_bytes()
        except FileNotFoundError:
            return None
        return content if hashlib.sha256(content).hexdigest() == target.hashes["sha256"] else None

    def _missing(self) -> NoListKeys | RepositoryLost:
        """Why files are not there. The disk alone can't tell: a lost directory looks like one never made."""
        if _published_version() is None:
            return NoListKeys()
        return RepositoryLost(directory=str(self.directory))

    def publish(self, wanted: Wanted, now: datetime) -> int:
        """Make ``wanted`` what is published of its networks; returns the version of ``timestamp.json``.

        What other networks have stays. Signs again only what changed or has passed half of its lifetime;
        harmless when repeated. A repository from before delegation is taken over as it stands.
        """
        found = self.state()
        for network, contents in wanted.items():
            self._store(network, contents)
        listed = {network: found.files(network) for network in found.networks()}
        for network, contents in wanted.items():
            listed[network] = {path: one.described(path) for path, one in _whole(network, contents).items()}
        targets = self._delegate(found.targets, listed, now)
        metas = {"targets.json": self._meta("targets", targets.version)}
        for network, described in sorted(listed.items()):
            made = self._list(network, found.lists.get(network), described, targets, now)
            metas[f"{role_of(network)}.json"] = self._meta(role_of(network), made.version)
        snapshot = self._shoot(found.snapshot, metas, now)
        return self._stamp(found.timestamp, snapshot, now)

    def begin(self, now: datetime) -> None:
        """The first, empty publication; ``timestamp.json`` comes last, and says that all is there."""
        self._sign(Targets(1, expires=expiry(Targets.type, now)))
        metas = {"targets.json": self._meta("targets", 1)}
        self._sign(Snapshot(1, expires=expiry(Snapshot.type, now), meta=metas))
        snapshot_meta = self._meta("snapshot", 1)
        self._sign(Timestamp(1, expires=expiry(Timestamp.type, now), snapshot_meta=snapshot_meta))

    # --- one role each: as it was, or its next version --------------------------------------------------
    def _delegate(self, old: Targets, networks: Mapping[str, Any], now: datetime) -> Targets:
        keys = {one: keyring.ensure(roles.key_of(one), self._passphrase) for one in sorted(networks)}
        wanted = roles.delegations(keys)
        if old.delegations == wanted and not old.targets and self._holds(old, now):
            return old
        return self._sign(Targets(old.version + 1, expires=expiry(Targets.type, now), delegations=wanted))

    def _list(
        self, network: str, old: Targets | None, files: dict[str, TargetFile], parent: Targets, now: datetime
    ) -> Targets:
        role = role_of(network)
        if old is not None and old.targets == files and not is_due(old, LISTS, now):
            name = f"{old.version}.{role}.json"
            if self._is_signed(name, role, [parent]):  # not so when the network has another key by now
                return old
        made = Targets((old.version if old else 0) + 1, expires=expiry(LISTS, now), targets=files)
        self._write(made, f"{made.version}.{role}.json", role, roles.key_of(network), [parent])
        return made

    def _shoot(self, old: Snapshot, metas: dict[str, MetaFile], now: datetime) -> Snapshot:
        if old.meta == metas and self._holds(old, now):
            return old
        return self._sign(Snapshot(old.version + 1, expires=expiry(Snapshot.type, now), meta=metas))

    def _stamp(self, old: Timestamp, snapshot: Snapshot, now: datetime) -> int:
        meta = self._meta("snapshot", snapshot.version)
        if old.snapshot_meta == meta and self._holds(old, now):
            return old.version
        made = Timestamp(old.version + 1, expires=expiry(Timestamp.type, now), snapshot_meta=meta)
        return self._sign(made).version

    def _holds(self, old: Targets | Snapshot | Timestamp, now: datetime) -> bool:
        """Is it signed for every root in question, and not half over?"""
        return not is_due(old, old.type, now) and self._is_signed(_name(old), old.type, self._roots())

    # --- files ------------------------------------------------------------------------------------------
    def put(self, place: Path, data: bytes) -> None:
        """Write a file that whoever may enter the directory may read, whatever the umask is."""
        files.make_public(place.parent, top=self.directory)
        files.replace(place, data)

    def _store(self, network: str, contents: Mapping[str, Content]) -> None:
        for path, content in _whole(network, contents).items():
            place = self.directory / "targets" / stored_as(path, content.sha256)
            if not place.exists():  # named after its content: what is there is right
                self.put(place, content.read())

    def _meta(self, role: str, version: int) -> MetaFile:
        """What names that file: its version and its hash."""
        return MetaFile.from_data(
            version, (self.metadata / f"{version}.{role}.json").read_bytes(), ["sha256"]
        )

    def _roots(self) -> list[Root]:
        return [self.root(), *([self._next_root] if self._next_root else [])]

    def _is_signed(self, name: str, role: str, delegators: Sequence[Root | Targets]) -> bool:
        made = Metadata[Any].from_bytes((self.metadata / name).read_bytes())
        try:
            for delegator in delegators:
                delegator.verify_delegate(role, made.signed_bytes, made.signatures)
        except UnsignedMetadataError:
            return False
        return True

    def _sign(self, signed: S) -> S:
        self._write(signed, _name(signed), signed.type, ONLINE_KEYS[signed.type], self._roots())
        return signed

    def _write(
        self,
        signed: Targets | Snapshot | Timestamp,
        name: str,
        role: str,
        key: str,
        delegators: Sequence[Root | Targets],
    ) -> None:
        made: Metadata[Any] = Metadata(signed)
        for delegator in delegators:
            keyids = delegator.get_delegated_role(role).keyids
            made.sign(keyring.signer(key, keyids, self._passphrase), append=True)
        for delegator in delegators:
            # A key that the root does not name would publish what every node refuses.
            delegator.verify_delegate(role, made.signed_bytes, made.signatures)
        self.put(self.metadata / name, made.to_bytes(JSONSerializer(compact=True)))


def _whole(network: str, contents: Mapping[str, Content]) -> dict[str, Content]:
    return {f"{network}/{path}": content for path, content in contents.items()}


def _name(signed: Targets | Snapshot | Timestamp) -> str:
    if isinstance(signed, Timestamp):
        return "timestamp.json"
    return f"{signed.version}.{signed.type}.json"


def _published_version() -> int | None:
    """Version of ``timestamp.json`` with the newest published epoch; None when none was ever published."""
    published = Epoch.objects.filter(published_at__isnull=False)
    if not published.exists():
        return None
    return published.aggregate(version=Max("tuf_version"))["version"] or 0
