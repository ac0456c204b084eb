"""Telling agents that there is a new epoch. A hint only: the agent trusts nothing but what it then pulls."""

from __future__ import annotations

import asyncio
import random
import ssl
import uuid
from dataclasses import dataclass
from datetime import timedelta

import httpx
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction
from django.db.models import F, Q, QuerySet

from certs import building
from certs import selectors as certs
from certs.models import Authority
from consortium.core import clock, events
from consortium.members.models import Network, Node
from governance.permissions.models import Delivery

TIMEOUT = httpx.Timeout(3.0)  # seconds, for each of connecting, sending and waiting
_LEASE = timedelta(seconds=15)  # longer than any push takes: nobody else tells the node meanwhile
_AT_ONCE = 200  # open connections of one worker
_LONGEST_WAIT = 300  # seconds between two attempts at a node that does not answer


class WrongAgent(Exception):
    """Another node answers at this node's push address."""


@dataclass(frozen=True)
class Job:
    """One node to tell of one epoch."""

    node_id: uuid.UUID
    url: str
    network: str
    epoch: int
    attempts: int
    urn: str  # the name in its certificate


def tell_nodes(network: Network | str | None = None) -> int:
    """Tell every node that is due (of ``network``, or of all); returns how many took the message.

    A node is due when it neither applied nor was told its wanted epoch, and no attempt is under way or waits.
    """
    rows = _due()
    if network is not None:
        rows = rows.filter(node__network=network)
    nodes = list(rows.order_by("next_attempt_at", "pk").values_list("pk", flat=True))
    return async_to_sync(_tell_all)(nodes, _tls_context()) if nodes else 0


def _due() -> QuerySet[Delivery]:
    now = clock.now()
    return Delivery.objects.filter(
        Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
        Q(pushing_until__isnull=True) | Q(pushing_until__lte=now),
        told_epoch__lt=F("wanted_epoch"),
        applied_epoch__lt=F("wanted_epoch"),
        node__retired_at__isnull=True,
    ).exclude(node__push_url="")


def _tls_context() -> ssl.SSLContext:
    """Trusts our own authorities alone. The agent is known by its node id, not by a host name."""
    anchors = "".join(certs.pem(der) for der in Authority.objects.values_list("der", flat=True))
    context = ssl.create_default_context(cadata=anchors or None)
    context.check_hostname = False
    return context


async def _tell_all(nodes: list[uuid.UUID], context: ssl.SSLContext) -> int:
    slots = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(
        verify=context, timeout=TIMEOUT, trust_env=False, follow_redirects=False
    ) as client:
        return sum(await asyncio.gather(*(_tell(client, slots, node_id) for node_id in nodes)))


async def _tell(client: httpx.AsyncClient, slots: asyncio.Semaphore, node_id: uuid.UUID) -> int:
    """Again while a newer epoch was published during the attempt: nobody else tells a node under lease."""
    told = 0
    async with slots:
        while (job := await sync_to_async(_claim)(node_id)) is not None:
            error = await _send(client, job)
            await sync_to_async(_record)(job, error)
            if error:
                break
            told = 1
    return told


@transaction.atomic
def _claim(node_id: uuid.UUID) -> Job | None:
    """Take the node's turn, unless another worker has it. A killed worker's turn ends with its lease."""
    rows = _due().select_for_update(of=("self",), skip_locked=True).select_related("node")
    row = rows.filter(pk=node_id).first()
    if row is None:
        return None
    row.pushing_until = clock.now() + _LEASE
    row.attempts += 1
    row.save(update_fields=["pushing_until", "attempts"])
    urn = building.node_urn(row.node)
    return Job(node_id, row.node.push_url, row.node.network_id, row.wanted_epoch, row.attempts, urn)


async def _send(client: httpx.AsyncClient, job: Job) -> str:
    """Empty when the agent took it, else why not."""
    try:
        async with asyncio.timeout(TIMEOUT.read):
            body = {"network": job.network, "epoch": job.epoch}
            async with client.stream("POST", job.url, json=body) as answer:
                _check_agent(answer, job.urn)
                return "" if answer.is_success else f"HTTP {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, TimeoutError, WrongAgent) as error:
        return f"{type(error).__name__}: {error}"


def _check_agent(answer: httpx.Response, urn: str) -> None:
    peer = answer.extensions["network_stream"].get_extra_info("ssl_object")
    if peer is None:
        raise WrongAgent("no TLS")
    names = peer.getpeercert().get("subjectAltName", ())
    if ("URI", urn) not in names:
        raise WrongAgent(", ".join(f"{kind}:{name}" for kind, name in names) or "no name")


def _record(job: Job, error: str) -> None:
    if error:
        Delivery.objects.filter(pk=job.node_id).update(
            next_attempt_at=clock.now() + _wait(job.attempts), pushing_until=None, last_error=error[:2000]
        )
        return
    now = clock.now()
    with transaction.atomic():
        Delivery.objects.filter(pk=job.node_id).update(pushing_until=None)
        Delivery.objects.filter(pk=job.node_id, told_epoch__lt=job.epoch).update(
            told_epoch=job.epoch, told_at=now, attempts=0, next_attempt_at=None, last_error=""
        )
        node = Node.objects.select_related("institution").get(pk=job.node_id)
        events.record(
            "node.told",
            node,
            actor=events.PUSHER,
            institution_id=node.institution_id,
            node_id=node.pk,
            network=job.network,
            epoch=job.epoch,
        )


def _wait(attempts: int) -> timedelta:
    """2, 4, 8 … seconds, with jitter, so that nodes which failed together are not all tried together."""
    longest = min(2.0 ** min(attempts, 16), _LONGEST_WAIT)
    return timedelta(seconds=longest * random.uniform(0.75, 1.25))  # noqa: S311 - no secret
