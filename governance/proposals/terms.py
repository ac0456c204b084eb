"""On what terms a vote would be held if it were opened now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count

from governance.chain.models import Ledger, OnChainProposal, Seat, VotingRule
from governance.proposals import rules
from governance.proposals.rules import Weightiness


@dataclass(frozen=True)
class Terms:
    """How long votes are taken, and what a proposal of ``kind`` needs of today's seats."""

    period: timedelta
    kind: Weightiness
    count: rules.Count

    @property
    def rule(self) -> rules.Rule:
        return self.count.rule

    @property
    def quorum(self) -> int:
        return self.count.quorum

    @property
    def electorate(self) -> int:
        return self.count.electorate


def terms(ledger: Ledger, kind: Weightiness = Weightiness.ROUTINE) -> Terms:
    """As the ledger had it last; what the contracts were deployed with while it has said nothing yet."""
    seats = Seat.objects.filter(ledger=ledger, status=Seat.Status.ACTIVE).order_by()
    by_number = dict(seats.values_list("category_number").annotate(Count("pk")))
    electorate = [by_number.get(number, 0) for number in range(1, rules.CATEGORIES + 1)]
    return Terms(_period(ledger), kind, rules.Count(rule(ledger, kind), rules.by_category(electorate, ())))


def rule(ledger: Ledger, kind: Weightiness) -> rules.Rule:
    """What a proposal of this kind needs that opens now."""
    held = VotingRule.objects.filter(ledger=ledger, governor=ledger.governor, kind=kind)
    stored = held.values_list("rule", flat=True).first()
    return rules.Rule.read(stored or settings.VOTING_RULES[kind.name.lower()])


def _period(ledger: Ledger) -> timedelta:
    last = OnChainProposal.objects.filter(ledger=ledger).order_by("-vote_start").first()
    return last.vote_end - last.vote_start if last else timedelta(seconds=settings.VOTING_PERIOD)
