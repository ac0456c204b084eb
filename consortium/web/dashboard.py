"""The first page: what waits for a decision, the members by category, what happened last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from certs import selectors as certificates
from certs.life import AUTHORITY_STEPS
from certs.models import Authority, Certificate, CertificateRequest, Revocation
from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Category, Institution
from consortium.members.states import Status
from consortium.web import clocks
from consortium.web.admin import charts, panels, timeline
from governance.permissions import holding
from governance.permissions import selectors as lists
from governance.permissions.models import Delivery, Epoch
from governance.proposals import selectors as voting
from governance.proposals.models import Proposal

EVENTS_SHOWN = 8
AUTHORITY_NOTICE = timedelta(days=max(AUTHORITY_STEPS))


@dataclass(frozen=True)
class Job:
    """A line of the work queue: how many wait, and the list of just those."""

    title: str | Promise
    count: int
    link: str
    hint: str | Promise
    urgent: bool = False

    @property
    def tone(self) -> str:
        if not self.count:
            return "done"
        return "urgent" if self.urgent else "due"


def applications() -> QuerySet[Institution]:
    return Institution.objects.filter(status__in=[Status.APPLIED, Status.IN_REVIEW])


def requests_waiting() -> QuerySet[CertificateRequest]:
    return CertificateRequest.objects.filter(status=CertificateRequest.Status.SUBMITTED)


def given_up() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(outbox.GIVEN_UP)


def _overdue_lists() -> list[Job]:
    """Seldom, and then the first thing to mend: so it has a place only when there are any."""
    overdue = certificates.stale_crls(clock.now())
    job = Job(
        _("Revocation lists overdue"),
        len(overdue),
        panels.listing(Authority, "list=overdue"),
        _("run out, or not renewed when it was time: relying parties refuse what is past its list"),
        urgent=True,
    )
    return [job] if overdue else []


def _spreading() -> list[Job]:
    """Revocations on their way: seldom more than seconds, so they have a place only while there are any."""
    count = len(clocks.under_way())
    job = Job(
        _("Revocations under way"),
        count,
        panels.listing(Revocation, "spread=under-way"),
        _("not yet published, or not yet applied by all nodes"),
        urgent=True,
    )
    return [job] if count else []


def _held_lists() -> list[Job]:
    """Lists that the guards hold: nothing of theirs reaches a node until two people have looked."""
    count = holding.held().count()
    job = Job(
        _("Permission lists held"),
        count,
        panels.listing(Epoch, "state=held"),
        _("the guards found something: two people have to look before they are published"),
        urgent=True,
    )
    return [job] if count else []


def _authorities_ending() -> list[Job]:
    """An authority needs years of notice: what it signs may not outlive it."""
    count = certificates.ending_authorities(AUTHORITY_NOTICE, clock.now()).count()
    job = Job(
        _("Authorities ending"),
        count,
        panels.listing(Authority, "ending=soon"),
        _("end within two years, no successor"),
    )
    return [job] if count else []


def work_queue() -> list[Job]:
    """What waits, most binding first. One count each."""
    return [
        Job(
            _("Applications to review"),
            applications().count(),
            panels.listing(Institution, "status__in=applied,in_review"),
            _("institutions that applied or are in review"),
        ),
        Job(
            _("Certificate requests"),
            requests_waiting().count(),
            panels.listing(CertificateRequest, "status__exact=submitted"),
            _("waiting for approval"),
        ),
        Job(
            _("Votes closing"),
            voting.closing().count(),
            panels.listing(Proposal, "state=closing"),
            _("end within 24 hours"),
        ),
        Job(
            _("Certificates ending"),
            certificates.expiring().filter(institution__isnull=False).count(),
            panels.listing(Certificate, "validity=ending"),
            _("end within 30 days, no successor"),
        ),
        Job(
            _("Nodes behind"),
            lists.behind().count(),
            panels.listing(Delivery, "state=behind"),
            _("have not applied the newest list"),
        ),
        Job(
            _("Work given up"),
            given_up().count(),
            panels.listing(OutboxMessage, "state=dead"),
            _("outbox messages that need a person"),
            urgent=True,
        ),
        *_held_lists(),
        *_overdue_lists(),
        *_spreading(),
        *_authorities_ending(),
    ]


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


def dead_badge(request: HttpRequest) -> int:
    return given_up().count()
