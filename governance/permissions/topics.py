"""The outbox topics of permission lists, and the events that make a new list due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consortium.core import events, outbox

if TYPE_CHECKING:
    from consortium.core.models import Event

COMPILE = "permissions.compile"  # payload: {"network": slug, "cause": text}
PUBLISH = "permissions.publish"  # payload: {}; sign and write the TUF repository, which all networks share
PUSH = "permissions.push"  # payload: {"network": slug}; tell the nodes

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
    outbox.declare(outbox.Topic(PUSH, "push", "governance.permissions.tasks.handle_push"))
    events.on("registry.changed", _registry_changed)
    events.on("seat.changed", _seat_changed)
    for action in _OF_A_NODE:
        events.on(action, _node_changed)


def want_compile(network: str, cause: str) -> None:
    """Owe ``network`` a look at its list, in the transaction of what may have changed it."""
    outbox.enqueue(COMPILE, key=network, payload={"network": network, "cause": cause[:200]})


def _cause(event: Event) -> str:
    return f"{event.action} {event.subject_label}"


def _registry_changed(event: Event) -> None:
    network = event.data.get("network")
    if network:
        want_compile(network, _cause(event))


def _seat_changed(event: Event) -> None:
    # Whose nodes are where is not worth asking: compiling an unchanged list does nothing.
    from consortium.members.models import Network

    for network in Network.objects.order_by("slug").values_list("pk", flat=True):
        want_compile(network, _cause(event))


def _node_changed(event: Event) -> None:
    from consortium.members.models import Node

    node_id = event.node_id or (event.subject_id if event.subject_type == "members.node" else None)
    found = Node.objects.filter(pk=node_id) if node_id else Node.objects.none()
    network = found.values_list("network_id", flat=True).first()
    if network:
        want_compile(network, _cause(event))
