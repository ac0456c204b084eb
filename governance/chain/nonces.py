"""Transaction numbers: given out in one place for each chain and account, so that no two senders collide."""

from __future__ import annotations

from typing import Any

from django.db import connection
from web3 import Web3

from governance.chain.models import AccountNonce
from governance.chain.rpc import Identity


def take(chain: Identity, address: str, *, known: int, after: int | None = None, count: int = 1) -> int:
    """The first of ``count`` numbers; nobody else is given them once the caller's transaction commits.

    One caller at a time until then. Where the transaction is rolled back, so are the numbers: no gap stays.
    ``known``: the account's next number as the ledger told it, ``after``: the highest that the caller knows
    to be used. Raises RuntimeError outside a transaction.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a transaction number is taken together with what it is for")
    account = Web3.to_checksum_address(address)
    key: dict[str, Any] = {"chain_id": chain.chain_id, "genesis_hash": chain.genesis_hash, "address": account}
    if (row := _locked(key)) is None:
        AccountNonce.objects.get_or_create(**key)
        row = AccountNonce.objects.select_for_update().get(**key)
    first = max(known, row.next, 0 if after is None else after + 1)
    row.next = first + count
    row.save(update_fields=["next"])
    return first


def _locked(key: dict[str, Any]) -> AccountNonce | None:
    return AccountNonce.objects.select_for_update().filter(**key).first()
