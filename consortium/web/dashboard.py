"""The first page: what waits for a decision, the members by category, what happened last."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from consortium.core.models import Event
from consortium.members.models import Category
from consortium.members.states import Status
from consortium.web.admin import charts, panels, timeline
from consortium.web.jobs import applications, given_up, requests_waiting, work_queue
from governance.permissions import selectors as lists
from governance.proposals import selectors as voting

EVENTS_SHOWN = 8


def members_chart() -> charts.Bars:
    """Institutions by category, parted by standing."""
    standing = Category.objects.order_by("number").annotate(
        seated=Count("institution", filter=Q(institution__status=Status.ACTIVE)),
        coming=Count(
            "institution",
            filter=Q(
                institution__status__in=[
                    Status.APPLIED,
                    Status.IN_REVIEW,
                    Status.MORE_INFORMATION_NEEDED,
                    Status.ADMITTED,
                ]
            ),
        ),
        halted=Count("institution", filter=Q(institution__status=Status.SUSPENDED)),
    )
    return charts.bars(
        title=_("Members by industry category"),
        axis=_("institutions"),
        series=(_("active"), _("applying or admitted"), _("suspended")),
        rows=[(category.name, (category.seated, category.coming, category.halted)) for category in standing],
    )


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """django-unfold's hook for the index page."""
    # What the ledger echoes of things that have an event of their own would crowd everything else out.
    echoes = Q(action__startswith="chain.") | Q(action__startswith="relay.")
    latest = Event.objects.exclude(echoes).order_by("-id")[:EVENTS_SHOWN]
    return {
        **context,
        "title": _("Overview"),
        "jobs": work_queue(),
        "chart": members_chart(),
        "entries": [timeline.entry(event) for event in latest],
        "log": panels.listing(Event),
    }


# --- badges of the menu ---------------------------------------------------------------------------------
def applications_badge(request: HttpRequest) -> int:
    return applications().count()


def requests_badge(request: HttpRequest) -> int:
    return requests_waiting().count()


def voting_badge(request: HttpRequest) -> int:
    return voting.votes_open().count()


def behind_badge(request: HttpRequest) -> int:
    return lists.behind().count()


def alarms_badge(request: HttpRequest) -> int:
    return lists.alarms().count()


def dead_badge(request: HttpRequest) -> int:
    return given_up().count()
