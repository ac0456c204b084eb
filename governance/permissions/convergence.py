"""A network's nodes on their way to the newest list: the picture, the curve, and how earlier epochs fared."""

from __future__ import annotations

import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from consortium.core import clock
from consortium.members.models import Network
from governance.permissions import delivery, selectors
from governance.permissions.models import Delivery, Epoch

POINTS = 60  # of a curve


@dataclass(frozen=True, slots=True)
class Cell:
    """One node of the picture."""

    node: uuid.UUID
    name: str
    institution: str
    state: str
    alarms: int


@dataclass(frozen=True)
class Latency:
    """How long the nodes of an epoch took to report it, in seconds since it was published."""

    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True)
class Picture:
    """Where the listed nodes of a network stand at ``at``; ``curve`` are (seconds since published, nodes)."""

    network: Network
    at: datetime
    epoch: Epoch | None  # the newest published one
    cells: Sequence[Cell]
    latency: Latency
    curve: Sequence[tuple[float, int]]

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state, the worst first; states with nobody in them left out."""
        found = Counter(cell.state for cell in self.cells)
        return {state: found[state] for state in delivery.STATES if found[state]}

    @property
    def done(self) -> int:
        return sum(count for state, count in self.counts.items() if state in delivery.DONE)

    def by_institution(self) -> list[tuple[str, dict[str, int]]]:
        """The same, institution by institution: those with something left to do first."""
        found: dict[str, Counter[str]] = {}
        for cell in self.cells:
            found.setdefault(cell.institution, Counter())[cell.state] += 1
        rank = {state: number for number, state in enumerate(delivery.STATES)}
        rows = [
            (name, {state: counts[state] for state in delivery.STATES if counts[state]})
            for name, counts in found.items()
        ]
        return sorted(rows, key=lambda row: (rank[delivery.worst(row[1])], row[0]))


@dataclass(frozen=True)
class Chapter:
    """An epoch in a network's history."""

    epoch: Epoch
    latency: Latency


# What a state follows from, and what a cell shows; read as plain values, since there may be ten thousand.
_COLUMNS = (
    "node_id", "node__name", "node__institution__short_name", "wanted_epoch", "told_epoch", "applied_epoch",
    "reported_matches", "reported_epoch", "refused_at", "pulled_at", "wanted_at", "pulled_epoch",
    "verified_epoch", "declined_epoch", "held_epoch", "alarms",
)  # fmt: skip


def picture(network: Network) -> Picture:
    """Five queries, however many nodes."""
    now = clock.now()
    newest = selectors.published(network)
    if newest is None:
        return Picture(network, now, None, [], Latency(), [])
    listed = set(newest.members.values_list("node_id", flat=True))
    rows = Delivery.objects.filter(node__network=network, node__retired_at__isnull=True)
    rows = rows.order_by("node__institution__short_name", "node__name")
    cells = [_cell(row, now) for row in rows.values_list(*_COLUMNS) if row[0] in listed]
    times = _seconds(newest)
    latency = _latencies(network, [newest.number]).get(newest.number, Latency())
    return Picture(network, now, newest, cells, latency, curve(times))


def history(network: Network, *, before: int | None = None, length: int = 50) -> list[Chapter]:
    """Epochs of the network below the number ``before`` (or all), newest first, and how they spread."""
    rows = selectors.epochs(network)
    if before is not None:
        rows = rows.filter(number__lt=before)
    found = list(rows[:length])
    latencies = _latencies(network, [epoch.number for epoch in found])
    return [Chapter(epoch, latencies.get(epoch.number, Latency())) for epoch in found]


def latency(epoch: Epoch) -> Latency:
    """How one epoch spread."""
    return _latencies(epoch.network, [epoch.number]).get(epoch.number, Latency())


def curve(times: Sequence[float], *, points: int = POINTS) -> list[tuple[float, int]]:
    """From the seconds at which each node reported, ascending, to at most ``points`` (seconds, nodes so far).

    It begins at (0, 0) and ends with the last node.
    """
    if not times:
        return []
    if len(times) < points:
        return [(0.0, 0), *((round(at, 3), number) for number, at in enumerate(times, 1))]
    last = times[-1]
    steps = [last * number / (points - 1) for number in range(points - 1)]
    return [*((round(at, 3), bisect_right(times, at)) for at in steps), (round(last, 3), len(times))]


def _cell(row: Sequence[Any], now: datetime) -> Cell:
    (node, name, institution, wanted, told, applied, matches, reported, refused_at, pulled_at, wanted_at) = (
        row[:11]
    )
    pulled, verified, declined, held, alarms = row[11:]
    facts = delivery.Facts(
        listed=True,
        wanted=wanted,
        told=told,
        applied=applied,
        mismatch=matches is False and reported == wanted,
        refused_at=refused_at,
        pulled_at=pulled_at,
        wanted_at=wanted_at,
        pulled=pulled,
        verified=verified,
        declined=declined,
        held=held,
    )
    return Cell(node, name, institution, delivery.state(facts, now), len(alarms))


# When each node first reported what was signed, of the epochs asked for.
_FIRST_REPORTS = """
SELECT report.epoch, report.node_id, min(report.received_at) AS at
FROM permissions_acknowledgement AS report
JOIN members_node AS node ON node.id = report.node_id
WHERE node.network_id = %(network)s AND report.epoch = ANY(%(epochs)s) AND report.matches
GROUP BY report.epoch, report.node_id
"""
_LATENCIES = f"""
SELECT epoch.number, count(*), min(first.at), max(first.at),
       percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first.at - epoch.published_at)),
       percentile_disc(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM first.at - epoch.published_at))
FROM ({_FIRST_REPORTS}) AS first
JOIN permissions_epoch AS epoch ON epoch.network_id = %(network)s AND epoch.number = first.epoch
GROUP BY epoch.number
"""  # noqa: S608 - our own words
_SECONDS = f"SELECT at FROM ({_FIRST_REPORTS}) AS first ORDER BY at"  # noqa: S608 - our own words


def _latencies(network: Network, numbers: list[int]) -> dict[int, Latency]:
    with connection.cursor() as cursor:
        cursor.execute(_LATENCIES, {"network": network.pk, "epochs": numbers})
        return {
            number: Latency(count, first, last, _rounded(p50), _rounded(p99))
            for number, count, first, last, p50, p99 in cursor.fetchall()
        }


def _rounded(seconds: Any) -> float | None:
    """A node may report before the publication's own transaction is through: at once, then."""
    return None if seconds is None else max(0.0, round(float(seconds), 3))


def _seconds(epoch: Epoch) -> list[float]:
    published = epoch.published_at
    if published is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_SECONDS, {"network": epoch.network_id, "epochs": [epoch.number]})
        return [max(0.0, (at - published).total_seconds()) for (at,) in cursor.fetchall()]
