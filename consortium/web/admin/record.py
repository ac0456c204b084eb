"""The record: the event log, and the outbox with what could not be done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display

from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.web import wording
from consortium.web.admin import panels, timeline
from consortium.web.admin.acts import Act, Outcome, ReasonForm, actor
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, pill

LONG = timedelta(minutes=10)  # work that is open since before this is worth a look, whatever it waits for


@admin.register(Event)
class EventAdmin(ConsoleModelAdmin):
    list_display = ("at", "subject_label", "what", "who", "reason_shown")
    list_display_links = ("subject_label",)
    list_filter = ("action", "subject_type")
    search_fields = ("subject_label", "subject_id", "actor_label", "action", "reason", "data")
    fields = (
        ("at", "who"),
        ("action", "subject_label"),
        ("subject_type", "subject_id"),
        "why",
        "data",
    )
    export_columns = (
        (_("time"), lambda row: row.at),
        (_("action"), lambda row: row.action),
        (_("subject"), lambda row: row.subject_label),
        (_("actor"), lambda row: row.actor_label),
        (_("reason"), lambda row: row.reason),
    )

    @display(description=_("what happened"), ordering="action")
    def what(self, row: Event) -> str:
        shown = timeline.entry(row)
        return pill(shown.words, shown.tone)

    @display(description=_("actor"), ordering="actor_label")
    def who(self, row: Event) -> str:
        return wording.actor(row.actor_label)

    @display(description=_("reason"))
    def why(self, row: Event) -> str:
        return wording.reason(row) or "–"

    @display(description=_("reason"))
    def reason_shown(self, row: Event) -> str:
        return wording.reason(row)[:80] or "–"

    def headline(self, row: Event) -> str:
        return self.what(row)


class StateFilter(admin.SimpleListFilter):
    """Open, open for suspiciously long, done, given up, or given up and tried again since."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("open", _("open")),
            ("long", _("waiting long")),
            ("dead", _("given up")),
            ("retried", _("tried again")),
            ("done", pgettext_lazy("state", "done")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
        match self.value():
            case "open":
                return queryset.filter(outbox.OPEN)
            case "long":
                return queryset.filter(outbox.OPEN, created_at__lt=clock.now() - LONG)
            case "dead":
                return queryset.filter(outbox.GIVEN_UP)
            case "retried":
                return queryset.filter(retried_at__isnull=False)
            case "done":
                return queryset.filter(done_at__isnull=False)
        return queryset


def _retry(request: HttpRequest, row: OutboxMessage, cleaned: dict[str, Any]) -> Outcome:
    outbox.retry(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The work is owed again."))


def _given_up(row: OutboxMessage) -> bool:
    return row.dead_at is not None and row.retried_at is None


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ConsoleModelAdmin):
    acts = (Act("retry", _("Try again"), _retry, ReasonForm, _given_up, style="main", icon="replay"),)
    list_display = ("topic", "key", "queue", "state", "attempts", "due_at", "last_error_shown")
    list_filter = (StateFilter, "queue", "topic")
    search_fields = ("key", "topic", "last_error")
    ordering = ("-id",)
    fields = (
        ("topic", "queue", "key"),
        ("created_at", "due_at"),
        ("done_at", "dead_at", "retried_at", "attempts"),
        "payload",
        "last_error",
    )

    @display(description=_("state"))
    def state(self, row: OutboxMessage) -> str:
        if row.retried_at:
            return pill(_("tried again"))
        if row.dead_at:
            return pill(_("given up"), "grave")
        return pill(pgettext_lazy("state", "done"), "good") if row.done_at else pill(_("open"), "waiting")

    @display(description=_("last error"))
    def last_error_shown(self, row: OutboxMessage) -> str:
        return row.last_error[:100] or "–"

    def headline(self, row: OutboxMessage) -> str:
        return self.state(row)

    def panels(self, request: HttpRequest, row: OutboxMessage) -> Iterable[Panel]:
        named = Q(subject_id=row.key)
        yield panels.timeline(Event.objects.filter(named))
