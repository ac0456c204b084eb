"""Guarding an epoch when it is compiled, and letting it out in spite of what was found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from certs import selectors as certs
from certs.choices import RevocationReason
from certs.models import Certificate, Suspension
from consortium.core import clock, events, outbox
from consortium.core.errors import InvalidInput, NotAllowed, ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import Network, Node, User
from consortium.members.permissions import require_secretariat
from governance.chain import selectors as chain
from governance.chain.ledgers.models import GovernedLedger, LedgerNode
from governance.permissions import guards, holding, rules, topics
from governance.permissions.errors import NotHeld, NotIndependent, SamePerson, Superseded
from governance.permissions.models import (
    Epoch,
    EpochFile,
    EpochFinding,
    EpochMember,
    EpochOverride,
    GuardPolicy,
)

_SEALER = 2
_RSA_ONLY = frozenset({"3.x"})  # the form whose id ``tls_id`` in permissions.json is
_NONE: frozenset[str] = frozenset()
_POLICY = "policy"  # in a finding's params: by which values it was found
_DAY = timedelta(days=1)


# --- Finding ----------------------------------------------------------------------------------------------
def look(
    network: Network, nodes: Sequence[rules.ListedNode], block: int, former: Epoch | None = None
) -> list[guards.Finding]:
    """What is dangerous about ``nodes`` as the network's next list, read as of ``block``.

    ``former``: the list that everybody has, where the next one only takes from it. What a newer one had let
    in for a few is put off by that, not dropped; what a newer one drops was looked at then.
    """
    after = [_named(node) for node in nodes]
    base = holding.publishable(network.pk).first()
    before = _list_of(base) if base else None
    if before and former is not None:
        kept = _ids(Node.objects.filter(pk__in=former.members.values("node")))
        before = [node for node in before if node.id in kept]
    values = _binding(network, base)
    facts = _facts(network, base, before or [], values["window_minutes"], block)
    limits = guards.Policy(values["dropped_percent"], values["dropped_least"])
    return [_with_policy(one, values) for one in guards.findings(before, after, facts, limits)]


def hold(epoch: Epoch, found: Iterable[guards.Finding]) -> None:
    """Keep what was found, in the transaction that writes the epoch."""
    rows = [EpochFinding(epoch=epoch, code=one.code, params=dict(one.params)) for one in found]
    if not rows:
        return
    EpochFinding.objects.bulk_create(rows)
    events.record(
        "epoch.held",
        epoch,
        actor=events.CLOCK,
        network=epoch.network_id,
        epoch=epoch.number,
        findings=[{"code": row.code, **row.params} for row in rows],
    )


def may_go_now(
    last: Epoch, nodes: Sequence[rules.ListedNode], block: int, former: Epoch | None = None
) -> bool:
    """Is ``last`` held for what is not so any more? Then the same list is to be written once more.

    A node has left consensus by now, say: nobody need let anything out that is not dangerous.
    """
    return holding.is_held(last) and not look(last.network, nodes, block, former)


def policy(network: Network) -> GuardPolicy:
    """The network's own values, or the usual ones."""
    return GuardPolicy.objects.filter(network=network).first() or GuardPolicy(network=network)


def _with_policy(found: guards.Finding, values: Mapping[str, int]) -> guards.Finding:
    if found.code != guards.TOO_MANY_DROPPED:
        return found
    return replace(found, params={**found.params, _POLICY: dict(values)})


def _binding(network: Network, base: Epoch | None) -> dict[str, int]:
    """The network's values, or the stricter ones by which a list is held or was within a day.

    One person sets the values. Loosened after a list was held by them, they would let it out, or the next
    one that drops the same nodes, without the second person.
    """
    held = Q(epoch__number__gt=base.number if base else 0) | Q(epoch__compiled_at__gte=clock.now() - _DAY)
    found = EpochFinding.objects.filter(held, epoch__network=network, code=guards.TOO_MANY_DROPPED)
    present = policy(network)
    known = [{name: getattr(present, name) for name in holding.POLICY_LIMITS}]
    # Findings of an earlier release do not say by which values they were made.
    known += found.filter(params__has_key=_POLICY).values_list(f"params__{_POLICY}", flat=True)
    return {
        name: (max if name == "window_minutes" else min)(values[name] for values in known)
        for name in holding.POLICY_LIMITS
    }


