"""What pages and the API show of lists and of their way to the nodes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet

from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Network, Node
from governance.permissions import delivery as standing
from governance.permissions.clocks import Clock, clocks_of_node, revocation_clock, revocation_clocks
from governance.permissions.delivery import GRACE
from governance.permissions.models import Acknowledgement, Alarm, Delivery, Epoch, EpochMember, LogEntry

__all__ = [
    "GRACE", "Change", "Clock", "Row", "alarms", "behind", "clocks_of_node", "convergence", "diff", "epochs",
    "is_listed", "last_acknowledged", "listed", "listed_nodes", "log_heads", "nodes_behind", "published",
    "revocation_clock", "revocation_clocks", "state", "taken_back", "unheard_of", "with_state",
]  # fmt: skip

_TAKEN_BACK = ("certificate.revoked", "certificate.suspended", "node.retired")


@dataclass(frozen=True)
class Row:
    """One node's way to the newest list. ``state`` as in :func:`delivery.state`; epochs 0 for none."""

    node: Node
    role: int | None  # in the newest epoch; None when not listed
    wanted: int
    told: int
    applied: int
    state: str
    since: datetime | None  # when the state began, as far as it is known
    pulled_at: datetime | None
    last_error: str
    delivery: Delivery  # all that is known of it


@dataclass(frozen=True)
class Change:
    """What differs for one node between two epochs; roles are None where it is not listed."""

    node: Node
    before: int | None
    after: int | None


def epochs(network: Network | str) -> QuerySet[Epoch]:
    """Epochs of a network, newest first."""
    return Epoch.objects.filter(network=network).select_related("network").order_by("-number")


def taken_back() -> tuple[int, int]:
    """What changes whenever a certificate or a node is taken out of service: how often, and the last time."""
    events = Event.objects.filter(action__in=_TAKEN_BACK).order_by()
    found = events.aggregate(count=Count("pk"), last=Max("pk"))
    return found["count"], found["last"] or 0


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
    """Those of :func:`listed` that lack their list: the states of ``delivery.LATE``.

    The one definition of a node behind; in words it is :func:`delivery.state`.
    """
    late = Q(applied_epoch__lt=F("wanted_epoch"), wanted_at__lt=clock.now() - GRACE)
    late &= Q(held_epoch__lt=F("wanted_epoch"))
    declined = Q(declined_epoch__gt=F("applied_epoch"))
    refused = Q(refused_at__isnull=False) & (Q(pulled_at__isnull=True) | Q(refused_at__gt=F("pulled_at")))
    mismatch = Q(reported_matches=False, reported_epoch=F("wanted_epoch"))
    return listed(rows).filter(late | declined | refused | mismatch)


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


def with_state(rows: QuerySet[Delivery]) -> QuerySet[Any]:
    """``rows`` with what :func:`state` needs to know."""
    return rows.annotate(is_listed=_is_listed())


def state(delivery: Any) -> str:
    """The state of one of :func:`with_state`, as in :func:`delivery.state`."""
    return standing.state(_facts(delivery, listed=delivery.is_listed), clock.now())


def is_listed(node: Node) -> bool:
    """Does the newest published list of its network name the node?"""
    return EpochMember.objects.filter(epoch__in=_newest().values("pk"), node=node).exists()


def listed_nodes(network: Network | str) -> set[uuid.UUID]:
    """Those that the network's newest published list names."""
    newest = published(network)
    return set(newest.members.values_list("node_id", flat=True)) if newest else set()


def log_heads(network: Network) -> tuple[int, dict[int, str]]:
    """How many entries the network's log has, and its heads at the sizes that its nodes say they know."""
    entries = LogEntry.objects.filter(network=network)
    newest = entries.order_by("-position").values_list("position", flat=True).first() or 0
    sizes = Delivery.objects.filter(node__network=network, log_size__gt=0).order_by()
    known = entries.filter(position__in=sizes.values("log_size").distinct()).order_by()
    return newest, dict(known.values_list("position", "head"))


def alarms(network: Network | str | None = None, *, open_only: bool = True) -> QuerySet[Alarm]:
    """Alarms (of a network's nodes, or of all), those that began last first."""
    rows = Alarm.objects.select_related("node__institution", "node__network")
    if network is not None:
        rows = rows.filter(node__network=network)
    return rows.filter(cleared_at__isnull=True) if open_only else rows


def _is_listed() -> Exists:
    return Exists(EpochMember.objects.filter(epoch__in=_newest().values("pk"), node=OuterRef("pk")))


def _newest() -> QuerySet[Epoch]:
    """The newest published epoch of each network."""
    published = Epoch.objects.filter(published_at__isnull=False)
    return published.order_by("network_id", "-number").distinct("network_id")


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
    return [_row(node, roles.get(node.pk)) for node in nodes]


def _row(node: Node, role: int | None) -> Row:
    delivery = getattr(node, "delivery", None) or Delivery(node=node)
    state = standing.state(_facts(delivery, listed=role is not None), clock.now())
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
        delivery=delivery,
    )


def _facts(delivery: Delivery, *, listed: bool) -> standing.Facts:
    mismatch = delivery.reported_matches is False and delivery.reported_epoch == delivery.wanted_epoch
    return standing.Facts(
        listed=listed,
        wanted=delivery.wanted_epoch,
        told=delivery.told_epoch,
        pulled=delivery.pulled_epoch,
        applied=delivery.applied_epoch,
        verified=delivery.verified_epoch,
        declined=delivery.declined_epoch,
        held=delivery.held_epoch,
        mismatch=mismatch,
        refused_at=delivery.refused_at,
        pulled_at=delivery.pulled_at,
        wanted_at=delivery.wanted_at,
    )


_SINCE = {
    standing.REFUSED: "refused_at",
    standing.DECLINED: "declined_at",
    standing.HELD: "held_at",
    standing.TOLD: "told_at",
    standing.PULLED: "pulled_epoch_at",
    standing.APPLIED: "applied_at",
    standing.VERIFIED: "applied_at",
    standing.UNLISTED: "applied_at",
}


def _since(delivery: Delivery, state: str) -> datetime | None:
    found: datetime | None = getattr(delivery, _SINCE.get(state, "wanted_at"))
    return found
