"""What happens to our proposals on the ledger, as events of ours.

Called in the indexer's own transaction. A rebuilt projection, or a block that came back after a
reorganisation, tells the same story again: what is on record already is not written twice.
"""

from __future__ import annotations

from typing import Any

from consortium.core import events
from consortium.core.events import INDEXER
from consortium.core.models import Event
from consortium.members.models import Institution
from governance.chain.models import CastVote, OnChainProposal
from governance.chain.relay import RELAY
from governance.proposals import facts, rules
from governance.proposals.models import Ballot, Proposal
from governance.proposals.services import adopting, executing
from governance.proposals.services.common import record


def declare() -> None:
    """Subscribe to what the chain and the relay record."""
    events.on("chain.proposal_created", _created)
    events.on("chain.proposal_extended", _extended)
    events.on("chain.proposal_queued", _queued)
    events.on("chain.proposal_executed", _executed)
    events.on("chain.proposal_canceled", _canceled)
    events.on("chain.vote_cast", _vote_cast)
    events.on("relay.refused", _relay_refused)


def _created(event: Event) -> None:
    row, proposal = _projected(event)
    if row is None:
        return
    proposal = proposal or adopting.adopt(row)
    if proposal is not None:
        _record_once("proposal.on_ledger", proposal, tx_hash=row.tx_hash, block=row.block)
        executing.owe_at_deadline(proposal, row)


def _extended(event: Event) -> None:
    """A late vote reached the quorum: others get time to answer it."""
    row, proposal = _projected(event)
    if row is not None and proposal is not None:
        end = row.vote_end.isoformat()
        _record_once("proposal.extended", proposal, tx_hash=row.tx_hash, vote_end=end)


def _queued(event: Event) -> None:
    row, proposal = _projected(event)
    if row is None or proposal is None or row.effective_at is None:
        return
    due = row.effective_at
    _record_once("proposal.queued", proposal, tx_hash=row.queued_tx, effective_at=due.isoformat())
    executing.owe_at(proposal, due)


def _executed(event: Event) -> None:
    row, proposal = _projected(event)
    if row is not None and proposal is not None:
        _record_once("proposal.executed", proposal, tx_hash=row.executed_tx)


def _canceled(event: Event) -> None:
    """By its proposer before the vote began, else by the guardians."""
    row, proposal = _projected(event)
    if row is None or proposal is None:
        return
    sent = proposal.withdraw_tx
    ours = sent is not None and sent.tx_hash == row.tx_hash
    _record_once("proposal.canceled", proposal, tx_hash=row.tx_hash, withdrawn=ours)


def _vote_cast(event: Event) -> None:
    vote = CastVote.objects.filter(pk=event.subject_id).first()
    proposal = None if vote is None else _ours(vote.ledger_id, vote.proposal_id)
    if vote is None or proposal is None:
        return
    voter = Institution.objects.filter(uscc=vote.member_id).values_list("pk", flat=True).first()
    _record_once(
        "ballot.counted",
        proposal,
        tx_hash=vote.tx_hash,
        voter=vote.voter,
        support=vote.support,
        institution_id=voter,
    )
    read = facts.read_one(proposal)
    if read.facts.on_ledger is not None and rules.decided(read.facts.on_ledger.count):
        executing.owe(proposal)  # nothing more can change it


def _relay_refused(event: Event) -> None:
    """``data["key"]`` says whose transaction it was: ballot: and the row's id, or an attempt of ours."""
    purpose, _, rest = str(event.data.get("key", "")).partition(":")
    code = str(event.data.get("error_code", ""))
    if purpose == "ballot":
        _ballot_refused(rest, code)
    elif purpose in _ATTEMPTS:
        _attempt_refused(purpose, rest, code)


def _ballot_refused(primary_key: str, code: str) -> None:
    ballot = Ballot.objects.select_related("proposal").filter(pk=primary_key).first()
    if ballot is not None:
        record(
            "ballot.refused",
            ballot.proposal,
            actor=RELAY,
            institution_id=ballot.institution_id,
            ballot=primary_key,
            voter=ballot.voter,
            code="refused_by_ledger",
            error_code=code,
        )


_ATTEMPTS = {
    "propose": "proposal.refused",
    "withdraw": "proposal.withdrawal_refused",
    "queue": "proposal.queueing_refused",
    "execute": "proposal.execution_refused",
}


def _attempt_refused(purpose: str, rest: str, code: str) -> None:
    primary_key, _, attempt = rest.partition(":")
    proposal = Proposal.objects.filter(pk=primary_key).first()
    if proposal is None:
        return
    record(_ATTEMPTS[purpose], proposal, actor=RELAY, error_code=code, attempt=int(attempt))
    if purpose in {"queue", "execute"}:
        executing.owe_after_refusal(proposal, int(attempt))


def _projected(event: Event) -> tuple[OnChainProposal | None, Proposal | None]:
    row = OnChainProposal.objects.filter(pk=event.subject_id).first()
    return row, None if row is None else _ours(row.ledger_id, row.proposal_id)


def _ours(ledger_id: str, proposal_id: str) -> Proposal | None:
    """None for a proposal that a member opened on the ledger without the console."""
    ours = Proposal.objects.filter(ledger_id=ledger_id, chain_proposal_id=proposal_id)
    return ours.select_related("withdraw_tx").first()


def _record_once(action: str, proposal: Proposal, *, tx_hash: str, **data: Any) -> None:
    known = events.timeline(proposal).filter(action=action, data__tx_hash=tx_hash)
    if "voter" in data:
        known = known.filter(data__voter=data["voter"])
    if not known.exists():
        record(action, proposal, actor=INDEXER, tx_hash=tx_hash, **data)
