"""Rows as the portal lists them: a record and what follows from it, without a query for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from certs import life
from certs import selectors as certs
from certs.models import Certificate, CertificateRequest
from certs.rules import EXPIRES_SOON
from consortium.members.models import Node, User
from governance.chain.models import RegistryEntry
from governance.permissions import delivery
from governance.permissions import selectors as lists
from governance.proposals import selectors as voting
from governance.proposals.models import Proposal
from governance.proposals.models import State as ProposalState


@dataclass(frozen=True)
class State:
    """A state's name (for its colour) and what people call it."""

    name: str
    label: str | Promise


VALID = State("valid", _("valid"))
EXPIRING = State("expiring", _("expires soon"))
EXPIRED = State("expired", _("expired"))
REVOKED = State("revoked", _("revoked"))
SUSPENDED = State("suspended", pgettext_lazy("certificate", "suspended"))
# The answers of certs.selectors.state.
STATES = {life.VALID: VALID, life.SUSPENDED: SUSPENDED, life.EXPIRED: EXPIRED, life.REVOKED: REVOKED}
NO_CERTIFICATE = State("none", _("no certificate"))
NO_LIST = State("none", _("no list yet"))
NOT_ADMITTED = State("none", _("not admitted"))
# The answers of permissions.delivery.state.
LIST_STATES = {
    "unlisted": State("unlisted", _("not on the list")),
    "refused": State("refused", _("pull refused")),
    "mismatch": State("behind", _("applied something else")),
    "declined": State("behind", _("the node refuses it")),
    "applied": State("current", _("up to date")),
    "verified": State("current", _("up to date, as the node says itself")),
    "held": State("waiting", _("waits for its wave")),
    "told": State("waiting", _("told, not yet applied")),
    "pulled": State("waiting", _("fetched, not yet applied")),
    "waiting": State("waiting", _("waiting to be told")),
    "behind": State("behind", _("behind")),
}
LATE = frozenset(LIST_STATES[state] for state in delivery.LATE)


@dataclass(frozen=True)
class NodeRow:
    node: Node
    certificate: State
    role: State
    list_state: State


@dataclass(frozen=True)
class CertificateRow:
    certificate: Certificate
    state: State


def proposal_rows(account: User, proposals: list[Proposal]) -> list[dict[str, Any]]:
    """Overviews with the viewer's own vote, if it is a member's officer; a fixed number of queries."""
    return overview_rows(account, voting.overviews(proposals))


def overview_rows(account: User, briefs: list[voting.Overview]) -> list[dict[str, Any]]:
    """As :func:`proposal_rows`, of overviews that were read already."""
    proposals = [brief.proposal for brief in briefs]
    own = voting.own_votes(proposals, account.institution) if account.institution else {}
    return [
        {
            "overview": brief,
            "proposal": brief.proposal,
            "label": ProposalState(brief.state.value).label,
            "own": own.get(brief.proposal.pk),
        }
        for brief in briefs
    ]


def node_rows(nodes: list[Node], now: datetime) -> list[NodeRow]:
    """A few queries for each network, however many nodes."""
    latest = _newest_valid(nodes, now)
    given = list_rows(sorted({node.network_id for node in nodes}))
    roles = _roles(nodes)
    return [
        NodeRow(
            node,
            certificate_state(latest.get(node.pk), now),
            roles.get((node.network_id, node.consensus_id), NOT_ADMITTED),
            list_state(given.get(node.pk)),
        )
        for node in nodes
    ]


def certificate_rows(certificates: Iterable[Certificate], now: datetime) -> list[CertificateRow]:
    """``certificates`` come from :func:`scope.certificates`: with ``revocation`` and ``held``."""
    return [CertificateRow(certificate, certificate_state(certificate, now)) for certificate in certificates]


def certificate_state(certificate: Certificate | None, now: datetime) -> State:
    """Whether it can be used at ``now``."""
    if certificate is None:
        return NO_CERTIFICATE
    found = STATES[certs.state(certificate, now)]
    ending = found is VALID and certificate.not_after < now + EXPIRES_SOON
    return EXPIRING if ending else found


def owner(row: Certificate | CertificateRequest) -> str:
    """Whose it is: a node's, a person's or program's account, or a service of the console."""
    if row.node is not None:
        return str(row.node)
    if row.holder is not None:
        return row.holder.get_full_name() or row.holder.username
    return gettext("the console")


def list_rows(networks: Iterable[str]) -> dict[UUID, lists.Row]:
    """Each node's way to the newest list, by node id; a few queries a network."""
    return {row.node.pk: row for network in networks for row in lists.convergence(network)}


def list_state(row: lists.Row | None) -> State:
    return NO_LIST if row is None else LIST_STATES.get(row.state, NO_LIST)


def _newest_valid(nodes: list[Node], now: datetime) -> dict[object, Certificate]:
    rows = certs.valid_certificates(now).filter(node__in=nodes).select_related("revocation")
    rows = rows.annotate(held=certs.on_hold())
    return {row.node_id: row for row in rows.order_by("issued_at")}


def _roles(nodes: list[Node]) -> dict[tuple[str, str], State]:
    rows = RegistryEntry.objects.filter(consensus_id__in=[node.consensus_id for node in nodes])
    return {(row.network, row.consensus_id): State("active", row.get_role_display()) for row in rows}
