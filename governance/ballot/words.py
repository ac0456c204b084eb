"""A proposal in plain words, from the calls that the ledger would carry out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import Web3Exception

from governance.ballot.ledger import LedgerProposal, LedgerReader
from governance.ballot.texts import say

_OURS = {
    ("Seats", "grant"),
    ("Seats", "suspend"),
    ("Seats", "reinstate"),
    ("Seats", "revoke"),
    ("Seats", "changeVoter"),
    ("NodeRegistry", "setRole"),
    ("NodeRegistry", "remove"),
}


def lines(proposal: LedgerProposal, ledger: LedgerReader) -> list[str]:
    """The proposal for a person to read before signing, a sentence a line."""
    return [
        say("heading", chain_id=ledger.chain_id, governor=ledger.address),
        say("id", id=proposal.id),
        say("proposer", proposer=proposal.proposer),
        *(f"  {printable(line)}" for line in proposal.description.splitlines()),
        say("period", start=moment(proposal.vote_start), end=moment(proposal.vote_end)),
        say("effects"),
        *(f"  - {effect}" for effect in effects(proposal, ledger)),
    ]


def effects(proposal: LedgerProposal, ledger: LedgerReader) -> list[str]:
    """What execution does, a sentence for each call."""
    calls = zip(proposal.targets, proposal.values, proposal.calldatas, strict=True)
    return [_effect(*call, ledger) for call in calls]


def moment(timestamp: int) -> str:
    """Unix seconds as UTC."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _effect(target: str, value: int, data: bytes, ledger: LedgerReader) -> str:
    known = ledger.contract_at(target)
    decoded = _decoded(known[1], data) if known and value == 0 else None
    if known is None or decoded is None:
        return say("unknown_call", target=target, value=value, data="0x" + data.hex())
    name, arguments = decoded
    readable = {key: _readable(key, argument) for key, argument in arguments.items()}
    if (known[0], name) in _OURS:
        return say(name, **readable)
    listed = ", ".join(f"{key}={argument}" for key, argument in readable.items())
    return say("other_call", contract=known[0], target=target, name=name, arguments=listed)


def _decoded(contract: Contract, data: bytes) -> tuple[str, dict[str, Any]] | None:
    try:
        function, arguments = contract.decode_function_input(data)
        again = Web3.to_bytes(hexstr=contract.encode_abi(function.fn_name, kwargs=arguments))
    except (Web3Exception, ValueError, TypeError, OverflowError):
        return None
    return (function.fn_name, arguments) if again == data else None


def _readable(key: str, value: Any) -> str:
    if key == "role" and value in (1, 2):
        return say(f"role_{value}")
    if isinstance(value, bytes):
        return _short_text(value) if len(value) == 32 else value.hex()
    return printable(str(value))


def _short_text(value: bytes) -> str:
    """A bytes32 that holds ASCII (a member's or network's code) as text, anything else as hex."""
    text = value.rstrip(b"\0")
    readable = bool(text) and all(0x20 < byte < 0x7F for byte in text)
    return text.decode("ascii") if readable else "0x" + value.hex()


def printable(text: str) -> str:
    """Without control characters: whoever may propose must not be able to redraw a voter's terminal."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )
