"""The blocks of a detail page below its fields: tables, timelines, texts, and bars of a tally."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from consortium.core.models import Event
from consortium.web.admin import timeline as entries

Text = str | Promise
TIMELINE_LENGTH = 50
FOLDED_FROM = 10  # rows; a longer table shows its length first


@dataclass(frozen=True)
class Panel:
    """``template`` is included with ``panel`` in its context."""

    title: Text
    template: str
    data: dict[str, Any] = field(default_factory=dict)
    note: Text = ""
    first: bool = False  # above the row's fields
    folded: Text = ""  # what to press to see the rest; empty for a panel that is open


def table(title: Text, headers: Sequence[Text], rows: Iterable[Sequence[Any]], *, note: Text = "") -> Panel:
    """A table; cells are escaped unless they are safe strings (:func:`link`, :func:`pill`)."""
    return Panel(title, "admin/console/panel_table.html", {"headers": headers, "rows": list(rows)}, note)


def long_table(title: Text, headers: Sequence[Text], rows: Iterable[Sequence[Any]]) -> Panel:
    """A table that is folded when it would push everything else off the screen."""
    whole = table(title, headers, rows)
    count = len(whole.data["rows"])
    if count <= FOLDED_FROM:
        return whole
    return replace(whole, folded=ngettext("Show %(n)d row", "Show all %(n)d rows", count) % {"n": count})


def steps(title: Text, calls: Sequence[Any], *, note: Text = "") -> Panel:
    """What a proposal does, call by call (:class:`consortium.web.portal.words.Step`)."""
    return Panel(title, "admin/console/panel_steps.html", {"steps": list(calls)}, note)


def facts(title: Text, rows: Iterable[tuple[Text, Any]], *, note: Text = "") -> Panel:
    """What is known of one thing, a line each."""
    return Panel(title, "admin/console/panel_facts.html", {"rows": list(rows)}, note)


def text(title: Text, content: str, *, note: Text = "") -> Panel:
    """Text in fixed width, as it is."""
    return Panel(title, "admin/console/panel_text.html", {"content": content}, note)


def timeline(events: QuerySet[Event], *, title: Text = "") -> Panel:
    """Events, newest first: who did what, when and why."""
    newest = list(events.order_by("-id")[: TIMELINE_LENGTH + 1])
    return Panel(
        title or _("Timeline"),
        "admin/console/panel_timeline.html",
        {
            "entries": [entries.entry(event) for event in newest[:TIMELINE_LENGTH]],
            "more": len(newest) > TIMELINE_LENGTH,
        },
    )


def address(row: Model) -> str:
    """Where a row's page is."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def listing(model: type[Model], query: str = "") -> str:
    """Where a model's list is, filtered by ``query``."""
    page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{page}?{query}" if query else page


def link(row: Model | None, label: Any = None) -> SafeString | str:
    """A link to a row's page."""
    if row is None:
        return "–"
    return format_html(
        '<a class="console-link" href="{}">{}</a>', address(row), row if label is None else label
    )


def button(label: Text, url: str, icon: str) -> dict[str, Any]:
    """A button that leads to a page of its own."""
    return {"label": label, "url": url, "variant": "default", "icon": icon, "hint": ""}


def pill(label: Any, tone: str = "") -> SafeString:
    """A status as a coloured word; the word says it, the colour only helps."""
    return format_html('<span class="console-pill console-{}">{}</span>', tone or "calm", label)


def code(value: str, *, shorten: int = 0) -> SafeString | str:
    """An identifier in fixed width; ``shorten`` cuts it for lists, the whole stays in its title."""
    if not value:
        return "–"
    shown = f"{value[:shorten]}…" if shorten and len(value) > shorten + 1 else value
    return format_html('<code class="console-code" title="{}">{}</code>', value, shown)
