"""Alarms about nodes, and the ways to the pages that show how lists spread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display

from consortium.members.models import Network, Node
from consortium.web import alarms
from consortium.web.admin import panels
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, link, pill
from governance.permissions import drift
from governance.permissions.models import Alarm, Delivery, Epoch, LogEntry, Rollout

_GRAVE = frozenset({drift.LIST, drift.DECLINED, drift.LOG})


def buttons() -> list[dict[str, Any]]:
    """One a network: its picture, as it happens."""
    return [
        panels.button(network.name, reverse("portal:convergence", args=[network.pk]), "monitoring")
        for network in Network.objects.order_by("slug")
    ]


def picture(network: str) -> dict[str, Any]:
    """To the picture of one network."""
    return panels.button(_("Convergence"), reverse("portal:convergence", args=[network]), "monitoring")


def of_epoch(row: Epoch) -> Iterable[dict[str, Any]]:
    """From an epoch to how it goes out, how it spreads, what it changed, and its place in the log."""
    rollout = Rollout.objects.filter(epoch=row).first()
    if rollout is not None:
        yield panels.button(_("Rollout"), panels.address(rollout), "stairs")
    yield picture(row.network_id)
    differs = reverse("portal:epoch_changes", args=[row.network_id])
    yield panels.button(_("What differs"), f"{differs}?to={row.number}", "difference")
    entry = LogEntry.objects.filter(epoch=row).first()
    if entry is not None:
        yield panels.button(_("Log of lists"), panels.address(entry), "history_edu")


def list_of(node: Node) -> Iterable[dict[str, Any]]:
    """From what is about a node to what it has of its list."""
    row = Delivery.objects.filter(node=node).first()
    if row is not None:
        yield panels.button(_("Permission list"), panels.address(row), "sync")


def alarm_pill(row: Alarm) -> SafeString:
    tone = ("grave" if row.kind in _GRAVE else "warning") if row.cleared_at is None else ""
    return pill(row.get_kind_display(), tone)


def of_node(node: Node) -> Iterable[Panel]:
    """A node's alarms, the open ones first; nothing where there never was one."""
    rows = list(node.alarms.order_by("-cleared_at", "-since")[:20])
    rows.sort(key=lambda row: row.cleared_at is not None)
    if rows:
        yield panels.table(
            _("Alarms"),
            (_("alarm"), _("details"), _("since"), _("cleared")),
            [(alarm_pill(row), alarms.sentence(row), row.since, row.cleared_at or "–") for row in rows],
        )


def said_by(row: Delivery) -> Panel:
    """What the node says of itself, beside what is recorded of it."""
    node, offset = row.node, row.clock_offset_ms
    recorded = f"{node.get_software_display()} {node.software_version}".strip()
    return panels.facts(
        _("What the node says of itself"),
        [
            (_("last report"), row.heard_at or "–"),
            (_("node software, as reported"), f"{row.node_software} {row.node_version}".strip() or "–"),
            (_("node software, as recorded"), recorded),
            (_("agent"), row.agent_version or "–"),
            (_("clock ahead of ours, in seconds"), "–" if offset is None else f"{offset / 1000:+.3f}"),
            (_("log of lists that it knows"), _log(row)),
        ],
    )


def _log(row: Delivery) -> str | Promise:
    if row.log_size is None:
        return "–"
    return _("%(size)d entries, head %(head)s…") % {"size": row.log_size, "head": row.log_head[:16]}


class OpenFilter(admin.SimpleListFilter):
    """What is wrong now; what was, only where it is asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", pgettext_lazy("alarm", "open")), ("over", _("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alarm]) -> QuerySet[Alarm]:
        match self.value():
            case "open":
                return queryset.filter(cleared_at__isnull=True)
            case "over":
                return queryset.filter(cleared_at__isnull=False)
        return queryset


@admin.register(Alarm)
class AlarmAdmin(ConsoleModelAdmin):
    list_display = ("node_shown", "network", "kind_shown", "sentence", "since", "cleared_at")
    list_filter = (OpenFilter, "kind", "node__network")
    search_fields = ("node__name", "node__consensus_id", "node__institution__short_name")
    list_select_related = ("node__institution", "node__network")
    ordering = ("-since", "-id")
    fields = (("node", "kind_shown"), "sentence", ("since", "cleared_at"))
    readonly_fields = ("kind_shown", "sentence")
    export_columns = (
        (_("network"), lambda row: row.node.network_id),
        (_("node"), lambda row: str(row.node)),
        (_("alarm"), lambda row: row.get_kind_display()),
        (_("details"), alarms.sentence),
        (_("since"), lambda row: row.since),
        (_("cleared"), lambda row: row.cleared_at),
    )

    @display(description=_("node"), ordering="node")
    def node_shown(self, row: Alarm) -> str:
        return str(row.node)

    @display(description=_("network"), ordering="node__network")
    def network(self, row: Alarm) -> str:
        return str(row.node.network)

    @display(description=_("alarm"), ordering="kind")
    def kind_shown(self, row: Alarm) -> str:
        return alarm_pill(row)

    @display(description=_("details"))
    def sentence(self, row: Alarm) -> str:
        return alarms.sentence(row)

    def headline(self, row: Alarm) -> str:
        return pill(_("over")) if row.cleared_at else pill(pgettext_lazy("alarm", "open"), "warning")

    def tool_links(self, request: HttpRequest) -> Iterable[dict[str, Any]]:
        return buttons()

    def ways(self, row: Alarm) -> Iterable[dict[str, Any]]:
        yield from list_of(row.node)
        yield picture(row.node.network_id)

    def panels(self, request: HttpRequest, row: Alarm) -> Iterable[Panel]:
        yield panels.facts(_("Node"), [(_("node"), link(row.node)), (_("network"), row.node.network.name)])
