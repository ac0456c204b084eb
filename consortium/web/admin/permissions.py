"""Permission lists: epochs and their files, what each node has, and what nodes reported."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from consortium.core.models import Event
from consortium.members.models import Network
from consortium.web import wording
from consortium.web.admin import convergence, guarding, panels, permission_acts
from consortium.web.admin.acts import actor
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, code, link, pill
from consortium.web.portal.listing import LIST_STATES
from governance.chain.models import RegistryEntry
from governance.permissions import holding
from governance.permissions import selectors as lists
from governance.permissions.models import Acknowledgement, Delivery, Epoch, EpochFile
from governance.permissions.services import push_again


@admin.register(Epoch)
class EpochAdmin(ConsoleModelAdmin):
    list_display = ("label", "network", "node_count", "cause_shown", "block", "compiled_at", "published")
    list_filter = (guarding.HeldFilter, "network")
    acts = guarding.EPOCH_ACTS
    tools = guarding.EPOCH_TOOLS
    search_fields = ("number", "tx_hash", "content_sha256", "cause", "members__node__consensus_id")
    list_select_related = ("network",)
    ordering = ("-compiled_at",)
    fieldsets = (
        (_("Epoch"), {"fields": (("network", "number", "node_count"), "cause_shown", ("block", "tx_hash"))}),
        (
            _("Times"),
            {"fields": (("effective_at", "compiled_at"), ("published_at", "tuf_version"), "content_sha256")},
        ),
    )

    @display(description=_("epoch"), ordering="number")
    def label(self, row: Epoch) -> str:
        return f"{row.network_id} {row.number}"

    @display(description=_("cause"), ordering="cause")
    def cause_shown(self, row: Epoch) -> str:
        return wording.cause(row.cause) or "–"

    @display(description=_("state"), ordering="published_at")
    def published(self, row: Epoch) -> str:
        return guarding.state(row)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Epoch]:
        return holding.with_state(super().get_queryset(request))

    def list_note(self, request: HttpRequest) -> Any:
        return guarding.policies(request)

    def headline(self, row: Epoch) -> str:
        return self.published(row)

    def ways(self, row: Epoch) -> Iterable[dict[str, Any]]:
        return convergence.of_epoch(row)

    def panels(self, request: HttpRequest, row: Epoch) -> Iterable[Panel]:
        yield from guarding.panels_of(row)
        files = list(row.files.order_by("path"))
        yield panels.table(
            _("Files"),
            (_("file"), _("bytes"), _("SHA-256")),
            [(code(f.path), len(f.content), code(f.sha256)) for f in files],
        )
        yield _members_panel(row)
        other = _compared_with(request, row)
        yield from _diffs(row, other, files)
        for file in files:
            yield panels.text(file.path, _as_text(file))
        yield panels.timeline(Event.objects.filter(subject_type="permissions.epoch", subject_id=str(row.pk)))


def _as_text(file: EpochFile) -> str:
    return bytes(file.content).decode(errors="replace")


def _members_panel(row: Epoch) -> Panel:
    members = row.members.select_related("node__institution").order_by("node__institution__short_name")
    return panels.table(
        _("Nodes on the list"),
        (_("node"), _("role"), _("node id")),
        [
            (
                link(member.node),
                RegistryEntry.NodeRole(member.role).label,
                code(member.node.consensus_id, shorten=24),
            )
            for member in members
        ],
    )


def _compared_with(request: HttpRequest, row: Epoch) -> Epoch | None:
    """The epoch before, or the one that ``?against=`` names."""
    wanted = request.GET.get("against", "")
    earlier = Epoch.objects.filter(network=row.network_id, number__lt=row.number).order_by("-number")
    if wanted.isdigit() and len(wanted) < 10:
        return Epoch.objects.filter(network=row.network_id, number=int(wanted)).first()
    return earlier.first()


def _diffs(row: Epoch, other: Epoch | None, files: list[EpochFile]) -> Iterable[Panel]:
    if other is None:
        return
    before = {file.path: _as_text(file) for file in other.files.all()}
    for file in files:
        changes = _changes(before.get(file.path, ""), _as_text(file))
        if changes:
            title = _("%(file)s: changes since epoch %(number)d") % {
                "file": file.path,
                "number": other.number,
            }
            yield Panel(title, "admin/console/panel_diff.html", {"changes": changes})


def _changes(before: str, after: str) -> SafeString | str:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm=""))[2:]
    tags = {"+": "ins", "-": "del"}
    return format_html_join(
        "\n",
        "<{0}>{1}</{0}>",
        ((tags.get(line[:1], "span"), line) for line in lines),
    )


# By the answers of permissions.delivery.state; the words are the portal's.
_LIST_TONES = {
    "applied": "good",
    "verified": "good",
    "held": "waiting",
    "pulled": "waiting",
    "told": "waiting",
    "waiting": "warning",
    "behind": "warning",
    "mismatch": "grave",
    "declined": "grave",
    "refused": "grave",
}


class ConvergenceFilter(admin.SimpleListFilter):
    """Behind or up to date."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("behind", _("behind")),
            ("current", _("up to date")),
            ("error", _("last try failed")),
            ("given_up", _("told no more")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        match self.value():
            case "behind":
                return lists.behind(queryset)
            case "current":
                return _current(queryset)
            case "given_up":
                return queryset.filter(Delivery.GIVEN_UP, node__retired_at__isnull=True)
            case "error":
                return queryset.exclude(last_error="")
        return queryset


def _current(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    return lists.listed(rows.filter(applied_epoch__gte=F("wanted_epoch"))).exclude(
        pk__in=lists.behind().values("pk")
    )


@admin.register(Delivery)
class DeliveryAdmin(ConsoleModelAdmin):
    """The convergence page: for each node wanted, told, applied, and since when."""

    list_display = (
        "node",
        "network",
        "state",
        "wanted_epoch",
        "told_epoch",
        "applied_epoch",
        "since",
        "pulled_at",
        "error_shown",
    )
    list_filter = (ConvergenceFilter, "node__network")
    search_fields = (
        "node__name",
        "node__consensus_id",
        "node__institution__short_name",
        "node__institution__uscc",
        "node__host",
    )
    list_select_related = ("node", "node__institution", "node__network")
    ordering = ("node__network", "node__institution__short_name", "node__name")
    actions = ("push_chosen",)
    acts = permission_acts.DELIVERY_ACTS
    fieldsets = (
        (
            _("Wanted and told"),
            {"fields": ("node", ("wanted_epoch", "wanted_at"), ("told_epoch", "told_at"))},
        ),
        (
            _("Pulled and applied"),
            {
                "fields": (
                    ("pulled_at", "pulled_epoch", "pulled_epoch_at"),
                    ("applied_epoch", "applied_at", "applied_sha256"),
                    ("read_back", "verified_epoch", "verified_at"),
                    ("held_epoch", "held_at"),
                )
            },
        ),
        (
            _("Trouble"),
            {
                "fields": (
                    ("attempts", "next_attempt_at", "refused_at", "dead_at"),
                    "last_error",
                    ("declined_epoch", "declined_at", "declined_reason"),
                )
            },
        ),
    )
    export_columns = (
        (_("network"), lambda row: row.node.network_id),
        (_("node"), lambda row: str(row.node)),
        (_("wanted"), lambda row: row.wanted_epoch),
        (_("told"), lambda row: row.told_epoch),
        (_("applied"), lambda row: row.applied_epoch),
        (_("applied at"), lambda row: row.applied_at),
        (_("last error"), lambda row: row.last_error),
    )

    @action(description=_("Tell the chosen nodes again"), permissions=["act"])
    def push_chosen(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        who = actor(request)
        self.each(request, rows, lambda row: push_again(row, actor=who))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return lists.with_state(super().get_queryset(request))

    @display(description=_("network"), ordering="node__network")
    def network(self, row: Delivery) -> str:
        return str(row.node.network)

    @display(description=_("state"))
    def state(self, row: Delivery) -> str:
        state = lists.state(row)
        if state == "behind" and lists.unheard_of(row):
            return pill(_("behind, no agent heard of yet"), "warning")
        return pill(LIST_STATES[state].label, _LIST_TONES.get(state, ""))

    @display(description=_("since"), ordering="applied_at")
    def since(self, row: Delivery) -> Any:
        return row.applied_at if row.applied_epoch >= row.wanted_epoch else row.wanted_at

    @display(description=_("last error"))
    def error_shown(self, row: Delivery) -> str:
        return row.last_error[:60] or "–"

    def headline(self, row: Delivery) -> str:
        return self.state(row)

    def live(self, row: Delivery) -> bool:
        return row.applied_epoch < row.wanted_epoch

    def ways(self, row: Delivery) -> Iterable[dict[str, Any]]:
        wanted = Epoch.objects.filter(network=row.node.network_id, number=row.wanted_epoch).first()
        if wanted is not None:
            yield panels.button(_("Epoch"), panels.address(wanted), "checklist")
        yield convergence.picture(row.node.network_id)

    def tool_links(self, request: HttpRequest) -> Iterable[dict[str, Any]]:
        return convergence.buttons()

    def list_note(self, request: HttpRequest) -> Any:
        """A line a network: its newest epoch and how many of its nodes have it."""
        lines = []
        for network in Network.objects.all():
            rows = lists.listed(Delivery.objects.filter(node__network=network))
            total = rows.count()
            current = _current(rows).count()
            newest = Epoch.objects.filter(network=network).order_by("-number").first()
            if total and newest:
                words = _("epoch %(epoch)d, %(current)d of %(total)d nodes up to date") % {
                    "epoch": newest.number,
                    "current": current,
                    "total": total,
                }
                query = f"node__network__slug__exact={network.pk}"
                page = panels.listing(Delivery, query)
                lines.append((page, network.name, words))
        return format_html_join(
            "", '<p><a class="console-link" href="{}"><strong>{}</strong></a>: {}</p>', lines
        )

    def panels(self, request: HttpRequest, row: Delivery) -> Iterable[Panel]:
        yield convergence.said_by(row)
        yield from convergence.of_node(row.node)
        reports = Acknowledgement.objects.filter(node=row.node_id)[:20]
        yield panels.table(
            _("What the node reported"),
            (_("epoch"), _("format"), _("matches"), _("hash read back"), _("received")),
            [
                (
                    report.epoch,
                    report.get_format_display(),
                    _matches(report),
                    code(report.sha256, shorten=16),
                    report.received_at,
                )
                for report in reports
            ],
        )
        yield panels.timeline(Event.objects.filter(Q(node_id=row.node_id)))


def _matches(report: Acknowledgement) -> SafeString:
    return pill(_("yes"), "good") if report.matches else pill(_("no"), "grave")


@admin.register(Acknowledgement)
class AcknowledgementAdmin(ConsoleModelAdmin):
    list_display = ("node", "epoch", "format", "matches_shown", "hash_shown", "applied_at", "received_at")
    list_filter = ("matches", "format", "node__network")
    search_fields = ("node__name", "node__consensus_id", "certificate_serial", "sha256")
    list_select_related = ("node", "node__institution")
    fields = (
        ("node", "epoch", "format"),
        ("sha256", "matches"),
        ("certificate_serial", "agent_version"),
        ("applied_at", "received_at"),
    )

    @display(description=_("matches"), ordering="matches")
    def matches_shown(self, row: Acknowledgement) -> str:
        return _matches(row)

    @display(description=_("hash read back"))
    def hash_shown(self, row: Acknowledgement) -> str:
        return code(row.sha256, shorten=16)

    def headline(self, row: Acknowledgement) -> str:
        return format_html("{} {}", _("matches"), _matches(row))
