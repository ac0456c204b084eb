"""A proposal in plain words, from the calls that the ledger would carry out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import Web3Exception

from governance.ballot.ledger import NOBODY, LedgerProposal, LedgerReader, Rule, Standing
from governance.ballot.texts import say
from governance.contracts import NAMES

_Contract = tuple[str, Contract]
_Function = tuple[str, dict[str, Any]]

# Which of the contracts' functions are told in a sentence; the catalogues have it under the function's name.
SENTENCES: Final = {
    "Seats": {"grant", "suspend", "reinstate", "revoke", "changeVoter"},
    "NodeRegistry": {"setRole", "remove", "setAccount", "thaw", "ratifyFreeze", "setGuardian"},
    "ConsortiumGovernor": {
        "setRule",
        "setVotingDelay",
        "setVotingPeriod",
        "setLateQuorumVoteExtension",
        "setConvener",
        "setProposalGuardian",
        "setProposalThreshold",
        "updateTimelock",
        "relay",
    },
    "TimelockController": {"updateDelay", "grantRole", "revokeRole", "renounceRole"},
    "BreakGlass": {"setGuardians"},
    "EpochAnchors": {"setPublisher"},
}
# Where the zero address, which names nobody, makes another sentence.
_OR_NOBODY: Final = {
    "setGuardian": "newGuardian",
    "setConvener": "newConvener",
    "setProposalGuardian": "newProposalGuardian",
    "setPublisher": "newPublisher",
}
_DURATIONS: Final = {"newVotingDelay", "newVotingPeriod", "newVoteExtension", "newDelay"}
_UNITS: Final = {"day": 86_400, "hour": 3600, "minute": 60}
_ROLES: Final = {
    bytes(32): "DEFAULT_ADMIN",
    **{bytes(Web3.keccak(text=f"{name}_ROLE")): name for name in ("PROPOSER", "CANCELLER", "EXECUTOR")},
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


def _effect(target: str, value: int, data: bytes, ledger: LedgerReader, *, relayed: bool = False) -> str:
    known = None if value else ledger.contract_at(target)
    if known is not None:
        decoded = _decoded(known[1], data)
        return _unknown(target, value, data) if decoded is None else _told(known, decoded, ledger, relayed)
    outsider = None if value else _outsider(target, data, ledger)
    if outsider is None:
        return _unknown(target, value, data)
    told = _told(*outsider, ledger, relayed)
    return say("outside_call", target=target, contract=say(f"contract_{outsider[0][0]}"), call=told)


def _outsider(target: str, data: bytes, ledger: LedgerReader) -> tuple[_Contract, _Function] | None:
    """Of a contract that the governor does not name: what it answers as, and the function that is called."""
    for name in NAMES:
        contract = ledger.as_if(name, target)
        decoded = _decoded(contract, data)
        if decoded is not None and ledger.answers_as(name, target):
            return (name, contract), decoded
    return None


def _told(known: _Contract, decoded: _Function, ledger: LedgerReader, relayed: bool) -> str:
    (contract, at), (name, arguments) = known, decoded
    if name == "relay" and not relayed:  # in each other they could be nested without end
        inner = arguments["target"], arguments["value"], bytes(arguments["data"])
        return say(name, call=_effect(*inner, ledger, relayed=True))
    readable = {key: _readable(key, argument, ledger) for key, argument in arguments.items()}
    if name in SENTENCES[contract] and name != "relay":
        nobody = arguments.get(_OR_NOBODY.get(name, "")) == NOBODY
        return say(f"{name}_nobody" if nobody else name, **readable)
    listed = ", ".join(f"{key}={argument}" for key, argument in readable.items())
    return say("other_call", contract=contract, target=at.address, name=name, arguments=listed)


def _unknown(target: str, value: int, data: bytes) -> str:
    return say("unknown_call", target=target, value=value, data="0x" + data.hex())


def _decoded(contract: Contract, data: bytes) -> _Function | None:
    try:
        function, arguments = contract.decode_function_input(data)
        again = Web3.to_bytes(hexstr=contract.encode_abi(function.fn_name, kwargs=arguments))
    except (Web3Exception, ValueError, TypeError, OverflowError):
        return None
    return (function.fn_name, arguments) if again == data else None


def _readable(key: str, value: Any, ledger: LedgerReader) -> str:
    if key == "role" and value in (1, 2):
        return say(f"role_{value}")
    if key == "role" and value in _ROLES:
        return say(f"role_{_ROLES[value]}")
    if key == "permission" and value in (0, 1, 2):
        return say(f"permission_{value}")
    if key == "kind" and value in (0, 1, 2):
        return say(f"kind_{value}")
    if key in _DURATIONS:
        return span(value, ledger.ticks_per_second)
    if key == "newRule" and isinstance(value, dict) and len(value) == 5:
        votes, of_votes, share, of_share, categories = value.values()
        needs = {"quorum": _share((votes, of_votes)), "approval": _share((share, of_share))}
        return say("rule_line", categories=categories, **needs)
    if isinstance(value, list | tuple):
        return ", ".join(_readable("", each, ledger) for each in value)
    if isinstance(value, bytes):
        return _short_text(value) if len(value) == 32 else value.hex()
    known = ledger.contract_at(value) if Web3.is_checksum_address(value) else None
    return printable(str(value)) if known is None else f"{value} ({say(f'contract_{known[0]}')})"


def span(ticks: int, per_second: int) -> str:
    """A duration in days, hours, minutes and seconds."""
    seconds, rest = divmod(ticks, per_second)
    parts = []
    for unit, length in _UNITS.items():
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(say(unit if count == 1 else f"{unit}s", count=count))
    if seconds or rest or not parts:
        exact = seconds + rest / per_second
        parts.append(say("second" if exact == 1 else "seconds", count=f"{exact:g}"))
    return " ".join(parts)


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
