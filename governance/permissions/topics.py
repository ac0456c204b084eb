"""The outbox topics of permission lists, and the events that make a new list due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from consortium.core import clock, events, outbox

if TYPE_CHECKING:
    from consortium.core.models import Event

COMPILE = "permissions.compile"  # payload: {"network": slug, "cause": text}
PUBLISH = "permissions.publish"  # payload: {}; sign and write the TUF repository, which all networks share
ADVANCE = "permissions.advance"  # payload: {"network": slug}; has the gate look at what is rolling out
PERMITS = "permissions.permits"  # payload: {}; who may read lists where nginx hands them out
PUSH = "permissions.push"  # payload: {"network": slug}; tell the nodes

# Causes of a list that are no event's.
REGULAR_CHECK = "regular check"
AFTER_AN_URGENT_LIST = "after an urgent list"

_OF_THE_REGISTRY = ("registry.changed", "registry.frozen", "registry.freeze_ratified", "registry.thawed")
_OF_ACCOUNTS = "registry.account_changed"
_OF_A_NODE = (
    "certificate.issued",
    "certificate.revoked",
    "certificate.suspended",
    "certificate.released",
    "node.changed",
    "node.retired",
)


def declare() -> None:
    outbox.declare(outbox.Topic(COMPILE, "default", "governance.permissions.tasks.handle_compile"))
    outbox.declare(outbox.Topic(PUBLISH, "signing", "governance.permissions.tasks.handle_publish"))
    outbox.declare(outbox.Topic(PERMITS, "signing", "governance.permissions.tasks.handle_permits"))
    outbox.declare(outbox.Topic(PUSH, "push", "governance.permissions.tasks.handle_push"))
    outbox.declare(outbox.Topic(ADVANCE, "default", "governance.permissions.tasks.handle_advance"))
    events.on_together(_OF_THE_REGISTRY, _registry_changed)
    events.on_together(("node.acknowledged", "node.list_declined"), _nodes_answered)
    events.on_together(_OF_ACCOUNTS, _accounts_changed)
    events.on_together("seat.changed", _seats_changed)
    for action in _OF_A_NODE:
        events.on_together(action, _nodes_changed)


def want_compile(network: str, cause: str) -> None:
    """Owe ``network`` a look at its list, in the transaction of what may have changed it."""
    outbox.enqueue(COMPILE, key=network, payload={"network": network, "cause": cause[:200]})


def _cause(event: Event) -> str:
    return f"{event.action} {event.subject_label}"


def _registry_changed(events: Sequence[Event]) -> None:
    """One look at each network, and one when each of its freezes lapses."""
    wanted = {event.data["network"]: _cause(event) for event in events if event.data.get("network")}
    for network in sorted(wanted):
        want_compile(network, wanted[network])
    for until, event in {_lapse(event): event for event in events}.items():
        if until is not None:
            _want_when_the_freeze_lapses(*until, event)


def _accounts_changed(events: Sequence[Event]) -> None:
    """One look at each network."""
    wanted = {event.data["network"]: _cause(event) for event in events}
    for network in sorted(wanted):
        want_compile(network, wanted[network])


def _lapse(event: Event) -> tuple[str, str] | None:
    """Where and when a freeze would lapse: nothing happens on the ledger then, time lets the node in."""
    network, until = event.data.get("network"), event.data.get("frozen_until")
    if not network or until is None or event.data["freeze_ratified"]:
        return None
    return network, until


def _want_when_the_freeze_lapses(network: str, until: str, event: Event) -> None:
    cause = f"registry.freeze_lapsed {event.subject_label}"[:200]
    after = (datetime.fromisoformat(until) - clock.now()).total_seconds()
    outbox.enqueue(
        COMPILE,
        key=f"{network} at {until}",
        payload={"network": network, "cause": cause},
        after=max(0, after),
    )


def _nodes_answered(events: Sequence[Event]) -> None:
    """What a gate waits for. Nothing is owed where no rollout is under way: nodes answer by the thousand."""
    from governance.permissions.models import Rollout

    networks = {event.data["network"] for event in events}
    open_ones = Rollout.objects.filter(
        network__in=networks, halted_at=None, completed_at=None, superseded_at=None, rolled_back_at=None
    )
    for network in sorted(open_ones.values_list("network", flat=True)):
        outbox.enqueue(ADVANCE, key=network, payload={"network": network})


def _seats_changed(events: Sequence[Event]) -> None:
    # Whose nodes are where is not worth asking: compiling an unchanged list does nothing.
    from consortium.members.models import Network

    for network in Network.objects.order_by("slug").values_list("pk", flat=True):
        want_compile(network, _cause(events[-1]))


def _nodes_changed(events: Sequence[Event]) -> None:
    """One look at the networks for all of them, and at the permits: certificates are issued by the dozen."""
    outbox.enqueue(PERMITS, key="permits", payload={})
    from consortium.members.models import Node

    causes = {_node_of(event): _cause(event) for event in events}
    found = Node.objects.filter(pk__among=[node for node in causes if node])
    wanted = {network: causes[str(pk)] for pk, network in found.values_list("pk", "network_id")}
    for network in sorted(wanted):
        want_compile(network, wanted[network])


def _node_of(event: Event) -> str:
    """Its node's id; empty where it is of none (a person's certificate)."""
    if event.node_id:
        return str(event.node_id)
    return event.subject_id if event.subject_type == "members.node" else ""
