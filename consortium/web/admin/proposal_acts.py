"""Drafting, opening and discarding proposals. Voting is the members' own: no button here casts a vote."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consortium.core import clock
from consortium.web.admin import expected, panels
from consortium.web.admin.acts import Act, ConfirmForm, Outcome, ReasonForm, StyledForm, actor
from consortium.web.admin.draft_form import AddForm, DraftForm
from consortium.web.admin.expected import is_draft, is_unopened
from governance.proposals import facts, rules, services
from governance.proposals.models import Attachment, Proposal


class AttachForm(StyledForm):
    """A file whose hash becomes part of what members vote on."""

    file = forms.FileField(label=_("file"))


class _Files(forms.ModelChoiceField):
    """Files by name, and by hash: two may have one name."""

    def label_from_instance(self, obj: Attachment) -> str:
        return f"{obj.name} ({obj.sha256[:10]}…)"


class DetachForm(StyledForm):
    """One of the draft's own files."""

    attachment = _Files(Attachment.objects.none(), label=_("file"))

    def __init__(self, *args: Any, row: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, row=row, **kwargs)
        if isinstance(row, Proposal):
            self.fields["attachment"].queryset = row.attachments.all()  # type: ignore[attr-defined]


class AmendForm(ReasonForm):
    """What the successor says; it does the same as the one that it replaces, and has the same files."""

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


def _detach(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.detach(cleaned["attachment"], actor=actor(request))
    return Outcome(_("The file is taken off: its hash is no part of what members vote on any more."))


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


def _execute(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.execute(row, actor=actor(request))
    return Outcome(_("It is tried again at once."))


def _add(request: HttpRequest, row: Proposal, cleaned: dict[str, Any]) -> Outcome:
    services.extend(row, services.Wish(**cleaned), actor=actor(request))
    return Outcome(_("The draft does one thing more."))


def _has_files(row: Proposal) -> bool:
    return is_unopened(row) and row.attachments.exists()


def _is_pending(row: Proposal) -> bool:
    """On the ledger, and the vote has not begun."""
    return row.opened_at is not None and _state(row) == rules.State.PENDING


def _is_amendable(row: Proposal) -> bool:
    given_up = {rules.State.PENDING, rules.State.VOTING, rules.State.DEFEATED, rules.State.CANCELED}
    replaced = row.successors.filter(discarded_at=None).exists()
    return not replaced and (is_draft(row) or _state(row) in given_up)


def _is_passed(row: Proposal) -> bool:
    return row.opened_at is not None and _state(row) in {rules.State.SUCCEEDED, rules.State.QUEUED}


def _state(row: Proposal) -> rules.State:
    return rules.state(facts.read_one(row).facts, clock.now())


PROPOSAL_TOOLS = (Act("draft", _("Draft a proposal"), _draft, DraftForm, style="main", icon="edit_note"),)
PROPOSAL_ACTS = (
    Act(
        "open",
        _("Open for voting"),
        _open,
        ConfirmForm,
        is_draft,
        shows=expected.panels_of,
        hint=_("The text and what it will do are frozen, and all members are asked."),
        style="main",
        icon="how_to_vote",
    ),
    Act(
        "add",
        _("Add another action"),
        _add,
        AddForm,
        is_unopened,
        hint=_("Everything that a proposal does is carried out together, in this order, or none of it."),
        icon="playlist_add",
    ),
    Act("attach", _("Attach a file"), _attach, AttachForm, is_unopened, icon="attach_file"),
    Act("detach", _("Take a file off"), _detach, DetachForm, _has_files, icon="link_off"),
    Act(
        "amend",
        _("Amend"),
        _amend,
        AmendForm,
        _is_amendable,
        hint=_(
            "Another draft takes its place, with the same files; if it is not voted on yet, it is withdrawn."
        ),
        icon="edit_note",
    ),
    Act(
        "execute",
        _("Carry out now"),
        _execute,
        ConfirmForm,
        _is_passed,
        hint=_("It happens by itself. This is for what failed and need not wait; no timelock is cut short."),
        icon="play_arrow",
    ),
    Act("withdraw", _("Withdraw"), _withdraw, ReasonForm, _is_pending, style="grave", icon="undo"),
    Act("discard", _("Discard"), _discard, ReasonForm, is_draft, style="grave", icon="delete"),
)
