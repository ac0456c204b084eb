"""Telling agents that there is a new epoch. A hint only: the agent trusts nothing but what it then pulls.

Nodes are told by shards: a worker takes so many that are due, with one statement, tells them all, writes
down with one statement what came of it, and takes the next. Several workers do so beside each other; what
one holds, the others pass over. Taking a node is a lease, so a killed worker's nodes come back by themselves.
"""

from __future__ import annotations

import logging
import random
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from kombu.exceptions import OperationalError

from certs import building
from certs import selectors as certs
from certs.models import Authority
from consortium.core import bulk, clock, events
from consortium.members.models import Network, Node
from governance.permissions.models import Delivery, Epoch
from governance.permissions.services import telling
from governance.permissions.services.telling import Job

logger = logging.getLogger(__name__)

# Longer than telling a shard takes at worst (a node is waited for 3 seconds, 200 at a time), so nobody else
# tells a node meanwhile.
LEASE = timedelta(seconds=45)
_LONGEST_WAIT = 300  # seconds between two attempts at a node that does not answer
_ONE_BY_ONE = 20  # nodes told together that still have an event each; of more there is one for all


def tell_nodes(network: Network | str | None = None) -> int:
    """Tell every node that is due (of ``network``, or of all); returns how many took the message.

    A node is due when it neither applied nor was told its wanted epoch, and no attempt is under way or waits.
    Where there are more than a shard, other workers are asked to take theirs.
    """
    slug = network.pk if isinstance(network, Network) else network
    waiting = _due(slug).count()
    if not waiting:
        return 0
    for _ in range(min(settings.PUSH_HELPERS, (waiting - 1) // settings.PUSH_SHARD)):
        if not _ask_for_help(slug):
            break
    return tell_shards(slug)


def tell_shards(network: str | None = None) -> int:
    """One shard after the other, until none is due that nobody has taken.

    Again while a newer epoch was published during the attempt: nobody else tells a node under lease.
    """
    told = 0
    trust = None
    while True:
        until = clock.now() + LEASE
        jobs = _claim(network, until)
        if not jobs:
            return told
        trust = trust or telling.context(_anchors())
        ends = async_to_sync(telling.tell_all)(jobs, trust)
        told += _record(jobs, ends, until)


def _ask_for_help(network: str | None) -> bool:
    """Only speed is lost where the broker is down: this worker goes on until all is done."""
    try:
        current_app.send_task("permissions.push_shards", (network,), queue="push", retry=False, expires=60)
    except OperationalError:
        logger.warning("broker unreachable, this worker tells everybody")
        return False
    return True


def _due(network: str | None = None) -> QuerySet[Delivery]:
    now = clock.now()
    rows = Delivery.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
        Q(pushing_until__isnull=True) | Q(pushing_until__lte=now),
        told_epoch__lt=F("wanted_epoch"),
        applied_epoch__lt=F("wanted_epoch"),
        node__retired_at__isnull=True,
    ).exclude(node__push_url="")
    rows = rows.exclude(Delivery.GIVEN_UP)
    return rows if network is None else rows.filter(node__network=network)


def _anchors() -> str:
    return "".join(certs.pem(der) for der in Authority.objects.order_by("pk").values_list("der", flat=True))


@transaction.atomic
def _claim(network: str | None, until: datetime) -> list[Job]:
    """Take the turn of a shard of nodes. A killed worker's turns end with their lease."""
    rows = _due(network).select_for_update(of=("self",), skip_locked=True).order_by("next_attempt_at", "pk")
    found = list(rows.select_related("node")[: settings.PUSH_SHARD])
    for row in found:
        row.pushing_until = until
        row.attempts = 1 if row.dead_at else row.attempts + 1
        row.dead_at = None
    bulk.update(found, ["pushing_until", "attempts", "dead_at"])
    return [
        Job(
            row.node_id,
            row.node.push_url,
            row.node.network_id,
            row.wanted_epoch,
            row.attempts,
            building.node_urn(row.node),
        )
        for row in found
    ]


def _record(jobs: Sequence[Job], ends: Mapping[uuid.UUID, str], until: datetime) -> int:
    """Write down what came of a shard; how many were told.

    Rows are read again under lock: meanwhile a node may have reported, or somebody asked for another push.
    """
    now = clock.now()
    by_node = {job.node_id: job for job in jobs}
    with transaction.atomic():
        rows = Delivery.objects.select_for_update().filter(pk__in=by_node).order_by("pk")
        told, dead = [], []
        found = list(rows)
        for row in found:
            job, error = by_node[row.pk], ends[row.pk]
            is_ours = row.pushing_until == until  # else the lease ran out, and another worker has the node
            row.pushing_until = None if is_ours else row.pushing_until
            if error and is_ours:
                _failed(row, job, error, now)
                dead += [row] if row.dead_at else []
            elif not error and row.told_epoch < job.epoch:
                row.told_epoch, row.told_at = job.epoch, now
                row.attempts, row.next_attempt_at, row.last_error, row.dead_at = 0, None, "", None
                told.append(row.pk)
        bulk.update(found, _WRITTEN)
        _record_told([by_node[pk] for pk in told])
        _record_given_up([by_node[row.pk] for row in dead])
    return sum(not ends[job.node_id] for job in jobs)


_WRITTEN = (
    "pushing_until", "told_epoch", "told_at", "attempts", "next_attempt_at", "last_error", "dead_at",
)  # fmt: skip


def _failed(row: Delivery, job: Job, error: str, now: datetime) -> None:
    row.next_attempt_at, row.last_error = now + _wait(job.attempts), error.replace("\0", "")[:2000]
    if job.attempts >= settings.PUSH_ATTEMPTS:
        row.dead_at = now


def _wait(attempts: int) -> timedelta:
    """2, 4, 8 … seconds, with jitter, so that nodes which failed together are not all tried together."""
    longest = min(2.0 ** min(attempts, 16), _LONGEST_WAIT)
    return timedelta(seconds=longest * random.uniform(0.75, 1.25))  # noqa: S311 - no secret


def _record_told(jobs: Sequence[Job]) -> None:
    """An event each; one for all of an epoch where they are many: the deliveries say of each when it was."""
    if len(jobs) <= _ONE_BY_ONE:
        events.record_all(_of_nodes("node.told", jobs), actor=events.PUSHER)
        return
    counts: dict[tuple[str, int], int] = {}
    for job in jobs:
        counts[job.network, job.epoch] = counts.get((job.network, job.epoch), 0) + 1
    for (network, number), count in sorted(counts.items()):
        epoch = Epoch.objects.get(network=network, number=number)
        events.record(
            "epoch.nodes_told", epoch, actor=events.PUSHER, network=network, epoch=number, nodes=count
        )


def _record_given_up(jobs: Sequence[Job]) -> None:
    """Always an event each: somebody has to look after every one of them."""
    events.record_all(_of_nodes("node.push_given_up", jobs), actor=events.PUSHER)


def _of_nodes(action: str, jobs: Sequence[Job]) -> list[events.Entry]:
    wanted = {job.node_id: job for job in jobs}
    nodes = Node.objects.select_related("institution").filter(pk__in=wanted)
    return [
        events.Entry(
            action,
            node,
            institution_id=node.institution_id,
            node_id=node.pk,
            data={
                "network": node.network_id,
                "epoch": wanted[node.pk].epoch,
                **({"attempts": wanted[node.pk].attempts} if action == "node.push_given_up" else {}),
            },
        )
        for node in nodes
    ]
