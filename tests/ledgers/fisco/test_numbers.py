"""The relay account's transaction numbers: one authority for a chain, however many ledgers it serves as."""

from __future__ import annotations

import pytest
from django.db import transaction

from governance.chain import nonces, relay
from governance.chain.errors import RelayKeyNotAvailable
from governance.chain.ledgers import indexing, node, registering, sending
from governance.chain.ledgers.models import CommitteeTransaction, GovernedLedger
from governance.chain.models import AccountNonce, Ledger
from tests.ledgers.fisco.world import NODES, Town


def overdue(town: Town) -> None:
    town.open("Wangchao", 52, node=NODES[1], interval=1)
    town.mine(3)


def alliance_on(town: Town, relay_key: str) -> Ledger:
    """The alliance's own ledger, on the very chain that the committee governs."""
    return Ledger.objects.create(
        slug="alliance",
        chain_id=town.ledger.chain_id,
        genesis_hash=town.ledger.genesis_hash,
        seats="0x" + "11" * 20,
        governor="0x" + "22" * 20,
        registry="0x" + "33" * 20,
        relay_address=relay_key,
        start_block=0,
    )


def test_the_relay_and_the_refreshing_share_one_account_and_no_number(town: Town, relay_key: str) -> None:
    own = alliance_on(town, relay_key)
    overdue(town)
    indexing.follow(town.ledger)
    with transaction.atomic():
        first = relay._next_nonce(own, relay_key, 0, 1)
    [refresh] = sending.refresh_overdue(town.ledger)
    with transaction.atomic():
        third = relay._next_nonce(own, relay_key, 0, 1)
    assert (first, refresh.nonce, third) == (0, 1, 2)


def test_two_ledgers_on_one_chain_share_it_too(town: Town) -> None:
    twin = registering.register(
        "twin",
        kind=GovernedLedger.Kind.COMMITTEE,
        rpc_addresses=[town.front.url],
        actor=registering.COMMAND,
    )
    overdue(town)
    numbers = []
    for ledger in (town.ledger, twin):
        indexing.follow(ledger)
        numbers += [row.nonce for row in sending.refresh_overdue(ledger)]
    assert numbers == [0, 1]
    assert CommitteeTransaction.objects.count() == 2


def test_a_number_whose_transaction_was_rolled_back_is_given_out_again(town: Town, relay_key: str) -> None:
    def take() -> int:
        return nonces.take(node.identity(town.ledger), relay_key, known=0)

    def take_and_fail() -> None:
        with transaction.atomic():
            assert take() == 0
            raise RelayKeyNotAvailable(detail="afterwards")

    with pytest.raises(RelayKeyNotAvailable):
        take_and_fail()
    with transaction.atomic():
        assert take() == 0
    with transaction.atomic():
        assert take() == 1
    assert AccountNonce.objects.get().next == 2


def test_several_are_given_at_once_after_what_the_account_sent_by_other_ways(
    town: Town, relay_key: str
) -> None:
    def take(known: int, **more: int) -> int:
        with transaction.atomic():
            return nonces.take(node.identity(town.ledger), relay_key, known=known, **more)

    assert [take(0, after=6), take(0, count=3), take(0), take(40)] == [7, 8, 11, 40]
