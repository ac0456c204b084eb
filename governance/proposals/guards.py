"""From which state of the alliance each kind of action may start."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.core import clock
from consortium.core.errors import InvalidInput
from consortium.members.models import Institution, Node
from consortium.members.states import Status
from governance.chain.models import AccountPermission, ActionKind, Ledger, RegistryEntry, Seat
from governance.proposals import actions, constitutional, facts, rules
from governance.proposals.errors import ProposalOpen, WrongSubject
from governance.proposals.models import Kind, Permission, Proposal, ProposalAction

_OPEN = {
    rules.State.SUBMITTING,
    rules.State.PENDING,
    rules.State.VOTING,
    rules.State.SUCCEEDED,
    rules.State.QUEUED,
}

# Kinds that start from a seat: in which of its states.
_SEAT_STATES: dict[str, frozenset[str]] = {
    Kind.ADMIT_NODE: frozenset({Seat.Status.ACTIVE}),
    Kind.CHANGE_ROLE: frozenset({Seat.Status.ACTIVE}),
    Kind.SUSPEND: frozenset({Seat.Status.ACTIVE}),
    Kind.REINSTATE: frozenset({Seat.Status.SUSPENDED}),
    Kind.EXPEL: frozenset({Seat.Status.ACTIVE, Seat.Status.SUSPENDED}),
    Kind.CHANGE_VOTER: frozenset({Seat.Status.ACTIVE, Seat.Status.SUSPENDED}),
}
# What an action before it in the same proposal makes of a seat.
_SEAT_AFTER: dict[str, str] = {
    Kind.ADMIT_INSTITUTION: Seat.Status.ACTIVE,
    Kind.SUSPEND: Seat.Status.SUSPENDED,
    Kind.REINSTATE: Seat.Status.ACTIVE,
    Kind.EXPEL: Seat.Status.REVOKED,
}


def check_subject(proposal: Proposal, done: Sequence[ProposalAction] | None = None) -> None:
    """Raise InvalidInput for what does not fit together, WrongSubject for what may not start now.

    ``done`` stands in for the actions of a proposal that is not saved yet.
    """
    listed = actions.rows(proposal) if done is None else list(done)
    for place, action in enumerate(listed):
        _check(proposal, action, listed[:place])


def check_no_other_open(proposal: Proposal) -> None:
    """Raise ProposalOpen while members vote on the same, or on what would take its ground away."""
    ours = actions.rows(proposal)
    others = _about_the_same(ours).exclude(pk=proposal.pk).prefetch_related("actions")
    rivals = [
        other
        for other in others.select_related("queue_tx", "execute_tx").order_by("number")
        if any(_collide(one, another) for one in ours for another in other.actions.all())
    ]
    read = facts.read(rivals)
    now = clock.now()
    for other in rivals:
        if rules.state(read[other.pk].facts, now) in _OPEN and not facts.is_stuck(other):
            raise ProposalOpen(number=other.number)


def _about_the_same(ours: Sequence[ProposalAction]) -> QuerySet[Proposal]:
    institutions = {action.institution_id for action in ours if action.institution_id}
    ruled = {action.rule_of for action in ours if action.kind == Kind.CHANGE_RULE}
    same = Q(actions__institution__in=institutions) | Q(actions__rule_of__in=ruled)
    same |= Q(actions__kind__in={action.kind for action in ours} & constitutional.KINDS)
    opened = Proposal.objects.filter(opened_at__isnull=False, discarded_at__isnull=True)
    return opened.filter(same).distinct()


def _collide(one: ProposalAction, other: ProposalAction) -> bool:
    if one.kind == Kind.CHANGE_RULE or other.kind == Kind.CHANGE_RULE:
        return one.kind == other.kind and one.rule_of == other.rule_of
    if constitutional.KINDS & {one.kind, other.kind}:
        return constitutional.collide(one, other)
    if one.institution_id != other.institution_id:
        return False
    if one.kind == other.kind == Kind.SET_ACCOUNT:
        return (one.network_id, one.address) == (other.network_id, other.address)
    if one.kind == other.kind:
        return one.node_id == other.node_id
    # An expulsion carries the removal of every node: it can't run beside a vote on one of them.
    kinds = {one.kind, other.kind}
    return Kind.EXPEL in kinds and any(actions.concerns_node(kind) for kind in kinds)


# --- One action ---------------------------------------------------------------------------------------------
def _check(proposal: Proposal, action: ProposalAction, before: Sequence[ProposalAction]) -> None:
    _check_fields(action)
    if not actions.concerns_institution(action.kind):
        constitutional.check_office(proposal.ledger, action)
        return
    if action.kind == Kind.ADMIT_INSTITUTION:
        _check_applicant(action, before)
    if action.kind in _SEAT_STATES:
        _check_seat(proposal, action, before)
    if action.kind == Kind.SET_ACCOUNT:
        _check_account(proposal, action, before)
    if action.node is not None:
        _check_node(proposal, action, before)


def _check_fields(action: ProposalAction) -> None:
    if actions.concerns_institution(action.kind) != (action.institution is not None):
        raise InvalidInput(field="institution", reason=_("name the institution that it is about."))
    if actions.concerns_node(action.kind) != (action.node is not None):
        raise InvalidInput(field="node", reason=_("name a node for this kind of proposal, and only for it."))
    if actions.needs_role(action.kind) != (action.node_role is not None):
        raise InvalidInput(
            field="node_role", reason=_("name a role for this kind of proposal, and only for it.")
        )
    if action.node_role is not None and action.node_role not in RegistryEntry.NodeRole.values:
        raise InvalidInput(field="node_role", reason=_("there is no such role."))
    if action.node is not None and action.node.institution_id != action.institution_id:
        raise InvalidInput(field="node", reason=_("the node belongs to another institution."))
    if actions.needs_address(action.kind) != bool(action.address):
        raise InvalidInput(
            field="address", reason=_("name an address for this kind of proposal, and only for it.")
        )
    _check_account_fields(action)
    _check_rule_fields(action)
    constitutional.check_fields(action)


def _check_account_fields(action: ProposalAction) -> None:
    wanted = action.kind == Kind.SET_ACCOUNT
    if wanted != (action.permission in Permission.values):
        raise InvalidInput(
            field="permission", reason=_("say what the account may do, and only of an account.")
        )
    if wanted and action.network_id is None:
        raise InvalidInput(field="network", reason=_("name the network of the account."))


def _check_rule_fields(action: ProposalAction) -> None:
    wanted = action.kind == Kind.CHANGE_RULE
    if wanted != (action.rule_of in ActionKind.values):
        raise InvalidInput(
            field="rule_of", reason=_("say whose rule changes, and only for a change of rules.")
        )
    if wanted and not rules.Rule.read(action.rule or _NO_RULE).sound:
        raise InvalidInput(
            field="rule", reason=_("shares lie above 0 and at most at 1, and there are six categories.")
        )


_NO_RULE = {"quorum": [0, 1], "approval": [0, 1], "categories": 0}


def _check_applicant(action: ProposalAction, before: Sequence[ProposalAction]) -> None:
    institution = _institution(action)
    if institution.status != Status.IN_REVIEW or _seat_before(institution, before):
        raise _wrong(action, _("it is not in review."))
    if not institution.voting_address:
        raise _wrong(action, _("it has not proved a voting address yet."))


def _check_seat(proposal: Proposal, action: ProposalAction, before: Sequence[ProposalAction]) -> None:
    institution = _institution(action)
    status = _seat_before(institution, before) or _seat_now(proposal.ledger, institution)
    if status in ("", Seat.Status.REVOKED):
        raise _wrong(action, _("it has no seat."))
    if status not in _SEAT_STATES[action.kind]:
        states = {
            Seat.Status.ACTIVE: _("its seat is active."),
            Seat.Status.SUSPENDED: _("its seat is suspended."),
        }
        raise _wrong(action, states[Seat.Status(status)])
    if action.kind == Kind.CHANGE_VOTER and Seat.objects.filter(voting_address=action.address).exists():
        raise _wrong(action, _("the address votes for a member already."))


def _seat_now(ledger: Ledger, institution: Institution) -> str:
    seat = Seat.objects.filter(ledger=ledger, member_id=institution.uscc).first()
    return seat.status if seat else ""


def _seat_before(institution: Institution, before: Sequence[ProposalAction]) -> str:
    """What the actions before it make of the institution's seat; empty where they leave it alone."""
    own = [a.kind for a in before if a.institution_id == institution.pk and a.kind in _SEAT_AFTER]
    return _SEAT_AFTER[own[-1]] if own else ""


