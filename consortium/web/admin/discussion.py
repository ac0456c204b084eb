"""What belongs to a proposal beside its text: its files by hash, and what members said of it."""

from __future__ import annotations

from collections.abc import Iterable

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from consortium.web.admin import panels
from consortium.web.admin.panels import Panel, code
from governance.proposals import selectors
from governance.proposals.models import Proposal

_COMMENTS = 100  # the latest; the portal has all


def around(proposal: Proposal) -> Iterable[Panel]:
    """Nothing where there is nothing."""
    files = list(selectors.attachments_of(proposal))
    if files:
        yield panels.table(
            _("Attachments"),
            (_("name"), _("size"), "SHA-256"),
            [(file.name, filesizeformat(file.size), code(file.sha256)) for file in files],
        )
    said = list(selectors.discussion(proposal)[:_COMMENTS])
    if said:
        yield panels.table(
            _("Discussion"),
            (_("who"), _("institution"), _("when"), _("what")),
            [(one.author, one.institution, one.written_at, one.text) for one in said],
        )
