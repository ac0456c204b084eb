"""A network of any size whose nodes stand wherever a test wants them, as rows alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from consortium.core import clock
from consortium.members.models import Network, Node
from governance.permissions import rules
from governance.permissions.models import Acknowledgement, Alarm, Delivery, Epoch, EpochFile, EpochMember
from tests.factories import InstitutionFactory, NetworkFactory

# What makes a node stand there, when epoch 2 is wanted of it for ten minutes.
WHERE: dict[str, dict[str, Any]] = {
    "verified": {"applied_epoch": 2, "verified_epoch": 2, "told_epoch": 2, "read_back": "node"},
    "applied": {"applied_epoch": 2, "told_epoch": 2, "read_back": "file"},
    "held": {"applied_epoch": 1, "held_epoch": 2},
    "behind": {"applied_epoch": 1, "told_epoch": 2},
    "declined": {"applied_epoch": 1, "declined_epoch": 2, "declined_reason": "no bootnode in the list"},
    "mismatch": {"applied_epoch": 1, "reported_epoch": 2, "reported_matches": False},
}


def spread(states: Sequence[str], *, banks: int = 8, slug: str = "settlement") -> Network:
    """A network with a node for each of ``states``, in epoch 2, published ten minutes ago."""
    network, now = NetworkFactory(slug=slug), clock.now()
    institutions = [InstitutionFactory(active=True) for _ in range(banks)]
    nodes = Node.objects.bulk_create(
        Node(
            institution=institutions[number % banks],
            network=network,
            name=f"node-{number}",
            software="besu",
            software_version="25.1",
            consensus_id=f"{number:0128x}",
            host=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            port=30303,
            created_at=now,
        )
        for number in range(len(states))
    )
    epochs = [_epoch(network, number, nodes[: len(nodes) - 3 + number]) for number in (1, 2)]
    EpochMember.objects.bulk_create(
        EpochMember(epoch=epochs[1], node=node, role=1 + number % 2) for number, node in enumerate(nodes)
    )
    published = epochs[1].published_at or now
    Delivery.objects.bulk_create(
        Delivery(node=node, wanted_epoch=2, wanted_at=published, pulled_at=now, heard_at=now, **WHERE[state])
        for node, state in zip(nodes, states, strict=True)
    )
    done = [node for node, state in zip(nodes, states, strict=True) if state in {"applied", "verified"}]
    Acknowledgement.objects.bulk_create(
        Acknowledgement(
            node=node, certificate_serial="0a", epoch=2, format="besu", sha256="ab" * 32, matches=True,
            applied_at=now, received_at=published + timedelta(seconds=2 + 40 * (rank / len(done)) ** 3),
        )
        for rank, node in enumerate(done)
    )  # fmt: skip
    return network


def _epoch(network: Network, number: int, nodes: Sequence[Node]) -> Epoch:
    at = clock.now() - timedelta(minutes=10 if number == 2 else 90)
    epoch = Epoch.objects.create(
        network=network, number=number, block=100 * number, effective_at=at, content_sha256=f"{number:064x}",
        node_count=len(nodes), cause="registry.changed", compiled_at=at, published_at=at, tuf_version=number,
    )  # fmt: skip
    entries = [
        {
            "id": str(node.pk),
            "name": str(node),
            "role": "sealer",
            "host": node.host if number == 1 else "10.9.9.9",
        }
        for node in nodes[:6]
    ]
    content = json.dumps({"network": network.pk, "epoch": number, "nodes": entries}).encode()
    sha256 = rules.sha256(content)
    EpochFile.objects.create(epoch=epoch, format="json", path=rules.JSON_PATH, content=content, sha256=sha256)
    return epoch


def alarmed(node: Node, kind: str, **params: Any) -> Alarm:
    """An alarm that began a minute ago."""
    Delivery.objects.filter(node=node).update(alarms=[kind])
    return Alarm.objects.create(node=node, kind=kind, params=params, since=clock.now() - timedelta(minutes=1))
