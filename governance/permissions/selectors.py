"""What pages and the API show of lists and of their way to the nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery

from consortium.core import clock
from consortium.members.models import Network, Node
from governance.permissions import rules
from governance.permissions.clocks import Clock, clocks_of_node, revocation_clock, revocation_clocks
from governance.permissions.models import Acknowledgement, Delivery, Epoch, EpochMember

__all__ = [
    "GRACE", "Change", "Clock", "Row", "behind", "clocks_of_node", "convergence", "diff", "epochs",
    "last_acknowledged", "listed", "nodes_behind", "published", "revocation_clock", "revocation_clocks",
    "state", "unheard_of", "with_state",
]  # fmt: skip

GRACE = timedelta(seconds=30)  # a node that needs longer is behind


@dataclass(frozen=True)
class Row:
    """One node's way to the newest list. ``state`` as in :func:`rules.delivery_state`; epochs 0 for none."""

    node: Node
    role: int | None  # in the newest epoch; None when not listed
    wanted: int
    told: int
    applied: int
    state: str
    since: datetime | None  # when the state began, as far as it is known
    pulled_at: datetime | None
    last_error: str


@dataclass(frozen=True)
class Change:
    """What differs for one node between two epochs; roles are None where it is not listed."""

    node: Node
    before: int | None
    after: int | None


def epochs(network: Network | str) -> QuerySet[Epoch]:
    """Epochs of a network, newest first."""
    return Epoch.objects.filter(network=network).select_related("network").order_by("-number")


def published(network: Network | str) -> Epoch | None:
    """The newest epoch that nodes can fetch."""
    return epochs(network).filter(published_at__isnull=False).first()


def convergence(network: Network | str) -> list[Row]:
    """Every node that is listed, or has ever been told or heard of, by institution and name."""
    newest = published(network)
    roles = dict(newest.members.values_list("node_id", "role")) if newest else {}
    nodes = Node.objects.filter(network=network, retired_at__isnull=True).select_related(
        "institution", "delivery"
    )
    return _rows([node for node in nodes if node.pk in roles or hasattr(node, "delivery")], roles)


def listed(rows: QuerySet[Delivery] | None = None) -> QuerySet[Delivery]:
    """Deliveries (of ``rows``, or all) of nodes in service that the newest published list names."""
    rows = Delivery.objects.all() if rows is None else rows
    return rows.filter(_is_listed(), node__retired_at__isnull=True)


def behind(rows: QuerySet[Delivery] | None = None) -> QuerySet[Delivery]:
    """Those of :func:`listed` that lack their list: ``behind``, ``mismatch`` or ``refused``.

    The one definition of a node behind; in words it is :func:`rules.delivery_state`.
    """
    late = Q(applied_epoch__lt=F("wanted_epoch"), wanted_at__lt=clock.now() - GRACE)
    refused = Q(refused_at__isnull=False) & (Q(pulled_at__isnull=True) | Q(refused_at__gt=F("pulled_at")))
    mismatch = Q(reported_matches=False, reported_epoch=F("wanted_epoch"))
    return _with_report(listed(rows)).filter(late | refused | mismatch)


def nodes_behind() -> list[Row]:
    """:func:`behind`, as rows, longest first."""
    nodes = Node.objects.filter(pk__in=behind().values("pk")).select_related(
        "institution", "delivery", "network"
    )
    members = EpochMember.objects.filter(epoch__in=_newest().values("pk"), node__in=nodes)
    found = _rows(nodes, dict(members.values_list("node_id", "role")))
    return sorted(found, key=lambda row: row.since or datetime.min.replace(tzinfo=clock.now().tzinfo))


def unheard_of(delivery: Delivery) -> bool:
    """Has no agent ever come for this node's list, nor is there an address where one would be told?"""
    return not delivery.node.push_url and delivery.pulled_at is None and not delivery.applied_epoch


