"""The facts that a proposal's state follows from, read from the projections; many proposals at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from governance.chain.models import CastVote, IndexedBlock, Ledger, OnChainProposal, RelayTransaction
from governance.proposals import rules
from governance.proposals.models import Proposal

REFUSED_RELAYS = ("refused", RelayTransaction.Status.REVERTED)
MOST_ATTEMPTS = 20  # by itself, to queue or to carry out: about half a day; after that a person asks for it


@dataclass(frozen=True)
class Read:
    """A proposal's facts, and the projected row that they were read from."""

    facts: rules.Facts
    on_ledger: OnChainProposal | None


_Key = tuple[str, str]  # ledger, id on chain
Vote = tuple[int, int, int]  # category, support, weight
_Votes = list[Vote]


def read(proposals: Iterable[Proposal]) -> dict[UUID, Read]:
    """Facts of each proposal by its primary key, in three queries however many there are."""
    listed = list(proposals)
    ids = [proposal.chain_proposal_id for proposal in listed]
    rows = {(p.ledger_id, p.proposal_id): p for p in OnChainProposal.objects.filter(proposal_id__in=ids)}
    votes = _votes(ids)
    absent = [p for p in listed if (p.ledger_id, p.chain_proposal_id) not in rows]
    refused = _refused({p.propose_tx_id for p in absent if p.propose_tx_id is not None})
    answers = {}
    for proposal in listed:
        key = (proposal.ledger_id, proposal.chain_proposal_id)
        row = rows.get(key)
        answers[proposal.pk] = Read(
            _facts(proposal, row, votes.get(key, []), proposal.propose_tx_id in refused), row
        )
    return answers


def read_one(proposal: Proposal) -> Read:
    """As :func:`read`, for one."""
    return read([proposal])[proposal.pk]


def counts(rows: Iterable[OnChainProposal]) -> dict[int, rules.Count]:
    """The count of each projected proposal by its primary key, in one query."""
    listed = list(rows)
    votes = _votes([row.proposal_id for row in listed])
    return {row.pk: _count(row, votes.get((row.ledger_id, row.proposal_id), [])) for row in listed}


def ledgers_time(ledger: Ledger, now: datetime) -> datetime:
    """``now``, or the newest indexed block's time where the ledger's clock is ahead of ours."""
    newest = (
        IndexedBlock.objects.filter(ledger=ledger).order_by("-number").values_list("timestamp", flat=True)
    )
    return max(now, newest.first() or now)


def _votes(ids: list[str]) -> dict[_Key, _Votes]:
    """By ledger and proposal; the database adds up, 18 rows a proposal at most come here."""
    sums = CastVote.objects.filter(proposal_id__in=ids).order_by()
    votes: dict[_Key, _Votes] = defaultdict(list)
    for ledger, proposal, category, support, weight in sums.values_list(
        "ledger", "proposal_id", "category_number", "support"
    ).annotate(Sum("weight")):
        votes[ledger, proposal].append((category, support, weight))
    return votes


def _refused(relays: set[int]) -> set[int]:
    if not relays:
        return set()
    known = RelayTransaction.objects.filter(pk__in=relays, status__in=REFUSED_RELAYS)
    return set(known.values_list("pk", flat=True))


def _facts(proposal: Proposal, row: OnChainProposal | None, votes: _Votes, refused: bool) -> rules.Facts:
    return rules.Facts(
        opened=proposal.opened_at is not None,
        discarded=proposal.discarded_at is not None,
        refused=refused,
        on_ledger=None if row is None else on_ledger(row, votes),
    )


def on_ledger(row: OnChainProposal, votes: Sequence[Vote]) -> rules.OnLedger:
    """The projected row and its votes (category, support, weight) as the rules take them."""
    return rules.OnLedger(
        vote_start=row.vote_start,
        vote_end=row.vote_end,
        count=_count(row, votes),
        queued_at=row.queued_at,
        effective_at=row.effective_at,
        executed=row.executed_at is not None,
        canceled=row.canceled_at is not None,
    )


def _count(row: OnChainProposal, votes: Sequence[Vote]) -> rules.Count:
    if not row.rule:
        return _before_rules(row, votes)
    return rules.Count(rules.Rule.read(row.rule), rules.by_category(row.electorate_by_category, votes))


def _before_rules(row: OnChainProposal, votes: Sequence[Vote]) -> rules.Count:
    """Of a governor that knew one rule for all and no categories: a quorum, and more for than against."""
    rule = rules.Rule((row.quorum, max(row.electorate, 1)), (1, 2), 0)
    together = [(1, support, weight) for _, support, weight in votes]
    return rules.Count(rule, rules.by_category([row.electorate, 0, 0, 0, 0, 0], together))


def is_stuck(proposal: Proposal) -> bool:
    """Passed, but the ledger refuses to queue or to carry it out: it must not block another attempt."""
    sent = proposal.execute_tx or proposal.queue_tx
    return sent is not None and sent.status in REFUSED_RELAYS


def attempt_of(sent: RelayTransaction) -> int:
    """Which attempt it is, from 1: the last part of its key (``services.opening.attempt_key``)."""
    return int(sent.key.rpartition(":")[2])


def governor_of(proposal: Proposal) -> str:
    """The governor that it was opened with, which need not be the one in office."""
    row = OnChainProposal.objects.filter(
        ledger=proposal.ledger_id, proposal_id=proposal.chain_proposal_id
    ).values_list("governor", flat=True)
    return row.first() or proposal.ledger.governor
