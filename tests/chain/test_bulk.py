"""A range of blocks with many events is as few queries as one with few, and nothing else comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from eth_account import Account
from eth_account.signers.local import LocalAccount

from consortium.core.models import Event
from governance.chain import calls, indexer
from governance.chain.calls import Call, Seating
from governance.chain.contracts import GOVERNOR, offline
from governance.chain.models import CastVote
from tests.chain.world import ABSTAIN, World, rows

VOTERS = [Account.from_key((10**20 + number).to_bytes(32, "big")) for number in range(210)]


@pytest.fixture
def seated(world: World) -> World:
    """Many seats, of members that the roster does not have; what they may decide is everything."""
    for start in range(0, len(VOTERS), 70):
        seatings = [
            Seating(f"M{number:017}", number % 6 + 1, VOTERS[number].address)
            for number in range(start, start + 70)
        ]
        world.sends(f"seats:{start}", calls.found_seats(world.ledger, seatings))
    world.sends("close", calls.close_founding(world.ledger))
    world.follow()
    return world


def _all_send(world: World, senders: list[LocalAccount], call: Call) -> None:
    """Each the same call, all of them in a few blocks."""
    world.rpc("evm_setAutomine", False)
    for sender in senders:
        fields = {"to": call.target, "data": call.data, "gas": 300_000, "gasPrice": 0, "value": 0}
        fields |= {"nonce": 0, "chainId": world.ledger.chain_id}
        world.client.eth.send_raw_transaction(sender.sign_transaction(fields).raw_transaction)
    world.mine(5)
    world.rpc("evm_setAutomine", True)


def _votes_of(world: World, voters: list[LocalAccount], text: str) -> int:
    """Queries that following takes from the vote's opening, already indexed, to its last vote."""
    proposal = world.opens(calls.suspend_seat(world.ledger, uscc="M" + "0" * 17), text=text)
    world.follow()
    vote = offline(GOVERNOR).encode_abi("castVote", args=[proposal, ABSTAIN])
    _all_send(world, voters, Call(world.ledger.governor, 0, vote))
    with CaptureQueriesContext(connection) as asked:
        assert world.follow() >= len(voters)
    votes = CastVote.objects.filter(proposal_id=str(proposal))
    assert votes.count() == len(voters) == sum(world.governor.functions.proposalVotes(proposal).call())
    return len(asked)


def test_two_hundred_votes_cost_as_many_queries_as_ten(seated: World) -> None:
    few = _votes_of(seated, VOTERS[:10], "Few vote")
    many = _votes_of(seated, VOTERS[10:], "Many vote")
    assert many == few
    told = Event.objects.filter(action="ballot.counted").order_by("id").values_list("data__voter", flat=True)
    assert sorted(told) == sorted(voter.address for voter in VOTERS)
    _same_again(seated)


@pytest.mark.parametrize(
    ("hold", "after"),
    [("governance.chain.projections.store", True), ("governance.chain.effects.tell", False)],
)
def test_killed_in_the_middle_none_is_lost_and_none_counted_twice(
    seated: World, victim: Callable[..., Any], hold: str, after: bool
) -> None:
    proposal = seated.opens(calls.suspend_seat(seated.ledger, uscc="M" + "0" * 17), text="Many vote")
    seated.follow()
    vote = offline(GOVERNOR).encode_abi("castVote", args=[proposal, ABSTAIN])
    _all_send(seated, VOTERS[:40], Call(seated.ledger.governor, 0, vote))
    victim("follow", hold=hold, after=after).arrives().killed()
    assert not CastVote.objects.exists()
    seated.follow()
    assert CastVote.objects.count() == 40
    assert Event.objects.filter(action="chain.vote_cast").count() == 40
    assert Event.objects.filter(action="ballot.counted").count() == 40
    _same_again(seated)


def _same_again(world: World) -> None:
    before, recorded = rows(world.ledger), Event.objects.count()
    indexer.rebuild(world.ledger)
    assert rows(world.ledger) == before
    assert Event.objects.count() == recorded
