"""What would be dangerous about publishing a list: pure, from the list in force, the new one and facts.

A finding does not say that the list is wrong. The registry, the certificates and the addresses may all be
as people wanted them, and the network would stop all the same. So somebody looks first; two, in fact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

EMPTY_LIST = "empty_list"
EMPTY_WHITE_LIST = "empty_white_list"
MISSING_BOOTNODE = "missing_bootnode"
NO_BOOTNODE = "no_bootnode"
TOO_FEW_VALIDATORS = "too_few_validators"
TOO_MANY_DROPPED = "too_many_dropped"
CUT_OFF = "cut_off"
ROLE_NOT_CONFIRMED = "role_not_confirmed"
STILL_SEALS = "still_seals"
CODES = (
    EMPTY_LIST, EMPTY_WHITE_LIST, MISSING_BOOTNODE, NO_BOOTNODE, TOO_FEW_VALIDATORS, TOO_MANY_DROPPED,
    CUT_OFF, ROLE_NOT_CONFIRMED, STILL_SEALS,
)  # fmt: skip

SEALER = "sealer"
FISCO_BCOS = "fisco-bcos"
_ETHEREUM = frozenset({"besu", "goquorum", "geth"})  # these speak the same protocol with each other
_ANY = "any"  # of software that we know nothing of
_SPEAKS_ETHEREUM, _SPEAKS_ANY = frozenset({"ethereum"}), frozenset({_ANY})
_MANY_PERCENT = 50  # of a list: more is too many whatever a policy says
_MANY_FROM = 3  # nodes; of two, one may leave, and both leave an empty list
_WATCHED_FROM = 3  # sealers; one or two tolerate no loss in any case, and are no alliance's ledger
_NAMED = 10  # of the nodes that a finding is about


@dataclass(frozen=True)
class Validators:
    """A network's sealers: how many the registry has, how many of them can take part.

    A Byzantine network of n sealers goes on while more than two thirds of them take part: it tolerates
    f of them failing, where n ≥ 3f + 1.
    """

    registered: int
    taking_part: int

    @property
    def tolerated(self) -> int:
        return max(0, (self.registered - 1) // 3)

    @property
    def needed(self) -> int:
        return self.registered - self.tolerated

    @property
    def quorum_survives(self) -> bool:
        return self.registered > 0 and self.taking_part >= self.needed


@dataclass(frozen=True)
class Listed:
    """A node on a list. ``reachable``: somebody can dial it.

    ``forms``: the kinds of TLS id that FISCO BCOS could let it in by; two meet that have one in common.
    """

    id: str
    name: str
    role: str
    consensus_id: str
    software: str
    forms: frozenset[str] = frozenset()
    reachable: bool = True


@dataclass(frozen=True)
class Policy:
    """From how many dropped nodes on, and above which share of the list (in whole percent), people look."""

    dropped_percent: int = 33
    dropped_least: int = 3


@dataclass(frozen=True)
class Facts:
    """What else is known when a list is compiled. Nodes by id, but where the ledger speaks of them.

    ``recent``: names of the nodes that any list of the last while named, so that many small steps count as
    the large one that they are; ``of_day`` likewise of a day, however short a policy's while is.
    ``urgent``: nodes whose key is in other hands, or that the guardians froze.
    ``confirmed``: roles as the registry has them when it is read once more, None where it moved meanwhile.
    ``own_ledger``: roles in consensus as the network's own ledger lists them, None where it does not say.
    """

    sealers: Set[str] = frozenset()  # consensus ids with this role in the registry, frozen ones included
    admitted: Set[str] = frozenset()  # consensus ids with any role there
    bootnodes: Set[str] = frozenset()
    urgent: Set[str] = frozenset()
    recent: Mapping[str, str] = field(default_factory=dict)
    of_day: Mapping[str, str] = field(default_factory=dict)
    confirmed: Mapping[str, str] | None = None
    own_ledger: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Finding:
    """``code`` is stable; ``params`` are JSON and fill its sentence."""

    code: str
    params: Mapping[str, Any]


def findings(
    before: Sequence[Listed] | None, after: Sequence[Listed], facts: Facts, policy: Policy
) -> list[Finding]:
    """What is dangerous about going from ``before`` (None: no list yet) to ``after``, in the order of CODES.

    A list that changes nothing of what a guard looks at has no finding: what was so before is not held
    against a change that has nothing to do with it.
    """
    known = list(before or ())
    spared, left_facts = _without_urgent(known, after, facts)
    found = [
        *_empty(known, after),
        *_empty_white_list(known, after),
        *_bootnodes(spared, after, left_facts),
        *_validators(spared, after, left_facts),
        *_dropped(spared, after, left_facts, policy),
        *_cut_off(spared, after),
        *_roles(spared, after, left_facts),
        *_still_sealing(spared, after, left_facts),
    ]
    return sorted(found, key=lambda one: CODES.index(one.code))


def spares(urgent: int, listed: int) -> bool:
    """May so many of so many nodes go at once because their keys are lost? One always, or up to a third.

    Without an end to it one person could empty a network by calling every key lost.
    """
    return urgent <= 1 or urgent * 3 <= listed


def _without_urgent(
    before: list[Listed], after: Sequence[Listed], facts: Facts
) -> tuple[list[Listed], Facts]:
    """As if those that must go at once had never been there, unless they are too many."""
    staying = {node.id for node in after}
    going = {key for key in facts.urgent if key not in staying}
    gone = {node.id for node in before if node.id in going} | (going & facts.recent.keys())
    if not gone or not spares(len(gone), max(len(before), len(facts.recent))):
        return before, facts
    keys = {node.consensus_id for node in before if node.id in gone}
    own = facts.own_ledger
    rest = replace(
        facts,
        sealers=facts.sealers - keys,
        own_ledger=None if own is None else {key: role for key, role in own.items() if key not in keys},
        recent={key: name for key, name in facts.recent.items() if key not in gone},
        of_day={key: name for key, name in facts.of_day.items() if key not in gone},
    )
    return [node for node in before if node.id not in gone], rest


def _empty(before: Sequence[Listed], after: Sequence[Listed]) -> Iterable[Finding]:
    if before and not after:
        yield Finding(EMPTY_LIST, {"count": len(before)})


def _empty_white_list(before: Sequence[Listed], after: Sequence[Listed]) -> Iterable[Finding]:
    """FISCO BCOS nodes stay, and none of them has an id that their white list could name."""
    had = any(node.software == FISCO_BCOS and node.forms for node in before)
    staying = [node for node in after if node.software == FISCO_BCOS]
    if had and staying and not any(node.forms for node in staying):
        yield Finding(EMPTY_WHITE_LIST, _named(staying))


def _bootnodes(before: Sequence[Listed], after: Sequence[Listed], facts: Facts) -> Iterable[Finding]:
    """One that the members still want there; or the last, whoever wanted it gone."""
    staying = {node.id for node in after}
    had = [node for node in before if node.id in facts.bootnodes]
    lost = [node for node in had if node.id not in staying and node.consensus_id in facts.admitted]
    if lost:
        yield Finding(MISSING_BOOTNODE, _named(lost))
    elif had and after and not staying & facts.bootnodes:
        yield Finding(NO_BOOTNODE, _named(had))


def _validators(before: Sequence[Listed], after: Sequence[Listed], facts: Facts) -> Iterable[Finding]:
    """Sealers that the chain still counts on leave the list, and those that are left are too few.

    One that was voted out is not counted on any more; one that was voted in and has no certificate yet was
    not on the list before, so this list does not take it away.
    """
    sealers = _sealers(facts)
    here = {node.consensus_id for node in after} & sealers
    counted = {node.consensus_id for node in before if node.role == SEALER or node.consensus_id in sealers}
    lost = counted & sealers - here
    was = Validators(len(sealers | counted), len(counted))
    now = Validators(len(sealers), len(here))
    if not lost or not after or not was.quorum_survives:
        return
    if now.quorum_survives or (now.registered < _WATCHED_FROM and here):
        return
    names = [node for node in before if node.consensus_id in lost]
    numbers = {"registered": now.registered, "taking_part": now.taking_part, "needed": now.needed}
    yield Finding(TOO_FEW_VALIDATORS, {**numbers, **_named(names)})


def _sealers(facts: Facts) -> Set[str]:
    """Whom the chain counts on: its own word where it has one, the registry's elsewhere."""
    if facts.own_ledger is None:
        return facts.sealers
    return {key for key, role in facts.own_ledger.items() if role == SEALER}


