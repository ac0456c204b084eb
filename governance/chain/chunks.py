"""Going over all events and rows of a ledger a chunk at a time, so that memory does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Model

from governance.chain.models import ChainEvent, Ledger

SIZE = 2000
Key = tuple[str, ...]


def in_order(ledger: Ledger, kind: str) -> Iterator[list[str]]:
    """The ``about`` of every row of a kind that has events, by its last event, as the ledger had them."""
    events = ChainEvent.objects.filter(ledger=ledger, about__startswith=f"{kind}:")
    last = events.order_by("about", "-block", "-log_index").distinct("about")
    ordered = ChainEvent.objects.filter(pk__in=last.values("pk")).order_by("block", "log_index", "about")
    yield from _chunks(ordered.values_list("about", flat=True).iterator(SIZE))


def of_rows_without_events(ledger: Ledger, kind: str, model: type[Model], key: Key) -> Iterator[list[str]]:
    """The ``about`` of rows of which the ledger knows nothing."""
    rows = model._default_manager.filter(ledger=ledger).order_by(*key).values_list(*key)
    for abouts in _chunks(":".join([kind, *map(str, each)]) for each in rows.iterator(SIZE)):
        known = ChainEvent.objects.filter(ledger=ledger, about__in=abouts).values_list("about", flat=True)
        if unknown := sorted(set(abouts) - set(known)):
            yield unknown


def rows(ledger: Ledger, model: type[Model], key: Key, wanted: list[Key]) -> dict[Key, Any]:
    """The rows with these keys."""
    among = {f"{column}__in": {each[place] for each in wanted} for place, column in enumerate(key)}
    found = model._default_manager.filter(ledger=ledger, **among)
    return {tuple(str(getattr(row, column)) for column in key): row for row in found}


def _chunks(abouts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for about in abouts:
        chunk.append(about)
        if len(chunk) == SIZE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
