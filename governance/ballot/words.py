"""A proposal in plain words, from the calls that the ledger would carry out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import Web3Exception

from governance.ballot.ledger import LedgerProposal, LedgerReader, Rule, Standing
from governance.ballot.texts import say

_OURS = {
    ("Seats", "grant"),
    ("Seats", "suspend"),
    ("Seats", "reinstate"),
    ("Seats", "revoke"),
    ("Seats", "changeVoter"),
    ("NodeRegistry", "setRole"),
    ("NodeRegistry", "remove"),
    ("NodeRegistry", "setAccount"),
    ("NodeRegistry", "thaw"),
    ("NodeRegistry", "ratifyFreeze"),
    ("Governor", "setRule"),
}


def lines(proposal: LedgerProposal, ledger: LedgerReader) -> list[str]:
    """The proposal for a person to read before signing, a sentence a line."""
    start, end = ledger.seconds(proposal.vote_start), ledger.seconds(proposal.vote_end)
    return [
        say("heading", chain_id=ledger.chain_id, governor=ledger.address),
        say("id", id=proposal.id),
        say("proposer", proposer=proposal.proposer),
        *(f"  {printable(line)}" for line in proposal.description.splitlines()),
        say("period", start=moment(start), end=moment(end)),
        say("effects"),
        *(f"  - {effect}" for effect in effects(proposal, ledger)),
        *_rule(ledger.rule(proposal)),
        *_standing(ledger.standing(proposal)),
    ]


def _rule(rule: Rule) -> list[str]:
    """What it needs, as frozen when it opened."""
    return [
        say("kind_line", kind=say(f"kind_{rule.kind.value}")),
        say(
            "rule_line",
            quorum=_share(rule.quorum),
            approval=_share(rule.approval),
            categories=rule.categories,
        ),
    ]


def _standing(now: Standing) -> list[str]:
    """How the vote stands, and whether it can still pass."""
    votes = say(
        "standing",
        favour=now.in_favour,
        against=now.against,
        abstain=now.abstain,
        electorate=now.electorate,
    )
    return [votes, _outlook(now)]


def _outlook(now: Standing) -> str:
    if now.is_decided:
        return say("outlook_passed" if now.passes else "outlook_failed")
    if now.passes:
        return say("outlook_passes")
    quorum, approval, categories = now.missing
    return say("outlook_missing", quorum=quorum, approval=approval, categories=categories)


def _share(share: tuple[int, int]) -> str:
    return f"{share[0]}/{share[1]}"


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
    if key == "permission" and value in (0, 1, 2):
        return say(f"permission_{value}")
    if key == "kind" and value in (0, 1, 2):
        return say(f"kind_{value}")
    if key == "newRule" and isinstance(value, dict) and len(value) == 5:
        votes, of_votes, share, of_share, categories = value.values()
        needs = {"quorum": _share((votes, of_votes)), "approval": _share((share, of_share))}
        return say("rule_line", categories=categories, **needs)
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
