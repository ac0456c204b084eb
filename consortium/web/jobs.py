"""The work queue of the first page: what waits for people, how many, and the list of just those."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from certs import selectors as certificates
from certs.forecast import Kind
from certs.life import AUTHORITY_STEPS
from certs.models import Authority, Certificate, CertificateRequest, Revocation
from consortium.core import clock, outbox
from consortium.core.models import OutboxMessage
from consortium.members.models import Institution
from consortium.members.states import Status
from consortium.web import clocks
from consortium.web.admin import panels
from governance.permissions import expiries, holding, rolling
from governance.permissions import selectors as lists
from governance.permissions.models import Alarm, Delivery, Epoch, Rollout
from governance.proposals import selectors as voting
from governance.proposals.models import Proposal

AUTHORITY_NOTICE = timedelta(days=max(AUTHORITY_STEPS))
_ROOT_IS_URGENT = timedelta(days=14)


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


def _root_of_lists() -> list[Job]:
    """Officers have to meet for the next root, and no list is good for longer than the root."""
    now = clock.now()
    root = expiries.root_to_sign(now)
    if root is None:
        return []
    left = root.left(now)
    job = Job(
        _("Root of the permission lists ending"),
        1,
        f"{reverse('admin:certs_authority_forecast')}?kind={Kind.LIST_ROOT}",
        ngettext(
            "%(n)d day left: officers have to sign the next one",
            "%(n)d days left: officers have to sign the next one",
            max(0, left.days),
        )
        % {"n": max(0, left.days)},
        urgent=left < _ROOT_IS_URGENT,
    )
    return [job]


def _given_up_and_halted() -> list[Job]:
    """Nodes that nobody tells any more, and rollouts that wait for a person; nothing where there are none."""
    dead = Delivery.objects.filter(Delivery.GIVEN_UP, node__retired_at__isnull=True).count()
    halted = Rollout.objects.filter(rolling.HALTED).count()
    jobs = [
        Job(
            _("Nodes not told any more"),
            dead,
            panels.listing(Delivery, "state=given_up"),
            _("did not answer for too long"),
        ),
        Job(
            _("Rollouts halted"),
            halted,
            panels.listing(Rollout, "state=halted"),
            _("wait for a person to go on, or back"),
            urgent=True,
        ),
    ]
    return [job for job in jobs if job.count]


# --- What has a line always, with zero too ----------------------------------------------------------------
def _of_members() -> list[Job]:
    """What members wait for, or all vote on."""
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
    ]


def _of_nodes() -> list[Job]:
    """What does not go as it should of itself."""
    return [
        Job(
            _("Nodes behind"),
            lists.behind().count(),
            panels.listing(Delivery, "state=behind"),
            _("have not applied the newest list"),
        ),
        Job(
            _("Alarms about nodes"),
            lists.alarms().count(),
            panels.listing(Alarm, "state=open"),
            _("another list than signed, clock, version, silence, certificate"),
        ),
        Job(
            _("Work given up"),
            given_up().count(),
            panels.listing(OutboxMessage, "state=dead"),
            _("outbox messages that need a person"),
            urgent=True,
        ),
    ]


def work_queue() -> list[Job]:
    """What waits, most binding first. One count each."""
    return [
        *_of_members(),
        *_of_nodes(),
        *_held_lists(),
        *_given_up_and_halted(),
        *_overdue_lists(),
        *_spreading(),
        *_root_of_lists(),
        *_authorities_ending(),
    ]
