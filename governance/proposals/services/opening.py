"""Opening: the draft is frozen and goes to the ledger, where members can vote on it."""

from __future__ import annotations

from django.db import transaction

from consortium.core import clock
from consortium.core.errors import NotAllowed
from consortium.core.events import Actor
from consortium.members.models import User
from consortium.members.permissions import require_secretariat
from governance.chain import calls, relay
from governance.chain.models import RelayTransaction
from governance.proposals import actions, attachments, constitutional, guards, rules
from governance.proposals.errors import NotADraft
from governance.proposals.models import Proposal
from governance.proposals.services.common import label, locked, record, state_now

_EVENTS = {rules.State.DRAFT: "proposal.opened", rules.State.REFUSED: "proposal.reopened"}


def open(proposal: Proposal, *, actor: Actor) -> Proposal:
    """Propose it on the ledger. The subject is checked, and the calls are made, as of now.

    Raises NotAllowed, NotADraft, WrongSubject, ProposalOpen, AttachmentDamaged, and of a contract that is to
    take an office what ``constitutional.check_contracts`` raises. That it is on the
    ledger, the indexer says.
    """
    require_secretariat(actor)
    if not isinstance(actor, User):
        raise NotAllowed
    constitutional.check_contracts(proposal.ledger, actions.rows(proposal))
    with transaction.atomic():
        proposal = locked(proposal)
        state = state_now(proposal)
        if state not in _EVENTS:
            raise NotADraft(number=proposal.number, state=label(state))
        guards.check_subject(proposal)
        guards.check_no_other_open(proposal)
        attachments.check_all(proposal)
        actions.compile_into(proposal)
        proposal.opened_by, proposal.opened_at = actor, clock.now()
        proposal.propose_tx = _relay(proposal)
        proposal.save()
        record(_EVENTS[state], proposal, actor=actor, chain_proposal_id=proposal.chain_proposal_id)
    return proposal


def _relay(proposal: Proposal) -> RelayTransaction:
    call = calls.propose(proposal.ledger, actions.calls_of(proposal), proposal.description)
    key = attempt_key("propose", proposal)
    return relay.want(proposal.ledger, key=key, to=call.target, data=call.data)


def attempt_key(purpose: str, proposal: Proposal) -> str:
    """``propose:<uuid>:<n>``: a refused attempt stays on record, the next one is another transaction."""
    prefix = f"{purpose}:{proposal.pk}:"
    return f"{prefix}{RelayTransaction.objects.filter(key__startswith=prefix).count() + 1}"