def with_state(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """``rows`` with what :func:`state` needs to know."""
    return _with_report(rows).annotate(is_listed=_is_listed())


def state(delivery: Any) -> str:
    """The state of one of :func:`with_state`, as in :func:`rules.delivery_state`."""
    last_on_wanted = delivery.reported_epoch == delivery.wanted_epoch
    mismatch = last_on_wanted and delivery.reported_matches is False
    facts = _facts(delivery, listed=delivery.is_listed, mismatch=mismatch)
    return rules.delivery_state(facts, clock.now(), grace=GRACE)


def _is_listed() -> Exists:
    return Exists(EpochMember.objects.filter(epoch__in=_newest().values("pk"), node=OuterRef("pk")))


def _newest() -> QuerySet[Epoch]:
    """The newest published epoch of each network."""
    published = Epoch.objects.filter(published_at__isnull=False)
    return published.order_by("network_id", "-number").distinct("network_id")


def _with_report(rows: QuerySet[Delivery]) -> QuerySet[Any]:
    """With the epoch of the node's last report, and whether it was what was signed."""
    last = Acknowledgement.objects.filter(node=OuterRef("pk")).order_by("-id")
    return rows.annotate(
        reported_epoch=Subquery(last.values("epoch")[:1]),
        reported_matches=Subquery(last.values("matches")[:1]),
    )


def last_acknowledged(network: Network | str, number: int) -> datetime | None:
    """When the last of the epoch's nodes reported it; None while one is missing."""
    members = EpochMember.objects.filter(epoch__network=network, epoch__number=number)
    done = Acknowledgement.objects.filter(node__in=members.values("node"), epoch=number, matches=True)
    if members.count() != done.values("node").distinct().count():
        return None
    return done.aggregate(at=Max("received_at"))["at"]


def diff(before: Epoch | None, after: Epoch) -> list[Change]:
    """Nodes whose listing differs, in the order of their names."""
    old = dict(before.members.values_list("node_id", "role")) if before else {}
    new = dict(after.members.values_list("node_id", "role"))
    changed = {pk for pk in old.keys() | new.keys() if old.get(pk) != new.get(pk)}
    nodes = Node.objects.filter(pk__in=changed).select_related("institution")
    return [Change(node, old.get(node.pk), new.get(node.pk)) for node in nodes]


def _rows(nodes: Iterable[Node], roles: dict[uuid.UUID, int]) -> list[Row]:
    nodes = list(nodes)
    mismatched = _mismatched(nodes)
    return [_row(node, roles.get(node.pk), node.pk in mismatched) for node in nodes]


def _row(node: Node, role: int | None, mismatch: bool) -> Row:
    delivery = getattr(node, "delivery", None) or Delivery(node=node)
    facts = _facts(delivery, listed=role is not None, mismatch=mismatch)
    state = rules.delivery_state(facts, clock.now(), grace=GRACE)
    return Row(
        node=node,
        role=role,
        wanted=delivery.wanted_epoch,
        told=delivery.told_epoch,
        applied=delivery.applied_epoch,
        state=state,
        since=_since(delivery, state),
        pulled_at=delivery.pulled_at,
        last_error=delivery.last_error,
    )


def _facts(delivery: Delivery, *, listed: bool, mismatch: bool) -> rules.DeliveryFacts:
    return rules.DeliveryFacts(
        listed=listed,
        wanted=delivery.wanted_epoch,
        told=delivery.told_epoch,
        applied=delivery.applied_epoch,
        mismatch=mismatch,
        refused_at=delivery.refused_at,
        pulled_at=delivery.pulled_at,
        wanted_at=delivery.wanted_at,
    )


def _since(delivery: Delivery, state: str) -> datetime | None:
    if state == "refused":
        return delivery.refused_at
    if state in {"applied", "unlisted"}:
        return delivery.applied_at
    return delivery.told_at if state == "told" else delivery.wanted_at


def _mismatched(nodes: list[Node]) -> set[uuid.UUID]:
    """Nodes whose last report on what they should have was not what was signed."""
    rows = _with_report(Delivery.objects.filter(node__in=nodes))
    wrong = rows.filter(reported_matches=False, reported_epoch=F("wanted_epoch"))
    return set(wrong.values_list("pk", flat=True))
