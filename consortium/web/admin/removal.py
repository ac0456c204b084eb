"""Nodes on their way out: where each stands, and what the secretariat has to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display

from certs.choices import RevocationReason
from consortium.core.models import Event
from consortium.members.models import Institution, Node
from consortium.web.admin import convergence, panels
from consortium.web.admin.acts import Act, Outcome, ReasonForm, StyledForm, actor
from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.admin.panels import Panel, link, pill
from governance.chain.ledgers.models import CommitteeWish
from governance.permissions import removal, removals, services
from governance.permissions.models import Epoch, Removal
from governance.proposals.models import Kind

_TONES = {removal.State.DONE: "good", removal.State.DUE: "waiting", removal.State.LATER: ""}
_STATES = {
    removal.State.DONE: pgettext_lazy("step", "done"),
    removal.State.DUE: pgettext_lazy("step", "its turn"),
    removal.State.LATER: pgettext_lazy("step", "later"),
}


class UnderWayFilter(admin.SimpleListFilter):
    """On their way, or over."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("under-way", _("under way")),
            ("completed", _("completed")),
            ("withdrawn", _("withdrawn")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Removal]) -> QuerySet[Removal]:
        match self.value():
            case "under-way":
                return queryset.filter(completed_at__isnull=True, withdrawn_at__isnull=True)
            case "completed":
                return queryset.filter(completed_at__isnull=False)
            case "withdrawn":
                return queryset.filter(withdrawn_at__isnull=False)
        return queryset


# --- acts -------------------------------------------------------------------------------------------------
class OrderForm(StyledForm):
    """One node, or all of a member; and why, which says whether it goes in order or at once."""

    node = forms.ModelChoiceField(
        Node.objects.select_related("institution").order_by("network", "institution__short_name", "name"),
        label=_("node"),
        required=False,
    )
    institution = forms.ModelChoiceField(
        Institution.objects.all(),
        label=_("or all nodes of"),
        required=False,
        help_text=_("For a member that is expelled: all its nodes in service."),
    )
    revocation_reason = forms.ChoiceField(
        label=_("reason of the revocation"),
        choices=[(each.value, each.label) for each in removals.REASONS],
        initial=RevocationReason.CESSATION_OF_OPERATION,
        help_text=_(
            "A node leaves in order: out of consensus, off the lists, revoked. A private key in other hands "
            "is revoked at once, and everything else follows."
        ),
    )
    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 4}), max_length=2000)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if bool(cleaned.get("node")) == bool(cleaned.get("institution")):
            raise forms.ValidationError(_("Name a node or a member, one of the two."))
        return cleaned


