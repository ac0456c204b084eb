"""What belongs to a proposal beside its text: its files by hash, and what members said of it."""

from __future__ import annotations

from collections.abc import Iterable

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from consortium.web.admin import panels
from consortium.web.admin.expected import is_unopened
from consortium.web.admin.panels import Panel, code
from governance.proposals import selectors
from governance.proposals.models import Attachment, Proposal

_COMMENTS = 100  # the latest; the portal has all


def around(proposal: Proposal, *, may_act: bool) -> Iterable[Panel]:
    """Nothing where there is nothing. Whoever ``may_act`` takes a draft's files off from here."""
    files = list(selectors.attachments_of(proposal))
    if files:
        removable = may_act and is_unopened(proposal)
        yield panels.table(
            _("Attachments"),
            (_("name"), _("size"), "SHA-256", *([""] if removable else [])),
            [
                (
                    file.name,
                    filesizeformat(file.size),
                    code(file.sha256),
                    *([_take_off(file)] if removable else []),
                )
                for file in files
            ],
        )
    said = list(selectors.discussion(proposal)[:_COMMENTS])
    if said:
        yield panels.table(
            _("Discussion"),
            (_("who"), _("institution"), _("when"), _("what")),
            [(one.author, one.institution, one.written_at, one.text) for one in said],
        )


def _take_off(file: Attachment) -> SafeString:
    """To the act's form, with the file chosen."""
    act = reverse("admin:proposals_proposal_detach", args=[file.proposal_id])
    return format_html('<a class="console-link" href="{}?attachment={}">{}</a>', act, file.pk, _("Take off"))
