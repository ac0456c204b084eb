"""On what terms a vote would be held if it were opened now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings

from governance.chain import folds
from governance.chain.models import ChainEvent, Ledger, OnChainProposal, Seat


@dataclass(frozen=True)
class Terms:
    """How long votes are taken, and how many (for and abstain) are needed of how many seats."""

    period: timedelta
    quorum: int
    electorate: int


def terms(ledger: Ledger) -> Terms:
    """As the ledger had it last; what the contracts were deployed with while it has said nothing yet."""
    electorate = Seat.objects.filter(ledger=ledger, status=Seat.Status.ACTIVE).count()
    return Terms(_period(ledger), folds.quorum(electorate, _percent(ledger)), electorate)


def _period(ledger: Ledger) -> timedelta:
    last = OnChainProposal.objects.filter(ledger=ledger).order_by("-vote_start").first()
    return last.vote_end - last.vote_start if last else timedelta(seconds=settings.VOTING_PERIOD)


def _percent(ledger: Ledger) -> int:
    changes = ChainEvent.objects.filter(ledger=ledger, name="QuorumNumeratorUpdated")
    said = changes.order_by("-block", "-log_index").values_list("args__newQuorumNumerator", flat=True).first()
    return int(said) if said is not None else settings.QUORUM_PERCENT