def _dropped(
    before: Sequence[Listed], after: Sequence[Listed], facts: Facts, policy: Policy
) -> Iterable[Finding]:
    staying = {node.id for node in after}
    known = {node.id: node.name for node in before}
    names = {**facts.recent, **known}
    dropped = _absent(names, staying)
    is_many = len(dropped) * 100 // max(1, len(names)) > policy.dropped_percent
    if len(dropped) >= policy.dropped_least and is_many:
        yield _too_many(dropped, names, policy.dropped_percent)
    elif _absent(known, staying):
        yield from _most_of_a_day({**facts.of_day, **names}, staying)


def _most_of_a_day(names: Mapping[str, str], staying: Set[str]) -> Iterable[Finding]:
    """No policy allows this: one person sets a policy."""
    dropped = _absent(names, staying)
    if len(names) >= _MANY_FROM and len(dropped) * 100 > len(names) * _MANY_PERCENT:
        yield _too_many(dropped, names, _MANY_PERCENT)


def _absent(names: Mapping[str, str], staying: Set[str]) -> list[str]:
    return sorted(name for key, name in names.items() if key not in staying)


def _too_many(dropped: Sequence[str], names: Mapping[str, str], percent: int) -> Finding:
    return Finding(TOO_MANY_DROPPED, {"of": len(names), "percent": percent, **_list(dropped)})


