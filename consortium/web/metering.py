"""The few numbers worth an alarm, read from the database at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import httpx
from django.db.models import Count, Max, Min
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from certs import selectors as certificates
from certs.models import CertificateRequest
from certs.status import freshness
from consortium.core import clock, outbox
from consortium.core.models import OutboxMessage
from consortium.web import health
from governance.chain.models import IndexedBlock
from governance.permissions import holding
from governance.permissions import selectors as lists
from governance.permissions.models import Alarm


def render() -> tuple[bytes, str]:
    """The exposition and its content type."""
    registry = CollectorRegistry()
    registry.register(_Database())
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Database(Collector):
    def collect(self) -> Iterable[Metric]:
        yield from _outbox()
        yield from _indexer()
        behind = lists.behind().count()
        yield _gauge("console_nodes_behind", "Nodes that have not applied the epoch they should", behind)
        held = holding.held().count()
        yield _gauge("console_lists_held", "Lists that wait for two people of the secretariat", held)
        yield _alarms()
        yield _requests()
        stale = len(certificates.stale_crls(clock.now()))
        help_text = "Authorities with a revocation list that ran out or was not renewed in time"
        yield _gauge("console_crls_stale", help_text, stale)
        yield _lists()

    def describe(self) -> Iterable[Metric]:
        return ()  # registering must not read the database


def _gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=value)


def _outbox() -> Iterator[Metric]:
    by_queue = OutboxMessage.objects.values("queue")
    waiting = GaugeMetricFamily("console_outbox_open", "Messages not yet handled", labels=["queue"])
    for row in by_queue.filter(outbox.OPEN).annotate(n=Count("pk")).order_by("queue"):
        waiting.add_metric([row["queue"]], row["n"])
    yield waiting
    help_text = "Messages given up and not tried again"
    dead = GaugeMetricFamily("console_outbox_dead", help_text, labels=["queue"])
    for row in by_queue.filter(outbox.GIVEN_UP).annotate(n=Count("pk")).order_by("queue"):
        dead.add_metric([row["queue"]], row["n"])
    yield dead
    due = OutboxMessage.objects.filter(outbox.OPEN, due_at__lte=clock.now())
    oldest = due.aggregate(at=Min("due_at"))["at"]
    age = (clock.now() - oldest).total_seconds() if oldest else 0.0
    yield _gauge("console_outbox_oldest_due_seconds", "Age of the oldest message that is due", age)
    yield _oldest_open()


def _oldest_open() -> Metric:
    """Work that is put off again and again is never due for long: only since when it waits tells."""
    help_text = "Since when the oldest message waits, due or not"
    found = GaugeMetricFamily("console_outbox_oldest_open_seconds", help_text, labels=["topic"])
    topics = OutboxMessage.objects.filter(outbox.OPEN).values("topic")
    for row in topics.annotate(at=Min("created_at")).order_by("topic"):
        found.add_metric([row["topic"]], (clock.now() - row["at"]).total_seconds())
    return found


def _indexer() -> Iterator[Metric]:
    head = IndexedBlock.objects.aggregate(head=Max("number"))["head"]
    if head is None:
        return
    yield _gauge("console_indexer_head_block", "Newest block whose events are in the tables", head)
    try:
        lag = max(0, health.ledger_head() - head)
    except (httpx.HTTPError, LookupError, ValueError):
        return  # the ledger is down: /readyz says so, and a made-up number would not
    yield _gauge("console_indexer_lag_blocks", "Blocks the indexer is behind the ledger", lag)


def _lists() -> Metric:
    help_text = "For how long the newest revocation list holds; 0 where there is none"
    found = GaugeMetricFamily("console_crl_seconds_left", help_text, labels=["authority", "part"])
    now = clock.now()
    for item in freshness.lists(now):
        left = (item.until - now).total_seconds() if item.until else 0.0
        found.add_metric([item.authority.name, item.what], left)
    return found


def _alarms() -> Metric:
    """Every kind, also where none is open: a line that is not there raises no alarm."""
    found = GaugeMetricFamily("console_node_alarms", "Open alarms about nodes", labels=["kind"])
    rows = lists.alarms().order_by().values("kind").annotate(n=Count("pk"))
    counts = {row["kind"]: row["n"] for row in rows}
    for kind in Alarm.Kind.values:
        found.add_metric([kind], counts.get(kind, 0))
    return found


def _requests() -> Metric:
    found = GaugeMetricFamily("console_certificate_requests", "Requests by status", labels=["status"])
    rows = CertificateRequest.objects.values("status").annotate(n=Count("pk")).order_by("status")
    for row in rows:
        found.add_metric([row["status"]], row["n"])
    return found
