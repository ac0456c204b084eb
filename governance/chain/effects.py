"""What a changed row sets going: the event log, and an institution's status.

Called inside the indexer's transaction. ``fact`` is the ledger event behind the change; None means that a
reorganisation took the last one back.
"""

from __future__ import annotations

import uuid
from typing import Any, Literal

from consortium.core import events
from consortium.members import services as members
from consortium.members.models import Institution, Node
from governance.chain.folds import Fact
from governance.chain.models import (
    AccountPermission,
    CastVote,
    Ledger,
    OnChainProposal,
    Projected,
    RegistryEntry,
    Seat,
    VotingRule,
)

SeatState = Literal["none", "active", "suspended", "revoked"]

# Told of as created when it is complete: its rule is frozen right after, in the same transaction.
_PROPOSAL_ACTIONS = {
    "ProposalRuleFrozen": "chain.proposal_created",
    "ProposalExtended": "chain.proposal_extended",
    "ProposalQueued": "chain.proposal_queued",
    "ProposalExecuted": "chain.proposal_executed",
    "ProposalCanceled": "chain.proposal_canceled",
}


_REGISTRY_ACTIONS = {
    "NodeFrozen": "registry.frozen",
    "NodeFreezeRatified": "registry.freeze_ratified",
    "NodeThawed": "registry.thawed",
}


def seat_changed(seat: Seat, fact: Fact | None) -> None:
    """Record it, and let the institution follow."""
    state = _seat_state(seat, fact)
    institution = Institution.objects.filter(uscc=seat.member_id).first()
    events.record(
        "seat.changed",
        seat,
        actor=events.INDEXER,
        institution_id=institution.pk if institution else None,
        uscc=seat.member_id,
        status=state,
        category_number=seat.category_number,
        voting_address=seat.voting_address,
        **_where(seat, fact),
    )
    if institution is not None:  # a seat may have been voted to somebody whom the roster does not have
        members.follow_ledger(institution, seat=state, block=seat.block, tx_hash=seat.tx_hash)


def registry_changed(entry: RegistryEntry, fact: Fact | None) -> None:
    """Record it; the permission lists subscribe. Role 0: it left the network."""
    removed = fact is None or fact.args.get("role") == 0
    frozen_until = entry.frozen_until.isoformat() if entry.frozen_until else None
    events.record(
        _REGISTRY_ACTIONS.get(fact.name, "registry.changed") if fact else "registry.changed",
        entry,
        actor=events.INDEXER,
        institution_id=_institution_id(entry.member_id),
        node_id=Node.objects.filter(network_id=entry.network, consensus_id=entry.consensus_id)
        .values_list("pk", flat=True)
        .first(),
        network=entry.network,
        consensus_id=entry.consensus_id,
        uscc=entry.member_id,
        role=0 if removed else entry.role,
        frozen_until=None if removed else frozen_until,
        freeze_ratified=entry.freeze_ratified and not removed,
        **_where(entry, fact),
    )


def account_changed(account: AccountPermission, fact: Fact | None) -> None:
    """Record it. Permission 0: it may do nothing any more."""
    removed = fact is None or fact.args["permission"] == 0
    events.record(
        "registry.account_changed",
        account,
        actor=events.INDEXER,
        institution_id=_institution_id(account.member_id),
        network=account.network,
        address=account.address,
        uscc=account.member_id,
        permission=0 if removed else account.permission,
        **_where(account, fact),
    )


def rule_changed(rule: VotingRule, fact: Fact | None) -> None:
    """Record what a kind of action needs from now on."""
    events.record(
        "rule.changed" if fact else "rule.taken_back",
        rule,
        actor=events.INDEXER,
        governor=rule.governor,
        kind=rule.kind,
        rule=rule.rule,
        **_where(rule, fact),
    )


def governor_changed(ledger: Ledger, former: str) -> None:
    """Record that another governor is in office."""
    events.record(
        "ledger.governor_changed", ledger, actor=events.INDEXER, before=former, after=ledger.governor
    )


def proposal_changed(proposal: OnChainProposal, fact: Fact | None) -> None:
    """Record what became of it: created, extended, queued, executed, cancelled."""
    action = _PROPOSAL_ACTIONS.get(fact.name) if fact else "chain.proposal_taken_back"
    if action is None:
        return
    events.record(
        action,
        proposal,
        actor=events.INDEXER,
        proposal_id=proposal.proposal_id,
        vote_end=proposal.vote_end.isoformat(),
        effective_at=proposal.effective_at.isoformat() if proposal.effective_at else None,
        **_where(proposal, fact),
    )


def vote_cast(vote: CastVote, fact: Fact | None) -> None:
    """Record that a vote counted."""
    events.record(
        "chain.vote_cast" if fact else "chain.vote_taken_back",
        vote,
        actor=events.INDEXER,
        institution_id=_institution_id(vote.member_id),
        proposal_id=vote.proposal_id,
        voter=vote.voter,
        support=vote.support,
        **_where(vote, fact),
    )


def log_not_decoded(ledger: Ledger, fact: Fact) -> None:
    """Record it: somebody has to look why a contract of ours says what it can't."""
    events.record(
        "ledger.log_not_decoded",
        ledger,
        actor=events.INDEXER,
        event=fact.args["event"],
        block=fact.block,
        tx_hash=fact.tx_hash,
        log_index=fact.log_index,
    )


def _seat_state(seat: Seat, fact: Fact | None) -> SeatState:
    states: dict[str, SeatState] = {"active": "active", "suspended": "suspended", "revoked": "revoked"}
    return states[seat.status] if fact else "none"


def _where(row: Projected, fact: Fact | None) -> dict[str, Any]:
    return {
        "block": fact.block if fact else row.block,
        "tx_hash": fact.tx_hash if fact else row.tx_hash,
    }


def _institution_id(uscc: str) -> uuid.UUID | None:
    return Institution.objects.filter(uscc=uscc).values_list("pk", flat=True).first()
