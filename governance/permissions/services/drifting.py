"""Alarms: opened when a node drifts from what it should have or be, cleared when that is over."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from certs import selectors as certs
from certs.models import CertificateRequest
from consortium.core import clock, events
from consortium.members.models import Network, Node
from governance.permissions import drift, selectors
from governance.permissions.models import Alarm, Delivery
from governance.permissions.services.pulling import NodeActor

# What one report can tell by itself; the rest needs other tables, and the clock's next round sees to it.
_BY_REPORT = frozenset(drift.KINDS) - {drift.LOG, drift.CERTIFICATE}
_AT_ONCE = 500  # rows under lock at a time
_Wanted = Mapping[str, drift.Params]


def policy() -> drift.Policy:
    """What the operator set."""
    return drift.Policy(
        clock=timedelta(seconds=settings.DRIFT_CLOCK_SECONDS),
        silence=timedelta(seconds=settings.DRIFT_SILENCE_SECONDS),
        certificate=timedelta(days=settings.DRIFT_CERTIFICATE_DAYS),
        oldest_agent=settings.OLDEST_AGENT,
        oldest_node=settings.OLDEST_NODES,
    )


def after_report(node: Node, delivery: Delivery, now: datetime) -> None:
    """Alarms that a report opens or ends; the caller holds the row's lock and saves ``delivery.alarms``.

    No statement while nothing changes.
    """
    found = drift.alarms(_facts(delivery, node, listed=True), policy(), now)
    wanted = {kind: params for kind, params in found.items() if kind in _BY_REPORT}
    kept: dict[str, drift.Params] = {kind: {} for kind in delivery.alarms if kind not in _BY_REPORT}
    if {*wanted, *kept} == set(delivery.alarms):
        return
    if wanted and not selectors.is_listed(node):
        wanted = {}
    _bring_about([(delivery, {**wanted, **kept})], now, NodeActor(node))


def check_drift() -> int:
    """Every minute: what time or a certificate changed. Returns how many nodes' alarms differ now."""
    return sum(_check(network, clock.now()) for network in Network.objects.order_by("slug"))


def _check(network: Network, now: datetime) -> int:
    known = _Known(network, now)
    rows = Delivery.objects.filter(node__network=network).select_related("node")
    differing = [row.pk for row in rows.iterator(chunk_size=2000) if known.differs(row)]
    for start in range(0, len(differing), _AT_ONCE):
        _recheck(differing[start : start + _AT_ONCE], known)
    return len(differing)


@transaction.atomic
def _recheck(nodes: list[uuid.UUID], known: _Known) -> None:
    """Once more under lock: a report may have come meanwhile."""
    rows = Delivery.objects.select_for_update(of=("self",)).filter(pk__in=nodes)
    locked = list(rows.select_related("node__institution").order_by("pk"))  # an event says whose node it is
    # An entry that a locked row speaks of was there before it: the heads from before the lock may lack it.
    known.read_heads()
    found = [(row, known.wanted(row)) for row in locked]
    _bring_about(found, known.now, events.CLOCK)
    Delivery.objects.bulk_update([row for row, _ in found], ["alarms"])


