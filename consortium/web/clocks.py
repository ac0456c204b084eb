"""How far a revocation has come, step by step, as pages and the API show it.

A member reads how many nodes are still to follow, and the names of its own: how another bank's nodes fare is
that bank's affair.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from certs.models import Certificate, Revocation
from consortium.core import clock
from consortium.members.models import User
from consortium.web.portal import scope
from consortium.web.portal.listing import State
from governance.permissions import clocks as known
from governance.permissions import selectors as lists

STEPS = list(known.LABELS)
LOOKED_BACK = timedelta(days=90)  # what is not everywhere by then will not come there by waiting
DONE = State("current", _("applied everywhere"))
LISTED = State("current", pgettext_lazy("state", "published"))  # and no permission list to follow
UNDER_WAY = State("waiting", _("under way"))


@dataclass(frozen=True)
class Step:
    """``after``: seconds since the revocation. ``missing``: names that the reader may see; of ``waited``."""

    name: str
    label: str | Promise
    at: datetime | None
    after: int
    skipped: str | Promise
    waited: int
    missing: list[str]


@dataclass(frozen=True)
class Row:
    """A revocation and how far it has come."""

    revocation: Revocation
    steps: list[Step]
    done: bool

    @property
    def certificate(self) -> Certificate:
        return self.revocation.certificate

    @property
    def state(self) -> State:
        if not self.done:
            return UNDER_WAY
        return LISTED if self.steps[-1].skipped else DONE


def of(certificate: Certificate, reader: User) -> Row | None:
    """The certificate's own, if it was revoked."""
    if not hasattr(certificate, "revocation"):
        return None
    return rows([certificate.revocation], reader)[0]


def rows(revocations: Iterable[Revocation], reader: User) -> list[Row]:
    """Each with its clock; a fixed number of queries, however many."""
    found = list(revocations)
    if not found:
        return []
    clocks = lists.revocation_clocks(found)
    names = None if scope.oversees(reader) else {str(node) for node in scope.nodes(reader)}
    return [_row(each, clocks[each.pk], names) for each in found]


def under_way() -> set[uuid.UUID]:
    """Certificates whose revocation, of the last :data:`LOOKED_BACK`, has not come everywhere yet."""
    recent = Revocation.objects.filter(revoked_at__gt=clock.now() - LOOKED_BACK)
    clocks = lists.revocation_clocks(recent.only("pk", "revoked_at"))
    return {pk for pk, each in clocks.items() if not each.is_complete}


def _row(revocation: Revocation, found: lists.Clock, names: set[str] | None) -> Row:
    steps = [
        Step(
            name=step.name,
            label=step.label,
            at=step.at,
            after=int(step.after.total_seconds()) if step.after else 0,
            skipped=step.skipped,
            waited=len(step.missing),
            missing=[name for name in step.missing if names is None or name in names],
        )
        for step in found.steps
    ]
    return Row(revocation, steps, found.is_complete)