def _order(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    said = {"reason": cleaned["reason"], "revocation_reason": cleaned["revocation_reason"]}
    if cleaned["node"]:
        made = services.order_removal(cleaned["node"], actor=actor(request), **said)
        return Outcome(_("The removal is ordered."), panels.address(made))
    rows = services.order_removals(cleaned["institution"], actor=actor(request), **said)
    return Outcome(_("Removals ordered: %(count)d.") % {"count": len(rows)})


def _withdraw(request: HttpRequest, row: Removal, cleaned: dict[str, Any]) -> Outcome:
    services.withdraw_removal(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The removal is withdrawn: the node stays."))


def _finish(request: HttpRequest, row: Removal, cleaned: dict[str, Any]) -> Outcome:
    services.finish_removal(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("Revoked: the node is out."))


def _is_open(row: Removal) -> bool:
    return row.is_open


def _can_finish(row: Removal) -> bool:
    """Only nodes that do not answer stand in the way, or nobody is left who may act."""
    if not row.is_open or row.is_compromised:
        return False
    step = removal.due(removals.steps(row))
    return step is not None and step.waits_for in {removal.Wait.NODES, removal.Wait.PERSON}


TOOLS = (Act("order", _("Order a removal"), _order, OrderForm, style="main", icon="logout"),)
ACTS = (
    Act(
        "finish",
        _("Revoke now"),
        _finish,
        ReasonForm,
        _can_finish,
        hint=_("without waiting for the nodes that have not applied the list"),
        style="grave",
        icon="gpp_bad",
    ),
    Act("withdraw", _("Withdraw"), _withdraw, ReasonForm, _is_open, style="plain", icon="undo"),
)


# --- pages ------------------------------------------------------------------------------------------------
@admin.register(Removal)
class RemovalAdmin(ConsoleModelAdmin):
    list_display = ("node", "network", "state", "because", "ordered_by_label", "ordered_at", "completed_at")
    list_filter = (UnderWayFilter, "node__network")
    search_fields = ("node__name", "node__consensus_id", "node__institution__short_name", "reason")
    list_select_related = ("node__institution", "node__network", "ordered_by")
    ordering = ("-ordered_at",)
    acts = ACTS
    tools = TOOLS
    fieldsets = (
        (_("Removal"), {"fields": ("node", "reason", ("revocation_reason", "ordered_by_label"))}),
        (_("Times"), {"fields": (("ordered_at", "completed_at", "withdrawn_at"),)}),
    )

    @display(description=_("network"), ordering="node__network")
    def network(self, row: Removal) -> str:
        return str(row.node.network)

    @display(description=_("reason of the revocation"), ordering="revocation_reason")
    def because(self, row: Removal) -> str:
        return row.get_revocation_reason_display()

    @display(description=_("state"))
    def state(self, row: Removal) -> str:
        if row.withdrawn_at:
            return pill(_("withdrawn"))
        if row.completed_at:
            return pill(_("completed"), "good")
        step = removal.due(removals.steps(row))
        if step is None:
            return pill(_("being completed"), "waiting")
        tone = "grave" if row.is_compromised else "waiting"
        return pill(_("waits: %(step)s") % {"step": removals.STEPS[step.name]}, tone)

    def headline(self, row: Removal) -> str:
        return self.state(row)

    def live(self, row: Removal) -> bool:
        return row.is_open

    def panels(self, request: HttpRequest, row: Removal) -> Iterable[Panel]:
        yield steps_panel(row)
        yield panels.timeline(
            Event.objects.filter(subject_type="permissions.removal", subject_id=str(row.pk))
        )

    def ways(self, row: Removal) -> Iterable[dict[str, Any]]:
        yield from convergence.list_of(row.node)
        yield convergence.picture(row.node.network_id)

    def row_links(self, row: Removal) -> Iterable[dict[str, Any]]:
        step = removal.due(removals.steps(row)) if row.is_open else None
        if step is not None:
            yield from _next(row, step)


def steps_panel(row: Removal) -> Panel:
    """Each step with its time, or what it waits for."""
    found = removals.steps(row)
    note = _(
        "A key in other hands: revoked and off the lists at once, out of consensus when members have voted."
    )
    return panels.table(
        _("Where it stands"),
        (_("step"), _("state"), _("time"), _("waits for")),
        [(removals.STEPS[one.name], _state(one), one.at or "–", _waits(row, one)) for one in found],
        note=note if row.is_compromised else _("Out of consensus first, the lists next, revoked last."),
    )


def _state(step: removal.Step) -> SafeString:
    if step.is_early:
        return pill(_("done before its turn"), "warning")
    return pill(_STATES[step.state], _TONES[step.state])


def _waits(row: Removal, step: removal.Step) -> str:
    if not row.is_open or step.state is not removal.State.DUE:
        return "–"
    words = removals.WAITS[step.waits_for]
    return format_html("{}: {}", words, ", ".join(step.missing)) if step.missing else str(words)


def _next(row: Removal, step: removal.Step) -> Iterable[dict[str, Any]]:
    """Where the secretariat does what comes next."""
    match step.waits_for:
        case removal.Wait.MEMBERS_VOTE | removal.Wait.REMOVAL_VOTE:
            query = {"kind": Kind.REMOVE_NODE, "institution": row.node.institution_id, "node": row.node_id}
            url = f"{reverse('admin:proposals_proposal_draft')}?{urlencode(query)}"
            yield panels.button(_("Draft the proposal"), url, "edit_note")
        case removal.Wait.OWN_LEDGER:
            yield panels.button(_("Wishes to the committee"), panels.listing(CommitteeWish), "playlist_add")
        case removal.Wait.TWO_PEOPLE:
            page = panels.listing(Epoch, f"state=held&network__slug__exact={row.node.network_id}")
            yield panels.button(_("The held list"), page, "checklist")


def of_node(node: Node) -> Iterable[Panel]:
    """On a node's page: its removal that is under way."""
    row = removals.unfinished().filter(node=node).first()
    if row is not None:
        panel = steps_panel(row)
        yield panels.table(
            _("On its way out"), panel.data["headers"], panel.data["rows"], note=link(row, _("the removal"))
        )
