"""Why a contract refuses a call, and whether time or an earlier transaction may change its mind."""

from __future__ import annotations

import logging
from typing import Any

from web3 import Web3
from web3.exceptions import ContractLogicError, Web3RPCError

from governance.chain import calls
from governance.chain.models import RelayTransaction
from governance.chain.rpc import AnswerError
from governance.contracts.errors import Refusal, decode

logger = logging.getLogger(__name__)

Status = RelayTransaction.Status

UNKNOWN = "reverted"
TOO_MUCH_GAS = "too_much_gas"  # ours: it is not sent
PENDING, ACTIVE = 0, 1  # states of a proposal in the governor's error
_REVERTED = 3  # JSON-RPC's code for a call that the contract refuses
_AFTER_THE_VOTE = ("queue", "execute")


def in_answer(error: AnswerError) -> tuple[bool, Refusal | None]:
    """Whether the node passes on a contract's refusal, and which typed error that is, where it says so."""
    data = error.data
    if isinstance(data, str) and data.startswith("0x"):
        return True, decode(data)
    return error.code == _REVERTED or "revert" in error.message.lower(), None


def code(refusal: Refusal | None) -> str:
    return refusal.name if refusal else UNKNOWN


def may_change(row: RelayTransaction, refusal: Refusal | None) -> bool:
    """Before it is sent: an earlier transaction that is not on the ledger yet may change anything."""
    if time_changes(row, refusal):
        return True
    return RelayTransaction.objects.filter(ledger=row.ledger, status=Status.SIGNED, pk__lt=row.pk).exists()


def time_changes(row: RelayTransaction, refusal: Refusal | None) -> bool:
    """Is it only too early? A vote that has not begun or not ended, a proposal that is yet to come."""
    if refusal is None:
        return False
    if refusal.name == "GovernorUnexpectedProposalState":
        state = refusal.arguments["current"]
        return bool(state == PENDING or (state == ACTIVE and _function(row) in _AFTER_THE_VOTE))
    if refusal.name == "TimelockUnexpectedOperationState":
        return _function(row) == "execute"  # the timelock holds it, or it is about to be queued
    if refusal.name == "GovernorNonexistentProposal":
        coming = RelayTransaction.objects.filter(ledger=row.ledger, pk__lt=row.pk)
        return coming.filter(status__in=[Status.WANTED, Status.SIGNED]).exists()
    return False


def why_reverted(client: Web3, row: RelayTransaction, sender: str, block: int) -> Refusal | None:
    """The typed error, by running the call again on the block it was in."""
    call: Any = {"from": Web3.to_checksum_address(sender), "data": row.data, **to(row)}
    try:
        client.eth.call(call, block)
    except ContractLogicError as error:
        return decode(error.data) if isinstance(error.data, str) and error.data.startswith("0x") else None
    except Web3RPCError as error:  # a node that keeps no old state can't tell
        logger.info("no reason for %s: %s", row.tx_hash, error)
    return None


def to(row: RelayTransaction) -> dict[str, Any]:
    """Nobody, where a contract is created."""
    return {"to": Web3.to_checksum_address(row.to)} if row.to else {}


def _function(row: RelayTransaction) -> str:
    return calls.decode(calls.Call(row.to, 0, row.data))[0] if row.to else ""
