"""The repository's roles: what they are called, which keys sign them, how long they hold. No Django here.

``root`` (officers) names the keys of ``targets``, ``snapshot`` and ``timestamp`` (the signing worker's).
``targets`` has no file of its own: it delegates one role to each network, with a key of its own, for the
paths in the network's folder and no others. So a change in one network signs that role, the snapshot and the
timestamp again and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from securesystemslib.signer import Key  # type: ignore[attr-defined]
from tuf.api.metadata import (  # type: ignore[attr-defined]
    TOP_LEVEL_ROLE_NAMES,
    DelegatedRole,
    Delegations,
    Root,
    Signed,
    Snapshot,
    Targets,
    Timestamp,
)

# The first generation of each online key; later ones are lists2-targets, lists3-targets, …
ONLINE_KEYS: Mapping[str, str] = {
    Targets.type: "lists-targets",
    Snapshot.type: "lists-snapshot",
    Timestamp.type: "lists-timestamp",
}
ROOT_KEYS = ("lists-root-1", "lists-root-2", "lists-root-3")  # of a root made by one command
ROOT_THRESHOLD = 2

LISTS = "lists"  # what LIFETIME calls a network's role
# How long a node goes on trusting what it has when nothing newer reaches it. Renewed at half time.
LIFETIME: Mapping[str, timedelta] = {
    Root.type: timedelta(days=365),
    Targets.type: timedelta(days=90),
    LISTS: timedelta(days=90),
    Snapshot.type: timedelta(days=7),
    Timestamp.type: timedelta(days=1),
}
ROOT_WARNING = timedelta(days=60)  # officers must meet: they are reminded in time

_DEEPEST = 3  # parts of a path in a network's folder
_RESERVED = "_"  # no network's name has one, so no two roles can have the same name


def role_of(network: str) -> str:
    """The delegated role of a network: its name, but for one that is called like a role of TUF's."""
    return f"{network}{_RESERVED}" if network in TOP_LEVEL_ROLE_NAMES else network


def network_of(role: str) -> str:
    """The network of a delegated role."""
    return role.removesuffix(_RESERVED)


def key_of(network: str) -> str:
    """The name of the first generation of a network's key."""
    return f"lists-network-{network}"


def paths_of(network: str) -> list[str]:
    """What the network's role may name; a pattern's star stands for one part of a path."""
    return [f"{network}/{'/'.join('*' * depth)}" for depth in range(1, _DEEPEST + 1)]


def delegations(keys: Mapping[str, Key]) -> Delegations | None:
    """One role for each network (``keys``: its public key), which is the last word on its folder."""
    if not keys:
        return None
    roles = {}
    for network in sorted(keys):
        name = role_of(network)
        roles[name] = DelegatedRole(name, [keys[network].keyid], 1, True, paths=paths_of(network))
    return Delegations({key.keyid: key for key in keys.values()}, roles)


def expiry(role: str, now: datetime) -> datetime:
    """When what is signed now ends."""
    return now.replace(microsecond=0) + LIFETIME[role]


def is_due(signed: Signed, role: str, now: datetime) -> bool:
    """Has half of its life passed?"""
    return signed.expires - now < LIFETIME[role] / 2
