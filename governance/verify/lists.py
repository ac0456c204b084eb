"""The permission lists that followed: signed metadata (The Update Framework 1.0) and the file they name."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
from collections.abc import Sequence
from typing import Any, Final

from securesystemslib.exceptions import StorageError
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]

from governance.verify.document import Acknowledgement, PermissionList
from governance.verify.errors import NotProven

FILE: Final = "permissions.json"
_FORMATS: Final = frozenset({"json", "besu", "goquorum", "geth", "fisco-bcos"})


def checked(one: PermissionList, trusted_root: bytes | None) -> dict[str, Any]:
    """The list's content, once signatures, hashes and what they say of each other fit.

    ``trusted_root`` is the root.json that the reader's own nodes were set up with, if given.
    """
    root = _root(one.roots, trusted_root)
    signed = _signed(root, one)
    described = signed.targets.get(f"{one.network}/{FILE}")
    if described is None:
        raise NotProven("list_unnamed", file=FILE, network=one.network)
    content = one.permissions.encode()
    actual = hashlib.sha256(content).hexdigest()
    if described.hashes.get("sha256") != actual or described.length != len(content):
        raise NotProven("list_forged", file=FILE, network=one.network)
    listed = json.loads(content)
    custom = described.custom or {}
    header = {name: custom.get(name) for name in ("epoch", "block", "tx_hash", "effective_at")}
    if {name: listed.get(name) for name in header} != header or listed.get("network") != one.network:
        raise NotProven("list_contradicts", file=FILE, network=one.network)
    if listed["epoch"] != one.epoch:
        raise NotProven(
            "other_epoch", file=FILE, network=one.network, found=listed["epoch"], stated=one.epoch
        )
    return dict(listed)


def digests(one: PermissionList, prefix: str) -> set[str]:
    """The hashes that a node may report for a format: of one file its own, of several that of their list."""
    targets = Metadata[Targets].from_dict(copy.deepcopy(one.targets)).signed.targets
    begin = f"{one.network}/{prefix}"
    files = sorted(
        (path.removeprefix(f"{one.network}/"), target.hashes["sha256"])
        for path, target in targets.items()
        if path.startswith(begin)
    )
    found = {value for _path, value in files}
    for count in range(2, len(files) + 1):
        for some in itertools.combinations(files, count):
            lines = "".join(f"{value}  {path}\n" for path, value in some)
            found.add(hashlib.sha256(lines.encode()).hexdigest())
    return found


def acknowledged(one: PermissionList, listed: dict[str, Any], said: Acknowledgement) -> None:
    """Raises NotProven for a node that is not listed, or that has something else in force."""
    if said.consensus_id not in {node["consensus_id"] for node in listed["nodes"]}:
        raise NotProven("acknowledged_stranger", node=said.consensus_id[:16])
    prefix = FILE if said.format == "json" else f"{said.format}/"
    if said.format not in _FORMATS or said.sha256 not in digests(one, prefix):
        raise NotProven("acknowledged_other", node=said.consensus_id[:16])


def _root(roots: list[dict[str, Any]], trusted: bytes | None) -> Root:
    """The newest root, each signed by the one before it, the first by itself; ``trusted`` is one of them."""
    if not roots:
        raise NotProven("root_missing")
    first = _load(Root, roots[0])
    if trusted is not None and json.loads(trusted) not in roots:
        raise NotProven("root_untrusted")
    current = first
    for number, document in enumerate(roots):
        following = _load(Root, document)
        _all_sign([current.signed, following.signed], Root.type, following)
        if number and following.signed.version != current.signed.version + 1:
            raise NotProven("root_gap")
        current = following
    return current.signed


def _signed(root: Root, one: PermissionList) -> Targets:
    loaded = _load(Targets, one.targets)
    if one.delegation is None:
        _all_sign([root], Targets.type, loaded)
        return loaded.signed
    above = _load(Targets, one.delegation)
    _all_sign([root], Targets.type, above)
    _all_sign([above.signed], _role(above.signed, one.network), loaded)
    return loaded.signed


def _role(above: Targets, network: str) -> str:
    """The role that alone may name the network's file: the first that is delegated its path."""
    delegations = above.delegations
    found = delegations.get_roles_for_target(f"{network}/{FILE}") if delegations else iter(())
    role = next(found, None)
    if role is None:
        raise NotProven("list_unnamed", file=FILE, network=network)
    return role[0]


def _load(kind: Any, document: dict[str, Any]) -> Metadata[Any]:
    try:
        loaded: Metadata[Any] = Metadata.from_dict(copy.deepcopy(document))
    except (ValueError, KeyError, TypeError, AttributeError, RepositoryError, StorageError) as error:
        raise NotProven("metadata_broken", reason=repr(error)) from error
    if loaded.signed.type != kind.type or loaded.to_dict() != document:
        raise NotProven("other_metadata", role=kind.type)
    return loaded


def _all_sign(roots: Sequence[Root | Targets], role: str, made: Metadata[Any]) -> None:
    """Each root's threshold is met, and every signature is good: one of them must not be just anything."""
    good: set[str] = set()
    for root in roots:
        try:
            result = root.get_verification_result(role, made.signed_bytes, made.signatures)
        except ValueError as error:
            raise NotProven("root_without_role", role=role) from error
        good |= set(result.signed)
        if not result.verified:
            raise NotProven("metadata_unsigned", role=made.signed.type)
    if good != set(made.signatures):
        raise NotProven("metadata_badly_signed", role=made.signed.type)
