"""Which nodes of a ledger are trusted: one table for all processes, and an event for each change.

A node is left from wherever the fault is found, in a transaction of its own: the caller's may be rolled back
over the very same fault. It is taken again by the watch alone (:mod:`governance.chain.watching`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Max

from consortium.core import clock, events
from governance.chain.models import IndexedBlock, RpcNode

logger = logging.getLogger(__name__)

WATCH = events.AutomaticActor("ledger watch")
Fault = RpcNode.Fault

SILENT = frozenset({Fault.SILENT, Fault.SLOW, Fault.FAILING})  # asked again when nothing better is left
GRAVE = frozenset({Fault.SLOW, Fault.OTHER_LEDGER, Fault.BEHIND, Fault.LOGS_MISSING})
HOLDS = 1.0  # seconds that a process goes by what it read last

_read: dict[str, tuple[float, str, int]] = {}  # key: when read (monotonic), fault, head


def tolerance() -> int:
    """Blocks that a node may be behind what was seen elsewhere or before."""
    return int(settings.LEDGER_HEAD_TOLERANCE)


def left(keys: Sequence[str]) -> dict[str, str]:
    """Those of ``keys`` that are left, and why; at most a second old."""
    _refresh(keys)
    return {key: _read[key][1] for key in keys if _read[key][1]}


def highest(keys: Sequence[str]) -> int:
    """The highest head that a trusted one of ``keys`` showed."""
    _refresh(keys)
    return max([0, *(_read[key][2] for key in keys if not _read[key][1])])


def indexed() -> int:
    """The newest block of the alliance's ledger that was indexed."""
    return IndexedBlock.objects.aggregate(newest=Max("number"))["newest"] or 0


PATIENCE = 2000  # milliseconds


def leave(
    key: str, address: str, fault: str, detail: str, block: int | None = None, *, ledger: str = ""
) -> None:
    """Ask this node no more; ``block`` is where its fault can be seen again, ``ledger`` whose node it is."""
    _read[key] = (time.monotonic(), fault, 0)
    logger.warning("ledger node %s is left: %s (%s)", address, fault, detail)
    try:
        _apart(lambda: _leave(key, address, fault, detail, block, ledger))
    except DatabaseError as error:  # then at least this process knows
        logger.warning("could not be recorded: %s", error)


def take(node: RpcNode) -> None:
    """Trust it again. In a transaction, with the row locked."""
    events.record(
        "ledger_node.taken", node, actor=WATCH, address=node.address, fault=node.fault, head=node.head
    )
    node.fault, node.detail, node.evidence_block, node.good_looks = "", "", None, 0
    node.left_at, node.taken_at = None, clock.now()
    node.save()
    _read.pop(node.key, None)


def _leave(key: str, address: str, fault: str, detail: str, block: int | None, ledger: str) -> None:
    RpcNode.objects.get_or_create(key=key, defaults={"address": address, "ledger": ledger})
    node = RpcNode.objects.select_for_update().get(key=key)
    known, node.good_looks = node.fault, 0
    if known == fault:
        node.save(update_fields=["good_looks"])
        return
    node.fault, node.detail, node.evidence_block = fault, detail[:300], block
    node.left_at = node.left_at or clock.now()
    node.save()
    events.record(
        "ledger_node.left", node, actor=WATCH, address=address, fault=fault, detail=detail[:300], block=block
    )


def _refresh(keys: Sequence[str]) -> None:
    now = time.monotonic()
    if all(now - _read.get(key, (-HOLDS, "", 0))[0] < HOLDS for key in keys):
        return
    rows = {row.key: row for row in RpcNode.objects.filter(key__in=keys)}
    for key in keys:
        row = rows.get(key)
        _read[key] = (now, row.fault, row.head or 0) if row else (now, "", 0)


def _apart(work: Callable[[], None]) -> None:
    """Do ``work`` in a transaction on a connection of its own. Raises what it raises.

    It does not wait for long: the caller's own transaction may hold the row, and waits for us.
    """

    def run() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = %s", [f"{PATIENCE}ms"])
                work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1, "ledger-standing") as worker:
        worker.submit(run).result()