def _check_account(proposal: Proposal, action: ProposalAction, before: Sequence[ProposalAction]) -> None:
    institution = _institution(action)
    entry = AccountPermission.objects.filter(
        ledger=proposal.ledger, network=action.network_id, address=action.address
    ).first()
    if (entry.permission if entry else Permission.NONE) == action.permission:
        raise _wrong(action, _("the account has this permission already."))
    if entry is not None and entry.member_id != institution.uscc:
        raise _wrong(action, _("the ledger has the account under another member."))
    status = _seat_before(institution, before) or _seat_now(proposal.ledger, institution)
    if action.permission != Permission.NONE and status != Seat.Status.ACTIVE:
        raise _wrong(action, _("it has no active seat."))


def _check_node(proposal: Proposal, action: ProposalAction, before: Sequence[ProposalAction]) -> None:
    node = action.node
    if node is None:
        return
    entry = _entry(proposal.ledger, node)
    there = _there_before(node, before)
    if action.kind == Kind.ADMIT_NODE:
        if there or (there is None and entry is not None):
            raise _wrong(action, _("the node is in the registry already."))
        if node.retired_at is not None:
            raise _wrong(action, _("the node is retired."))
    elif there is False or (there is None and entry is None):
        raise _wrong(action, _("the node is not in the registry."))
    elif entry is not None:
        _check_entry(action, entry)


