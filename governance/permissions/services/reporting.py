"""What nodes report to have in force, whether that is so, and what else they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from certs.models import Certificate
from consortium.core import clock
from consortium.core.errors import ConsoleError
from consortium.members.models import Node
from governance.permissions import rules
from governance.permissions.errors import (
    ForeignCertificate,
    ForeignNetwork,
    HashMismatch,
    OlderEpoch,
    ReplayedReport,
    UnknownEpoch,
)
from governance.permissions.models import Acknowledgement, Delivery, Epoch, EpochFile, ReadBack
from governance.permissions.reports import Report
from governance.permissions.services import drifting
from governance.permissions.services.pulling import locked_delivery, record_of_node, record_once

_MOST_REPORTS = 20  # different ones of a node for one epoch and format; what comes then is not kept
_LARGEST_OFFSET = timedelta(days=20000)  # of a clock; what is further off is this far off


def acknowledge(node: Node, *, certificate: Certificate, report: Report) -> Delivery:
    """Take the node's word for what it has in force, compared with what was signed.

    Raises ForeignCertificate, ForeignNetwork, UnknownEpoch, OlderEpoch, ReplayedReport, and HashMismatch
    after keeping the report. The same report once more changes nothing. Five statements where it is
    news (and what listens to its event), three where it is not.
    """
    try:
        with transaction.atomic():
            delivery = locked_delivery(node)
            _guard(node, certificate, delivery, report)
            signed = _signed(report)
            wrong = sorted(path for path, value in report.files.items() if signed.get(path) != value)
            if report.clock is None or report.clock != delivery.sent_at:  # else its answer was lost
                _take(node, certificate, delivery, report, wrong)
        if wrong:
            raise HashMismatch(paths=", ".join(wrong))
        return delivery
    except ConsoleError as error:
        record_once("node.ack_refused", node, certificate.serial_id, error)
        raise


def _guard(node: Node, certificate: Certificate, delivery: Delivery, report: Report) -> None:
    if certificate.node_id != node.pk:
        raise ForeignCertificate(serial=certificate.serial_id)
    if report.network != node.network_id:
        raise ForeignNetwork(network=report.network)
    if _is_replayed(delivery, report):
        raise ReplayedReport(sent=f"{report.clock:%Y-%m-%d %H:%M:%S} UTC")
    if report.epoch < delivery.applied_epoch and not _went_back(delivery, report):
        raise OlderEpoch(epoch=report.epoch, applied=delivery.applied_epoch)


def _is_replayed(delivery: Delivery, report: Report) -> bool:
    """Was it sent before the last one that was taken?

    A clock that was ahead and is right again sends what seems older: then when we heard the last one counts.
    News can't be old, whatever the clock of a node says.
    """
    if report.clock is None or delivery.sent_at is None or delivery.heard_at is None:
        return False
    return not _is_news(delivery, report) and report.clock < min(delivery.sent_at, delivery.heard_at)


def _is_news(delivery: Delivery, report: Report) -> bool:
    """Is it of an epoch of which the node has said nothing yet?"""
    said = (delivery.applied_epoch, delivery.reported_epoch or 0, delivery.declined_epoch)
    return report.epoch > max(said)


def _went_back(delivery: Delivery, report: Report) -> bool:
    """The node refuses, after all, what it had applied. Only what is known to be new may say so."""
    return report.clock is not None and report.refused_epoch >= delivery.applied_epoch > 0


def _signed(report: Report) -> dict[str, str]:
    """Hashes of the epoch's files, by path; of none, nothing. Raises UnknownEpoch."""
    named = {number for number in (report.epoch, report.refused_epoch, report.held_epoch) if number}
    signed: dict[str, str] = {}
    if report.epoch:
        files = EpochFile.objects.filter(epoch__network=report.network, epoch__number=report.epoch)
        signed = dict(files.values_list("path", "sha256"))
        if not signed:
            raise UnknownEpoch(network=report.network, epoch=report.epoch)
        named.discard(report.epoch)
    for number in sorted(named - _existing(report.network, named)):
        raise UnknownEpoch(network=report.network, epoch=number)
    return signed


def _existing(network: str, numbers: set[int]) -> set[int]:
    if not numbers:
        return set()
    found = Epoch.objects.filter(network=network, number__in=numbers, published_at__isnull=False)
    return set(found.values_list("number", flat=True))


def _take(node: Node, certificate: Certificate, delivery: Delivery, report: Report, wrong: list[str]) -> None:
    now = clock.now()
    known, is_news = _is_known(delivery, report, wrong), _is_news(delivery, report)
    was_applied, was_declined = delivery.applied_epoch, delivery.declined_epoch
    changes = _said(delivery, report, wrong, now)
    if not wrong and report.epoch:
        changes |= _in_force(delivery, report, now)
    changes |= _declined_and_held(delivery, report, wrong, now)
    if not known:
        before = [] if is_news else _kept(node, report)
        _keep(node, certificate, report, wrong, before, changes["clock_offset_ms"], now)
    for name, value in changes.items():
        setattr(delivery, name, value)
    drifting.after_report(node, delivery, now)
    delivery.save(update_fields=[*changes, "alarms"])
    if delivery.applied_epoch > was_applied:  # the files it names may differ from report to report
        record_of_node(
            "node.acknowledged", node, network=report.network, epoch=report.epoch, files=dict(report.files)
        )
    if delivery.declined_epoch not in (0, was_declined):
        record_of_node(
            "node.list_declined",
            node,
            network=report.network,
            epoch=report.refused_epoch,
            in_force=report.epoch,
            answer=report.refused_reason,
        )


