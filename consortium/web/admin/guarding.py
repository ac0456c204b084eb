"""What the guards found in an epoch, who lets it out in spite of that, and what they call too many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from consortium.members.models import Network
from consortium.web import holds
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, Outcome, StyledForm, actor
from consortium.web.admin.network_form import NetworkForm
from consortium.web.admin.panels import Panel, pill
from governance.permissions import holding, services
from governance.permissions.models import Epoch, GuardPolicy


class HeldFilter(admin.SimpleListFilter):
    """Held, being signed, or with the nodes."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("held", pgettext_lazy("epoch", "held")),
            ("overridden", _("let out in spite of findings")),
            ("published", pgettext_lazy("state", "published")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Epoch]) -> QuerySet[Epoch]:
        match self.value():
            case "held":
                return holding.held(queryset)
            case "overridden":
                return queryset.filter(overrides__isnull=False, published_at__isnull=False).distinct()
            case "published":
                return queryset.filter(published_at__isnull=False)
        return queryset


_TONES = {"current": "good", "blocked": "grave", "waiting": "waiting"}


def state(row: Any) -> str:
    """A pill, of one of :func:`holding.with_state`: published, held, superseded or being signed."""
    found = holds.state(row)
    return pill(found.label, _TONES.get(found.name, ""))


def panels_of(row: Epoch) -> Iterable[Panel]:
    """Findings, and who has spoken; nothing for an epoch in which nothing was found."""
    found = list(row.findings.all())
    if not found:
        return
    yield panels.table(
        _("What the guards found"),
        (_("finding"), _("code")),
        [(holding.sentence(one.code, one.params), panels.code(one.code)) for one in found],
        note=holds.WHAT_FOLLOWS if row.published_at is None else "",
    )
    said = [(one.person_label, one.reason, one.at) for one in row.overrides.all()]
    if said:
        yield panels.table(
            _("Who wants it published all the same"), (_("person"), _("reason"), _("time")), said
        )


def note(request: HttpRequest) -> Any:
    """Above the list: what waits for people."""
    rows = holding.held().select_related("network").order_by("network")
    lines = ((panels.address(row), row, _("is held: the guards found something")) for row in rows)
    return format_html_join("", '<p><a class="console-link" href="{}"><strong>{}</strong></a> {}</p>', lines)


# --- acts -------------------------------------------------------------------------------------------------
class OverrideForm(StyledForm):
    """Asks why: the answer is what people read afterwards, if the network stopped."""

    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=2000,
        help_text=_(
            "Why these findings are no danger, and whom you asked. Kept in the record for good, and shown to "
            "the members of the network."
        ),
    )


def _override(request: HttpRequest, row: Epoch, cleaned: dict[str, Any]) -> Outcome:
    services.override(row, actor=actor(request), reason=cleaned["reason"])
    if holding.is_held(row):
        return Outcome(_("Kept. A second person has to say so before it is published."))
    return Outcome(_("Two people want it published: it is being signed."))


def _is_waiting(row: Epoch) -> bool:
    return holding.is_held(row) and not holding.is_superseded(row)


EPOCH_ACTS = (
    Act(
        "override",
        _("Publish in spite of this"),
        _override,
        OverrideForm,
        _is_waiting,
        shows=panels_of,
        hint=_("takes two people"),
        style="grave",
        icon="lock_open",
    ),
)


class GuardsForm(NetworkForm):
    """What counts as too many on a network."""

    settings = tuple(holding.POLICY_LIMITS)
    dropped_percent = forms.IntegerField(
        label=_("share of nodes (%)"),
        min_value=holding.POLICY_LIMITS["dropped_percent"][0],
        max_value=holding.POLICY_LIMITS["dropped_percent"][1],
        help_text=_("A list that drops more than this share of the nodes is held."),
    )
    dropped_least = forms.IntegerField(
        label=_("number of nodes"),
        min_value=holding.POLICY_LIMITS["dropped_least"][0],
        max_value=holding.POLICY_LIMITS["dropped_least"][1],
        help_text=_("Fewer are never held for."),
    )
    window_minutes = forms.IntegerField(
        label=_("counted together (minutes)"),
        min_value=holding.POLICY_LIMITS["window_minutes"][0],
        max_value=holding.POLICY_LIMITS["window_minutes"][1],
        help_text=_("Nodes dropped by several lists within this time count as dropped at once."),
    )
    field_order = ("network", *settings)

    def present(self, network: Network) -> Mapping[str, Any]:
        row = services.guard_policy(network)
        return {name: getattr(row, name) for name in self.settings}


def _set_guards(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    services.set_policy(**cleaned, actor=actor(request))
    return Outcome(_("The guards of %(network)s are set.") % {"network": cleaned["network"]})


EPOCH_TOOLS = (Act("guards", _("Set the guards"), _set_guards, GuardsForm, style="plain", icon="shield"),)


def policies(request: HttpRequest) -> Any:
    """Networks whose guards are set to other values than usual."""
    rows = GuardPolicy.objects.select_related("network").order_by("network")
    words = _("held from %(least)s nodes and more than %(percent)s %% on, counted over %(minutes)s minutes")
    lines = (
        (
            row.network.name,
            words
            % {
                "least": row.dropped_least,
                "percent": row.dropped_percent,
                "minutes": row.window_minutes,
            },
        )
        for row in rows
    )
    return format_html("{}{}", note(request), format_html_join("", "<p>{}: {}</p>", lines))
