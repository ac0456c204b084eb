"""On a ledger whose blocks carry milliseconds everything lasts as long as elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web3 import Web3

from tests.contracts.alliance import (
    DELAY,
    EXECUTED,
    EXTENSION,
    FOR,
    FOUNDERS,
    LANTIAN,
    OPEN,
    PENDING,
    PERIOD,
    QUEUED,
    SUCCEEDED,
    WAIT,
    WANGCHAO,
    Alliance,
)


@pytest.fixture(scope="module")
def there(millisecond_ledger: Web3) -> Alliance:
    return Alliance.established(millisecond_ledger, ticks=1000)


@pytest.fixture
def alliance(there: Alliance) -> Iterator[Alliance]:
    before = there.rpc("evm_snapshot")
    yield there
    assert there.rpc("evm_revert", before)


def test_the_seats_say_what_their_clock_counts(alliance: Alliance) -> None:
    assert alliance.seats.functions.ticksPerSecond().call() == 1000
    assert alliance.seats.functions.clock().call() == alliance.now > 10**12


def test_durations_are_given_in_seconds_and_kept_in_ticks(alliance: Alliance) -> None:
    governor = alliance.governor.functions
    assert governor.votingDelay().call() == DELAY * 1000
    assert governor.votingPeriod().call() == PERIOD * 1000
    assert governor.lateQuorumVoteExtension().call() == EXTENSION * 1000
    assert alliance.timelock.functions.getMinDelay().call() == WAIT * 1000


def test_the_vote_opens_a_millisecond_after_the_snapshot(alliance: Alliance) -> None:
    proposal = alliance.propose(alliance.admission(WANGCHAO))
    assert alliance.snapshot(proposal) == alliance.now + DELAY * 1000

    alliance.mine_at(alliance.snapshot(proposal))
    assert alliance.state(proposal) == PENDING
    alliance.mine_at(alliance.snapshot(proposal) + 1)
    assert alliance.state(proposal) == OPEN


def test_a_proposal_goes_all_the_way(alliance: Alliance) -> None:
    proposal = alliance.opened(alliance.seats.functions.grant(*LANTIAN.seat))
    for bank in FOUNDERS[1:]:
        alliance.cast(bank, proposal, FOR)
    assert alliance.state(proposal) == SUCCEEDED

    alliance.queue(proposal)
    assert (alliance.state(proposal), alliance.effective(proposal)) == (QUEUED, alliance.now + WAIT * 1000)
    alliance.wait(proposal)
    alliance.execute(proposal)

    assert alliance.state(proposal) == EXECUTED
    assert alliance.seats.functions.isActive(LANTIAN.id).call()


def test_a_late_quorum_moves_the_deadline_by_the_extension(alliance: Alliance) -> None:
    proposal = alliance.opened(alliance.admission(WANGCHAO))
    deadline = alliance.deadline(proposal)
    alliance.cast(FOUNDERS[0], proposal, FOR)

    alliance.next_block_at(deadline)
    alliance.cast(FOUNDERS[1], proposal, FOR)

    assert alliance.deadline(proposal) == deadline + EXTENSION * 1000
