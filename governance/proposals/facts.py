"""The facts that a proposal's state follows from, read from the projections; many proposals at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from governance.chain.models import CastVote, OnChainProposal, RelayTransaction
from governance.proposals import rules
from governance.proposals.models import Proposal

REFUSED_RELAYS = ("refused", RelayTransaction.Status.REVERTED)


@dataclass(frozen=True)
class Read:
    """A proposal's facts, and the projected rows that they were read from."""

    facts: rules.Facts
    on_ledger: OnChainProposal | None
    votes: list[CastVote]


def read(proposals: Iterable[Proposal]) -> dict[UUID, Read]:
    """Facts of each proposal by its primary key, in three queries however many there are."""
    listed = list(proposals)
    ids = [proposal.chain_proposal_id for proposal in listed]
    rows = {(p.ledger_id, p.proposal_id): p for p in OnChainProposal.objects.filter(proposal_id__in=ids)}
    votes: dict[tuple[str, str], list[CastVote]] = defaultdict(list)
    for vote in CastVote.objects.filter(proposal_id__in=ids):
        votes[vote.ledger_id, vote.proposal_id].append(vote)
    refused = _refused({p.propose_tx_id for p in listed if p.propose_tx_id is not None})
    answers = {}
    for proposal in listed:
        key = (proposal.ledger_id, proposal.chain_proposal_id)
        row = rows.get(key)
        answers[proposal.pk] = Read(
            _facts(proposal, row, votes[key], proposal.propose_tx_id in refused), row, votes[key]
        )
    return answers


def read_one(proposal: Proposal) -> Read:
    """As :func:`read`, for one."""
    return read([proposal])[proposal.pk]


def _refused(relays: set[int]) -> set[int]:
    if not relays:
        return set()
    known = RelayTransaction.objects.filter(pk__in=relays, status__in=REFUSED_RELAYS)
    return set(known.values_list("pk", flat=True))


def _facts(
    proposal: Proposal, row: OnChainProposal | None, votes: list[CastVote], refused: bool
) -> rules.Facts:
    return rules.Facts(
        opened=proposal.opened_at is not None,
        discarded=proposal.discarded_at is not None,
        refused=refused,
        on_ledger=None if row is None else on_ledger(row, votes),
    )


def on_ledger(row: OnChainProposal, votes: Iterable[CastVote]) -> rules.OnLedger:
    """The projected row and its votes as the rules take them."""
    return rules.OnLedger(
        vote_start=row.vote_start,
        vote_end=row.vote_end,
        quorum=row.quorum,
        tally=rules.tally((vote.support, vote.weight) for vote in votes),
        executed=row.executed_at is not None,
        canceled=row.canceled_at is not None,
    )
