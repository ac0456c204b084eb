"""The log of digests as it is kept and published: reads rows, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from governance.chain.models import Ledger, RelayTransaction
from governance.permissions import digests, rollouts
from governance.permissions.digests import Entry, Former, Part
from governance.permissions.models import Anchor, Epoch, EpochFile, LogEntry, Rollout
from governance.permissions.published import Target


def newest(network: str) -> LogEntry | None:
    """The last entry of a network's log."""
    return LogEntry.objects.filter(network=network).select_related("epoch").order_by("-position").first()


def without_entry(epochs: Sequence[Epoch]) -> list[Epoch]:
    """Those of ``epochs`` that are to be entered before anything of them is published."""
    entered = set(LogEntry.objects.filter(epoch__in=epochs).values_list("epoch", flat=True))
    waiting = [epoch for epoch in epochs if epoch.pk not in entered]
    last = {epoch.network_id: newest(epoch.network_id) for epoch in waiting}
    # What is older than the newest entry can't be entered any more, and no node would take it.
    return [epoch for epoch in waiting if _number(last[epoch.network_id]) < epoch.number]


def files_of(epoch: Epoch) -> dict[str, str]:
    """SHA-256 of each file, by its path."""
    return dict(EpochFile.objects.filter(epoch=epoch).values_list("path", "sha256"))


def part(network: str, first: int, last: int) -> Part:
    """Entries ``first`` to ``last``, which must be there."""
    rows = LogEntry.objects.filter(network=network, position__range=(first - 1, last)).order_by("position")
    known = {row.position: row for row in rows.select_related("epoch")}
    before = known[first - 1].head if first > 1 else digests.START
    listed = [known[position] for position in range(first, last + 1)]
    entries = tuple(Entry(row.epoch.number, row.digest) for row in listed)
    return Part(network, first, before, entries, listed[-1].head)


def newest_part(network: str) -> Part | None:
    """What ``log.json`` tells of the log; None before the first entry."""
    last = newest(network)
    if last is None:
        return None
    first = digests.full_pages(last.position) * digests.PAGE + 1
    return part(network, first, last.position)


def newest_document(network: str, epoch: Epoch | None = None) -> bytes | None:
    """``log.json`` as it would be published now; None before the first entry.

    ``epoch``: what it is published beside, the newest in the log where none is given.
    """
    found = newest_part(network)
    if found is None:
        return None
    last = LogEntry.objects.select_related("epoch").get(network=network, position=found.size)
    return digests.document(
        found,
        files=files_of(last.epoch),
        anchored=anchored(network),
        former=former(epoch or last.epoch),
    )


def former(epoch: Epoch) -> Former | None:
    """The epoch whose files are published beside this one, as long as somebody is to keep them."""
    rollout = Rollout.objects.filter(epoch=epoch).select_related("epoch", "former").first()
    if rollout is None or rollout.former is None or rollout.document()["share"] >= rollouts.EVERYBODY:
        return None
    return Former(rollout.former.number, files_of(rollout.former))


def page(network: str, number: int) -> bytes | None:
    """A full page, counted from 0; None where there is none."""
    last = newest(network)
    if last is None or not 0 <= number < digests.full_pages(last.position):
        return None
    end = LogEntry.objects.get(network=network, position=(number + 1) * digests.PAGE)
    return _page(network, number, end.head)


@lru_cache(maxsize=64)
def _page(network: str, number: int, head: str) -> bytes:
    """Kept, because it never changes: a log with that head has no other past."""
    return digests.document(part(network, number * digests.PAGE + 1, (number + 1) * digests.PAGE))


def anchored(network: str) -> dict[str, Any] | None:
    """The newest head that is on the ledger, as it is published."""
    row = newest_anchor(network)
    if row is None:
        return None
    return {
        "size": row.size,
        "head": row.head,
        "contract": row.contract,
        "chain_id": row.transaction.ledger.chain_id,
        "tx_hash": row.tx_hash,
        "block": row.block,
    }


def newest_anchor(network: str) -> Anchor | None:
    """Of those that are on the ledger, in the contract that is written to now."""
    rows = Anchor.objects.select_related("transaction__ledger").filter(
        network=network,
        transaction__status=RelayTransaction.Status.MINED,
        contract__in=Ledger.objects.exclude(anchors="").values("anchors"),
    )
    return rows.order_by("-size", "-id").first()


def targets(network: str, epoch: Epoch) -> dict[str, Target]:
    """What is published beside an epoch: the log's newest part and its full pages."""
    document, last = newest_document(network, epoch), newest(network)
    if document is None or last is None:
        return {}
    found = {digests.PATH: Target(document, {"epoch": last.epoch.number})}
    for number in range(digests.full_pages(last.position)):
        content = page(network, number)
        if content is not None:
            found[digests.path_of(number)] = Target(content, {"page": number})
    return found


def _number(entry: LogEntry | None) -> int:
    return entry.epoch.number if entry else 0


# --- To be looked at ------------------------------------------------------------------------------------
def with_anchor(rows: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
    """With ``anchored_size``, ``anchored_block``, ``anchored_at`` of the first anchor that covers each.

    A head stands for all entries before it, so what was anchored later covers it, too.
    """
    covering = Anchor.objects.filter(
        network=OuterRef("network"),
        size__gte=OuterRef("position"),
        transaction__status=RelayTransaction.Status.MINED,
    ).order_by("size", "id")
    return rows.annotate(
        anchored_size=Subquery(covering.values("size")[:1]),
        anchored_block=Subquery(covering.values("transaction__block")[:1]),
        anchored_at=Subquery(covering.values("transaction__mined_at")[:1]),
    )


def anchors(network: str, *, length: int = 20) -> list[Anchor]:
    """The last ones of a network, newest first, those that went wrong too."""
    rows = Anchor.objects.filter(network=network).select_related("transaction__ledger")
    return list(rows.order_by("-id")[:length])


def heads() -> list[LogEntry]:
    """The newest entry of each network's log, with its anchor."""
    rows = LogEntry.objects.select_related("network", "epoch").order_by("network_id", "-position")
    return list(with_anchor(rows.distinct("network_id")))
