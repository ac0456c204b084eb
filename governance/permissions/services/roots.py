"""The root of the lists: begun here, signed by officers elsewhere, brought into force here; its reminder."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from tuf.api.metadata import Metadata, Root  # type: ignore[attr-defined]

from consortium.core import clock, events
from consortium.core.models import Event
from governance.permissions.ceremony import roots
from governance.permissions.ceremony.errors import Refused
from governance.permissions.errors import NoListKeys, RootRefused
from governance.permissions.repository import keyring
from governance.permissions.repository.repo import Repository
from governance.permissions.repository.roles import LIFETIME, ONLINE_KEYS, ROOT_WARNING
from governance.permissions.services import stores
from governance.permissions.services.locking import keep_others_out

logger = logging.getLogger(__name__)
_REMINDERS = (60, 30, 14, 7, 3, 1, 0)  # days before the root ends


def begin_root(
    officers: Sequence[Any],
    threshold: int,
    *,
    passphrase: bytes,
    renew: Collection[str] = (),
    lifetime: timedelta = LIFETIME[Root.type],
) -> Metadata[Root]:
    """The next root for ``officers``' public keys, for them to sign. ``renew``: online roles with a new key.

    No officers: the same as before. Raises RootRefused, KeysNotAvailable, WrongPassphrase.
    """
    former = _current()
    keys = (
        list(officers) or [former.keys[one] for one in former.roles[Root.type].keyids] if former else officers
    )
    for role in renew:
        keyring.renew(ONLINE_KEYS[role], passphrase)
    online = {role: keyring.ensure(name, passphrase) for role, name in ONLINE_KEYS.items()}
    expires = clock.now().replace(microsecond=0) + lifetime
    try:
        return roots.draft(former, keys, threshold, online, expires)
    except Refused as refused:
        raise RootRefused(reason=str(refused)) from refused


def install_root(parts: Sequence[Metadata[Root]], *, passphrase: bytes) -> Root:
    """Bring a signed root into force, with all that it names signed for it before anybody sees it.

    Harmless when repeated. Raises RootRefused, KeysNotAvailable, WrongPassphrase, RepositoryLost.
    """
    with transaction.atomic():
        keep_others_out()
        former = _current()
        try:
            made = roots.together(parts)
            if former is not None and made.signed == former:
                _begin(Repository(passphrase=passphrase))
                return former
            roots.check(former, made, clock.now())
        except Refused as refused:
            raise RootRefused(reason=str(refused)) from refused
        _check_online(made.signed, passphrase)
        _bring_into_force(former, made, passphrase)
        _record(made.signed)
    return made.signed


def remind_of_root() -> None:
    """Say when the root ends in less than sixty days: officers must meet. Each reminder is recorded once."""
    root = _current()
    if root is None or root.expires - clock.now() > ROOT_WARNING:
        return
    left = root.expires - clock.now()
    logger.warning("the root of the permission lists ends on %s", f"{root.expires:%Y-%m-%d}")
    due = min(days for days in _REMINDERS if left <= timedelta(days=days) or days == _REMINDERS[0])
    said: dict[str, Any] = {"version": root.version, "days": due}
    with transaction.atomic():
        keep_others_out()
        if not Event.objects.filter(action="list_root.expiring", data__contains=said).exists():
            ends = root.expires.isoformat()
            events.record("list_root.expiring", _subject(root), actor=events.CLOCK, ends=ends, **said)


def root_ends_soon(now: datetime | None = None) -> datetime | None:
    """When the root ends, if that is a matter for officers now; None otherwise."""
    root = _current()
    soon = root is not None and root.expires - (now or clock.now()) < ROOT_WARNING
    return root.expires if root is not None and soon else None


def _current() -> Root | None:
    """The root in force; None before there is one. Raises RepositoryLost."""
    try:
        return Repository().root()
    except NoListKeys:
        return None


def _check_online(root: Root, passphrase: bytes) -> None:
    """A root that names keys nobody here has would stop every list."""
    for role, first in ONLINE_KEYS.items():
        keyids = root.roles[role].keyids
        if keyring.signer(first, keyids, passphrase).public_key.keyid not in keyids:
            raise RootRefused(reason=f"its key of {role} is not here")


def _bring_into_force(former: Root | None, made: Metadata[Root], passphrase: bytes) -> None:
    repository = Repository(passphrase=passphrase, next_root=made.signed)
    data = roots.encoded(made)
    place = repository.metadata / f"{made.signed.version}.root.json"
    if former is not None:
        repository.publish({}, clock.now())  # signed for both roots: whoever has either can go on
        stores.upload()
    repository.put(place, data)
    repository.put(repository.trusted_root, data)
    _begin(repository)
    stores.upload()


def _begin(repository: Repository) -> None:
    """The first, empty publication, where there is none yet."""
    try:
        repository.state()
    except NoListKeys:
        repository.begin(clock.now())


def _record(root: Root) -> None:
    role = root.roles[Root.type]
    events.record(
        "list_root.installed",
        _subject(root),
        actor=events.COMMAND,
        version=root.version,
        threshold=role.threshold,
        officers=[roots.described(root.keys[keyid]) for keyid in role.keyids],
        ends=root.expires.isoformat(),
    )


def _subject(root: Root) -> events.Outsider:
    return events.Outsider("list_root", f"root {root.version}")
