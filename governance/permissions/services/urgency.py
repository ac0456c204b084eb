"""What can't wait for the stages of a rollout, or for the end of a halt: a key in other hands, a freeze."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from certs.choices import RevocationReason
from certs.models import Certificate, Suspension
from consortium.core import clock
from governance.chain import selectors as chain
from governance.permissions import rolling, rules
from governance.permissions.models import Epoch, EpochFile, RolloutPolicy
from governance.permissions.rollouts import EVERYBODY, Urgency

if TYPE_CHECKING:
    from consortium.members.models import Network

_Named = Mapping[str, str]  # the certificates that a list names, each with its node's id on the ledger


def of(former: Epoch | None, epoch: Epoch) -> str:
    """Why ``epoch`` can't wait where everybody has ``former``; empty when it can.

    One that lets somebody in can: another that only takes away is compiled then, and goes first.
    """
    if former is None:
        return Urgency.FIRST
    if not _nodes(epoch) <= _nodes(former):
        return ""
    published = Epoch.objects.filter(network=epoch.network_id, published_at__isnull=False)
    newest = published.filter(number__lt=epoch.number).order_by("-number").first()  # which a few may have
    return _first(epoch.network_id, {former, newest or former}, _named(epoch))


def nobody_but(epoch: Epoch, state: rules.DesiredState) -> rules.DesiredState:
    """Of what may take part now, the nodes and accounts that ``epoch`` lists, and no more."""
    nodes = _nodes(epoch)
    content = epoch.files.values_list("content", flat=True).get(path=rules.JSON_PATH)
    known = json.loads(bytes(content)).get("accounts")  # lists of earlier releases say nothing of accounts
    accounts = None if known is None else {account["address"] for account in known}
    return replace(
        state,
        nodes=tuple(node for node in state.nodes if node.id in nodes),
        accounts=tuple(each for each in state.accounts if accounts is None or each.address in accounts),
    )


def first_of_all(network: Network, state: rules.DesiredState) -> Epoch | None:
    """The list that everybody has, when that must be rid of something at once and of nothing else.

    A list that can't wait takes nothing along: whoever calls a key lost would have what waits for its
    stages, or for a person, go out with it. None where nothing is urgent, or nothing else waits.
    """
    if not _is_watched(network):
        return None
    former = for_everybody(network)
    newest = Epoch.objects.filter(network=network, published_at__isnull=False).order_by("-number").first()
    if former is None or newest is None:
        return None
    left = _certificates(nobody_but(former, state).nodes)
    return former if _first(network.pk, {former, newest}, left) else None


def can_not_wait(last: Epoch) -> bool:
    """Does ``last`` go out stage by stage though what it takes away has become urgent since?"""
    if last.published_at is None:
        return False  # that is looked at when it is published
    former = for_everybody(last.network)
    return former is not None and former != last and bool(of(former, last))


def for_everybody(network: Network, before: int | None = None) -> Epoch | None:
    """The last published list that every node was to have; of those below the number ``before``, if given."""
    earlier = Epoch.objects.filter(network=network, published_at__isnull=False)
    if before is not None:
        earlier = earlier.filter(number__lt=before)
    for found in earlier.select_related("rollout__former").order_by("-number").iterator(chunk_size=20):
        rollout = getattr(found, "rollout", None)
        if rollout is None or rollout.share >= EVERYBODY:
            return found
    return None


def _is_watched(network: Network) -> bool:
    is_staged = rolling.policy(network).mode == RolloutPolicy.Mode.STAGED
    return is_staged or rolling.halted_by_a_person(network) is not None


def _first(network: str, lists: Iterable[Epoch], after: _Named) -> str:
    """Why what is gone from any of ``lists`` can't wait; empty when all of it can."""
    return next(filter(None, (_of(network, _named(each), after) for each in lists)), "")


def _of(network: str, before: _Named, after: _Named) -> str:
    gone = {serial for serial in before if serial not in after}
    if gone and _compromised(gone).exists():
        return Urgency.COMPROMISE
    left = set(before.values()) - set(after.values())
    return Urgency.FREEZE if left & chain.frozen(network, clock.now()) else ""


def _compromised(serials: set[str]) -> QuerySet[Certificate]:
    """Revoked as compromised, or suspended because somebody said so."""
    rows = Certificate.objects.filter(serial__in=serials)
    return rows.filter(revocation__reason=RevocationReason.KEY_COMPROMISE) | rows.filter(
        pk__in=Suspension.objects.filter(released_at__isnull=True).values("certificate")
    )


def _named(epoch: Epoch) -> _Named:
    content = EpochFile.objects.values_list("content", flat=True).get(epoch=epoch, path=rules.JSON_PATH)
    nodes = json.loads(bytes(content))["nodes"]
    return {node["certificate_serial"]: node["consensus_id"] for node in nodes}


def _nodes(epoch: Epoch) -> set[str]:
    return {str(pk) for pk in epoch.members.values_list("node_id", flat=True)}


def _certificates(nodes: Iterable[rules.ListedNode]) -> _Named:
    return {node.certificate_serial: node.consensus_id for node in nodes}
