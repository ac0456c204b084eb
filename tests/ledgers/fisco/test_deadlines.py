"""Deadlines are blocks: late votes count on the chain, idle ones stand still, the worker closes in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from governance.chain.errors import RelayAccountEmpty
from governance.chain.ledgers import handing_in, indexing, selectors, sending
from governance.chain.ledgers.base import State
from governance.chain.ledgers.errors import VoteTooLate
from governance.chain.ledgers.models import CommitteeState, CommitteeTransaction
from governance.contracts import fisco
from tests.ledgers.fisco.world import NODES, Town, vote_call


def test_the_deadline_is_an_absolute_block(town: Town) -> None:
    number = town.open("Wangchao", 52, node=NODES[1], interval=7)
    opened = town.web3.eth.block_number
    town.work()
    assert town.proposal(number).deadline == opened + 7  # point 2: what is called an interval is none


def test_the_chain_itself_counts_a_late_vote_and_the_console_says_so(town: Town) -> None:
    """Point 1: nobody refreshed, so a vote after the deadline passes the proposal and carries it out."""
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True, interval=3)
    town.mine(10)
    town.vote("Dongli", number)
    indexing.follow(town.ledger)
    kept = town.proposal(number)
    assert (kept.status, kept.applied, kept.after_deadline) == (fisco.PASSED, True, True)
    now = datetime.now(UTC)
    assert any("after its deadline" in line for line in selectors.view(kept, now).warnings)


def test_the_worker_closes_a_proposal_at_its_deadline_block(town: Town) -> None:
    number = town.open("Wangchao", 51, node=NODES[4], weight=0, add=True, interval=3)
    town.mine(2)
    town.work()
    assert town.proposal(number).status == fisco.OPEN
    town.mine(1)  # the deadline block itself: the refresh is in the next one
    town.work()
    kept = town.proposal(number)
    assert kept.status == fisco.OUTDATED
    assert kept.closed_block == kept.deadline + 1
    assert town.send("Dongli", vote_call(number))["status"] == 0  # a late vote finds it closed


def test_it_is_closed_once_however_often_the_worker_looks(town: Town) -> None:
    town.open("Wangchao", 52, node=NODES[1], interval=1)
    town.mine(3)
    indexing.follow(town.ledger)
    first = sending.refresh_overdue(town.ledger)
    assert len(first) == 1
    assert sending.refresh_overdue(town.ledger) == []  # one is under way
    town.work()
    assert sending.refresh_overdue(town.ledger) == []
    assert CommitteeTransaction.objects.filter(purpose__startswith="refresh:").count() == 1


def test_the_console_relays_no_late_vote(town: Town) -> None:
    number = town.open("Wangchao", 52, node=NODES[1], interval=2)
    town.mine(5)
    with pytest.raises(VoteTooLate) as refused:
        handing_in.vote(
            town.ledger,
            number,
            town.sign("Dongli", vote_call(number)),
            agree=True,
            actor=town.officer("Dongli"),
        )
    assert refused.value.params["deadline"] == town.committee.info(number).deadline
    assert not CommitteeTransaction.objects.exists()


def test_overdue_is_shown_until_the_chain_has_closed_it(town: Town) -> None:
    number = town.open("Wangchao", 52, node=NODES[1], interval=2)
    town.mine(5)
    assert town.committee.proposal(str(number)).state is State.OVERDUE


def test_an_idle_ledger_is_said_to_stand_still(town: Town) -> None:
    number = town.open("Wangchao", 52, node=NODES[1], interval=30)
    town.work()
    state = CommitteeState.objects.get(ledger=town.ledger)
    soon = selectors.deadline(town.proposal(number), state, state.head_time + timedelta(seconds=5))
    late = selectors.deadline(town.proposal(number), state, state.head_time + timedelta(hours=2))
    assert (soon.blocks_left, soon.idle_since) == (30, None)
    assert late.blocks_left == 30  # two hours later, and not a block nearer
    assert "stands still" in late.words
    assert "stands still" not in soon.words


def test_closing_needs_an_account_with_a_balance(make_town: Callable[..., Town], relay_key: str) -> None:
    town = make_town()
    town.open("Wangchao", 52, node=NODES[1], interval=1)
    town.mine(2)
    town.ask("anvil_setBalance", relay_key, "0x0")
    indexing.follow(town.ledger)
    with pytest.raises(RelayAccountEmpty):
        sending.refresh_overdue(town.ledger)
    town.fund(relay_key)
    town.work()
    assert town.proposal(1).status == fisco.OUTDATED
