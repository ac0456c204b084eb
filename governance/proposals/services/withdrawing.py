"""Taking a proposal back, and putting another in its place."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from consortium.core import clock
from consortium.core.errors import ReasonRequired
from consortium.core.events import Actor
from consortium.members.permissions import require_secretariat
from governance.chain import calls, relay
from governance.proposals import actions, facts, rules
from governance.proposals.errors import AmendedAlready, NotAmendable, NotWithdrawable, OpenedElsewhere
from governance.proposals.models import Proposal, ProposalAction
from governance.proposals.services.common import label, locked, record, state_now
from governance.proposals.services.discussing import carry_over
from governance.proposals.services.drafting import Wish, draft
from governance.proposals.services.opening import attempt_key

_OFF_LEDGER = {rules.State.DRAFT, rules.State.REFUSED}
_TO_GIVE_UP = _OFF_LEDGER | {rules.State.PENDING}
_AMENDABLE = _TO_GIVE_UP | {rules.State.VOTING, rules.State.DEFEATED, rules.State.CANCELED}


def withdraw(proposal: Proposal, *, actor: Actor, reason: str) -> Proposal:
    """Take it back: a draft here, an opened one on the ledger, as long as the vote has not begun.

    That the ledger let it go, the indexer says. Raises NotAllowed, NotWithdrawable,
    OpenedElsewhere, ReasonRequired.
    """
    require_secretariat(actor)
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        proposal = locked(proposal)
        state = state_now(proposal)
        _check_ours(proposal)
        if state not in _TO_GIVE_UP:
            raise NotWithdrawable(number=proposal.number, state=label(state))
        _give_up(proposal, state, actor, reason)
    return proposal


def amend(
    proposal: Proposal,
    *,
    title_zh: str,
    title_en: str,
    text: str,
    actor: Actor,
    reason: str,
    wishes: Sequence[Wish] = (),
) -> Proposal:
    """A draft that takes the proposal's place; what is not voted on yet is withdrawn for it.

    ``wishes`` is what the successor is to do, by default the same. It has the same files, which may be taken
    off as long as it is a draft. Raises NotAllowed, NotAmendable,
    AmendedAlready, OpenedElsewhere, ReasonRequired, and what ``draft`` raises.
    """
    require_secretariat(actor)
    if not reason.strip():
        raise ReasonRequired
    with transaction.atomic():
        proposal = locked(proposal)
        state = state_now(proposal)
        _check_ours(proposal)
        _check_amendable(proposal, state)
        if state in _TO_GIVE_UP:
            _give_up(proposal, state, actor, reason)
        first, *more = wishes or [_same(action) for action in actions.rows(proposal)]
        content = {"title_zh": title_zh, "title_en": title_en, "text": text}
        successor = draft(**content, **first.__dict__, more=more, amends=proposal, actor=actor)
        carry_over(proposal, successor, actor=actor)
        record("proposal.amended", proposal, actor=actor, reason=reason, successor=successor.number)
    return successor


def _check_ours(proposal: Proposal) -> None:
    if proposal.is_adopted:
        raise OpenedElsewhere(number=proposal.number)


def _check_amendable(proposal: Proposal, state: rules.State) -> None:
    if state not in _AMENDABLE:
        raise NotAmendable(number=proposal.number, state=label(state))
    successor = proposal.successors.filter(discarded_at=None).first()
    if successor is not None:
        raise AmendedAlready(number=proposal.number, successor=successor.number)


def _give_up(proposal: Proposal, state: rules.State, actor: Actor, reason: str) -> None:
    if state in _OFF_LEDGER:
        proposal.discarded_at = clock.now()
        proposal.save(update_fields=["discarded_at"])
        record("proposal.withdrawn", proposal, actor=actor, reason=reason)
        return
    sent = proposal.withdraw_tx
    if sent is not None and sent.status not in facts.REFUSED_RELAYS:
        return  # under way
    content = actions.calls_of(proposal)
    call = calls.cancel(proposal.ledger, content, proposal.description, governor=facts.governor_of(proposal))
    key = attempt_key("withdraw", proposal)
    proposal.withdraw_tx = relay.want(proposal.ledger, key=key, to=call.target, data=call.data)
    proposal.save(update_fields=["withdraw_tx"])
    record("proposal.withdrawal_sent", proposal, actor=actor, reason=reason, attempt=key)


def _same(action: ProposalAction) -> Wish:
    return Wish(
        kind=action.kind,
        institution=action.institution,
        node=action.node,
        node_role=action.node_role,
        network=action.network,
        address=action.address,
        permission=action.permission,
        rule_of=action.rule_of,
        rule=rules.Rule.read(action.rule) if action.rule else None,
        durations=action.durations,
        guardians=tuple(action.guardians or ()),
        threshold=action.threshold,
        break_glass=action.break_glass,
    )
