"""Guardians' signed confirmations, relayed: the console can withhold one, never make one."""

from __future__ import annotations

import hashlib

from django.db import transaction

from consortium.core import clock, events
from consortium.core.events import COMMAND, Actor
from governance.chain import calls, guardians, relay
from governance.chain.calls import Call
from governance.chain.errors import ConfirmationRefused
from governance.chain.models import Ledger, RelayTransaction
from governance.guardian.confirmation import BadConfirmation, Cancel, Freeze, read

PREFIX = "confirmation:"  # of the keys of what is relayed here


def accept(ledger: Ledger, content: object, *, actor: Actor = COMMAND) -> RelayTransaction:
    """Check a guardian's file and owe its call to the ledger; the same file twice gives the same row.

    Unless the contract refused it: then it is tried again, because the answer may be another by now. The
    signature is checked here, and whether it is a guardian's; nonce and matter are checked by the contract.
    Raises ConfirmationRefused, NotAGuardian, ConfirmationLate, LedgerUnreachable.
    """
    try:
        confirmation, signature = read(content)
        call = _call(ledger, confirmation, signature)
    except (BadConfirmation, ValueError) as error:
        raise ConfirmationRefused(detail=str(error)) from error
    if (confirmation.chain_id, confirmation.contract) != (ledger.chain_id, ledger.break_glass):
        raise ConfirmationRefused(detail=f"for {confirmation.contract} on chain {confirmation.chain_id}")
    guardians.check_in_time(ledger, confirmation, clock.now())
    with transaction.atomic():
        key = _key(call)
        known = RelayTransaction.objects.filter(key=key).exists()
        row = relay.want(ledger, key=key, to=call.target, data=call.data)
        if not known:
            kind, guardian = confirmation.kind, confirmation.guardian
            events.record("confirmation.handed_in", row, actor=actor, kind=kind, guardian=guardian)
        return row


def _key(call: Call) -> str:
    """One for each attempt; a refused one has used up nothing of what was signed."""
    key = f"{PREFIX}{hashlib.sha256(call.data.encode()).hexdigest()}"
    refused = (relay.Status.REVERTED, relay.Status.REFUSED)
    earlier = RelayTransaction.objects.filter(key__startswith=key, status__in=refused).count()
    return f"{key}:{earlier}" if earlier else key


def _call(ledger: Ledger, confirmation: Freeze | Cancel, signature: str) -> Call:
    reason, guardian = "0x" + confirmation.reason_hash.hex(), confirmation.guardian
    if isinstance(confirmation, Freeze):
        return calls.confirm_freeze_by_sig(
            ledger,
            network=confirmation.network,
            consensus_id=confirmation.consensus_id,
            reason_hash=reason,
            guardian=guardian,
            deadline=confirmation.deadline,
            signature=signature,
        )
    parts = zip(confirmation.targets, confirmation.values, confirmation.calldatas, strict=True)
    return calls.confirm_cancel_by_sig(
        ledger,
        [Call(target, value, data) for target, value, data in parts],
        confirmation.description,
        reason_hash=reason,
        guardian=guardian,
        deadline=confirmation.deadline,
        signature=signature,
    )
