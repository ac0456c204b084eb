"""What calls that members vote on would do to each network's list, were they carried out now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from consortium.members.models import Network
from governance.chain import calls
from governance.chain.calls import Call
from governance.chain.errors import UnknownCall
from governance.permissions import rules
from governance.permissions.guards import Validators as Validators
from governance.permissions.rules import (
    DesiredState,
    Entry,
    FrozenNode,
    ListedAccount,
    ListedNode,
    Permission,
)
from governance.permissions.services import gathering

SEALER = 2
T = TypeVar("T")


@dataclass(frozen=True)
class NetworkChange:
    """The exact difference between a network's list now and after; what is changed are (before, after).

    ``freezing`` and ``thawing`` are nodes by name: a frozen one is kept out besides not being listed.
    """

    network: Network
    entering: list[ListedNode]
    leaving: list[ListedNode]
    changed: list[tuple[ListedNode, ListedNode]]
    accounts_entering: list[ListedAccount]
    accounts_leaving: list[ListedAccount]
    accounts_changed: list[tuple[ListedAccount, ListedAccount]]
    freezing: list[FrozenNode]
    thawing: list[FrozenNode]
    before: Validators
    after: Validators

    @property
    def is_none(self) -> bool:
        """Nothing differs."""
        lists = (self.entering, self.leaving, self.changed, self.accounts_entering, self.accounts_leaving)
        more = (self.accounts_changed, self.freezing, self.thawing)
        return self.before == self.after and not any((*lists, *more))

    @property
    def is_danger(self) -> bool:
        """The network goes on now, and would not afterwards."""
        return self.before.quorum_survives and not self.after.quorum_survives


@dataclass(frozen=True)
class _Facts:
    """What the ledger says of a network: entries by node id, frozen ones among them, accounts by address."""

    entries: Mapping[str, Entry]
    frozen: frozenset[str]
    permissions: Mapping[str, Permission]
    active: frozenset[str]

    def of_rules(self) -> rules.Facts:
        return rules.Facts(
            entries=tuple(one for key, one in self.entries.items() if key not in self.frozen),
            frozen=tuple(one for key, one in self.entries.items() if key in self.frozen),
            permissions=tuple(self.permissions.values()),
            active_members=self.active,
        )


def changes(compiled: Sequence[Call]) -> list[NetworkChange]:
    """Each network whose list or validators would differ, by name. Raises NoLedger."""
    effects = [effect for effect in map(_effect, compiled) if effect is not None]
    networks = Network.objects.order_by("pk")
    found = (_change(network, effects) for network in networks)
    return [one for one in found if not one.is_none]


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
    endpoints, keys = gathering.endpoints(network), gathering.keys(network)
    states = [rules.desired(facts.of_rules(), endpoints, keys) for facts in (now, then)]
    nodes = _differences(*({node.consensus_id: node for node in state.nodes} for state in states))
    accounts = _differences(*({one.address: one for one in state.accounts} for state in states))
    frozen = _differences(*({one.consensus_id: one for one in state.frozen} for state in states))
    return NetworkChange(
        network=network,
        entering=nodes.new,
        leaving=nodes.gone,
        changed=nodes.changed,
        accounts_entering=accounts.new,
        accounts_leaving=accounts.gone,
        accounts_changed=accounts.changed,
        freezing=frozen.new,
        thawing=frozen.gone,
        before=_validators(now, states[0]),
        after=_validators(then, states[1]),
    )


@dataclass(frozen=True)
class _Differences(Generic[T]):
    new: list[T]
    gone: list[T]
    changed: list[tuple[T, T]]


def _differences(before: Mapping[str, T], after: Mapping[str, T]) -> _Differences[T]:
    both = sorted(before.keys() & after.keys())
    return _Differences(
        new=[after[key] for key in sorted(after.keys() - before.keys())],
        gone=[before[key] for key in sorted(before.keys() - after.keys())],
        changed=[(before[key], after[key]) for key in both if before[key] != after[key]],
    )


def _facts(network: Network) -> _Facts:
    found = gathering.ledger_facts(network)
    return _Facts(
        entries={entry.consensus_id: entry for entry in (*found.entries, *found.frozen)},
        frozen=frozenset(entry.consensus_id for entry in found.frozen),
        permissions={one.address.lower(): one for one in found.permissions},
        active=frozenset(found.active_members),
    )


def _after(network: str, facts: _Facts, name: str, arguments: dict[str, Any]) -> _Facts:
    """The facts after one call; what is about another network, or no list, leaves them as they are."""
    member = str(arguments.get("memberId", ""))
    if name in {"grant", "reinstate"}:
        return replace(facts, active=facts.active | {member})
    if name in {"suspend", "revoke"}:
        return replace(facts, active=facts.active - {member})
    if arguments.get("network") != network:
        return facts
    if name == "setAccount":
        return _with_account(facts, str(arguments["account"]), member, int(arguments["permission"]))
    if "consensusId" not in arguments:
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


def _with_account(facts: _Facts, address: str, member: str, permission: int) -> _Facts:
    """Permission 0 takes it from the registry."""
    key = address.lower()
    others = {other: one for other, one in facts.permissions.items() if other != key}
    if permission:
        others[key] = Permission(address, member, permission)
    return replace(facts, permissions=others)


def _validators(facts: _Facts, state: DesiredState) -> Validators:
    listed = {node.consensus_id for node in state.nodes}
    sealers = [key for key, entry in facts.entries.items() if entry.role == SEALER]
    return Validators(len(sealers), sum(key in listed for key in sealers))
