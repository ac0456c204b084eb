"""Stored transactions on their way: sent as they are, confirmed by their receipts, never more than once.

Each step can be repeated and each may be the last before a crash. Also the one transaction that the console
makes itself: asking the chain to close what is past its deadline.
"""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import Max
from eth_typing import HexStr
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError
from web3.types import TxReceipt

from consortium.core import clock, events, outbox
from consortium.core.outbox import Later
from governance.chain import keys, nonces
from governance.chain.errors import RelayAccountEmpty
from governance.chain.ledgers import node, topics, wishes
from governance.chain.ledgers.committee import CommitteeLedger
from governance.chain.ledgers.handing_in import lose
from governance.chain.ledgers.models import (
    CommitteeProposal,
    CommitteeState,
    CommitteeTransaction,
    GovernedLedger,
)
from governance.contracts import fisco

logger = logging.getLogger(__name__)

RELAY = events.AutomaticActor("relay")
Status = CommitteeTransaction.Status


def send(pk: int) -> CommitteeTransaction:
    """Hand the stored bytes to the ledger and owe the confirmation. Harmless when it has them already.

    Raises Later with the ledger's words when it does not take them, LedgerUnreachable.
    """
    row = CommitteeTransaction.objects.select_related("ledger").get(pk=pk)
    if row.status != Status.SIGNED:
        return row
    with transaction.atomic():  # first: who dies while sending has left somebody to look
        outbox.enqueue(topics.CONFIRM, key=str(row.pk), payload={"transaction": row.pk})
    broadcast(node.web3(row.ledger), row)
    return row


def broadcast(client: Web3, row: CommitteeTransaction) -> None:
    """Send the bytes; raises Later when the ledger neither takes nor knows them."""
    try:
        client.eth.send_raw_transaction(HexStr(row.raw))
    except Web3RPCError as error:
        if not _known(client, row.tx_hash) and not _nonce_is_spent(client, row):
            raise Later(1, str(error)) from error


def confirm(pk: int) -> CommitteeTransaction:
    """Look for the receipt; what the ledger forgot is sent again. Raises Later while it is on its way."""
    row = CommitteeTransaction.objects.select_related("ledger").get(pk=pk)
    if row.status != Status.SIGNED:
        return row
    client = node.web3(row.ledger)
    receipt = _receipt(client, row.tx_hash)
    if receipt is not None:
        return _settle(row, receipt)
    if _known(client, row.tx_hash):
        raise Later(1, "waiting for a block")
    if _nonce_is_spent(client, row):
        return _lost(row)
    broadcast(client, row)
    raise Later(0.5, "sent again")


def reconcile(ledger: GovernedLedger) -> int:
    """After a reorganisation: confirm again what is said to be on the ledger but is not indexed there."""
    state = CommitteeState.objects.filter(ledger=ledger).first()
    if state is None:
        return 0
    seen = ledger.calls.values("tx_hash")
    doubtful = CommitteeTransaction.objects.filter(
        ledger=ledger, status__in=[Status.MINED, Status.REVERTED], block__lte=state.head
    ).exclude(tx_hash__in=seen)
    with transaction.atomic():
        rows = list(doubtful.select_for_update())
        for row in rows:
            row.status, row.block, row.settled_at = Status.SIGNED, None, None
            row.save()
            outbox.enqueue(topics.CONFIRM, key=str(row.pk), payload={"transaction": row.pk})
    return len(rows)


# --- Deadlines ---------------------------------------------------------------------------------------
def refresh_overdue(ledger: GovernedLedger) -> list[CommitteeTransaction]:
    """Ask the chain to close every open proposal whose deadline block is there: else it takes late votes.

    At the deadline block itself: the transaction is in the next one, and that is past it. Raises
    RelayKeyNotAvailable, RelayAccountEmpty.
    """
    state = CommitteeState.objects.filter(ledger=ledger).first()
    if state is None:
        return []
    overdue = CommitteeProposal.objects.filter(ledger=ledger, status=fisco.OPEN, deadline__lte=state.head)
    made = [_refresh(ledger, proposal, state.head) for proposal in overdue.order_by("number")]
    return [row for row in made if row is not None]


def _refresh(ledger: GovernedLedger, proposal: CommitteeProposal, head: int) -> CommitteeTransaction | None:
    """Signed and stored with its number, and owed, in one transaction."""
    committee = CommitteeLedger(ledger)
    signer = keys.account()
    if committee.balance(signer.address) == 0:
        raise RelayAccountEmpty(address=signer.address)
    purpose = f"refresh:{proposal.number}"
    with transaction.atomic():
        wishes.locked(ledger)
        earlier = CommitteeTransaction.objects.filter(ledger=ledger, purpose=purpose)
        if earlier.filter(status=Status.SIGNED).exists() or earlier.filter(block__gt=head).exists():
            return None
        unsigned = committee.refresh(str(proposal.number), sender=signer.address)
        live = CommitteeTransaction.objects.filter(ledger=ledger, sender=signer.address, status=Status.SIGNED)
        used = live.aggregate(last=Max("nonce"))["last"]
        nonce = nonces.take(node.identity(ledger), signer.address, known=unsigned.nonce, after=used)
        signed = signer.sign_transaction({**unsigned.fields(), "nonce": nonce})
        row = CommitteeTransaction.objects.create(
            ledger=ledger,
            purpose=purpose,
            number=proposal.number,
            sender=signer.address,
            nonce=nonce,
            to=unsigned.to,
            function=fisco.REFRESH.name,
            arguments={"proposal": proposal.number},
            tx_hash=signed.hash.to_0x_hex(),
            raw=signed.raw_transaction.to_0x_hex(),
            status=Status.SIGNED,
            handed_in_by=RELAY.get_username(),
            handed_in_at=clock.now(),
        )
        outbox.enqueue(topics.SEND, key=str(row.pk), payload={"transaction": row.pk})
    return row


# --- Small things -------------------------------------------------------------------------------------
def _settle(row: CommitteeTransaction, receipt: TxReceipt) -> CommitteeTransaction:
    with transaction.atomic():
        row = CommitteeTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status != Status.SIGNED:
            return row
        row.status = Status.MINED if receipt["status"] == 1 else Status.REVERTED
        row.block, row.settled_at = receipt["blockNumber"], clock.now()
        row.save()
        events.record(
            "committee.transaction_mined" if row.status == Status.MINED else "committee.transaction_refused",
            row,
            actor=RELAY,
            ledger=row.ledger_id,
            purpose=row.purpose,
            tx_hash=row.tx_hash,
            block=row.block,
        )
    return row


def _lost(row: CommitteeTransaction) -> CommitteeTransaction:
    with transaction.atomic():
        row = CommitteeTransaction.objects.select_for_update().get(pk=row.pk)
        if row.status == Status.SIGNED:
            lose(row)
    return row


def _receipt(client: Web3, tx_hash: str) -> TxReceipt | None:
    try:
        return client.eth.get_transaction_receipt(HexStr(tx_hash))
    except TransactionNotFound:
        return None


def _known(client: Web3, tx_hash: str) -> bool:
    try:
        client.eth.get_transaction(HexStr(tx_hash))
    except TransactionNotFound:
        return False
    return True


def _nonce_is_spent(client: Web3, row: CommitteeTransaction) -> bool:
    spent = client.eth.get_transaction_count(Web3.to_checksum_address(row.sender)) > row.nonce
    # Asked again: between our first question and this one it may have been mined itself.
    return spent and _receipt(client, row.tx_hash) is None
