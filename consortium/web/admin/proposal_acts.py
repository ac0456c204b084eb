"""Drafting, opening and discarding proposals. Voting is the members' own: no button here casts a vote."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from consortium.core import clock
from consortium.members.models import Institution, Network, Node
from consortium.web import wording
from consortium.web.admin import panels
from consortium.web.admin.acts import Act, ConfirmForm, Outcome, ReasonForm, StyledForm, actor
from consortium.web.portal import words
from governance.chain.models import ActionKind, RegistryEntry
from governance.permissions import preview as lists
from governance.proposals import actions, facts, preview, rules, services, simulation, terms
from governance.proposals.models import Kind, Permission, Proposal


class DraftForm(StyledForm):
    """What members are asked. Which kind needs which subject, the service says."""

    kind = forms.ChoiceField(label=_("kind"), choices=Kind.choices)
    institution = forms.ModelChoiceField(
        Institution.objects.all(),
        label=_("institution concerned"),
        required=False,
        help_text=_("For everything but a change of rules."),
    )
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
    network = forms.ModelChoiceField(
        Network.objects.all(), label=_("network"), required=False, help_text=_("For an account.")
    )
    address = forms.CharField(
        label=_("account or voting address"),
        max_length=42,
        required=False,
        help_text=_("For an account's permission, or another voting address."),
    )
    permission = forms.TypedChoiceField(
        label=_("permission"),
        choices=[("", "–"), *Permission.choices],
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("For an account."),
    )
    rule_of = forms.TypedChoiceField(
        label=_("kind of action"),
        choices=[("", "–"), *ActionKind.choices],
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("For a change of rules: whose rule."),
    )
    rule = forms.RegexField(
        r"^(\d{1,3})/(\d{1,3}) (\d{1,3})/(\d{1,3}) ([0-6])$",
        label=_("rule"),
        required=False,
        help_text=_("Quorum, share in favour, categories with a majority of their own: 1/2 2/3 3"),
    )
    title_zh = forms.CharField(label=_("title (Chinese)"), max_length=200)
    title_en = forms.CharField(label=_("title (English)"), max_length=200)
    text = forms.CharField(
        label=_("text"),
        widget=forms.Textarea(attrs={"rows": 8}),
        max_length=20_000,
        help_text=_("Its hash goes on the ledger: once opened, not a letter of it can change."),
    )

    def clean_rule(self) -> rules.Rule | None:
        given = self.cleaned_data["rule"]
        return rules.Rule.parse(given) if given else None


class AttachForm(StyledForm):
    """A file whose hash becomes part of what members vote on."""

    file = forms.FileField(label=_("file"))


class AmendForm(ReasonForm):
    """What the successor says; it does the same as the one that it replaces."""

    title_zh = forms.CharField(label=_("title (Chinese)"), max_length=200)
    title_en = forms.CharField(label=_("title (English)"), max_length=200)
    text = forms.CharField(label=_("text"), widget=forms.Textarea(attrs={"rows": 8}), max_length=20_000)

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        if isinstance(row, Proposal):
            kwargs["initial"] = {
                "title_zh": row.title_zh,
                "title_en": row.title_en,
                "text": row.text,
                **(kwargs.get("initial") or {}),
            }
        super().__init__(*args, row=row, **kwargs)


def _draft(request: HttpRequest, row: None, cleaned: dict[str, Any]) -> Outcome:
    made = services.draft(**cleaned, actor=actor(request))
    return Outcome(_("The draft is ready to be opened."), panels.address(made))


def _attach(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    upload = cleaned["file"]
    services.attach(row, name=upload.name, content=upload.read(), actor=actor(request))
    return Outcome(_("The file is attached: its hash is part of what members vote on."))


def _withdraw(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.withdraw(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("It is being withdrawn: the ledger lets it go as long as the vote has not begun."))


def _amend(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    made = services.amend(row, **cleaned, actor=actor(request))
    return Outcome(_("The successor is ready to be opened."), panels.address(made))


def _open(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.open(row, actor=actor(request))
    return Outcome(_("On its way to the ledger. Members can vote as soon as it is there."))


def _discard(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.discard(row, actor=actor(request), reason=cleaned["reason"])
    return Outcome(_("The draft is discarded."))


def _is_draft(row: Proposal) -> bool:
    refused = row.propose_tx is not None and row.propose_tx.status in {"refused", "reverted"}
    return row.discarded_at is None and (row.opened_at is None or refused)


def _is_unopened(row: Proposal) -> bool:
    return row.discarded_at is None and row.opened_at is None


def steps_panel(row: Proposal) -> panels.Panel:
    """What it does; of one that may still be opened, what opening it now would freeze (nothing is saved)."""
    if _is_draft(row):
        actions.compile_into(row)
    return panels.steps(_("What it does on the ledger"), words.steps(row))


def _is_pending(row: Proposal) -> bool:
    """On the ledger, and the vote has not begun."""
    return row.opened_at is not None and _state(row) == rules.State.PENDING


def _is_amendable(row: Proposal) -> bool:
    given_up = {rules.State.PENDING, rules.State.VOTING, rules.State.DEFEATED, rules.State.CANCELED}
    replaced = Proposal.objects.filter(amends=row).exists()
    return not replaced and (_is_draft(row) or _state(row) in given_up)


def _state(row: Proposal) -> rules.State:
    return rules.state(facts.read_one(row).facts, clock.now())


def _shown(row: Proposal) -> Iterable[panels.Panel]:
    """What members will be asked, on which terms, and what would come of it."""
    yield steps_panel(row)
    seen = preview.preview(row)
    yield panels.facts(
        _("The vote"),
        [
            (_("hash of the text (SHA-256)"), panels.code(row.text_sha256)),
            (_("kind of action"), ActionKind(seen.kind).label),
            (_("voting lasts"), wording.time_left(int(seen.terms.period.total_seconds()))),
            (_("quorum"), _quorum(seen.terms)),
            (_("in favour"), _approval(seen.terms)),
            (_("If it were carried out now"), _verdict(seen.simulation)),
        ],
    )
    yield from _lists(seen)
    yield panels.text(_("Text that members vote on"), row.text)


def _lists(seen: preview.Preview) -> Iterable[panels.Panel]:
    """Each network's list, and whether its validators still reach a quorum."""
    rows = [
        (
            change.network,
            ", ".join(node.name for node in change.entering) or "–",
            ", ".join(node.name for node in change.leaving) or "–",
            f"{change.before.taking_part}/{change.before.registered}",
            f"{change.after.taking_part}/{change.after.registered}",
            _goes_on(change),
        )
        for change in lists.changes(seen.calls)
    ]
    if rows:
        headers = (
            _("network"),
            _("enters"),
            _("leaves"),
            _("validators now"),
            _("validators afterwards"),
            _("goes on"),
        )
        yield panels.table(_("The networks' lists"), headers, rows)


