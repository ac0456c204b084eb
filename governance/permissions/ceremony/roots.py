"""The next root: drafted, shown in words, signed, and counted. Pure but for reading and writing its file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from securesystemslib.exceptions import StorageError
from securesystemslib.signer import CryptoSigner, Key  # type: ignore[attr-defined]
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp  # type: ignore[attr-defined]
from tuf.api.serialization.json import JSONSerializer

from governance.permissions.ceremony.errors import Refused
from governance.permissions.ceremony.officers import NAME

ONLINE = (Targets.type, Snapshot.type, Timestamp.type)
LONGEST = timedelta(days=3 * 366)


def draft(
    former: Root | None,
    officers: Sequence[Key],
    threshold: int,
    online: Mapping[str, Key],
    expires: datetime,
) -> Metadata[Root]:
    """The root after ``former`` (None: the first), not signed yet. Raises Refused for a bad threshold."""
    if len({key.keyid for key in officers}) != len(officers):
        raise Refused("one officer's key was given twice")
    if not 1 <= threshold <= len(officers):
        raise Refused(f"{threshold} of {len(officers)} officers can't be asked for")
    if threshold < 2:
        raise Refused("at least two officers sign a root: one stolen key must not be enough")
    root = Root(former.version + 1 if former else 1, expires=expires, consistent_snapshot=True)
    for key in officers:
        root.add_key(key, Root.type)
    for role in ONLINE:
        root.add_key(online[role], role)
    root.roles[Root.type].threshold = threshold
    return Metadata(root)


def changes(former: Root | None, root: Root) -> list[str]:
    """What an officer must know before signing, in lines."""
    lines = [f"root version {root.version}, until {root.expires:%Y-%m-%d}"]
    role = root.roles[Root.type]
    lines.append(f"{role.threshold} of {len(role.keyids)} officers sign the next one")
    for name in (Root.type, *ONLINE):
        before = set(former.roles[name].keyids) if former else set()
        after = set(root.roles[name].keyids)
        for mark, keyids, known in (("-", before - after, former), ("+", after - before, root)):
            lines += [f"{mark} {name}: {described(known.keys[keyid])}" for keyid in sorted(keyids) if known]
        lines += [f"  {name}: {described(root.keys[keyid])}" for keyid in sorted(before & after)]
    return lines


def described(key: Key) -> str:
    """A key as people compare it."""
    officer = key.unrecognized_fields.get(NAME)
    return f"{key.keyid}{f' {officer}' if officer else ''}"


def read(path: Path) -> Metadata[Root]:
    """Raises Refused for anything but a root."""
    try:
        made = Metadata[Root].from_bytes(path.read_bytes())
    except (OSError, RepositoryError, StorageError, ValueError, KeyError) as error:
        raise Refused(f"{path}: no root ({type(error).__name__})") from error
    if not isinstance(made.signed, Root):
        raise Refused(f"{path}: no root but {made.signed.type}")
    return made


def write(path: Path, made: Metadata[Root]) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(encoded(made))
    os.replace(temporary, path)


def encoded(made: Metadata[Root]) -> bytes:
    """As it is published."""
    return made.to_bytes(JSONSerializer(compact=True))


def follows(former: Root | None, root: Root) -> None:
    """Raises Refused unless ``root`` is what comes right after ``former``."""
    expected = former.version + 1 if former else 1
    if root.version != expected:
        raise Refused(f"this is root version {root.version}; the next one is {expected}")


def sign(former: Root | None, made: Metadata[Root], signer: CryptoSigner) -> None:
    """Add a signature. Raises Refused for a key that neither root asks for."""
    follows(former, made.signed)
    asked = set(made.signed.roles[Root.type].keyids) | set(former.roles[Root.type].keyids if former else [])
    if signer.public_key.keyid not in asked:
        raise Refused(f"key {signer.public_key.keyid} signs neither the former root nor this one")
    made.sign(signer, append=True)


def together(parts: Iterable[Metadata[Root]]) -> Metadata[Root]:
    """One root with the signatures of all copies. Raises Refused where they are copies of different roots."""
    first, *others = list(parts)
    for other in others:
        if other.signed_bytes != first.signed_bytes:
            raise Refused("the files are not copies of one root")
        first.signatures.update(other.signatures)
    return first


def check(former: Root | None, made: Metadata[Root], now: datetime) -> None:
    """Is it the next root, signed as both the former and it ask? Raises Refused and says what is missing."""
    root = made.signed
    follows(former, root)
    if not now < root.expires <= now + LONGEST:
        raise Refused(f"it would hold until {root.expires:%Y-%m-%d}")
    if not root.consistent_snapshot:
        raise Refused("it gives up consistent snapshots")
    if root.roles[Root.type].threshold < 2:
        raise Refused("at least two officers sign a root: one stolen key must not be enough")
    for name, one in (("former", former or root), ("new", root)):
        result = one.get_verification_result(Root.type, made.signed_bytes, made.signatures)
        if not result.verified:
            missing = ", ".join(described(key) for key in result.unsigned.values())
            raise Refused(f"{result.missing} more of the {name} root's keys must sign: {missing}")