def _list_of(epoch: Epoch) -> list[guards.Listed]:
    content = EpochFile.objects.values_list("content", flat=True).get(epoch=epoch, path=rules.JSON_PATH)
    return [_listed(node) for node in json.loads(bytes(content))["nodes"]]


def _named(node: rules.ListedNode) -> guards.Listed:
    """From a node of the state: not by way of its JSON, which takes longer than the guards do."""
    return guards.Listed(
        id=node.id,
        name=node.name,
        role=node.role,
        consensus_id=node.consensus_id,
        software=node.software,
        forms=node.tls_ids.forms,
        reachable=bool(node.host or node.addresses),
    )


def _listed(node: Mapping[str, Any]) -> guards.Listed:
    """From a node as ``permissions.json`` shows it, of an old list, too: fields may lack there."""
    return guards.Listed(
        id=node["id"],
        name=node["name"],
        role=node["role"],
        consensus_id=node["consensus_id"],
        software=node["software"],
        forms=_forms(node.get("tls_id", ""), node.get("further_tls_ids", {})),
        reachable=bool(node.get("host") or node.get("addresses")),
    )


def _forms(tls_id: str, further: Mapping[str, Any]) -> frozenset[str]:
    first = _RSA_ONLY if tls_id else _NONE
    return first.union(further) if further else first


def _facts(
    network: Network, base: Epoch | None, before: list[guards.Listed], minutes: int, block: int
) -> guards.Facts:
    rows = {consensus_id: role for consensus_id, _member, role in chain.roles(network.pk)}
    frozen = chain.frozen(network.pk, clock.now())
    roles = {key: rules.ROLES[role] for key, role in rows.items() if key not in frozen}
    recent = _recent(base, before, timedelta(minutes=minutes))
    return guards.Facts(
        sealers={key for key, role in rows.items() if role == _SEALER},
        admitted=rows.keys(),
        bootnodes=_ids(Node.objects.filter(network=network, is_bootnode=True)),
        urgent=_urgent(network, frozen, recent.keys()),
        recent=recent,
        of_day=_recent(base, before, _DAY),
        # Under another head the registry may have moved; then another look at it is owed already.
        confirmed=roles if chain.head().block == block else None,
        own_ledger=_own_ledger(network),
    )


def _recent(base: Epoch | None, before: list[guards.Listed], window: timedelta) -> dict[str, str]:
    """Names of the nodes of the lists that were in force within the window, by id.

    What two people let out is what they wanted: counting begins anew there.
    """
    names = {node.id: node.name for node in before}
    if base is None:
        return names
    since = clock.now() - window
    earlier = Epoch.objects.filter(network=base.network_id, number__lt=base.number, published_at__gte=since)
    wanted = holding.let_out(Epoch.objects.filter(network=base.network_id, number__lte=base.number))
    newest = wanted.order_by("-number").values_list("number", flat=True).first()
    if newest is not None:
        earlier = earlier.filter(number__gte=newest)
    members = EpochMember.objects.filter(epoch__in=list(earlier.values_list("pk", flat=True)))
    left = members.exclude(node__in=EpochMember.objects.filter(epoch=base).values("node"))
    gone = Node.objects.filter(pk__in=left.values("node")).select_related("institution")
    return {**{str(node.pk): str(node) for node in gone}, **names}


def _urgent(network: Network, frozen: Set[str], known: Iterable[str]) -> frozenset[str]:
    """Those of the ``known`` nodes that the guardians froze, or whose key is in other hands or in doubt.

    One that has a valid certificate beside such a one is not on its way out because of that.
    """
    now = clock.now()
    compromised = Q(revocation__reason=RevocationReason.KEY_COMPROMISE)
    held = Q(pk__in=Suspension.objects.filter(released_at__isnull=True).values("certificate"))
    rows = Certificate.objects.filter(compromised | held, node__network=network, not_after__gte=now)
    doubtful = set(rows.values_list("node", flat=True))
    sound = certs.valid_certificates(now).filter(node__in=doubtful).values_list("node", flat=True)
    doubtful -= set(sound)
    stopped = _ids(Node.objects.filter(network=network, consensus_id__in=frozen)) if frozen else frozenset()
    return frozenset(known) & ({str(pk) for pk in doubtful} | stopped)


