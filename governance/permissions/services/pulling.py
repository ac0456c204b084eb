"""What nodes do at the gateway but report: pull, and be refused; and how what a node does is recorded."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q

from certs.models import Certificate
from consortium.core import clock, events
from consortium.core.errors import ConsoleError
from consortium.core.models import Event
from consortium.members.models import Node
from governance.permissions.models import Delivery, EpochFile

_ONCE_IN = timedelta(hours=1)  # between two events about the same refusal
_PULL_STEP = timedelta(seconds=10)  # how exactly the last pull is kept
_LOCKS = 0x7AF1  # first half of the advisory locks that keep two refusals from being recorded at once


def record_pull(node: Node) -> None:
    """The node asked for the newest metadata."""
    now = clock.now()
    rows = Delivery.objects.filter(node=node)
    stale = rows.filter(Q(pulled_at__isnull=True) | Q(pulled_at__lt=now - _PULL_STEP))
    if not stale.update(pulled_at=now) and not rows.exists():
        Delivery.objects.bulk_create([Delivery(node=node, pulled_at=now)], ignore_conflicts=True)


def record_pulls(gathered: Mapping[uuid.UUID, datetime]) -> None:
    """Nodes that asked for the newest metadata, and when: one statement for all that have a row."""
    if not gathered:
        return
    with connection.cursor() as cursor:
        cursor.execute(_PULLED, [list(gathered), list(gathered.values())])


_PULLED = """
UPDATE permissions_delivery AS row SET pulled_at = greatest(row.pulled_at, seen.at)
FROM unnest(%s::uuid[], %s::timestamptz[]) AS seen (node, at) WHERE row.node_id = seen.node
"""


def record_pulled_file(node: Node, path: str, sha256: str) -> None:
    """The node fetched a list file: it has got as far as the newest epoch that the file is of."""
    files = EpochFile.objects.filter(
        epoch__network=node.network_id, epoch__published_at__isnull=False, path=path, sha256=sha256
    )
    number = files.order_by("-epoch__number").values_list("epoch__number", flat=True).first()
    if number is not None:
        rows = Delivery.objects.filter(node=node, pulled_epoch__lt=number)
        rows.update(pulled_epoch=number, pulled_epoch_at=clock.now())


def record_refused_pull(certificate: Certificate, error: ConsoleError) -> None:
    """A certificate of ours was refused: an event once per certificate, reason and hour."""
    node = certificate.of_node
    if record_once("node.pull_refused", node, certificate.serial_id, error):
        Delivery.objects.update_or_create(node=node, defaults={"refused_at": clock.now()})


def locked_delivery(node: Node) -> Delivery:
    """The node's row, nobody else's until the transaction ends; made where there is none."""
    rows = Delivery.objects.select_for_update().filter(node=node)
    found = rows.first()
    if found is None:
        Delivery.objects.bulk_create([Delivery(node=node)], ignore_conflicts=True)
        found = rows.get()
    found.node = node
    return found


def record_once(action: str, node: Node, serial: str, error: ConsoleError) -> bool:
    """Record a refusal in a transaction of its own, unless the last hour has it already."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            name = f"{action} {serial} {error.code}"
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, _hash(name)])
        same: models.QuerySet[Event] = Event.objects.filter(
            node_id=node.pk, action=action, at__gt=clock.now() - _ONCE_IN
        )
        if same.filter(data__serial=serial, data__code=error.code).exists():
            return False
        params = {key: str(value) for key, value in error.params.items()}
        record_of_node(action, node, serial=serial, code=error.code, params=params)
    return True


def record_of_node(action: str, node: Node, **data: Any) -> None:
    """The event of what a node did by its certificate."""
    institution: uuid.UUID = node.institution_id
    events.record(action, node, actor=NodeActor(node), institution_id=institution, node_id=node.pk, **data)


def _hash(name: str) -> int:
    return zlib.crc32(name.encode()) - 2**31  # a signed 32-bit number; a rare collision only waits


class NodeActor(events.AutomaticActor):
    """The node itself: it acts by its certificate, not by an account."""

    def __init__(self, node: Node) -> None:
        super().__init__(f"node {node}")
