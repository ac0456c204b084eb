"""What a person may see, in one place for portal and API. What is not in here is a 404, never a 403."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from certs import selectors as certs
from certs.models import Certificate, CertificateRequest, Enrolment, Revocation
from consortium.core import clock
from consortium.core.errors import NotAllowed
from consortium.core.models import Event
from consortium.members import selectors as members
from consortium.members.models import Institution, Network, Node, User
from governance.chain.models import RegistryEntry
from governance.permissions.models import Epoch
from governance.proposals import selectors as voting
from governance.proposals.models import Proposal


def signed_in(user: object) -> User:
    """The account behind a request, which the view has made sure of. Raises NotAllowed."""
    if isinstance(user, AnonymousUser) or not isinstance(user, User) or not user.is_active:
        raise NotAllowed
    return user


def oversees(user: User) -> bool:
    """Whether this account sees every institution: secretariat and regulator."""
    return members.sees_all(user)


def institutions(user: User) -> QuerySet[Institution]:
    return members.institutions_for(user)


def nodes(user: User) -> QuerySet[Node]:
    return members.nodes_for(user)


def requests(user: User) -> QuerySet[CertificateRequest]:
    return certs.requests_for(user).select_related("holder")


def certificates(user: User) -> QuerySet[Certificate]:
    """With what their state and their owner need: no list asks a row for it."""
    return certs.certificates_for(user).select_related("holder").annotate(held=certs.on_hold())


def ending(user: User) -> QuerySet[Certificate]:
    """Of :func:`certificates`: those in force that have no later one, the nearest end first."""
    now = clock.now()
    rows = certificates(user).filter(pk__in=certs.valid_certificates(now).values("pk"))
    return rows.filter(~certs.succeeded(now)).order_by("not_after")


def revocations(user: User) -> QuerySet[Revocation]:
    """Revocations of :func:`certificates`, newest first."""
    rows = Revocation.objects.select_related("certificate__node__institution", "certificate__holder")
    own = certs.certificates_for(user).order_by().values("pk")
    return rows.filter(certificate__in=own).order_by("-revoked_at")


def enrolments(user: User) -> QuerySet[Enrolment]:
    """Secrets of nodes that the account may see, newest first; never the secret itself."""
    rows = Enrolment.objects.select_related("node__institution", "created_by", "request")
    return rows.filter(node__in=members.nodes_for(user).values("pk"))


def people(user: User) -> QuerySet[User]:
    """Accounts in use of the institutions that the account may see."""
    return members.accounts_for(user).filter(is_active=True).order_by("username")


def proposals(user: User) -> QuerySet[Proposal]:
    """Every proposal that was opened; drafts are the secretariat's."""
    rows = voting.visible_to(user)
    return rows if user.is_member or oversees(user) else rows.none()


def proposal_events(user: User, proposal: Proposal) -> QuerySet[Event]:
    """A proposal's timeline. How another bank's officers fared with their ballots is that bank's affair."""
    rows = voting.timeline(proposal)
    return rows if oversees(user) else _as_a_member_may(user, rows)


def _as_a_member_may(user: User, rows: QuerySet[Event]) -> QuerySet[Event]:
    """Without other banks' ballots (every event of one names its officer) and without drafts."""
    own = members.own_institution_id(user)
    if own is None:
        return rows.none()
    others = Q(action__startswith="ballot.") & ~Q(institution_id=own)
    return _without_drafts(rows.exclude(others))


_BEFORE_OPENING = ("proposal.drafted", "proposal.discarded", "proposal.refused")


def _without_drafts(rows: QuerySet[Event]) -> QuerySet[Event]:
    """Neither what led to a proposal nor anything of one that was never opened."""
    unopened = Proposal.objects.filter(opened_at=None).annotate(subject=Cast("pk", CharField()))
    of_drafts = Q(subject_type=Proposal._meta.label_lower, subject_id__in=unopened.values("subject"))
    return rows.exclude(action__in=_BEFORE_OPENING).exclude(of_drafts)


def events(user: User) -> QuerySet[Event]:
    """A member: what concerns its institution, but no draft that the secretariat may yet drop."""
    rows = members.events_for(user).order_by("-id")
    return rows if oversees(user) else _without_drafts(rows)


def node_events(user: User, node: Node) -> QuerySet[Event]:
    """A node's timeline: its own changes and those of its requests, certificates, lists and proposals.

    Every bank's ballot on a proposal about the node is an event of the node: hence the same rule as in
    :func:`proposal_events`.
    """
    rows = _without_drafts(Event.objects.filter(node_id=node.pk)).order_by("-id")
    return rows if oversees(user) else _as_a_member_may(user, rows)


def certificate_events(user: User, certificate: Certificate) -> QuerySet[Event]:
    """A certificate's timeline: its own changes and those of the request that led to it."""
    about = Q(subject_type="certs.certificate", subject_id=str(certificate.pk))
    if certificate.request_id is not None:
        about |= Q(subject_type="certs.certificaterequest", subject_id=str(certificate.request_id))
    return events(user).filter(about)


def networks(user: User) -> QuerySet[Network]:
    """A member: the networks where a node of its own was admitted. To register one is not enough."""
    if oversees(user):
        return Network.objects.all()
    entries = RegistryEntry.objects.filter(
        network=OuterRef("network_id"), consensus_id=OuterRef("consensus_id")
    )
    own = members.nodes_for(user).filter(Exists(entries), retired_at=None).values("network")
    return Network.objects.filter(pk__in=own)


def epochs(user: User) -> QuerySet[Epoch]:
    return Epoch.objects.filter(network__in=networks(user)).select_related("network")
