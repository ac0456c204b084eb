"""Drafting, opening and discarding proposals. Voting is the members' own: no button here casts a vote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consortium.members.models import Institution, Node
from consortium.web import wording
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, ConfirmForm, Outcome, ReasonForm, StyledForm, actor
from consortium.web.portal import words
from governance.chain.models import RegistryEntry
from governance.proposals import actions, services, terms
from governance.proposals.models import Kind, Proposal


class DraftForm(StyledForm):
    """What members are asked. Which kind needs which subject, the service says."""

    kind = forms.ChoiceField(label=_("kind"), choices=Kind.choices)
    institution = forms.ModelChoiceField(Institution.objects.all(), label=_("institution concerned"))
    node = forms.ModelChoiceField(
        Node.objects.select_related("institution").filter(retired_at__isnull=True),
        label=_("node"),
        required=False,
        help_text=_("For proposals about a node."),
    )
    node_role = forms.TypedChoiceField(
        label=_("role"),
        choices=[("", "–"), *RegistryEntry.NodeRole.choices],
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("For admitting a node or changing its role."),
    )
    title_zh = forms.CharField(label=_("title (Chinese)"), max_length=200)
    title_en = forms.CharField(label=_("title (English)"), max_length=200)
    text = forms.CharField(
        label=_("text"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=20_000,
        help_text=_("Its hash goes on the ledger: once opened, not a letter of it can change."),
    )


def _draft(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    made = services.draft(**cleaned, actor=actor(request))
    return Outcome(_("The draft is ready to be opened."), panels.address(made))


def _open(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.open(row, actor=actor(request))
    return Outcome(_("On its way to the ledger. Members can vote as soon as it is there."))


def _discard(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.discard(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The draft is discarded."))


def _is_draft(row: Proposal) -> bool:
    refused = row.propose_tx is not None and row.propose_tx.status in {"refused", "reverted"}
    return row.discarded_at is None and (row.opened_at is None or refused)


def steps_panel(row: Proposal) -> panels.Panel:
    """What it does; of one that may still be opened, what opening it now would freeze (nothing is saved)."""
    if _is_draft(row):
        actions.compile_into(row)
    return panels.steps(_("What it does on the ledger"), words.steps(row))


def _shown(row: Proposal) -> Iterable[panels.Panel]:
    """What members will be asked, and on which terms."""
    yield steps_panel(row)
    held = terms.terms(row.ledger)
    yield panels.facts(
        _("The vote"),
        [
            (_("hash of the text (SHA-256)"), panels.code(row.text_sha256)),
            (_("voting lasts"), wording.time_left(int(held.period.total_seconds()))),
            (_("quorum"), _quorum(held)),
        ],
    )
    yield panels.text(_("Text that members vote on"), row.text)


def _quorum(held: terms.Terms) -> str:
    return gettext("%(quorum)d of %(electorate)d seats (for and abstained)") % {
        "quorum": held.quorum,
        "electorate": held.electorate,
    }


PROPOSAL_TOOLS = (Act("draft", _("Draft a proposal"), _draft, DraftForm, style="main", icon="edit_note"),)
PROPOSAL_ACTS = (
    Act(
        "open",
        _("Open for voting"),
        _open,
        ConfirmForm,
        _is_draft,
        shows=_shown,
        hint=_("The text and what it will do are frozen, and all members are asked."),
        style="main",
        icon="how_to_vote",
    ),
    Act("discard", _("Discard"), _discard, ReasonForm, _is_draft, style="grave", icon="delete"),
)