def _goes_on(change: lists.NetworkChange) -> str:
    if change.is_danger:
        return panels.pill(_("the network stops"), "grave")
    return panels.pill(_("yes"), "good")


def _verdict(found: simulation.Simulation | None) -> str:
    if found is None:
        return gettext("The ledger does not answer.")
    if found.verdict == simulation.Verdict.REFUSED:
        return gettext("Step %(step)s would be refused: %(why)s") % {
            "step": found.step,
            "why": found.sentence,
        }
    if found.verdict == simulation.Verdict.UNKNOWN:
        return gettext("It can't be tried beforehand: the governor takes this from nobody but a vote.")
    return gettext("It would work.")


def _quorum(held: terms.Terms) -> str:
    return gettext("%(quorum)d of %(electorate)d seats (for and abstained)") % {
        "quorum": held.quorum,
        "electorate": held.electorate,
    }


def _approval(held: terms.Terms) -> str:
    share, of_share = held.rule.approval
    return gettext("%(share)s of the votes for and against, a majority in %(categories)s categories") % {
        "share": f"{share}/{of_share}",
        "categories": held.count.categories_needed,
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
    Act("attach", _("Attach a file"), _attach, AttachForm, _is_unopened, icon="attach_file"),
    Act(
        "amend",
        _("Amend"),
        _amend,
        AmendForm,
        _is_amendable,
        hint=_("Another draft takes its place; if it is not voted on yet, it is withdrawn."),
        icon="edit_note",
    ),
    Act("withdraw", _("Withdraw"), _withdraw, ReasonForm, _is_pending, style="grave", icon="undo"),
    Act("discard", _("Discard"), _discard, ReasonForm, _is_draft, style="grave", icon="delete"),
)
