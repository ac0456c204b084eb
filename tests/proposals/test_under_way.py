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
from governance.chain.models import CastVote, OnChainProposal, RelayTransaction
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


def again(proposal: Proposal, number: int, *votes: tuple[int, int]) -> Proposal:
    """The same proposal once more, its vote just over, with (support, weight) as the votes."""
    copy = Proposal.objects.get(pk=proposal.pk)
    copy.pk, copy.number, copy.chain_proposal_id = new_id(), number, str(10**9 + number)
    copy.propose_tx = None
    copy.save(force_insert=True)
    row = OnChainProposal.objects.get(proposal_id=proposal.chain_proposal_id)
    row.pk, row.proposal_id = None, copy.chain_proposal_id
    row.vote_end = clock.now().replace(microsecond=0) - timedelta(seconds=1)
    row.save(force_insert=True)
    for place, (support, weight) in enumerate(votes):
        CastVote.objects.create(
            ledger=row.ledger, proposal_id=row.proposal_id, voter=f"0x{place:040x}", member_id=f"M{place}",
            category_number=1, support=support, weight=weight, block=row.block,
            block_time=row.block_time, tx_hash="0x1",
        )  # fmt: skip
    return copy


def test_defeated_proposals_cost_nothing(stage: Stage) -> None:
    running = stage.voting("suspend", institution=stage.banks[0])
    stage.cast(stage.banks[1], running)
    stage.work()

    with stage.ledgers_time(ahead=10):
        with CaptureQueriesContext(connection) as few:
            selectors.open_proposals()
        for number in range(1000, 1040):
            again(running, number, (AGAINST, 1), (AGAINST, 1), (FOR, 1))
        with rows_made() as made, CaptureQueriesContext(connection) as many:
            listed = selectors.open_proposals()

    assert [brief.proposal for brief in listed] == [running]
    assert listed[0].tally == rules.Tally(in_favour=1)
    assert len(many) == len(few) == 4
    assert (made["Proposal"], made["OnChainProposal"], made["CastVote"]) == (1, 1, 0)


@pytest.mark.parametrize(
    "votes",
    [
        (),
        ((FOR, 3),),
        ((FOR, 2),),
        ((FOR, 1), (FOR, 1), (ABSTAIN, 1)),
        ((ABSTAIN, 5),),
        ((FOR, 2), (AGAINST, 2), (ABSTAIN, 1)),
        ((FOR, 3), (AGAINST, 2)),
        ((FOR, 1), (AGAINST, 4)),
    ],
)
def test_passed_is_what_the_rule_says(stage: Stage, votes: tuple[tuple[int, int], ...]) -> None:
    """The database asks the rule of all at once: it must not answer anything else."""
    running = stage.voting("suspend", institution=stage.banks[0])
    with stage.ledgers_time(ahead=10):
        ended = again(running, 1000, *votes)
        quorum = OnChainProposal.objects.get(proposal_id=ended.chain_proposal_id).quorum
        listed = {brief.proposal: brief.state for brief in selectors.open_proposals()}
    passed = rules.passes(rules.tally(votes), quorum)
    assert quorum == 3
    assert listed == {running: rules.State.VOTING, **({ended: rules.State.SUCCEEDED} if passed else {})}


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