def _cut_off(before: Sequence[Listed], after: Sequence[Listed]) -> Iterable[Finding]:
    """Those that stay on a list with others, could reach one of them before, and none of them now."""
    if len(after) < 2:
        return
    was, now = _Peers(before), _Peers(after)
    known = {node.id: node for node in before}
    lost = [node for node in after if node.id in known and was.has(known[node.id]) and not now.has(node)]
    if lost:
        yield Finding(CUT_OFF, _named(lost))


class _Peers:
    """Who of a list can meet whom, counted once: comparing each with each takes minutes for 10,000 nodes."""

    def __init__(self, nodes: Iterable[Listed]) -> None:
        self._all: Counter[str] = Counter()
        self._reachable: Counter[str] = Counter()
        alike = Counter((_languages(node), node.reachable) for node in nodes)
        for (languages, reachable), count in alike.items():
            for language in languages:
                self._all[language] += count
                self._reachable[language] += count * reachable
        self._known: dict[tuple[frozenset[str], bool], bool] = {}

    def has(self, node: Listed) -> bool:
        """Is there another one that it can meet: in a language of both, and one can dial the other?"""
        kind = (_languages(node), node.reachable)
        if kind not in self._known:
            self._known[kind] = self._has(*kind)
        return self._known[kind]

    def _has(self, own: frozenset[str], reachable: bool) -> bool:
        if not own:
            return False
        count = self._all if reachable else self._reachable
        itself = 1 if reachable else 0
        met = count.keys() if _ANY in own else {*own, _ANY}
        return any(count[one] > (itself if one in own else 0) for one in met)


def _languages(node: Listed) -> frozenset[str]:
    """What a node can speak with others; nothing, where no list of FISCO BCOS could name it."""
    if node.software == FISCO_BCOS:
        return node.forms
    return _SPEAKS_ETHEREUM if node.software in _ETHEREUM else _SPEAKS_ANY


def _roles(before: Sequence[Listed], after: Sequence[Listed], facts: Facts) -> Iterable[Finding]:
    """Roles that are new on the list, and that the registry or the network's own ledger does not confirm.

    A node is let in before its ledger makes it a sealer; one that is in already becomes one there first.
    """
    known = {node.id: node for node in before}
    new = [node for node in after if node.id not in known or known[node.id].role != node.role]
    wrong = [node for node in new if not _is_confirmed(node, node.id in known, facts)]
    if wrong:
        yield Finding(ROLE_NOT_CONFIRMED, _named(wrong))


def _is_confirmed(node: Listed, was_in: bool, facts: Facts) -> bool:
    if facts.confirmed is not None and facts.confirmed.get(node.consensus_id) != node.role:
        return False
    if facts.own_ledger is None or not was_in or node.role != SEALER:
        return True
    return facts.own_ledger.get(node.consensus_id) == SEALER


def _still_sealing(before: Sequence[Listed], after: Sequence[Listed], facts: Facts) -> Iterable[Finding]:
    """Out of the list before it is out of consensus: the ledger's other sealers would wait for it."""
    if facts.own_ledger is None:
        return
    staying = {node.id for node in after}
    gone = [node for node in before if node.id not in staying]
    early = [node for node in gone if facts.own_ledger.get(node.consensus_id) == SEALER]
    if early:
        yield Finding(STILL_SEALS, _named(early))


def _named(nodes: Collection[Listed]) -> dict[str, Any]:
    return _list(sorted(node.name for node in nodes))


def _list(names: Sequence[str]) -> dict[str, Any]:
    more = ", …" if len(names) > _NAMED else ""
    return {"count": len(names), "nodes": ", ".join(names[:_NAMED]) + more}
