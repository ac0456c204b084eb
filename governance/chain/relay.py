"""Transactions from the relay account: wanted, signed and stored, sent, confirmed; many together.

Each step can be repeated and each may be the last one before a crash. Nonce and hash are committed before a
transaction is sent, so no transaction is on the ledger that the database does not know; what the ledger lost
is sent again byte for byte. Many can be under way: sending never waits for a receipt.

A transaction that a contract refused on the ledger has used up its nonce. Where the contract takes the same
call now, because it came too early after the ledger had lost blocks, it is wanted anew; a row of its own
keeps what is on the ledger (``spent:…``).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Any

import rlp
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, QuerySet
from eth_account.signers.local import LocalAccount
from web3 import Web3

from consortium.core import bulk, clock, events, outbox
from consortium.core.outbox import Later
from governance.chain import asking, keys, nonces, refusals, topics
from governance.chain import ledger as gateway
from governance.chain.models import Ledger, RelayTransaction
from governance.chain.rpc import AnswerError, Identity

logger = logging.getLogger(__name__)

RELAY = events.AutomaticActor("relay")
Status = RelayTransaction.Status

FEE_STEP = 113  # percent: less than an eighth more is refused as a replacement
ATTEMPTS = 5  # that may be spent on one call before its refusal on the ledger is final
SPENT = "spent:"  # begins the key of what such an attempt left on the ledger

# Of one transaction: its row as it is now, or why it is not there yet.
Outcome = RelayTransaction | Exception


# --- Asking -------------------------------------------------------------------------------------------------
def want(ledger: Ledger, *, key: str, to: str, data: str) -> RelayTransaction:
    """Owe the ledger a call, in the caller's transaction. The same ``key`` twice gives the same row."""
    row = RelayTransaction(ledger=ledger, key=key, to=to, data=data, created_at=clock.now())
    row.pk = _inserted(row)
    if row.pk is None:
        return RelayTransaction.objects.select_related("ledger").get(key=key)
    row._state.adding = False
    outbox.enqueue(topics.RELAY, key=str(row.pk), payload={"transaction": row.pk})
    return row


def _inserted(row: RelayTransaction) -> int | None:
    """The new row's key; None where there is one for that purpose. Django's own way takes a savepoint."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO chain_relaytransaction
                (ledger_id, key, "to", data, status, raw, earlier_hashes, error_code, created_at)
            VALUES (%s, %s, %s, %s, %s, '', '[]', '', %s)
            ON CONFLICT (key) DO NOTHING RETURNING id
            """,
            [row.ledger_id, row.key, row.to, row.data, row.status, row.created_at],
        )
        found = cursor.fetchone()
    return found[0] if found else None


# --- Sending ------------------------------------------------------------------------------------------------
def send(pk: int) -> RelayTransaction:
    """As :func:`send_all`, for one. Raises Later when the contract's answer may still change."""
    return _of_one(send_all([pk]), pk)


def send_all(pks: Collection[int]) -> dict[int, Outcome]:
    """Simulate, sign, store, send. A row that is past that is left alone: confirming sends again if needed.

    Raises RelayKeyNotAvailable, LedgerUnreachable, OtherLedger; what concerns one of them is its outcome.
    """
    rows = list(RelayTransaction.objects.select_related("ledger").filter(pk__in=pks).order_by("pk"))
    outcomes: dict[int, Outcome] = {row.pk: row for row in rows}
    for ledger, wanted in _by_ledger(row for row in rows if row.status == Status.WANTED):
        outcomes |= _send_wanted(ledger, wanted)
    return outcomes


def _send_wanted(ledger: Ledger, wanted: list[RelayTransaction]) -> dict[int, Outcome]:
    client, signer = gateway.web3(ledger), keys.account()
    simulated = asking.simulate(client, wanted, signer.address)
    signed = _sign(client, ledger, signer, simulated)
    outcomes: dict[int, Outcome] = {row.pk: row for row in signed}
    outcomes |= broadcast(client, signed)
    for row in wanted:
        if error := simulated.refused.get(row.pk):
            outcomes[row.pk] = _refused(row, error)
        elif row.pk in simulated.too_dear:
            outcomes[row.pk] = _refuse(row, refusals.TOO_MUCH_GAS)
        elif row.pk not in outcomes:
            row.refresh_from_db()
            outcomes[row.pk] = row  # another worker was faster
    return outcomes


