"""Where a node is reached, and what runs there: the checks that registering and changing share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypedDict

from django.conf import settings
from django.db.models import Q

from consortium.members import rules
from consortium.members.errors import Taken, checked, invalid
from consortium.members.models import Network, Node, NodeAddress
from consortium.members.rules import Address
from consortium.members.states import NodeSoftware


class Further(TypedDict, total=False):
    """What may be left out: at a registration for its default, at a change for what it was."""

    addresses: Sequence[Address]  # besides the first
    discovery_port: int | None  # None: the node's port
    raft_port: int | None  # None: no Raft
    is_bootnode: bool


class Change(Further, total=False):
    """A change may leave out everything."""

    host: str
    port: int
    push_url: str  # empty: the agent only polls
    software: str
    software_version: str


def endpoint(host: str, port: int, push_url: str, software_version: str) -> dict[str, Any]:
    """The checked fields of an endpoint."""
    return checked_endpoint(
        {"host": host, "port": port, "push_url": push_url, "software_version": software_version}
    )


def checked_endpoint(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of an endpoint's fields that were given. Loopback is for the one-machine demonstration alone."""
    loopback = settings.DEVELOPMENT
    checks: Mapping[str, Callable[[Any], Any]] = {
        "host": partial(rules.host, loopback=loopback),
        "port": rules.port,
        "push_url": partial(rules.push_url, loopback=loopback),
        "software_version": rules.version,
    }
    return {name: checked(name, check, given[name]) for name, check in checks.items() if name in given}


def checked_further(given: Mapping[str, Any]) -> dict[str, Any]:
    """The columns among what was given; the addresses have rows of their own."""
    values: dict[str, Any] = {}
    if "software" in given:
        values["software"] = checked_software(given["software"])
    if "is_bootnode" in given:
        values["is_bootnode"] = given["is_bootnode"]
    if "discovery_port" in given:
        values["discovery_port"] = _port("discovery_port", given["discovery_port"])
    if "raft_port" in given:
        values["raft_port"] = _port("raft_port", given["raft_port"])
    return values


def _port(field: str, value: int | None) -> int | None:
    return None if value is None else checked(field, rules.port, value)


def checked_software(value: str) -> str:
    if value not in NodeSoftware.values:
        raise invalid("software", "unknown_choice", known=", ".join(NodeSoftware.values))
    return value


def checked_addresses(given: Iterable[Address], host: str, port: int) -> list[Address]:
    loopback = settings.DEVELOPMENT
    return checked("addresses", rules.addresses, given, (host, port), loopback=loopback)


def require_free(
    network: Network, node: Node | None, host: str, port: int, addresses: Sequence[Address]
) -> None:
    """No other node in service on the network has one of the addresses. Hold the network's lock.

    Besu matches by address since 26.3: whoever shares the address of a listed node is let in with it.
    """
    if _others_at([(host, port)], network, node):
        raise Taken(field="host")
    if addresses and _others_at(addresses, network, node):
        raise Taken(field="addresses")


def _others_at(addresses: Iterable[Address], network: Network, node: Node | None) -> bool:
    at = Q(pk__in=[])
    for host, port in addresses:
        at |= Q(host=host, port=port)
    nodes = Node.objects.filter(network=network, retired_at__isnull=True)
    if node is not None:
        nodes = nodes.exclude(pk=node.pk)
    return nodes.filter(at).exists() or NodeAddress.objects.filter(at, node__in=nodes).exists()


def addresses_of(node: Node) -> list[Address]:
    """Its further addresses, in their order."""
    return list(node.addresses.order_by("position").values_list("host", "port"))


def write_addresses(node: Node, addresses: Sequence[Address]) -> None:
    """Replace them. The former ones are in the event of the change."""
    node.addresses.all().delete()
    NodeAddress.objects.bulk_create(
        NodeAddress(node=node, position=number, host=host, port=port)
        for number, (host, port) in enumerate(addresses, 1)
    )


def shown(addresses: Iterable[Address]) -> list[str]:
    return [str(NodeAddress(host=host, port=port)) for host, port in addresses]
