"""Many transactions together: as many questions as for one, and each with an end of its own."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from consortium.core.models import Event, OutboxMessage
from consortium.core.outbox import Later
from consortium.members.models import Institution
from consortium.stack import child
from governance.chain import asking, calls, relay
from governance.chain.models import RelayTransaction
from tests.chain.faulty import FaultyNode
from tests.chain.world import ABSTAIN, AGAINST, FOR, World

Status = RelayTransaction.Status


@pytest.fixture
def proposal(founded: World, banks: list[Institution]) -> int:
    """Open for votes: suspend the fifth bank."""
    opened = founded.opens(calls.suspend_seat(founded.ledger, uscc=banks[4].uscc))
    founded.work()
    return opened


def ballots(world: World, banks: list[Institution], proposal: int) -> list[RelayTransaction]:
    """Wanted but not sent; so mixed that the last of five still counts."""
    votes = zip(banks, (FOR, ABSTAIN, ABSTAIN, AGAINST, FOR), strict=False)
    return [world.wants(f"vote:{bank.uscc}", world.ballot(bank, proposal, vote)) for bank, vote in votes]


def keys_of(rows: list[RelayTransaction]) -> list[int]:
    return [row.pk for row in rows]


def on_the_ledger(world: World, rows: list[RelayTransaction]) -> None:
    """Returns when each of them is in a block, which the ledger makes one after another."""
    hashes = [RelayTransaction.objects.get(pk=row.pk).tx_hash for row in rows]
    there = lambda: all(world.rpc("eth_getTransactionReceipt", one) for one in hashes)  # noqa: E731
    assert child.wait_until(there, time.monotonic() + 60)


def statuses(rows: list[RelayTransaction]) -> list[str]:
    return [RelayTransaction.objects.get(pk=row.pk).status for row in rows]


def test_a_batch_takes_the_questions_of_one(founded: World, banks: list[Institution], proposal: int) -> None:
    wanted = ballots(founded, banks, proposal)
    counts = []
    for rows in (wanted[:1], wanted[1:]):
        with CaptureQueriesContext(connection) as sending:
            relay.send_all(keys_of(rows))
        on_the_ledger(founded, rows)
        with CaptureQueriesContext(connection) as confirming:
            relay.confirm_all(keys_of(rows))
        counts.append((len(sending), len(confirming)))
    # Rows, BEGIN, two locks, two of nonces and the next one kept, signatures, outbox, COMMIT;
    # rows, BEGIN, lock, ends, events, COMMIT.
    assert counts == [(10, 6), (10, 6)]
    assert statuses(wanted) == [Status.MINED] * 5


def test_a_batch_asks_once_for_each(
    founded: World, banks: list[Institution], proposal: int, nodes: list[FaultyNode]
) -> None:
    wanted = ballots(founded, banks, proposal)
    relay.send_all(keys_of(wanted))
    on_the_ledger(founded, wanted)
    relay.confirm_all(keys_of(wanted))
    assert statuses(wanted) == [Status.MINED] * 5
    asked = Counter(nodes[0].methods)
    assert asked["eth_estimateGas"] == 1, "of ballots alike"
    assert asked["eth_call"] == 4
    assert asked["eth_sendRawTransaction"] == asked["eth_getTransactionReceipt"] == 5
    nonces = [RelayTransaction.objects.get(pk=row.pk).nonce or 0 for row in wanted]
    assert nonces == list(range(nonces[0], nonces[0] + 5)), "in the order in which they were wanted"


def test_one_that_is_refused_leaves_the_others_alone(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    coup = founded.wants("coup", calls.revoke_seat(founded.ledger, uscc=banks[0].uscc))
    wanted = ballots(founded, banks[:2], proposal)
    outcomes = relay.send_all(keys_of([coup, *wanted]))
    assert [type(outcomes[row.pk]) for row in (coup, *wanted)] == [RelayTransaction] * 3
    assert statuses([coup, *wanted]) == [Status.REFUSED, Status.SIGNED, Status.SIGNED]
    founded.work()
    assert statuses(wanted) == [Status.MINED] * 2


def test_a_ballot_that_is_refused_leaves_those_alike_alone(
    founded: World, banks: list[Institution], proposal: int
) -> None:
    """It is the first of its kind, whose gas would have been estimated for all."""
    founded.votes(banks[0], proposal)
    again = founded.wants("again", founded.ballot(banks[0], proposal))
    wanted = ballots(founded, banks[1:3], proposal)
    founded.work()
    assert statuses(wanted) == [Status.MINED] * 2
    told = RelayTransaction.objects.get(pk=again.pk)
    message = OutboxMessage.objects.filter(topic="chain.relay", key=str(again.pk)).latest("id")
    assert told.error_code == "GovernorInvalidSignature" or message.last_error == "GovernorInvalidSignature"


def test_one_that_the_node_does_not_take_is_tried_later_and_the_others_are_sent(
    founded: World, banks: list[Institution], proposal: int, nodes: list[FaultyNode]
) -> None:
    wanted = ballots(founded, banks[:3], proposal)
    full = {"code": -32000, "message": "txpool is full"}
    taken = 0

    def last_one_too_many(question: dict[str, object], answer: dict[str, object]) -> dict[str, object]:
        nonlocal taken
        taken += 1
        return {"jsonrpc": "2.0", "id": question["id"], "error": full} if taken == 3 else answer

    nodes[0].lies_about("eth_sendRawTransaction", last_one_too_many)
    nodes[0].tells("eth_getTransactionByHash", lambda known: None)
    outcomes = relay.send_all(keys_of(wanted))
    assert [isinstance(outcomes[row.pk], Later) for row in wanted] == [False, False, True]
    assert statuses(wanted) == [Status.SIGNED] * 3


def test_gas_that_was_too_little_is_estimated_anew(
    founded: World, banks: list[Institution], proposal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = ballots(founded, banks[:1], proposal)
    monkeypatch.setattr(asking, "GAS_MARGIN", 0.8)
    relay.send(wanted[0].pk)
    monkeypatch.undo()
    early = RelayTransaction.objects.get(pk=wanted[0].pk)
    founded.work()
    done = RelayTransaction.objects.get(pk=wanted[0].pk)
    assert (done.status, done.nonce) == (Status.MINED, (early.nonce or 0) + 1)
    assert Event.objects.get(action="relay.tried_again").data["nonce"] == early.nonce
