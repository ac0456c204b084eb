"""What is under way is found without looking at all that has ever been voted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from consortium.core import clock
from consortium.core.models import new_id
from governance.chain.models import CastVote, ChainEvent, OnChainProposal, RelayTransaction
from governance.proposals import rules, selectors
from governance.proposals.models import Proposal
from tests.proposals.stage import ABSTAIN, AGAINST, FOR, Stage


@contextmanager
def rows_made() -> Iterator[Counter[str]]:
    """Counts the rows that Django builds, by model."""
    made: Counter[str] = Counter()

    def count(sender: type[Model], **_: Any) -> None:
        made[sender.__name__] += 1

    post_init.connect(count)
    try:
        yield made
    finally:
        post_init.disconnect(count)


def again(
    proposal: Proposal, number: int, *votes: tuple[int, int], rule: rules.Rule | None = None
) -> Proposal:
    """The same proposal once more, its vote just over, with (category, support) of each vote."""
    copy = Proposal.objects.get(pk=proposal.pk)
    copy.pk, copy.number, copy.chain_proposal_id = new_id(), number, str(10**9 + number)
    copy.propose_tx = None
    copy.save(force_insert=True)
    row = OnChainProposal.objects.get(proposal_id=proposal.chain_proposal_id)
    row.pk, row.proposal_id = None, copy.chain_proposal_id
    row.vote_end = clock.now().replace(microsecond=0) - timedelta(seconds=1)
    if rule is not None:
        count = rules.Count(rule, rules.by_category(SEATS, ()))
        row.rule, row.quorum = rule.stored, count.quorum
        row.electorate_by_category, row.electorate = SEATS, sum(SEATS)
    row.save(force_insert=True)
    for place, (category, support) in enumerate(votes):
        CastVote.objects.create(
            ledger=row.ledger, proposal_id=row.proposal_id, voter=f"0x{place:040x}", member_id=f"M{place}",
            category_number=category, support=support, weight=1,
            block=row.block, block_time=row.block_time, tx_hash="0x1",
        )  # fmt: skip
    return copy


SEATS = [4, 2, 1, 0, 1, 1]  # by category
ROUTINE = rules.Rule((1, 3), (1, 2), 0)
MEMBERSHIP = rules.Rule((1, 2), (2, 3), 3)
UNANIMOUS = rules.Rule((1, 1), (1, 1), 6)


def test_defeated_proposals_cost_nothing(stage: Stage) -> None:
    running = stage.voting("suspend", institution=stage.banks[0])
    stage.cast(stage.banks[1], running)
    stage.relay()

    with stage.ledgers_time(ahead=10):
        with CaptureQueriesContext(connection) as few:
            selectors.open_proposals()
        for number in range(1000, 1040):
            again(running, number, (1, AGAINST), (1, AGAINST), (1, FOR))
        with rows_made() as made, CaptureQueriesContext(connection) as many:
            listed = selectors.open_proposals()

    assert [brief.proposal for brief in listed] == [running]
    assert listed[0].tally == rules.Tally(in_favour=1)
    assert len(many) == len(few) == 3
    assert (made["Proposal"], made["OnChainProposal"], made["CastVote"]) == (1, 1, 0)


BANKS, FUNDS = 1, 2
ALL = [(1, FOR)] * 4 + [(2, FOR)] * 2 + [(3, FOR), (5, FOR), (6, FOR)]


@pytest.mark.parametrize(
    ("rule", "votes"),
    [
        (ROUTINE, ()),
        (ROUTINE, ((BANKS, FOR), (BANKS, FOR))),
        (ROUTINE, ((BANKS, FOR), (BANKS, FOR), (BANKS, FOR))),
        (ROUTINE, ((BANKS, FOR), (FUNDS, ABSTAIN), (BANKS, ABSTAIN))),
        (ROUTINE, ((BANKS, ABSTAIN), (BANKS, ABSTAIN), (BANKS, ABSTAIN))),
        (ROUTINE, ((BANKS, FOR), (BANKS, FOR), (FUNDS, AGAINST), (FUNDS, AGAINST))),
        (MEMBERSHIP, ((BANKS, FOR),) * 4 + ((FUNDS, FOR),)),
        (MEMBERSHIP, ((BANKS, FOR),) * 4 + ((FUNDS, FOR), (3, FOR))),
        (MEMBERSHIP, ((BANKS, FOR),) * 4 + ((FUNDS, FOR), (FUNDS, AGAINST), (3, FOR))),
        (MEMBERSHIP, ((BANKS, FOR),) * 3 + ((BANKS, AGAINST), (FUNDS, FOR), (3, FOR), (5, AGAINST))),
        (MEMBERSHIP, ((BANKS, FOR),) * 2 + ((BANKS, AGAINST), (FUNDS, FOR), (3, FOR), (5, AGAINST))),
        (UNANIMOUS, tuple(ALL)),
        (UNANIMOUS, (*ALL[:-1], (6, ABSTAIN))),
    ],
)
def test_passed_is_what_the_rule_says(
    stage: Stage, rule: rules.Rule, votes: tuple[tuple[int, int], ...]
) -> None:
    """The database asks the rule of all at once: it must not answer anything else."""
    running = stage.voting("suspend", institution=stage.banks[0])
    with stage.ledgers_time(ahead=10):
        ended = again(running, 1000, *votes, rule=rule)
        listed = {brief.proposal: brief.state for brief in selectors.open_proposals()}
    cast = [(category, support, 1) for category, support in votes]
    passed = rules.passes(rules.Count(rule, rules.by_category(SEATS, cast)))
    assert listed == {running: rules.State.VOTING, **({ended: rules.State.SUCCEEDED} if passed else {})}


def test_ten_thousand_are_listed_by_as_many_questions_as_one(
    stage: Stage, django_assert_num_queries: Any
) -> None:
    running = stage.voting("suspend", institution=stage.banks[0])
    listing = selectors.visible_to(stage.secretary)
    with django_assert_num_queries(3):
        assert len(selectors.overviews(listing[:50])) == 1
    with stage.ledgers_time(ahead=10):
        _many(running, 10_000)
        with django_assert_num_queries(3):
            assert len(selectors.overviews(selectors.visible_to(stage.secretary)[:50])) == 50
        with django_assert_num_queries(3), rows_made() as made:
            assert [brief.proposal for brief in selectors.open_proposals()] == [running]
        assert made["Proposal"] == 1
        with django_assert_num_queries(3):
            assert selectors.votes_open().count() == 1


def _many(proposal: Proposal, number: int) -> None:
    """As many defeated copies, each with a vote against."""
    row = OnChainProposal.objects.get(proposal_id=proposal.chain_proposal_id)
    end = clock.now().replace(microsecond=0) - timedelta(seconds=1)
    copies, rows, votes = [], [], []
    for place in range(number):
        identifier = str(10**12 + place)
        copies.append(_copy(proposal, number=2000 + place, chain_proposal_id=identifier, propose_tx=None))
        rows.append(_copy(row, proposal_id=identifier, vote_end=end))
        votes.append(
            CastVote(
                ledger=row.ledger, proposal_id=identifier, voter=stage_voter(place), member_id="M",
                category_number=1, support=AGAINST, weight=1,
                block=row.block, block_time=row.block_time, tx_hash="0x1",
            )
        )  # fmt: skip
    for copy in copies:
        copy.pk = new_id()
    Proposal.objects.bulk_create(copies, batch_size=1000)
    OnChainProposal.objects.bulk_create(rows, batch_size=1000)
    CastVote.objects.bulk_create(votes, batch_size=1000)


def stage_voter(place: int) -> str:
    return f"0x{place:040x}"


def _copy(row: Any, **changed: Any) -> Any:
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    fields.pop(row._meta.pk.attname)
    for name in changed:
        fields.pop(f"{name}_id", None)
    return type(row)(**{**fields, **changed})


def test_a_page_with_five_hundred_voters_asks_no_more_than_one_with_five(
    stage: Stage, django_assert_num_queries: Any
) -> None:
    proposal = stage.voting("suspend", institution=stage.banks[0])
    with django_assert_num_queries(6):
        selectors.overview(Proposal.objects.select_related("ledger").get(pk=proposal.pk))
    _electors(stage, 495)
    with stage.ledgers_time(), django_assert_num_queries(6):
        seen = selectors.overview(Proposal.objects.select_related("ledger").get(pk=proposal.pk))
    assert len(seen.not_voted) == 500


def _electors(stage: Stage, number: int) -> None:
    """Seats of members that the roster does not know, granted before the proposal."""
    first = ChainEvent.objects.filter(name="SeatGranted").order_by("block", "log_index")[0]
    ChainEvent.objects.bulk_create(
        _copy(
            first,
            log_index=10_000 + place,
            about=f"seat:M{place}",
            args={**first.args, "memberId": f"M{place}", "voter": stage_voter(place)},
        )
        for place in range(number)
    )


def test_refused_ones_are_left_out_and_submitted_ones_are_not(stage: Stage) -> None:
    running = stage.voting("suspend", institution=stage.banks[0])
    with stage.ledgers_time(ahead=10):
        submitted, refused = again(running, 1000), again(running, 1001)
    ids = [submitted.chain_proposal_id, refused.chain_proposal_id]
    OnChainProposal.objects.filter(proposal_id__in=ids).delete()
    sent = RelayTransaction.objects.create(
        ledger=stage.ledger, key="propose:refused", status="refused", data="0x", created_at=clock.now()
    )
    Proposal.objects.filter(pk=refused.pk).update(propose_tx=sent)
    with stage.ledgers_time(), rows_made() as made:
        listed = [brief.proposal for brief in selectors.open_proposals()]
    assert listed == [running, submitted]
    assert made["Proposal"] == 2
