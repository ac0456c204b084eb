"""Guarding an epoch when it is compiled, and letting it out in spite of what was found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from certs import selectors as certs
from certs.choices import RevocationReason
from certs.models import Certificate, Suspension
from consortium.core import clock, events, outbox
from consortium.core.errors import InvalidInput, NotAllowed, ReasonRequired
from consortium.core.events import Actor
from consortium.members.models import Network, Node, User
from consortium.members.permissions import require_secretariat
from governance.chain import ledger as gateway
from governance.chain import selectors as chain
from governance.chain.ledgers.models import GovernedLedger, LedgerNode
from governance.chain.models import RegistryEntry
from governance.permissions import guards, holding, rules, topics
from governance.permissions.errors import NotHeld, SamePerson, Superseded
from governance.permissions.models import (
    Epoch,
    EpochFile,
    EpochFinding,
    EpochMember,
    EpochOverride,
    GuardPolicy,
)

_SEALER = 2
_RSA = "3.x"  # the form whose id ``tls_id`` in permissions.json is


# --- Finding ----------------------------------------------------------------------------------------------
def look(network: Network, nodes: Sequence[rules.ListedNode], block: int) -> list[guards.Finding]:
    """What is dangerous about ``nodes`` as the network's next list, read as of ``block``."""
    return look_at(network, [node.as_json() for node in nodes], block)


def look_at(network: Network, nodes: Sequence[Mapping[str, Any]], block: int) -> list[guards.Finding]:
    """Likewise of nodes as ``permissions.json`` shows them."""
    base = holding.publishable(network.pk).first()
    before = _list_of(base) if base else None
    after = [_listed(node) for node in nodes]
    values = policy(network)
    facts = _facts(network, base, before or [], values, block)
    return guards.findings(before, after, facts, guards.Policy(values.dropped_percent, values.dropped_least))


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


def may_go_now(last: Epoch, nodes: Sequence[rules.ListedNode], block: int) -> bool:
    """Is ``last`` held for what is not so any more? Then the same list is to be written once more.

    A node has left consensus by now, say: nobody need let anything out that is not dangerous.
    """
    return holding.is_held(last) and not look(last.network, nodes, block)


def policy(network: Network) -> GuardPolicy:
    """The network's own values, or the usual ones."""
    return GuardPolicy.objects.filter(network=network).first() or GuardPolicy(network=network)


def _list_of(epoch: Epoch) -> list[guards.Listed]:
    content = EpochFile.objects.values_list("content", flat=True).get(epoch=epoch, path=rules.JSON_PATH)
    return [_listed(node) for node in json.loads(bytes(content))["nodes"]]


def _listed(node: Mapping[str, Any]) -> guards.Listed:
    """From a node as ``permissions.json`` shows it, of an old list, too: fields may lack there."""
    return guards.Listed(
        id=node["id"],
        name=node["name"],
        role=node["role"],
        consensus_id=node["consensus_id"],
        software=node["software"],
        forms=frozenset({_RSA} if node.get("tls_id") else ()) | node.get("further_tls_ids", {}).keys(),
        reachable=bool(node.get("host") or node.get("addresses")),
    )


def _facts(
    network: Network, base: Epoch | None, before: list[guards.Listed], values: GuardPolicy, block: int
) -> guards.Facts:
    entries = RegistryEntry.objects.filter(ledger=gateway.current(), network=network.pk)
    # No row objects: for 10,000 nodes those take longer than everything else here.
    rows = dict(entries.values_list("consensus_id", "role"))
    frozen = _frozen(entries)
    roles = {key: rules.ROLES[role] for key, role in rows.items() if key not in frozen}
    recent = _recent(base, before, values)
    return guards.Facts(
        sealers={key for key, role in rows.items() if role == _SEALER},
        admitted=rows.keys(),
        bootnodes=_ids(Node.objects.filter(network=network, is_bootnode=True)),
        urgent=_urgent(network, frozen, recent.keys()),
        recent=recent,
        # Under another head the registry may have moved; then another look at it is owed already.
        confirmed=roles if chain.head().block == block else None,
        own_ledger=_own_ledger(network),
    )


def _recent(base: Epoch | None, before: list[guards.Listed], values: GuardPolicy) -> dict[str, str]:
    """Names of the nodes of the lists that were in force within the window, by id.

    What two people let out is what they wanted: counting begins anew there.
    """
    names = {node.id: node.name for node in before}
    if base is None:
        return names
    since = clock.now() - timedelta(minutes=values.window_minutes)
    earlier = Epoch.objects.filter(network=base.network_id, number__lt=base.number, published_at__gte=since)
    wanted = Epoch.objects.filter(network=base.network_id, number__lte=base.number, overrides__isnull=False)
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


def _frozen(entries: QuerySet[RegistryEntry]) -> set[str]:
    """Node ids of those that are frozen now."""
    now = clock.now()
    stopped = entries.filter(Q(frozen_until__isnull=False) | Q(freeze_ratified=True))
    return {row.consensus_id for row in stopped if row.is_frozen(now)}


def to_go_at_once(network: Network) -> frozenset[str]:
    """Nodes on the list in force that guardians froze, or whose key is in other hands or in doubt."""
    base = holding.publishable(network.pk).first()
    if base is None:
        return frozenset()
    entries = RegistryEntry.objects.filter(ledger=gateway.current(), network=network.pk)
    return _urgent(network, _frozen(entries), _ids(Node.objects.filter(pk__in=base.members.values("node"))))


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

    Raises NotAllowed, ReasonRequired, NotHeld, Superseded, SamePerson.
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


def set_policy(
    network: Network,
    *,
    dropped_percent: int,
    dropped_least: int,
    window_minutes: int,
    actor: Actor,
    reason: str,
) -> GuardPolicy:
    """From when on a network's guards call nodes dropped at once too many.

    One person may do this, so it stays within limits: what two are asked for can't be set aside by one.

    Raises NotAllowed, ReasonRequired, InvalidInput.
    """
    require_secretariat(actor)
    if not reason.strip():
        raise ReasonRequired
    wanted = {
        "dropped_percent": dropped_percent,
        "dropped_least": dropped_least,
        "window_minutes": window_minutes,
    }
    _check_values(wanted)
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        before = policy(network)
        row, _made = GuardPolicy.objects.update_or_create(network=network, defaults=wanted)
        events.record(
            "guards.changed",
            network,
            actor=actor,
            reason=reason.strip(),
            before={name: getattr(before, name) for name in wanted},
            after=wanted,
        )
    return row


def _check_values(wanted: Mapping[str, int]) -> None:
    for name, (least, most) in holding.POLICY_LIMITS.items():
        if not least <= wanted[name] <= most:
            called = {field.name: str(field.verbose_name) for field in GuardPolicy._meta.fields}
            raise InvalidInput(field=called[name], reason=f"{least}–{most}")
