"""From which state of the alliance each kind of proposal may start."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.core import clock
from consortium.core.errors import InvalidInput
from consortium.members.states import Status
from governance.chain.models import RegistryEntry, Seat
from governance.proposals import actions, facts, rules
from governance.proposals.errors import ProposalOpen, WrongSubject
from governance.proposals.models import Kind, Proposal

_OPEN = {rules.State.SUBMITTING, rules.State.PENDING, rules.State.VOTING, rules.State.SUCCEEDED}

# Kinds that start from a seat: in which of its states.
_SEAT_STATES: dict[str, frozenset[str]] = {
    Kind.ADMIT_NODE: frozenset({Seat.Status.ACTIVE}),
    Kind.CHANGE_ROLE: frozenset({Seat.Status.ACTIVE}),
    Kind.SUSPEND: frozenset({Seat.Status.ACTIVE}),
    Kind.REINSTATE: frozenset({Seat.Status.SUSPENDED}),
    Kind.EXPEL: frozenset({Seat.Status.ACTIVE, Seat.Status.SUSPENDED}),
}


def check_subject(proposal: Proposal) -> None:
    """Raise InvalidInput for what does not fit together, WrongSubject for what may not start now."""
    _check_fields(proposal)
    if proposal.kind == Kind.ADMIT_INSTITUTION:
        _check_applicant(proposal)
    if proposal.kind in _SEAT_STATES:
        _check_seat(proposal)
    if proposal.node is not None:
        _check_node(proposal)


def check_no_other_open(proposal: Proposal) -> None:
    """Raise ProposalOpen while members vote on the same, or on what would take its ground away."""
    others = Proposal.objects.filter(
        institution=proposal.institution, opened_at__isnull=False, discarded_at__isnull=True
    ).exclude(pk=proposal.pk)
    rivals = [other for other in others.order_by("number") if _collide(proposal, other)]
    read = facts.read(rivals)
    now = clock.now()
    for other in rivals:
        if rules.state(read[other.pk].facts, now) in _OPEN and not _stuck(other):
            raise ProposalOpen(number=other.number)


def _collide(one: Proposal, other: Proposal) -> bool:
    if one.kind == other.kind:
        return one.node_id == other.node_id
    # An expulsion carries the removal of every node: it can't run beside a vote on one of them.
    kinds = {one.kind, other.kind}
    return Kind.EXPEL in kinds and any(actions.concerns_node(kind) for kind in kinds)


def _stuck(proposal: Proposal) -> bool:
    """Passed, but the ledger refuses to carry it out: it must not block another attempt."""
    transaction = proposal.execute_tx
    return transaction is not None and transaction.status in facts.REFUSED_RELAYS


def _check_fields(proposal: Proposal) -> None:
    if actions.concerns_node(proposal.kind) != (proposal.node is not None):
        raise InvalidInput(field="node", reason=_("name a node for this kind of proposal, and only for it."))
    if actions.needs_role(proposal.kind) != (proposal.node_role is not None):
        raise InvalidInput(
            field="node_role", reason=_("name a role for this kind of proposal, and only for it.")
        )
    if proposal.node_role is not None and proposal.node_role not in RegistryEntry.NodeRole.values:
        raise InvalidInput(field="node_role", reason=_("there is no such role."))
    if proposal.node is not None and proposal.node.institution_id != proposal.institution_id:
        raise InvalidInput(field="node", reason=_("the node belongs to another institution."))


def _check_applicant(proposal: Proposal) -> None:
    institution = proposal.institution
    if institution.status != Status.IN_REVIEW:
        raise _wrong(proposal, _("it is not in review."))
    if not institution.voting_address:
        raise _wrong(proposal, _("it has not proved a voting address yet."))


def _check_seat(proposal: Proposal) -> None:
    seat = Seat.objects.filter(ledger=proposal.ledger, member_id=proposal.institution.uscc).first()
    if seat is None or seat.status == Seat.Status.REVOKED:
        raise _wrong(proposal, _("it has no seat."))
    if seat.status not in _SEAT_STATES[proposal.kind]:
        states = {
            Seat.Status.ACTIVE: _("its seat is active."),
            Seat.Status.SUSPENDED: _("its seat is suspended."),
        }
        raise _wrong(proposal, states[Seat.Status(seat.status)])


def _check_node(proposal: Proposal) -> None:
    node = proposal.node
    if node is None:
        return
    entry = RegistryEntry.objects.filter(
        ledger=proposal.ledger, network=node.network_id, consensus_id=node.consensus_id
    ).first()
    if proposal.kind == Kind.ADMIT_NODE:
        if entry is not None:
            raise _wrong(proposal, _("the node is in the registry already."))
        if node.retired_at is not None:
            raise _wrong(proposal, _("the node is retired."))
    elif entry is None:
        raise _wrong(proposal, _("the node is not in the registry."))
    elif entry.member_id != proposal.institution.uscc:
        raise _wrong(proposal, _("the ledger has the node under another member."))
    elif proposal.kind == Kind.CHANGE_ROLE and entry.role == proposal.node_role:
        raise _wrong(proposal, _("the node has this role already."))


def _wrong(proposal: Proposal, reason: Promise | str) -> WrongSubject:
    subject = proposal.node or proposal.institution
    return WrongSubject(kind=Kind(proposal.kind).label, subject=str(subject), reason=reason)
