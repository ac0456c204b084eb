"""Transactions from the relay account: wanted, signed and stored, sent, confirmed.

Each step can be repeated and each may be the last one before a crash. Nonce and hash are committed before a
transaction is sent, so no transaction is on the ledger that the database does not know; what the ledger lost
is sent again byte for byte. Many can be under way: sending never waits for a receipt.
"""

from __future__ import annotations

import logging
from typing import Any

import rlp
from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from eth_account.signers.local import LocalAccount
from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import TxParams, TxReceipt

from consortium.core import clock, events, outbox
from consortium.core.outbox import Later
from governance.chain import calls, keys, topics
from governance.chain import ledger as gateway
from governance.chain.models import Ledger, RelayTransaction
from governance.contracts.errors import Refusal, decode

logger = logging.getLogger(__name__)

RELAY = events.AutomaticActor("relay")
Status = RelayTransaction.Status

GAS_MARGIN = 1.5  # a ballot between simulation and mining makes the next one dearer
FEE_STEP = 113  # percent: less than an eighth more is refused as a replacement
UNKNOWN_REVERT = "reverted"
PENDING, ACTIVE = 0, 1  # states of a proposal in the governor's error
_AFTER_THE_VOTE = ("queue", "execute")


class NotYet(Exception):
    """The contract refuses now, and time alone will change that."""


class Refused(Exception):
    """The contract refuses; ``code`` is its typed error's name."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# --- Asking -------------------------------------------------------------------------------------------------
def want(ledger: Ledger, *, key: str, to: str, data: str) -> RelayTransaction:
    """Owe the ledger a call, in the caller's transaction. The same ``key`` twice gives the same row."""
    row, made = RelayTransaction.objects.get_or_create(
        key=key, defaults={"ledger": ledger, "to": to, "data": data, "created_at": clock.now()}
    )
    if made:
        outbox.enqueue(topics.RELAY, key=str(row.pk), payload={"transaction": row.pk})
    return row


# --- Sending ------------------------------------------------------------------------------------------------
def send(pk: int) -> RelayTransaction:
    """Simulate, sign, store, send. A row that is past that is left alone: confirming sends again if needed.

    Raises Later when the contract's answer may still change, RelayKeyNotAvailable, LedgerUnreachable.
    """
    row = RelayTransaction.objects.select_related("ledger").get(pk=pk)
    if row.status != Status.WANTED:
        return row
    client = gateway.web3(row.ledger)
    signer = keys.account()
    try:
        gas = _simulate(client, row, signer.address)
    except NotYet as reason:
        raise Later(1, str(reason)) from reason
    except Refused as refusal:
        return _refuse(row, refusal.code)
    stored = _sign(client, row, signer, gas)
    if stored is None:
        row.refresh_from_db()
        return row  # another worker was faster
    broadcast(client, stored)
    return stored


def broadcast(client: Web3, row: RelayTransaction) -> None:
    """Hand the stored bytes to the ledger; harmless when it has them already.

    Raises Later with the ledger's words when it does not take them.
    """
    try:
        client.eth.send_raw_transaction(HexStr(row.raw))
    except Web3RPCError as error:
        # "already known", "nonce too low" and their like have no codes to tell them apart by.
        if not _known(client, str(row.tx_hash)):
            raise Later(1, str(error)) from error


def _simulate(client: Web3, row: RelayTransaction, sender: str) -> int:
    """Gas to send with. Raises Refused, or NotYet while time or an earlier transaction may change that."""
    call: TxParams = {"from": Web3.to_checksum_address(sender), "data": HexStr(row.data), **_to(row)}
    try:
        # "pending": the last block of an idle ledger may be hours old, and the governor asks for the time.
        return int(client.eth.estimate_gas(call, "pending") * GAS_MARGIN)
    except ContractLogicError as error:
        refusal = _refusal(error)
        if _may_change(row, refusal):
            raise NotYet(_code(refusal)) from error
        raise Refused(_code(refusal)) from error


