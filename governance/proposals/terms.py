"""On what terms a vote would be held if it were opened now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Count

from governance.chain import succession
from governance.chain.errors import LedgerUnreachable, NotThisContract, OtherLedger
from governance.chain.models import ChainEvent, Ledger, OnChainProposal, Seat, VotingRule
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
    return Terms(period(ledger), kind, rules.Count(rule(ledger, kind), rules.by_category(electorate, ())))


def rule(ledger: Ledger, kind: Weightiness) -> rules.Rule:
    """What a proposal of this kind needs that opens now."""
    held = VotingRule.objects.filter(ledger=ledger, governor=ledger.governor, kind=kind)
    stored = held.values_list("rule", flat=True).first()
    if stored is None and (founding := _founding_terms(ledger)):
        stored = founding.rules[kind]
    return rules.Rule.read(stored or settings.VOTING_RULES[kind.name.lower()])


def period(ledger: Ledger) -> timedelta:
    """How long votes are taken: as members set it last for the governor in office."""
    set_ = ChainEvent.objects.filter(ledger=ledger, contract=ledger.governor, name="VotingPeriodSet")
    ticks = set_.order_by("-block", "-log_index").values_list("args__newVotingPeriod", flat=True).first()
    if ticks is not None:
        return timedelta(seconds=int(ticks) / ledger.ticks_per_second)
    if founding := _founding_terms(ledger):
        return timedelta(seconds=founding.voting_period)
    held = OnChainProposal.objects.filter(ledger=ledger, governor=ledger.governor).order_by("-vote_start")
    last = held.first()
    return last.vote_end - last.vote_start if last else timedelta(seconds=settings.VOTING_PERIOD)


def _founding_terms(ledger: Ledger) -> succession.Terms | None:
    """What a later governor was deployed with, asked of itself: nobody followed it then.

    None of the first, of which every word was read, and while the ledger does not answer.
    """
    if not ledger.first_governor or ledger.governor == ledger.first_governor:
        return None
    try:
        return succession.terms(ledger, ledger.governor)
    except (LedgerUnreachable, OtherLedger, NotThisContract):
        return None