def broadcast(client: Web3, rows: Sequence[RelayTransaction]) -> dict[int, Outcome]:
    """Hand the stored bytes to the ledger, in their order; harmless when it has them already.

    Later, with the ledger's words, for each that it does not take.
    """
    answers = asking.ask(client, [("eth_sendRawTransaction", [row.raw]) for row in rows])
    errors = {
        row.pk: (row, answer)
        for row, answer in zip(rows, answers, strict=True)
        if isinstance(answer, AnswerError)
    }
    # "already known", "nonce too low" and their like have no codes to tell them apart by.
    known = asking.known(client, [row for row, _ in errors.values()])
    return {pk: Later(1, error.message) for pk, (_, error) in errors.items() if pk not in known}


def _refused(row: RelayTransaction, error: AnswerError) -> Outcome:
    """For good, or until time or an earlier transaction has changed the contract's mind."""
    contracts, refusal = refusals.in_answer(error)
    if not contracts:
        return asking.NotTaken(str(error))
    code = refusals.code(refusal)
    # A ledger that lost its newest blocks refuses for want of what was in them.
    if refusals.may_change(row, refusal) or reconcile(row.ledger):
        return Later(1, code)
    return _refuse(row, code)


def _sign(
    client: Web3, ledger: Ledger, signer: LocalAccount, simulated: asking.Simulated
) -> list[RelayTransaction]:
    """Nonces, hashes and bytes, committed together with the debt to confirm; without what others signed."""
    if not simulated.gas:
        return []
    with transaction.atomic():
        # One gives numbers at a time. Without the key's lock: who wants a transaction need not wait.
        Ledger.objects.select_for_update(no_key=True).get(pk=ledger.pk)
        locked = RelayTransaction.objects.select_for_update().filter(pk__in=simulated.gas)
        rows = list(locked.filter(status=Status.WANTED).order_by("pk"))
        for nonce, row in enumerate(rows, _next_nonce(ledger, signer.address, simulated.count, len(rows))):
            row.ledger, row.nonce, row.status = ledger, nonce, Status.SIGNED
            _put_signature(row, signer, _fields(row, simulated.gas[row.pk], simulated.price))
        bulk.update(rows, _SIGNATURE)
        _owe_confirming(rows)
    return rows


_SIGNATURE = ("status", "nonce", "tx_hash", "raw", "signed_at")


def _owe_confirming(rows: Iterable[RelayTransaction]) -> None:
    outbox.enqueue_all(topics.CONFIRM, {str(row.pk): {"transaction": row.pk} for row in rows})


def _fields(row: RelayTransaction, gas: int, price: int) -> dict[str, Any]:
    """A legacy transaction: the one kind that every EVM ledger takes."""
    fields: dict[str, Any] = {"nonce": row.nonce, "gas": gas, "gasPrice": price, "value": 0}
    return fields | {"chainId": row.ledger.chain_id, "data": row.data, **refusals.to(row)}


def _put_signature(row: RelayTransaction, signer: LocalAccount, fields: dict[str, Any]) -> None:
    signed = signer.sign_transaction(fields)
    row.tx_hash, row.raw = signed.hash.to_0x_hex(), signed.raw_transaction.to_0x_hex()
    row.signed_at = clock.now()


def _price_and_gas(row: RelayTransaction) -> tuple[int, int]:
    """Of what was signed: RLP of nonce, price, gas, …"""
    _nonce, price, gas, *_rest = rlp.decode(bytes.fromhex(row.raw[2:]))
    return int.from_bytes(price), int.from_bytes(gas)


def _next_nonce(ledger: Ledger, address: str, known: int, count: int) -> int:
    """The first of ``count``: after all of ours, those for other ledgers of that chain, and ``known``."""
    ours = RelayTransaction.objects.filter(ledger=ledger).aggregate(last=Max("nonce"))["last"]
    chain = Identity(ledger.chain_id, ledger.genesis_hash)
    return nonces.take(chain, address, known=known, after=ours, count=count)


# --- Confirming ---------------------------------------------------------------------------------------------
def confirm(pk: int) -> RelayTransaction:
    """As :func:`confirm_all`, for one. Raises Later while it is on its way."""
    return _of_one(confirm_all([pk]), pk)


def confirm_all(pks: Collection[int]) -> dict[int, Outcome]:
    """Look for receipts. What the ledger does not know is sent again; a stolen nonce is replaced.

    What waits for long is sent again to every node, with a higher fee where the ledger asks one by now.
    Later is the outcome of what is on its way. Raises what :func:`send_all` does.
    """
    rows = list(RelayTransaction.objects.select_related("ledger").filter(pk__in=pks))
    outcomes: dict[int, Outcome] = {row.pk: row for row in rows}
    for ledger, signed in _by_ledger(row for row in rows if row.status == Status.SIGNED):
        client = gateway.web3(ledger)
        if receipts := asking.receipts(client, signed):
            outcomes |= {row.pk: row for row in _settle(client, receipts)}
        outcomes |= _look_after(client, [row for row in signed if row.pk not in receipts])
    return outcomes