def _check_entry(action: ProposalAction, entry: RegistryEntry) -> None:
    if entry.member_id != _institution(action).uscc:
        raise _wrong(action, _("the ledger has the node under another member."))
    if action.kind == Kind.CHANGE_ROLE and entry.role == action.node_role:
        raise _wrong(action, _("the node has this role already."))
    frozen = entry.freeze_ratified or (entry.frozen_until is not None and entry.frozen_until > clock.now())
    if action.kind in {Kind.THAW_NODE, Kind.RATIFY_FREEZE} and not frozen:
        raise _wrong(action, _("the node is not frozen."))


def _entry(ledger: Ledger, node: Node) -> RegistryEntry | None:
    rows = RegistryEntry.objects.filter(ledger=ledger)
    return rows.filter(network=node.network_id, consensus_id=node.consensus_id).first()


def _there_before(node: Node, before: Sequence[ProposalAction]) -> bool | None:
    """Whether the actions before it leave the node in the registry; None where they leave it alone."""
    there: bool | None = None
    for action in before:
        if action.kind == Kind.EXPEL and action.institution_id == node.institution_id:
            there = False
        elif action.node_id == node.pk:
            there = action.kind != Kind.REMOVE_NODE
    return there


def _institution(action: ProposalAction) -> Institution:
    if action.institution is None:
        raise TypeError(f"action {action.pk} of kind {action.kind} without an institution")
    return action.institution


def _wrong(action: ProposalAction, reason: Promise | str) -> WrongSubject:
    subject = action.node or action.institution
    return WrongSubject(kind=Kind(action.kind).label, subject=str(subject), reason=reason)
