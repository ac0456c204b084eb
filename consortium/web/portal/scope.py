"""What a person may see, in one place for portal and API. What is not in here is a 404, never a 403."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from certs import selectors as certs
from certs.models import Certificate, CertificateRequest
from consortium.core.errors import NotAllowed
from consortium.core.models import Event
from consortium.members import selectors as members
from consortium.members.models import Institution, Network, Node, User
from governance.permissions.models import Delivery, Epoch
from governance.proposals.models import Proposal


def signed_in(user: object) -> User:
    """The account behind a request, which the view has made sure of. Raises NotAllowed."""
    if isinstance(user, AnonymousUser) or not isinstance(user, User) or not user.is_active:
        raise NotAllowed
    return user


def oversees(user: User) -> bool:
    """Whether this account sees every institution: secretariat and regulator."""
    return user.is_secretariat or user.is_regulator


def institutions(user: User) -> QuerySet[Institution]:
    return members.institutions_for(user).select_related("category")


def nodes(user: User) -> QuerySet[Node]:
    return members.nodes_for(user).select_related("institution", "network")


def requests(user: User) -> QuerySet[CertificateRequest]:
    return certs.requests_for(user)


def certificates(user: User) -> QuerySet[Certificate]:
    return certs.certificates_for(user)


def proposals(user: User) -> QuerySet[Proposal]:
    """Every proposal that was opened; drafts are the secretariat's, and the regulator's to read."""
    rows = Proposal.objects.select_related("institution", "node", "node__institution", "network", "ledger")
    if oversees(user):
        return rows
    return rows.filter(opened_at__isnull=False) if user.is_member else rows.none()


def events(user: User) -> QuerySet[Event]:
    """A member: what concerns its institution or its nodes."""
    rows = Event.objects.order_by("-id")
    if oversees(user):
        return rows
    if not user.is_member:
        return rows.none()
    own = Node.objects.filter(institution_id=user.institution_id).values("pk")
    return rows.filter(Q(institution_id=user.institution_id) | Q(institution_id=None, node_id__in=own))


def node_events(node: Node) -> QuerySet[Event]:
    """A node's timeline: its own changes and those of its requests, certificates and lists."""
    return Event.objects.filter(node_id=node.pk).order_by("-id")


def deliveries(user: User) -> QuerySet[Delivery]:
    rows = Delivery.objects.select_related("node", "node__institution", "node__network")
    return rows.filter(node__in=members.nodes_for(user)).order_by("node__network", "node__name")


def networks(user: User) -> QuerySet[Network]:
    """A member: the networks where it runs a node."""
    if oversees(user):
        return Network.objects.all()
    own = Node.objects.filter(institution_id=user.institution_id, retired_at=None).values("network")
    return Network.objects.filter(pk__in=own) if user.is_member else Network.objects.none()


def epochs(user: User) -> QuerySet[Epoch]:
    return Epoch.objects.filter(network__in=networks(user)).select_related("network")


def voted_on(institution_id: uuid.UUID | None, proposals: list[Proposal]) -> set[str]:
    """Which of ``proposals`` (ids on chain) the institution's seat has voted on, by the ledger; one query."""
    from governance.chain.models import CastVote

    uscc = Institution.objects.filter(pk=institution_id).values("uscc")
    asked = [proposal.chain_proposal_id for proposal in proposals]
    rows = CastVote.objects.filter(member_id__in=uscc, proposal_id__in=asked)
    return set(rows.values_list("proposal_id", flat=True))