def _is_known(delivery: Delivery, report: Report, wrong: list[str]) -> bool:
    """Is the very same kept already? Also where nothing is in force, of which there is nothing to keep."""
    if not report.epoch:
        return True
    same = (report.epoch, rules.digest(report.files), report.read_back)
    return not wrong and same == (delivery.applied_epoch, delivery.applied_sha256, delivery.read_back)


def _said(delivery: Delivery, report: Report, wrong: list[str], now: datetime) -> dict[str, Any]:
    """What it says of itself, whatever it has in force. What it leaves out stays as it was said before."""
    changes: dict[str, Any] = {
        "heard_at": now,
        "reported_epoch": report.epoch,
        "reported_matches": not wrong if report.epoch else None,
        "agent_version": report.agent_version,
        "clock_offset_ms": None,
        "withheld_size": report.withheld_size,
    }
    if report.clock is not None:
        offset = min(max(report.clock - now, -_LARGEST_OFFSET), _LARGEST_OFFSET)
        changes |= {"sent_at": report.clock, "clock_offset_ms": round(offset.total_seconds() * 1000)}
    if report.software:
        changes |= {"node_software": report.software, "node_version": report.software_version}
    if report.log_size is not None:
        changes |= {"log_size": report.log_size, "log_head": report.log_head}
    return changes


def _in_force(delivery: Delivery, report: Report, now: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"attempts": 0, "last_error": ""}
    value = rules.digest(report.files)
    if (delivery.applied_epoch, delivery.applied_sha256) != (report.epoch, value):
        changes |= {"applied_epoch": report.epoch, "applied_sha256": value, "applied_at": now}
    if report.epoch > delivery.pulled_epoch:
        changes |= {"pulled_epoch": report.epoch, "pulled_epoch_at": now}
    if report.read_back == ReadBack.NODE and report.epoch != delivery.verified_epoch:
        changes |= {"verified_epoch": report.epoch, "verified_at": now}
    return {**changes, "read_back": report.read_back}


def _declined_and_held(delivery: Delivery, report: Report, wrong: list[str], now: datetime) -> dict[str, Any]:
    """A refusal stands until that epoch, or a later one, is in force; waiting, only while it is said."""
    changes: dict[str, Any] = {}
    if report.refused_epoch:
        changes = {"declined_epoch": report.refused_epoch, "declined_reason": report.refused_reason}
        if report.refused_epoch != delivery.declined_epoch:
            changes["declined_at"] = now
        if report.epoch < delivery.applied_epoch:  # it went back
            changes |= _nothing_newer_in_force(report, now)
    elif delivery.declined_epoch and not wrong and report.epoch >= delivery.declined_epoch:
        changes = {"declined_epoch": 0, "declined_reason": "", "declined_at": None}
    if report.held_epoch != delivery.held_epoch:
        changes |= {"held_epoch": report.held_epoch, "held_at": now if report.held_epoch else None}
    return changes


def _nothing_newer_in_force(report: Report, now: datetime) -> Mapping[str, Any]:
    return {
        "applied_epoch": report.epoch,
        "applied_sha256": rules.digest(report.files) if report.files else "",
        "applied_at": now,
        "verified_epoch": report.epoch if report.read_back == ReadBack.NODE else 0,
        "verified_at": now if report.read_back == ReadBack.NODE else None,
    }


_Kept = tuple[str, str, str]  # format, hash, where it was read back


def _kept(node: Node, report: Report) -> list[_Kept]:
    rows = Acknowledgement.objects.filter(node=node, epoch=report.epoch).order_by()
    return list(rows.values_list("format", "sha256", "read_back"))


def _keep(
    node: Node,
    certificate: Certificate,
    report: Report,
    wrong: list[str],
    before: list[_Kept],
    offset: int | None,
    now: datetime,
) -> None:
    """One row a format, unless the node has said this before, or too much about the epoch already."""
    rows = []
    for name, reported in _by_format(report.files).items():
        value = rules.digest(reported)
        if (name, value, report.read_back) in before or _times(name, before) >= _MOST_REPORTS:
            continue
        rows.append(
            Acknowledgement(
                node=node,
                certificate_serial=certificate.serial_id,
                epoch=report.epoch,
                format=name,
                sha256=value,
                matches=not set(reported) & set(wrong),
                agent_version=report.agent_version,
                read_back=report.read_back,
                node_software=report.software,
                node_version=report.software_version,
                clock_offset_ms=offset,
                applied_at=report.applied_at,
                received_at=now,
            )
        )
    if rows:
        Acknowledgement.objects.bulk_create(rows)


def _by_format(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path, value in sorted(files.items()):
        found.setdefault(rules.FORMAT_OF[path], {})[path] = value
    return found


def _times(name: str, before: list[_Kept]) -> int:
    return sum(1 for kept, _, _ in before if kept == name)
