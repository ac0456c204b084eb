"""What calls that members vote on would do to each network's list, were they carried out now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from consortium.core import clock
from consortium.members.models import Network
from governance.chain import calls
from governance.chain import selectors as chain
from governance.chain.calls import Call
from governance.chain.errors import UnknownCall
from governance.permissions import rules
from governance.permissions.guards import Validators
from governance.permissions.rules import Entry, ListedNode
from governance.permissions.services import compiling

SEALER = 2


@dataclass(frozen=True)
class NetworkChange:
    """The exact difference between a network's list now and after; ``changed`` are (before, after)."""

    network: Network
    entering: list[ListedNode]
    leaving: list[ListedNode]
    changed: list[tuple[ListedNode, ListedNode]]
    before: Validators
    after: Validators

    @property
    def is_danger(self) -> bool:
        """The network goes on now, and would not afterwards."""
        return self.before.quorum_survives and not self.after.quorum_survives


@dataclass(frozen=True)
class _Facts:
    """What the ledger says of a network: entries by node id, frozen ones among them, active members."""

    entries: Mapping[str, Entry]
    frozen: frozenset[str]
    active: frozenset[str]


def changes(compiled: Sequence[Call]) -> list[NetworkChange]:
    """Each network whose list or validators would differ, by name. Raises NoLedger."""
    effects = [effect for effect in map(_effect, compiled) if effect is not None]
    networks = Network.objects.order_by("pk")
    found = (_change(network, effects) for network in networks)
    return [one for one in found if one.entering or one.leaving or one.changed or one.before != one.after]


_Effect = tuple[str, dict[str, Any]]


def _effect(call: Call) -> _Effect | None:
    try:
        return calls.decode(call)
    except UnknownCall:
        return None


def _change(network: Network, effects: Sequence[_Effect]) -> NetworkChange:
    now = _facts(network)
    then = now
    for name, arguments in effects:
        then = _after(network.pk, then, name, arguments)
    endpoints, credentials = compiling.endpoints(network), compiling.credentials(network)

    def listed(facts: _Facts) -> dict[str, ListedNode]:
        entries = [entry for key, entry in facts.entries.items() if key not in facts.frozen]
        nodes = rules.listed(entries, endpoints, credentials, facts.active)
        return {node.consensus_id: node for node in nodes}

    before, after = listed(now), listed(then)
    return NetworkChange(
        network=network,
        entering=[after[key] for key in sorted(after.keys() - before.keys())],
        leaving=[before[key] for key in sorted(before.keys() - after.keys())],
        changed=[
            (before[key], after[key])
            for key in sorted(before.keys() & after.keys())
            if before[key] != after[key]
        ],
        before=_validators(now, before),
        after=_validators(then, after),
    )


def _facts(network: Network) -> _Facts:
    rows, now = chain.registry(network.pk), clock.now()
    return _Facts(
        entries={row.consensus_id: Entry(row.consensus_id, row.member_id, row.role) for row in rows},
        frozen=frozenset(row.consensus_id for row in rows if row.is_frozen(now)),
        active=frozenset(chain.active_member_ids()),
    )


def _after(network: str, facts: _Facts, name: str, arguments: dict[str, Any]) -> _Facts:
    """The facts after one call; what is about another network, or no list, leaves them as they are."""
    member = str(arguments.get("memberId", ""))
    if name in {"grant", "reinstate"}:
        return replace(facts, active=facts.active | {member})
    if name in {"suspend", "revoke"}:
        return replace(facts, active=facts.active - {member})
    if arguments.get("network") != network or "consensusId" not in arguments:
        return facts
    key = str(arguments["consensusId"]).removeprefix("0x")
    if name == "setRole":
        return replace(facts, entries={**facts.entries, key: Entry(key, member, int(arguments["role"]))})
    if name == "remove":
        entries = {other: entry for other, entry in facts.entries.items() if other != key}
        return replace(facts, entries=entries, frozen=facts.frozen - {key})
    if name == "thaw":
        return replace(facts, frozen=facts.frozen - {key})
    return replace(facts, frozen=facts.frozen | {key}) if name == "ratifyFreeze" else facts


def _validators(facts: _Facts, listed: Mapping[str, ListedNode]) -> Validators:
    sealers = [key for key, entry in facts.entries.items() if entry.role == SEALER]
    return Validators(len(sealers), sum(key in listed for key in sealers))
