"""Whether a list went out, in words, and why people look at it first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from consortium.web.portal.listing import State
from governance.permissions import holding
from governance.permissions.models import Epoch

PUBLISHED = State("current", pgettext_lazy("state", "published"))
SUPERSEDED = State("superseded", gettext_lazy("superseded, never published"))
SIGNING = State("waiting", gettext_lazy("being signed"))
WHAT_FOLLOWS: str | Promise = gettext_lazy(
    "This list is published only when two people of the secretariat say so. Until then the list before it "
    "stays in force; a newer one takes its place."
)


def state(row: Any) -> State:
    """Of one of :func:`holding.with_state`."""
    if row.published_at:
        return PUBLISHED
    if row.superseded:
        return SUPERSEDED
    if row.held:
        missing = holding.PEOPLE - row.people
        return State("blocked", _("held, people missing: %(count)d") % {"count": missing})
    return SIGNING


def states(epochs: Iterable[Epoch]) -> dict[UUID, State]:
    """Of each by its id, in one query."""
    rows = Epoch.objects.filter(pk__in=[epoch.pk for epoch in epochs])
    return {row.pk: state(row) for row in holding.with_state(rows)}


def findings(epoch: Epoch) -> list[str]:
    """What the guards found in it, in sentences."""
    return [holding.sentence(found.code, found.params) for found in epoch.findings.all()]