def to_go_at_once(network: Network) -> frozenset[str]:
    """Nodes on the list in force that guardians froze, or whose key is in other hands or in doubt."""
    base = holding.publishable(network.pk).first()
    if base is None:
        return frozenset()
    frozen = chain.frozen(network.pk, clock.now())
    return _urgent(network, frozen, _ids(Node.objects.filter(pk__in=base.members.values("node"))))


def _ids(nodes: Any) -> frozenset[str]:
    return frozenset(str(pk) for pk in nodes.values_list("pk", flat=True))


def _own_ledger(network: Network) -> dict[str, str] | None:
    """Roles in consensus by node id, where the network's own ledger tells them."""
    ledger = GovernedLedger.objects.filter(network=network).first()
    if ledger is None:
        return None
    rows = LedgerNode.objects.filter(ledger=ledger).values_list("consensus_id", "role")
    return {key: rules.ROLES[role] for key, role in rows} or None


# --- Letting out ------------------------------------------------------------------------------------------
def override(epoch: Epoch, *, actor: Actor, reason: str) -> EpochOverride:
    """One person's word that a held epoch is to go out all the same; the second one's has it published.

    Raises NotAllowed, ReasonRequired, NotHeld, Superseded, SamePerson, NotIndependent.
    """
    if not (isinstance(actor, User) and actor.is_secretariat):
        raise NotAllowed  # a part of the console is nobody who could answer for it
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=epoch.network_id)
        _check(epoch, actor)
        row = EpochOverride.objects.create(
            epoch=epoch,
            person=actor,
            person_label=actor.get_username(),
            reason=reason.strip(),
            at=clock.now(),
        )
        lets_out = not holding.is_held(epoch)
        events.record(
            "epoch.overridden",
            epoch,
            actor=actor,
            reason=row.reason,
            network=epoch.network_id,
            epoch=epoch.number,
            lets_out=lets_out,
        )
        if lets_out:
            outbox.enqueue(topics.PUBLISH, key="repository")
    return row


def _check(epoch: Epoch, actor: User) -> None:
    newest = Epoch.objects.filter(network=epoch.network_id).order_by("-number").first()
    if newest is not None and newest.number > epoch.number:
        raise Superseded(epoch=epoch.number, newest=newest.number)
    if not holding.is_held(epoch):
        raise NotHeld(epoch=epoch.number)
    if epoch.overrides.filter(person=actor).exists():
        raise SamePerson
    _check_independent(epoch, actor)


def _check_independent(epoch: Epoch, actor: User) -> None:
    """One person could make an account for the second word, or have made the first one's."""
    if actor.date_joined > epoch.compiled_at:
        raise NotIndependent(account=actor.get_username())
    for other in User.objects.filter(pk__in=epoch.overrides.values("person")):
        if _has_made(other, actor) or _has_made(actor, other):
            raise NotIndependent(account=actor.get_username())


def _has_made(person: User, account: User) -> bool:
    made = events.timeline(account).filter(action="account.created")
    return made.filter(actor_id=person.pk).exists()


def set_policy(
    network: Network,
    *,
    dropped_percent: int | None = None,
    dropped_least: int | None = None,
    window_minutes: int | None = None,
    actor: Actor,
    reason: str,
) -> GuardPolicy:
    """From when on a network's guards call nodes dropped at once too many; None leaves a value as it is.

    One person may do this, so it stays within limits: what two are asked for can't be set aside by one.

    Raises NotAllowed, ReasonRequired, InvalidInput.
    """
    require_secretariat(actor)
    if not reason.strip():
        raise ReasonRequired
    given = {
        "dropped_percent": dropped_percent,
        "dropped_least": dropped_least,
        "window_minutes": window_minutes,
    }
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        present = policy(network)
        before: dict[str, int] = {name: getattr(present, name) for name in given}
        wanted = before | {name: value for name, value in given.items() if value is not None}
        _check_values(wanted)
        row, _made = GuardPolicy.objects.update_or_create(network=network, defaults=wanted)
        events.record(
            "guards.changed",
            network,
            actor=actor,
            reason=reason.strip(),
            before=before,
            after=wanted,
        )
    return row


def _check_values(wanted: Mapping[str, int]) -> None:
    for name, (least, most) in holding.POLICY_LIMITS.items():
        if not least <= wanted[name] <= most:
            called = {field.name: str(field.verbose_name) for field in GuardPolicy._meta.fields}
            raise InvalidInput(field=called[name], reason=f"{least}–{most}")
