"""Who could vote at a past moment, from the events of the Seats contract."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from governance.chain.contracts import text
from governance.chain.models import ChainEvent, Ledger

_NAMES = ("SeatGranted", "SeatVoterChanged", "SeatSuspended", "SeatReinstated", "SeatRevoked")


def at(ledger: Ledger, moment: datetime) -> dict[str, str]:
    """Voting address (EIP-55) by USCC, of every active seat at ``moment`` (that second's block included).

    A seat that moved to another address afterwards votes with the former one in what was open by then.
    """
    rows = ChainEvent.objects.filter(ledger=ledger, name__in=_NAMES, block_time__lte=moment)
    voters: dict[str, str] = {}
    silent: set[str] = set()
    for name, args in rows.order_by("block", "log_index").values_list("name", "args"):
        _apply(voters, silent, name, args)
    return {uscc: voter for uscc, voter in voters.items() if uscc not in silent}


def _apply(voters: dict[str, str], silent: set[str], name: str, args: dict[str, Any]) -> None:
    uscc = _uscc(args["memberId"])
    if name in {"SeatGranted", "SeatVoterChanged"}:
        voters[uscc] = args["voter"]
    elif name == "SeatSuspended":
        silent.add(uscc)
    else:
        silent.discard(uscc)
    if name == "SeatRevoked":
        voters.pop(uscc, None)


def _uscc(member_id: str) -> str:
    return text(member_id) if member_id.startswith("0x") else member_id
