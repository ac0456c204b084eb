"""Reading how far removals have come, from what was recorded anyway."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max, Min, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from certs.choices import RevocationReason
from certs.models import Certificate
from consortium.core import clock
from consortium.core.models import Event
from governance.chain.ledgers.models import GovernedLedger, LedgerNode
from governance.chain.models import ChainEvent, RegistryEntry
from governance.permissions import holding, removal
from governance.permissions.models import Acknowledgement, Delivery, Epoch, EpochMember, Removal

# What a node that leaves is revoked for; a certificate alone can be revoked for more.
REASONS = (
    RevocationReason.CESSATION_OF_OPERATION,
    RevocationReason.PRIVILEGE_WITHDRAWN,
    RevocationReason.AFFILIATION_CHANGED,
    RevocationReason.KEY_COMPROMISE,
)
STEPS: dict[removal.Name, str | Promise] = {
    removal.Name.CONSENSUS: _("out of consensus"),
    removal.Name.LISTS: _("off the permission list"),
    removal.Name.APPLIED: _("that list applied by all nodes"),
    removal.Name.REVOCATION: _("certificate revoked"),
}
WAITS: dict[removal.Wait, str | Promise] = {
    removal.Wait.NOTHING: "",
    removal.Wait.MEMBERS_VOTE: _("the members have to vote it out of consensus: draft the proposal"),
    removal.Wait.REMOVAL_VOTE: _("it is an observer still: draft the proposal that removes it"),
    removal.Wait.OWN_LEDGER: _("the governors of its ledger have to carry out what the members decided"),
    removal.Wait.TWO_PEOPLE: _("the list without it is held: two people have to look at it"),
    removal.Wait.SIGNING: _("the list without it is being compiled and signed"),
    removal.Wait.NODES: _("these nodes have not applied it yet"),
    removal.Wait.CONSOLE: _("the console revokes within a minute"),
    removal.Wait.PERSON: _("who ordered it may not act any more: somebody else has to press the button"),
}


def unfinished() -> QuerySet[Removal]:
    """Those on their way, oldest first."""
    rows = Removal.objects.filter(completed_at__isnull=True, withdrawn_at__isnull=True)
    return rows.select_related("node__institution", "ordered_by").order_by("ordered_at")


def steps(row: Removal) -> tuple[removal.Step, ...]:
    """Where a removal stands now; of one that is over, what is still known of how it went."""
    return removal.steps(facts(row))


def facts(row: Removal) -> removal.Facts:
    """What the rules need, at the same time for all of it; some ten queries."""
    node, now = row.node, clock.now()
    entry = RegistryEntry.objects.filter(network=node.network_id, consensus_id=node.consensus_id).first()
    published = Epoch.objects.filter(network=node.network_id, published_at__isnull=False)
    newest = published.order_by("-number").first()
    last = published.filter(members__node=node).aggregate(number=Max("number"))["number"]
    gone = published.filter(number__gt=last).order_by("number").first() if last is not None else None
    is_listed = newest is not None and last == newest.number
    missing, applied_at = _application(gone, newest) if gone and not is_listed else ((), None)
    certificates = Certificate.objects.filter(node=node)
    return removal.Facts(
        is_compromised=row.is_compromised,
        registry_role=entry.role if entry else 0,
        own_role=_own_role(row),
        role_ended_at=_role_ended_at(row),
        is_listed=is_listed,
        is_held=is_listed and _is_held_without(row),
        unlisted_at=gone.published_at if gone and not is_listed else None,
        missing=missing,
        applied_at=applied_at,
        has_certificate=certificates.filter(revocation__isnull=True, not_after__gte=now).exists(),
        revoked_at=certificates.aggregate(at=Max("revocation__revoked_at"))["at"],
        can_act=row.ordered_by.is_secretariat,
    )


def _own_role(row: Removal) -> int | None:
    ledger = GovernedLedger.objects.filter(network=row.node.network_id).first()
    if ledger is None or not LedgerNode.objects.filter(ledger=ledger).exists():
        return None
    known = LedgerNode.objects.filter(ledger=ledger, consensus_id=row.node.consensus_id).first()
    return known.role if known else 0


def _role_ended_at(row: Removal) -> datetime | None:
    """When the registry or the node's own ledger last changed its role, whichever was later."""
    node = row.node
    about = f"node:{node.network_id}:{node.consensus_id}"
    voted = ChainEvent.objects.filter(about=about, name="NodeRoleChanged").aggregate(at=Max("block_time"))
    times = [voted["at"]]
    ledger = GovernedLedger.objects.filter(network=node.network_id).values_list("pk", flat=True).first()
    if ledger is not None:
        carried = Event.objects.filter(
            action="governed_ledger.node_changed", data__ledger=ledger, data__consensus_id=node.consensus_id
        )
        times.append(carried.aggregate(at=Max("at"))["at"])
    return max((at for at in times if at), default=None)


def _is_held_without(row: Removal) -> bool:
    rows = Epoch.objects.filter(network=row.node.network_id)
    return holding.held(rows).exclude(members__node=row.node).exists()


def _application(gone: Epoch, newest: Epoch | None) -> tuple[tuple[str, ...], datetime | None]:
    """Who has not applied the first list without it or a newer one, and when the last of the others did.

    Asked are nodes in service that the newest list names: one that left since takes part no more.
    """
    members = EpochMember.objects.filter(epoch=newest, node__retired_at__isnull=True)
    has = Delivery.objects.filter(applied_epoch__gte=gone.number).values("node")
    late = members.exclude(node__in=has).select_related("node__institution")
    missing = tuple(sorted(str(member.node) for member in late))
    if missing:
        return missing, None
    reports = Acknowledgement.objects.filter(
        node__in=members.values("node"), epoch__gte=gone.number, matches=True
    )
    first = reports.values("node").annotate(first=Min("received_at")).values_list("first", flat=True)
    return (), max(first, default=gone.published_at)