def _look_after(client: Web3, rows: list[RelayTransaction]) -> dict[int, Outcome]:
    """What is not on the ledger yet. In the order of their nonces: a later one waits for the earlier."""
    known = asking.known(client, rows)
    outcomes: dict[int, Outcome] = {}
    for row in sorted(rows, key=lambda row: row.nonce or 0):
        if row.pk in known and not _waits_long(row):
            outcomes[row.pk] = Later(1, "waiting for a block")
        elif row.pk not in known and _nonce_is_spent(client, row):
            outcomes[row.pk] = _start_over(row)
        else:
            outcomes[row.pk] = _send_again(client, _with_a_fee_that_will_do(client, row))
    return outcomes


def _waits_long(row: RelayTransaction) -> bool:
    since = row.signed_at or row.created_at
    return (clock.now() - since).total_seconds() > settings.RELAY_PATIENCE


def _send_again(client: Web3, row: RelayTransaction) -> Later:
    """To every node: one may keep a transaction to itself. To send the same bytes again is harmless."""
    gateway.provider(client).ask_each("eth_sendRawTransaction", [row.raw])
    refused = broadcast(client, [row]).get(row.pk)
    return refused if isinstance(refused, Later) else Later(0.5, "sent again")


def _with_a_fee_that_will_do(client: Web3, row: RelayTransaction) -> RelayTransaction:
    """The same call with the same nonce, so that one of them alone can count, at what the ledger asks now.

    What it was sent as stays known: until one is mined, either may be.
    """
    price = client.eth.gas_price
    if _price_and_gas(row)[0] >= price:
        return row
    signer = keys.account()
    with transaction.atomic():
        row = RelayTransaction.objects.select_for_update().select_related("ledger").get(pk=row.pk)
        paid, gas = _price_and_gas(row)
        if row.status != Status.SIGNED or paid >= price:
            return row
        fields = _fields(row, gas, max(price, paid * FEE_STEP // 100 + 1))
        row.earlier_hashes = [*row.earlier_hashes, row.tx_hash]
        _put_signature(row, signer, fields)
        row.save()
        _record("relay.fee_raised", [row])
    return row


def lost_after(ledger: Ledger, block: int) -> int:
    """The ledger took back the blocks after ``block``: confirm what was on them again. In a transaction."""
    return _doubt(RelayTransaction.objects.filter(ledger=ledger, block__gt=block))


def reconcile(ledger: Ledger) -> int:
    """Confirm again what is said to be on the ledger but is not; how many that are.

    A ledger that lost its newest blocks before they were indexed shows it here alone: the account's nonce
    went back. Without this, every later transaction would wait for the missing ones for ever.
    """
    settled = RelayTransaction.objects.filter(ledger=ledger, block__isnull=False)
    last = settled.aggregate(last=Max("nonce"))["last"]
    if last is None:
        return 0
    client, account = gateway.web3(ledger), Web3.to_checksum_address(ledger.relay_address)
    count = int(client.eth.get_transaction_count(account))
    if count > last:
        return 0
    # A node that lags behind the others has only not seen them yet.
    found = gateway.provider(client).ask_each("eth_getTransactionCount", [account, "latest"])
    if (count := max([count, *(int(each, 16) for each in found)])) > last:
        return 0
    logger.warning("the ledger lost transactions from nonce %s to %s", count, last)
    with transaction.atomic():
        return _doubt(settled.filter(nonce__gte=count))


def _doubt(rows: QuerySet[RelayTransaction]) -> int:
    found = list(rows.select_for_update().order_by("pk"))
    for row in found:
        row.status, row.block, row.mined_at, row.error_code = Status.SIGNED, None, None, ""
    bulk.update(found, _SETTLED)
    _owe_confirming(found)
    return len(found)


_SETTLED = ("status", "block", "mined_at", "error_code", "tx_hash")


def _nonce_is_spent(client: Web3, row: RelayTransaction) -> bool:
    sender = client.eth.account.recover_transaction(row.raw)
    spent = client.eth.get_transaction_count(sender) > (row.nonce or 0)
    # Asked again: between our first question and this one it may have been mined itself.
    return spent and not asking.receipts(client, [row])


def _settle(client: Web3, receipts: dict[int, asking.Receipt]) -> list[RelayTransaction]:
    """Write down what became of them; those that the contract refused after all one by one."""
    codes: dict[int, str] = {}
    again: set[int] = set()
    for row in RelayTransaction.objects.select_related("ledger").filter(pk__in=_failed(receipts)):
        receipt = receipts[row.pk]
        refusal = refusals.why_reverted(client, row, receipt.sender, receipt.block)
        codes[row.pk] = refusals.code(refusal)
        if _worth_another(client, row, receipt.sender):
            again.add(row.pk)
    with transaction.atomic():
        locked = RelayTransaction.objects.select_for_update(of=("self",)).select_related("ledger")
        rows = list(locked.filter(pk__in=receipts, status=Status.SIGNED).order_by("pk"))
        for row in rows:
            receipt = receipts[row.pk]
            row.status = Status.MINED if receipt.succeeded else Status.REVERTED
            row.block, row.mined_at = receipt.block, clock.now()
            row.error_code, row.tx_hash = codes.get(row.pk, ""), receipt.tx_hash
        bulk.update(rows, _SETTLED)
        _record("relay.mined", [row for row in rows if row.status == Status.MINED])
        _record("relay.refused", [row for row in rows if row.pk in codes and row.pk not in again])
        for row in rows:
            if row.pk in again:
                _try_again(row)
    return rows


def _failed(receipts: dict[int, asking.Receipt]) -> list[int]:
    return [pk for pk, receipt in receipts.items() if not receipt.succeeded]


def _worth_another(client: Web3, row: RelayTransaction, sender: str) -> bool:
    """Would the contract take the same call now, or after a while? Not for ever, and not what was spent."""
    spent = RelayTransaction.objects.filter(key__startswith=f"{SPENT}{row.pk}:")
    if row.key.startswith(SPENT) or spent.count() >= ATTEMPTS - 1:
        return False
    simulated = asking.simulate(client, [row], sender)
    if row.pk in simulated.gas:
        return True
    contracts, refusal = refusals.in_answer(simulated.refused[row.pk])
    return contracts and refusals.time_changes(row, refusal)


def _try_again(row: RelayTransaction) -> None:
    """It is wanted anew; what it left on the ledger, its nonce above all, stays in a row of its own."""
    _record("relay.tried_again", [row])
    spent = RelayTransaction.objects.get(pk=row.pk)
    _forget_signature(row)
    spent.pk, spent.key, spent._state.adding = None, f"{SPENT}{row.pk}:{spent.nonce}", True
    spent.save(force_insert=True)


def _forget_signature(row: RelayTransaction) -> None:
    row.status, row.nonce, row.tx_hash, row.raw, row.signed_at = Status.WANTED, None, None, "", None
    row.block, row.mined_at, row.error_code, row.earlier_hashes = None, None, "", []
    row.save()
    outbox.enqueue(topics.RELAY, key=str(row.pk), payload={"transaction": row.pk})


def _start_over(row: RelayTransaction) -> RelayTransaction:
    """Another transaction of the account has our nonce, so this one can never be mined."""
    with transaction.atomic():
        row = RelayTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status != Status.SIGNED:
            return row
        _record("relay.nonce_taken", [row])
        _forget_signature(row)
    return row


def _refuse(row: RelayTransaction, code: str) -> RelayTransaction:
    with transaction.atomic():
        row = RelayTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status != Status.WANTED:
            return row
        row.status, row.error_code = Status.REFUSED, code
        row.save()
        _record("relay.refused", [row])
    return row


def _record(action: str, rows: Sequence[RelayTransaction]) -> None:
    events.record_all([events.Entry(action, row, data=_told(row)) for row in rows], actor=RELAY)


def _told(row: RelayTransaction) -> dict[str, Any]:
    told = {"key": row.key, "tx_hash": row.tx_hash, "nonce": row.nonce, "block": row.block}
    return {**told, "error_code": row.error_code}


# --- Small things -------------------------------------------------------------------------------------------
def _of_one(outcomes: dict[int, Outcome], pk: int) -> RelayTransaction:
    outcome = outcomes[pk]
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _by_ledger(rows: Iterable[RelayTransaction]) -> list[tuple[Ledger, list[RelayTransaction]]]:
    listed = sorted(rows, key=lambda row: (row.ledger_id, row.pk))
    groups = [list(group) for _, group in groupby(listed, key=lambda row: row.ledger_id)]
    return [(group[0].ledger, group) for group in groups]