def _may_change(row: RelayTransaction, refusal: Refusal | None) -> bool:
    if refusal and refusal.name == "GovernorUnexpectedProposalState":
        state = refusal.arguments["current"]
        return bool(state == PENDING or (state == ACTIVE and _function(row) in _AFTER_THE_VOTE))
    if refusal and refusal.name == "TimelockUnexpectedOperationState" and _function(row) == "execute":
        return True  # the timelock holds it, or it is about to be queued
    return RelayTransaction.objects.filter(ledger=row.ledger, status=Status.SIGNED, pk__lt=row.pk).exists()


def _to(row: RelayTransaction) -> TxParams:
    """Nobody, where a contract is created."""
    return {"to": Web3.to_checksum_address(row.to)} if row.to else {}


def _function(row: RelayTransaction) -> str:
    return calls.decode(calls.Call(row.to, 0, row.data))[0] if row.to else ""


def _sign(client: Web3, row: RelayTransaction, signer: LocalAccount, gas: int) -> RelayTransaction | None:
    """Nonce, hash and bytes, committed together with the debt to confirm; None if somebody else did."""
    price = client.eth.gas_price
    with transaction.atomic():
        # One nonce at a time. Without the key's lock: who wants a transaction meanwhile need not wait.
        Ledger.objects.select_for_update(no_key=True).get(pk=row.ledger_id)
        row = RelayTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status != Status.WANTED:
            return None
        row.nonce = _next_nonce(client, row.ledger, signer.address)
        _put_signature(row, signer, _fields(row, gas, price))
        row.status = Status.SIGNED
        row.save()
        outbox.enqueue(topics.CONFIRM, key=str(row.pk), payload={"transaction": row.pk})
    return row


def _fields(row: RelayTransaction, gas: int, price: int) -> dict[str, Any]:
    """A legacy transaction: the one kind that every EVM ledger takes."""
    fields: dict[str, Any] = {"nonce": row.nonce, "gas": gas, "gasPrice": price, "value": 0}
    return fields | {"chainId": row.ledger.chain_id, "data": row.data, **_to(row)}


def _put_signature(row: RelayTransaction, signer: LocalAccount, fields: dict[str, Any]) -> None:
    signed = signer.sign_transaction(fields)
    row.tx_hash, row.raw = signed.hash.to_0x_hex(), signed.raw_transaction.to_0x_hex()
    row.signed_at = clock.now()


def _price_and_gas(row: RelayTransaction) -> tuple[int, int]:
    """Of what was signed: RLP of nonce, price, gas, …"""
    _nonce, price, gas, *_rest = rlp.decode(bytes.fromhex(row.raw[2:]))
    return int.from_bytes(price), int.from_bytes(gas)


def _next_nonce(client: Web3, ledger: Ledger, address: str) -> int:
    """After all of ours, and after all that the ledger has from this account by other ways."""
    known = client.eth.get_transaction_count(Web3.to_checksum_address(address), "pending")
    ours = RelayTransaction.objects.filter(ledger=ledger).aggregate(last=Max("nonce"))["last"]
    return max(known, 0 if ours is None else ours + 1)


# --- Confirming ---------------------------------------------------------------------------------------------
def confirm(pk: int) -> RelayTransaction:
    """Look for the receipt. What the ledger does not know is sent again; a stolen nonce is replaced.

    What waits for long is sent again to every node, with a higher fee where the ledger asks one by now.
    Raises Later while it is on its way.
    """
    row = RelayTransaction.objects.select_related("ledger").get(pk=pk)
    if row.status != Status.SIGNED:
        return row
    client = gateway.web3(row.ledger)
    receipt = _any_receipt(client, row)
    if receipt is not None:
        return _settle(client, row, receipt)
    known = _known(client, str(row.tx_hash))
    if known and not _waits_long(row):
        raise Later(1, "waiting for a block")
    if not known and _nonce_is_spent(client, row):
        return _start_over(row)
    row = _with_a_fee_that_will_do(client, row)
    _send_everywhere(client, row)
    raise Later(0.5, "sent again")


def _waits_long(row: RelayTransaction) -> bool:
    since = row.signed_at or row.created_at
    return (clock.now() - since).total_seconds() > settings.RELAY_PATIENCE


