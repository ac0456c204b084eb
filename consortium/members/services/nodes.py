"""A member's nodes: where they are and under which key. Their roles are the ledger's."""

from __future__ import annotations

from typing import Any, Unpack

from django.db import transaction

from consortium.core import clock, events
from consortium.members import rules
from consortium.members.errors import NodeRetired, NotAMember, Taken, checked
from consortium.members.models import Institution, Network, Node
from consortium.members.permissions import require_officer_or_secretariat
from consortium.members.services import reach
from consortium.members.services.common import locked, needed_reason
from consortium.members.states import Status

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
    **further: Unpack[reach.Further],
) -> Node:
    """Make a node known. Whether it may take part is voted on afterwards.

    Raises InvalidInput for a field, Taken for a node id, name or address that the network has, NotAMember.
    """
    require_officer_or_secretariat(actor, institution)
    identity = {
        "name": checked("name", rules.slug, name),
        "consensus_id": checked("consensus_id", rules.consensus_id, consensus_id),
    }
    values = {**identity, **reach.endpoint(host, port, push_url, software_version)}
    values |= {"software": reach.checked_software(software), **reach.checked_further(further)}
    addresses = reach.checked_addresses(further.get("addresses", ()), values["host"], values["port"])
    with transaction.atomic():
        # One registration at a time on a network: what is free now is free when we write.
        Network.objects.select_for_update(no_key=True).get(pk=network.pk)
        owner = locked(institution)
        _require_free(owner, network, values)
        reach.require_free(network, None, values["host"], values["port"], addresses)
        node = Node.objects.create(institution=owner, network=network, created_at=clock.now(), **values)
        reach.write_addresses(node, addresses)
        _record("node.registered", node, actor=actor, **values, addresses=reach.shown(addresses))
        return node


def _require_free(owner: Institution, network: Network, values: dict[str, Any]) -> None:
    if owner.status not in MAY_REGISTER:
        raise NotAMember(institution=str(owner), current=owner.get_status_display())
    nodes = Node.objects.filter(network=network)
    if nodes.filter(consensus_id=values["consensus_id"]).exists():
        raise Taken(field="consensus_id")
    if nodes.filter(institution=owner, name=values["name"]).exists():
        raise Taken(field="name")


def change_endpoint(node: Node, *, actor: events.Actor, reason: str, **change: Unpack[reach.Change]) -> Node:
    """Move a node, or note its new version; what of ``change`` is left out stays as it is.

    Leaves no event when nothing differs. Raises InvalidInput for a field, Taken for another node's address,
    NodeRetired.
    """
    require_officer_or_secretariat(actor, node.institution)
    values = reach.checked_endpoint(change) | reach.checked_further(change)
    said = needed_reason(reason)
    with transaction.atomic():
        Network.objects.select_for_update(no_key=True).get(pk=node.network_id)
        now = _locked_living(node)
        host, port = values.get("host", now.host), values.get("port", now.port)
        before = reach.addresses_of(now)
        after = reach.checked_addresses(change.get("addresses", before), host, port)
        different = {field: value for field, value in values.items() if getattr(now, field) != value}
        if after != before or different.keys() & {"host", "port"}:
            reach.require_free(now.network, now, host, port, after)
        if different or after != before:
            _write(now, different, before, after, actor=actor, reason=said)
        return now


def _write(
    node: Node,
    values: dict[str, Any],
    before: list[rules.Address],
    after: list[rules.Address],
    *,
    actor: events.Actor,
    reason: str,
) -> None:
    changes = {field: [getattr(node, field), value] for field, value in values.items()}
    for field, value in values.items():
        setattr(node, field, value)
    if values:
        node.save(update_fields=list(values))
    if after != before:
        reach.write_addresses(node, after)
        changes["addresses"] = [reach.shown(before), reach.shown(after)]
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
