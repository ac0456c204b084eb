"""What has passed is queued at once and executed when the timelock lets it; again if that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from consortium.core import clock, outbox
from consortium.core.events import CLOCK, Actor
from consortium.core.outbox import Later
from consortium.members.permissions import require_secretariat
from governance.chain import calls, relay
from governance.chain.calls import Call
from governance.chain.models import OnChainProposal
from governance.proposals import actions, facts, rules, topics, view
from governance.proposals.errors import NotExecutable
from governance.proposals.models import Proposal
from governance.proposals.services.common import label, locked, record, state_now
from governance.proposals.services.opening import attempt_key

_LONGEST_WAIT = 60.0  # seconds; the ledger's clock need not run as ours does
_FIRST_RETRY, _LONGEST_RETRY = 30, 3600  # seconds after a refused execution, doubling


def owe(proposal: Proposal, *, after: float = 0) -> None:
    """Look in ``after`` seconds whether it is to be executed; in the caller's transaction."""
    outbox.enqueue(
        topics.EXECUTE, key=str(proposal.pk), payload={"proposal": str(proposal.pk)}, after=max(0.0, after)
    )


def owe_at_deadline(proposal: Proposal, row: OnChainProposal) -> None:
    """Look as soon as voting is over."""
    owe_at(proposal, row.vote_end + timedelta(seconds=1))


def owe_at(proposal: Proposal, due: datetime) -> None:
    owe(proposal, after=(due - clock.now()).total_seconds())


def owe_after_refusal(proposal: Proposal, attempt: int) -> None:
    """The contract refused to carry it out; what stood in the way may go away."""
    if attempt < facts.MOST_ATTEMPTS:
        owe(proposal, after=min(_LONGEST_RETRY, _FIRST_RETRY * 2 ** (attempt - 1)))


def execute(proposal: Proposal, *, actor: Actor) -> None:
    """Try again at once, for a person who need not wait. Raises NotAllowed, NotExecutable."""
    require_secretariat(actor)
    with transaction.atomic():
        proposal = locked(proposal)
        state = state_now(proposal)
        if state not in {rules.State.SUCCEEDED, rules.State.QUEUED}:
            raise NotExecutable(number=proposal.number, state=label(state))
        owe(proposal)
        record("proposal.execution_requested", proposal, actor=actor)


def execute_when_due(primary_key: UUID) -> None:
    """Owe the transaction that queues or executes, if the governor itself says that the proposal has passed.

    Idempotent. Raises Later while votes may still come in or the timelock holds it, LedgerUnreachable.
    """
    proposal = Proposal.objects.select_related("ledger").get(pk=primary_key)
    row = facts.read_one(proposal).on_ledger
    if row is None or row.executed_at or row.canceled_at or not _is_told_whole(proposal):
        return
    seen = view.look(proposal.ledger, row.governor)
    state = seen.state(int(proposal.chain_proposal_id))
    if state in (view.CHAIN_PENDING, view.CHAIN_ACTIVE):
        left = (row.vote_end - seen.now).total_seconds() + 1
        raise Later(min(max(left, 1), _LONGEST_WAIT), "the ledger still takes votes")
    if state == view.CHAIN_SUCCEEDED:
        _send(proposal, row, _QUEUE)
    if state == view.CHAIN_QUEUED:
        _await(seen, int(proposal.chain_proposal_id))
        _send(proposal, row, _EXECUTE)


def _is_told_whole(proposal: Proposal) -> bool:
    """A member may have written what no database takes: then only who knows the bytes can carry it out."""
    content = actions.calls_of(proposal)
    return str(calls.proposal_id(content, proposal.description)) == proposal.chain_proposal_id


def _await(seen: view.LedgerView, proposal_id: int) -> None:
    left = (seen.effective_at(proposal_id) - seen.now).total_seconds()
    if left > 0:
        raise Later(min(max(left, 1), _LONGEST_WAIT), "the timelock holds it")


@dataclass(frozen=True)
class _Step:
    """One of the two transactions that a proposal still needs once it has passed."""

    purpose: str  # begins the relay's key
    field: str
    event: str
    call: Callable[..., Call]


_QUEUE = _Step("queue", "queue_tx", "proposal.queueing_sent", calls.queue)
_EXECUTE = _Step("execute", "execute_tx", "proposal.execution_sent", calls.execute)


@transaction.atomic
def _send(proposal: Proposal, row: OnChainProposal, step: _Step) -> None:
    proposal = locked(proposal)
    earlier = getattr(proposal, step.field)
    if earlier is not None and earlier.status not in facts.REFUSED_RELAYS:
        return  # under way, or carried out and not indexed yet
    content = actions.calls_of(proposal)
    call = step.call(proposal.ledger, content, proposal.description, governor=row.governor)
    key = attempt_key(step.purpose, proposal)
    sent = relay.want(proposal.ledger, key=key, to=call.target, data=call.data)
    setattr(proposal, step.field, sent)
    proposal.save(update_fields=[step.field])
    record(step.event, proposal, actor=CLOCK, attempt=key)