def _send_everywhere(client: Web3, row: RelayTransaction) -> None:
    """A node may keep a transaction to itself. To send the same bytes again is harmless."""
    gateway.provider(client).ask_each("eth_sendRawTransaction", [row.raw])
    broadcast(client, row)


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
        _record("relay.fee_raised", row)
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
    for row in (found := list(rows.select_for_update())):
        row.status, row.block, row.mined_at, row.error_code = Status.SIGNED, None, None, ""
        row.save()
        outbox.enqueue(topics.CONFIRM, key=str(row.pk), payload={"transaction": row.pk})
    return len(found)


def _receipt(client: Web3, tx_hash: str) -> TxReceipt | None:
    try:
        return client.eth.get_transaction_receipt(HexStr(tx_hash))
    except TransactionNotFound:
        return None


def _any_receipt(client: Web3, row: RelayTransaction) -> TxReceipt | None:
    """Of whichever was mined, where its fee was raised."""
    for tx_hash in [str(row.tx_hash), *reversed(row.earlier_hashes)]:
        if (receipt := _receipt(client, tx_hash)) is not None:
            return receipt
    return None


def _known(client: Web3, tx_hash: str) -> bool:
    try:
        client.eth.get_transaction(HexStr(tx_hash))
    except TransactionNotFound:
        return False
    return True


def _nonce_is_spent(client: Web3, row: RelayTransaction) -> bool:
    sender = client.eth.account.recover_transaction(row.raw)
    spent = client.eth.get_transaction_count(sender) > (row.nonce or 0)
    # Asked again: between our first question and this one it may have been mined itself.
    return spent and _any_receipt(client, row) is None


def _settle(client: Web3, row: RelayTransaction, receipt: TxReceipt) -> RelayTransaction:
    code = "" if receipt["status"] == 1 else _why_reverted(client, row, receipt)
    with transaction.atomic():
        row = RelayTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status != Status.SIGNED:
            return row
        row.status = Status.REVERTED if code else Status.MINED
        row.block, row.mined_at, row.error_code = receipt["blockNumber"], clock.now(), code
        row.tx_hash = receipt["transactionHash"].to_0x_hex()
        row.save()
        _record("relay.refused" if code else "relay.mined", row)
    return row


def _start_over(row: RelayTransaction) -> RelayTransaction:
    """Another transaction of the account has our nonce, so this one can never be mined."""
    with transaction.atomic():
        row = RelayTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status != Status.SIGNED:
            return row
        _record("relay.nonce_taken", row)
        row.status, row.nonce, row.tx_hash, row.raw, row.signed_at = Status.WANTED, None, None, "", None
        row.earlier_hashes = []
        row.save()
        outbox.enqueue(topics.RELAY, key=str(row.pk), payload={"transaction": row.pk})
    return row


def _refuse(row: RelayTransaction, code: str) -> RelayTransaction:
    with transaction.atomic():
        row = RelayTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status != Status.WANTED:
            return row
        row.status, row.error_code = Status.REFUSED, code
        row.save()
        _record("relay.refused", row)
    return row


def _record(action: str, row: RelayTransaction) -> None:
    events.record(
        action,
        row,
        actor=RELAY,
        key=row.key,
        tx_hash=row.tx_hash,
        nonce=row.nonce,
        block=row.block,
        error_code=row.error_code,
    )


# --- Why not ------------------------------------------------------------------------------------------------
def _why_reverted(client: Web3, row: RelayTransaction, receipt: TxReceipt) -> str:
    """The typed error's name, by running the call again on the block it was in."""
    call: TxParams = {"from": receipt["from"], "data": HexStr(row.data), **_to(row)}
    try:
        client.eth.call(call, receipt["blockNumber"])
    except ContractLogicError as error:
        return _code(_refusal(error))
    except Web3RPCError as error:  # a node that keeps no old state can't tell
        logger.info("no reason for %s: %s", row.tx_hash, error)
    return UNKNOWN_REVERT


def _refusal(error: ContractLogicError) -> Refusal | None:
    data = error.data
    return decode(data) if isinstance(data, str) and data.startswith("0x") else None


def _code(refusal: Refusal | None) -> str:
    return refusal.name if refusal else UNKNOWN_REVERT
