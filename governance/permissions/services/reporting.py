"""What nodes do at the gateway: pull, be refused, report what they have in force."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q

from certs.models import Certificate
from consortium.core import clock, events
from consortium.core.errors import ConsoleError
from consortium.core.models import Event
from consortium.members.models import Node
from governance.permissions import rules
from governance.permissions.errors import ForeignNetwork, HashMismatch, OlderEpoch, UnknownEpoch
from governance.permissions.models import Acknowledgement, Delivery, Epoch

_ONCE_IN = timedelta(hours=1)  # between two events about the same refusal
_MOST_REPORTS = 20  # different ones of a node for one epoch and format; what comes then is not kept
_PULL_STEP = timedelta(seconds=10)  # how exactly the last pull is kept
_LOCKS = 0x7AF1  # first half of the advisory locks that keep two refusals from being recorded at once


@dataclass(frozen=True)
class Report:
    """What an agent says it has in force: ``files`` maps paths in the network's folder to sha256 hex."""

    network: str
    epoch: int
    files: Mapping[str, str]
    agent_version: str
    applied_at: datetime


def record_pull(node: Node) -> None:
    """The node asked for the newest metadata."""
    now = clock.now()
    rows = Delivery.objects.filter(node=node)
    stale = rows.filter(Q(pulled_at__isnull=True) | Q(pulled_at__lt=now - _PULL_STEP))
    if not stale.update(pulled_at=now) and not rows.exists():
        Delivery.objects.bulk_create([Delivery(node=node, pulled_at=now)], ignore_conflicts=True)


def record_refused_pull(certificate: Certificate, error: ConsoleError) -> None:
    """A certificate of ours was refused: an event once per certificate, reason and hour."""
    node = certificate.of_node
    if _record_once("node.pull_refused", node, certificate.serial_id, error):
        Delivery.objects.update_or_create(node=node, defaults={"refused_at": clock.now()})


def acknowledge(node: Node, *, certificate: Certificate, report: Report) -> Delivery:
    """Take the node's word for what it has in force, compared with what was signed.

    Raises ForeignNetwork, UnknownEpoch, OlderEpoch, and HashMismatch after keeping the report. Repeating a
    report changes nothing.
    """
    try:
        with transaction.atomic():
            delivery = _locked(node)
            files = _check(node, delivery, report)
            wrong = sorted(path for path, value in report.files.items() if files.get(path) != value)
            _keep(node, certificate, report, wrong)
            if not wrong:
                return _applied(node, delivery, report)
        raise HashMismatch(paths=", ".join(wrong))
    except ConsoleError as error:
        _record_once("node.ack_refused", node, certificate.serial_id, error)
        raise


def _locked(node: Node) -> Delivery:
    Delivery.objects.bulk_create([Delivery(node=node)], ignore_conflicts=True)
    return Delivery.objects.select_for_update().get(node=node)


def _check(node: Node, delivery: Delivery, report: Report) -> dict[str, str]:
    """Hashes of the epoch's files, by path, after the guards."""
    if report.network != node.network_id:
        raise ForeignNetwork(network=report.network)
    epoch = Epoch.objects.filter(network=node.network, number=report.epoch).first()
    if epoch is None:
        raise UnknownEpoch(network=report.network, epoch=report.epoch)
    if report.epoch < delivery.applied_epoch:
        raise OlderEpoch(epoch=report.epoch, applied=delivery.applied_epoch)
    return dict(epoch.files.values_list("path", "sha256"))


def _keep(node: Node, certificate: Certificate, report: Report, wrong: list[str]) -> None:
    """One row a format, unless the node has said this before, or too much about the epoch already."""
    for name, paths in rules.FILES.items():
        reported = {path: report.files[path] for path in paths if path in report.files}
        if not reported:
            continue
        value = rules.digest(reported)
        said = Acknowledgement.objects.filter(node=node, format=name, epoch=report.epoch)
        if said.filter(sha256=value).exists() or said.count() >= _MOST_REPORTS:
            continue
        Acknowledgement.objects.create(
            node=node,
            certificate_serial=certificate.serial_id,
            epoch=report.epoch,
            format=name,
            sha256=value,
            matches=not set(reported) & set(wrong),
            agent_version=report.agent_version,
            applied_at=report.applied_at,
            received_at=clock.now(),
        )


def _applied(node: Node, delivery: Delivery, report: Report) -> Delivery:
    value = rules.digest(report.files)
    if (delivery.applied_epoch, delivery.applied_sha256) == (report.epoch, value):
        return delivery
    is_news = report.epoch > delivery.applied_epoch  # the files it names may differ from report to report
    delivery.applied_epoch, delivery.applied_sha256 = report.epoch, value
    delivery.applied_at = clock.now()
    delivery.attempts, delivery.last_error = 0, ""
    delivery.save(update_fields=["applied_epoch", "applied_sha256", "applied_at", "attempts", "last_error"])
    if is_news:
        _record(
            "node.acknowledged", node, network=report.network, epoch=report.epoch, files=dict(report.files)
        )
    return delivery


def _record_once(action: str, node: Node, serial: str, error: ConsoleError) -> bool:
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
        _record(action, node, serial=serial, code=error.code, params=params)
    return True


def _hash(name: str) -> int:
    return zlib.crc32(name.encode()) - 2**31  # a signed 32-bit number; a rare collision only waits


def _record(action: str, node: Node, **data: Any) -> None:
    institution: uuid.UUID = node.institution_id
    events.record(action, node, actor=NodeActor(node), institution_id=institution, node_id=node.pk, **data)


class NodeActor(events.AutomaticActor):
    """The node itself: it acts by its certificate, not by an account."""

    def __init__(self, node: Node) -> None:
        super().__init__(f"node {node}")
