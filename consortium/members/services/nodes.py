"""A member's nodes: where they are and under which key. Their roles are the ledger's."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction

from consortium.core import clock, events
from consortium.members import rules
from consortium.members.errors import NodeRetired, NotAMember, Taken, checked, invalid
from consortium.members.models import Institution, Network, Node
from consortium.members.permissions import require_officer_or_secretariat
from consortium.members.services.common import locked, needed_reason
from consortium.members.states import NodeSoftware, Status

MAY_REGISTER = frozenset({Status.ADMITTED, Status.ACTIVE})


def register_node(
    institution: Institution,
    *,
    network: Network,
    name: str,
    software: str,
    software_version: str,
    consensus_id: str,
    host: str,
    port: int,
    push_url: str,
    actor: events.Actor,
) -> Node:
    """Make a node known. Whether it may take part is voted on afterwards.

    Raises InvalidInput for a field, Taken for a node id or name that exists on the network, NotAMember.
    """
    require_officer_or_secretariat(actor, institution)
    values = {
        "name": checked("name", rules.slug, name),
        "software": _software(software),
        "consensus_id": checked("consensus_id", rules.consensus_id, consensus_id),
        **_endpoint(host, port, push_url, software_version),
    }
    with transaction.atomic():
        # One registration at a time on a network: what is free now is free when we write.
        Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        owner = locked(institution)
        _require_free(owner, network, values)
        node = Node.objects.create(institution=owner, network=network, created_at=clock.now(), **values)
        _record("node.registered", node, actor=actor, **values)
        return node


def _software(value: str) -> str:
    if value not in NodeSoftware.values:
        raise invalid("software", "unknown_choice", known=", ".join(NodeSoftware.values))
    return value


def _endpoint(host: str, port: int, push_url: str, software_version: str) -> dict[str, Any]:
    """The checked fields of an endpoint. Loopback addresses are for the one-machine demonstration alone."""
    loopback = settings.DEVELOPMENT
    return {
        "host": checked("host", rules.host, host, loopback=loopback),
        "port": checked("port", rules.port, port),
        "push_url": checked("push_url", rules.push_url, push_url, loopback=loopback),
        "software_version": checked("software_version", rules.version, software_version),
    }


def _require_free(owner: Institution, network: Network, values: dict[str, Any]) -> None:
    if owner.status not in MAY_REGISTER:
        raise NotAMember(institution=str(owner), current=owner.get_status_display())
    nodes = Node.objects.filter(network=network)
    if nodes.filter(consensus_id=values["consensus_id"]).exists():
        raise Taken(field="consensus_id")
    if nodes.filter(institution=owner, name=values["name"]).exists():
        raise Taken(field="name")


def change_endpoint(
    node: Node,
    *,
    host: str,
    port: int,
    push_url: str,
    software_version: str,
    actor: events.Actor,
    reason: str,
) -> Node:
    """Move a node, or note its new version. Leaves no event when nothing differs."""
    require_officer_or_secretariat(actor, node.institution)
    values = _endpoint(host, port, push_url, software_version)
    said = needed_reason(reason)
    with transaction.atomic():
        now = _locked_living(node)
        different = {field: value for field, value in values.items() if getattr(now, field) != value}
        if different:
            _write(now, different, actor=actor, reason=said)
        return now


def _write(node: Node, values: dict[str, Any], *, actor: events.Actor, reason: str) -> None:
    changes = {field: [getattr(node, field), value] for field, value in values.items()}
    for field, value in values.items():
        setattr(node, field, value)
    node.save(update_fields=list(values))
    _record("node.changed", node, actor=actor, reason=reason, changes=changes)


def retire_node(node: Node, *, actor: events.Actor, reason: str) -> Node:
    """Take a node out of use, for good. Its role on the ledger is taken away by vote, before or after."""
    require_officer_or_secretariat(actor, node.institution)
    said = needed_reason(reason)
    with transaction.atomic():
        now = _locked_living(node)
        now.retired_at = clock.now()
        now.save(update_fields=["retired_at"])
        _record("node.retired", now, actor=actor, reason=said)
        return now


def _locked_living(node: Node) -> Node:
    rows = Node.objects.select_related("institution", "network")
    now = rows.select_for_update(no_key=True, of=("self",)).get(pk=node.pk)
    if now.retired_at is not None:
        raise NodeRetired(node=str(now))
    return now


def _record(action: str, node: Node, *, actor: events.Actor, reason: str = "", **data: Any) -> None:
    events.record(
        action,
        node,
        actor=actor,
        reason=reason,
        institution_id=node.institution_id,
        node_id=node.pk,
        network=node.network_id,
        **data,
    )