class _Known:
    """What the rules need beside the deliveries, read once for all nodes of a network."""

    def __init__(self, network: Network, now: datetime) -> None:
        self.now, self._network = now, network
        self._policy = policy()
        self._listed = selectors.listed_nodes(network)
        self._ends = {
            pk: certificate.not_after
            for pk, certificate in certs.valid_node_certificates(network, now).items()
        }
        asked = CertificateRequest.objects.filter(
            node__network=network,
            status__in=[CertificateRequest.Status.SUBMITTED, CertificateRequest.Status.APPROVED],
        )
        self._renewing = set(asked.values_list("node_id", flat=True))
        self.read_heads()
        open_now = Alarm.objects.filter(node__network=network, cleared_at__isnull=True)
        self._open = {(row.node_id, row.kind): row.params for row in open_now}

    def read_heads(self) -> None:
        self._newest, self._heads = selectors.log_heads(self._network)

    def wanted(self, row: Delivery) -> _Wanted:
        facts = _facts(
            row,
            row.node,
            listed=row.pk in self._listed and row.node.retired_at is None,
            certificate_ends=self._ends.get(row.pk),
            is_renewing=row.pk in self._renewing,
            log_agrees=self._agrees(row),
        )
        return drift.alarms(facts, self._policy, self.now)

    def _agrees(self, row: Delivery) -> bool | None:
        """None where the node said nothing of the log. Who knows more of it than there is was told a lie."""
        if not row.log_size:
            return None
        return row.log_size <= self._newest and self._heads.get(row.log_size) == row.log_head

    def differs(self, row: Delivery) -> bool:
        wanted = self.wanted(row)
        same = set(wanted) == set(row.alarms)
        return not same or any(self._open.get((row.pk, kind)) != params for kind, params in wanted.items())


def _facts(row: Delivery, node: Node, **more: Any) -> drift.Facts:
    last = [at for at in (row.heard_at, row.pulled_at) if at is not None]
    offset = row.clock_offset_ms
    return drift.Facts(
        applied=row.applied_epoch,
        reported_epoch=row.reported_epoch,
        reported_matches=row.reported_matches,
        declined=row.declined_epoch,
        declined_reason=row.declined_reason,
        log_size=row.log_size,
        withheld_size=row.withheld_size,
        expected_since=row.wanted_at,
        heard_at=max(last) if last else None,
        clock_offset=None if offset is None else timedelta(milliseconds=offset),
        software=node.software,
        version=node.software_version,
        reported_software=row.node_software,
        reported_version=row.node_version,
        agent_version=row.agent_version,
        **more,
    )


def _bring_about(found: Iterable[tuple[Delivery, _Wanted]], now: datetime, actor: events.Actor) -> None:
    """Open what is missing, clear what is over, note what changed; an event for each that begins or ends."""
    pairs = list(found)
    before = _open_alarms(row.pk for row, _ in pairs)
    opened, cleared, changed = [], [], []
    for row, wanted in pairs:
        there = {alarm.kind: alarm for alarm in before.get(row.pk, [])}
        opened += [
            Alarm(node=row.node, kind=kind, params=dict(params), since=now)
            for kind, params in wanted.items()
            if kind not in there
        ]
        cleared += [alarm for kind, alarm in there.items() if kind not in wanted]
        changed += [
            _with(alarm, wanted[kind])
            for kind, alarm in there.items()
            if wanted.get(kind) and alarm.params != wanted[kind]
        ]
        row.alarms = sorted(wanted)
    Alarm.objects.bulk_create(opened)
    Alarm.objects.filter(pk__in=[alarm.pk for alarm in cleared]).update(cleared_at=now)
    Alarm.objects.bulk_update(changed, ["params"])
    nodes = {row.pk: row.node for row, _ in pairs}
    entries = [_entry("node.alarm_raised", nodes[alarm.node_id], alarm) for alarm in opened]
    entries += [_entry("node.alarm_cleared", nodes[alarm.node_id], alarm) for alarm in cleared]
    events.record_all(entries, actor=actor)


def _open_alarms(nodes: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Alarm]]:
    found: dict[uuid.UUID, list[Alarm]] = {}
    for alarm in Alarm.objects.filter(node__in=list(nodes), cleared_at__isnull=True):
        found.setdefault(alarm.node_id, []).append(alarm)
    return found


def _with(alarm: Alarm, params: drift.Params) -> Alarm:
    alarm.params = dict(params)
    return alarm


def _entry(action: str, node: Node, alarm: Alarm) -> events.Entry:
    return events.Entry(
        action,
        node,
        institution_id=node.institution_id,
        node_id=node.pk,
        data={"alarm": alarm.kind, "params": alarm.params},
    )
