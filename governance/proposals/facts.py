"""The facts that a proposal's state follows from, read from the projections; many proposals at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from governance.chain.models import CastVote, OnChainProposal, RelayTransaction
from governance.proposals import rules
from governance.proposals.models import Proposal

REFUSED_RELAYS = ("refused", RelayTransaction.Status.REVERTED)


@dataclass(frozen=True)
class Read:
    """A proposal's facts, and the projected row that they were read from."""

    facts: rules.Facts
    on_ledger: OnChainProposal | None


def read(proposals: Iterable[Proposal]) -> dict[UUID, Read]:
    """Facts of each proposal by its primary key, in three queries however many there are."""
    listed = list(proposals)
    ids = [proposal.chain_proposal_id for proposal in listed]
    rows = {(p.ledger_id, p.proposal_id): p for p in OnChainProposal.objects.filter(proposal_id__in=ids)}
    tallies = _tallies(ids)
    refused = _refused({p.propose_tx_id for p in listed if p.propose_tx_id is not None})
    answers = {}
    for proposal in listed:
        key = (proposal.ledger_id, proposal.chain_proposal_id)
        row, tally = rows.get(key), tallies.get(key, rules.Tally())
        answers[proposal.pk] = Read(_facts(proposal, row, tally, proposal.propose_tx_id in refused), row)
    return answers


def _tallies(ids: list[str]) -> dict[tuple[str, str], rules.Tally]:
    """By ledger and proposal; the database adds up, three rows a proposal at most come here."""
    sums = CastVote.objects.filter(proposal_id__in=ids).order_by()
    votes: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for ledger, proposal, support, weight in sums.values_list("ledger", "proposal_id", "support").annotate(
        Sum("weight")
    ):
        votes[ledger, proposal].append((support, weight))
    return {key: rules.tally(pairs) for key, pairs in votes.items()}


def read_one(proposal: Proposal) -> Read:
    """As :func:`read`, for one."""
    return read([proposal])[proposal.pk]


def _refused(relays: set[int]) -> set[int]:
    if not relays:
        return set()
    known = RelayTransaction.objects.filter(pk__in=relays, status__in=REFUSED_RELAYS)
    return set(known.values_list("pk", flat=True))


def _facts(proposal: Proposal, row: OnChainProposal | None, tally: rules.Tally, refused: bool) -> rules.Facts:
    return rules.Facts(
        opened=proposal.opened_at is not None,
        discarded=proposal.discarded_at is not None,
        refused=refused,
        on_ledger=None if row is None else _on_ledger(row, tally),
    )


def _on_ledger(row: OnChainProposal, tally: rules.Tally) -> rules.OnLedger:
    """The projected row and its votes as the rules take them."""
    return rules.OnLedger(
        vote_start=row.vote_start,
        vote_end=row.vote_end,
        quorum=row.quorum,
        tally=tally,
        executed=row.executed_at is not None,
        canceled=row.canceled_at is not None,
    )
