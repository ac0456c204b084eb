"""What changed rows set going: the event log, and an institution's status.

Called inside the indexer's transaction. ``fact`` is the ledger event behind a change; None means that a
reorganisation took the last one back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from consortium.core import events
from consortium.core.events import Entry
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
    # Told once: where the governor says it too, it says so in the same transaction, and nothing changes.
    "CallExecuted": "chain.proposal_executed",
    "Cancelled": "chain.proposal_canceled",
}


_REGISTRY_ACTIONS = {
    "NodeFrozen": "registry.frozen",
    "NodeFreezeRatified": "registry.freeze_ratified",
    "NodeThawed": "registry.thawed",
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one event made of a row: as it is afterwards, or as it was before it went."""

    row: Any
    fact: Fact | None


def tell(steps: Sequence[Step]) -> None:
    """Record all of them, in this order; then let institutions follow their seats, one by one."""
    known = _Known([step.row for step in steps])
    told = (_ENTRIES[type(step.row)](step.row, step.fact, known) for step in steps)
    events.record_all([entry for entry in told if entry is not None], actor=events.INDEXER)
    for step in steps:
        # a seat may have been voted to somebody whom the roster does not have
        if isinstance(step.row, Seat) and step.row.member_id in known.institutions:
            _institution_follows(step.row, step.fact)


class _Known:
    """Whom on the roster rows are about: two queries, however many rows there are."""

    def __init__(self, rows: Sequence[Any]) -> None:
        members = {row.member_id for row in rows if hasattr(row, "member_id")}
        nodes = [row for row in rows if isinstance(row, RegistryEntry)]
        self.institutions: dict[str, uuid.UUID] = {}
        self.nodes: dict[tuple[str, str], uuid.UUID] = {}
        if members:
            found = Institution.objects.filter(uscc__in=members)
            self.institutions = dict(found.values_list("uscc", "pk"))
        if nodes:
            ids, networks = {one.consensus_id for one in nodes}, {one.network for one in nodes}
            rows_found = Node.objects.filter(consensus_id__in=ids, network__in=networks)
            columns = rows_found.values_list("network_id", "consensus_id", "pk")
            self.nodes = {(network, consensus_id): pk for network, consensus_id, pk in columns}


def _institution_follows(seat: Seat, fact: Fact | None) -> None:
    institution = Institution.objects.get(uscc=seat.member_id)
    members.follow_ledger(institution, seat=_seat_state(seat, fact), block=seat.block, tx_hash=seat.tx_hash)


def _seat_changed(seat: Seat, fact: Fact | None, known: _Known) -> Entry:
    return Entry(
        "seat.changed",
        seat,
        institution_id=known.institutions.get(seat.member_id),
        data={
            "uscc": seat.member_id,
            "status": _seat_state(seat, fact),
            "category_number": seat.category_number,
            "voting_address": seat.voting_address,
            **_where(seat, fact),
        },
    )


def _registry_changed(entry: RegistryEntry, fact: Fact | None, known: _Known) -> Entry:
    """The permission lists subscribe. Role 0: it left the network."""
    removed = fact is None or fact.args.get("role") == 0
    frozen_until = entry.frozen_until.isoformat() if entry.frozen_until else None
    return Entry(
        _REGISTRY_ACTIONS.get(fact.name, "registry.changed") if fact else "registry.changed",
        entry,
        institution_id=known.institutions.get(entry.member_id),
        node_id=known.nodes.get((entry.network, entry.consensus_id)),
        data={
            "network": entry.network,
            "consensus_id": entry.consensus_id,
            "uscc": entry.member_id,
            "role": 0 if removed else entry.role,
            "frozen_until": None if removed else frozen_until,
            "freeze_ratified": entry.freeze_ratified and not removed,
            **_where(entry, fact),
        },
    )


def _account_changed(account: AccountPermission, fact: Fact | None, known: _Known) -> Entry:
    """Permission 0: it may do nothing any more."""
    removed = fact is None or fact.args["permission"] == 0
    return Entry(
        "registry.account_changed",
        account,
        institution_id=known.institutions.get(account.member_id),
        data={
            "network": account.network,
            "address": account.address,
            "uscc": account.member_id,
            "permission": 0 if removed else account.permission,
            **_where(account, fact),
        },
    )


def _rule_changed(rule: VotingRule, fact: Fact | None, known: _Known) -> Entry:
    """What a kind of action needs from now on."""
    told = {"governor": rule.governor, "kind": rule.kind, "rule": rule.rule, **_where(rule, fact)}
    return Entry("rule.changed" if fact else "rule.taken_back", rule, data=told)


def _proposal_changed(proposal: OnChainProposal, fact: Fact | None, known: _Known) -> Entry | None:
    """What became of it: created, extended, queued, executed, cancelled."""
    action = _PROPOSAL_ACTIONS.get(fact.name) if fact else "chain.proposal_taken_back"
    if action is None:
        return None
    return Entry(
        action,
        proposal,
        data={
            "proposal_id": proposal.proposal_id,
            "vote_end": proposal.vote_end.isoformat(),
            "effective_at": proposal.effective_at.isoformat() if proposal.effective_at else None,
            **_where(proposal, fact),
        },
    )


def _vote_cast(vote: CastVote, fact: Fact | None, known: _Known) -> Entry:
    return Entry(
        "chain.vote_cast" if fact else "chain.vote_taken_back",
        vote,
        institution_id=known.institutions.get(vote.member_id),
        data={
            "proposal_id": vote.proposal_id,
            "voter": vote.voter,
            "support": vote.support,
            **_where(vote, fact),
        },
    )


_ENTRIES: dict[type[Any], Callable[[Any, Fact | None, _Known], Entry | None]] = {
    Seat: _seat_changed,
    RegistryEntry: _registry_changed,
    AccountPermission: _account_changed,
    VotingRule: _rule_changed,
    OnChainProposal: _proposal_changed,
    CastVote: _vote_cast,
}


def governor_changed(ledger: Ledger, former: str) -> None:
    """Record that another governor is in office."""
    events.record(
        "ledger.governor_changed", ledger, actor=events.INDEXER, before=former, after=ledger.governor
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
