"""Calls of the contracts, built and read without a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from web3 import Web3
from web3.exceptions import Web3Exception

from governance.chain import contracts
from governance.chain.contracts import (
    ANCHORS,
    BREAK_GLASS,
    GOVERNOR,
    REGISTRY,
    SEATS,
    TIMELOCK,
    member_id_bytes,
    network_bytes,
    offline,
    text,
)
from governance.chain.errors import UnknownCall
from governance.chain.models import Ledger
from governance.contracts import NAMES, artifact

NOBODY = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a contract: ``target`` in EIP-55 form, ``value`` in wei (always 0 here), ``data`` 0x-hex."""

    target: str
    value: int
    data: str


@dataclass(frozen=True, slots=True)
class Seating:
    """A founding member's seat."""

    uscc: str
    category: int
    voter: str


@dataclass(frozen=True, slots=True)
class NodeRole:
    """A founding node's role (1 observer, 2 sealer); ``consensus_id`` is 128 hex."""

    network: str
    consensus_id: str
    uscc: str
    role: int


@dataclass(frozen=True, slots=True)
class AccountRole:
    """A founding account's permission (1 may transact, 2 may deploy too)."""

    network: str
    address: str
    uscc: str
    permission: int


# --- What a proposal may do ------------------------------------------------------------------------------
def grant_seat(ledger: Ledger, *, uscc: str, category: int, voter: str) -> Call:
    """A seat for ``uscc`` in category ``category`` (1 to 6), voting with ``voter``."""
    return _call(ledger.seats, SEATS, "grant", member_id_bytes(uscc), category, _address(voter))


def suspend_seat(ledger: Ledger, *, uscc: str) -> Call:
    return _call(ledger.seats, SEATS, "suspend", member_id_bytes(uscc))


def reinstate_seat(ledger: Ledger, *, uscc: str) -> Call:
    return _call(ledger.seats, SEATS, "reinstate", member_id_bytes(uscc))


def revoke_seat(ledger: Ledger, *, uscc: str) -> Call:
    return _call(ledger.seats, SEATS, "revoke", member_id_bytes(uscc))


def change_voter(ledger: Ledger, *, uscc: str, voter: str) -> Call:
    return _call(ledger.seats, SEATS, "changeVoter", member_id_bytes(uscc), _address(voter))


def set_role(ledger: Ledger, *, network: str, consensus_id: str, uscc: str, role: int) -> Call:
    """Role 1 (observer) or 2 (sealer) for a node; ``consensus_id`` is 128 hex."""
    node = bytes.fromhex(consensus_id)
    return _call(
        ledger.registry, REGISTRY, "setRole", network_bytes(network), node, member_id_bytes(uscc), role
    )


def remove_node(ledger: Ledger, *, network: str, consensus_id: str) -> Call:
    return _call(ledger.registry, REGISTRY, "remove", network_bytes(network), bytes.fromhex(consensus_id))


def set_account(ledger: Ledger, *, network: str, account: str, uscc: str, permission: int) -> Call:
    """What ``account`` may do on the network: 0 nothing, 1 transact, 2 deploy contracts too."""
    of_member = member_id_bytes(uscc)
    return _call(
        ledger.registry,
        REGISTRY,
        "setAccount",
        network_bytes(network),
        _address(account),
        of_member,
        permission,
    )


def thaw_node(ledger: Ledger, *, network: str, consensus_id: str) -> Call:
    """End the freeze of a node."""
    return _call(ledger.registry, REGISTRY, "thaw", network_bytes(network), bytes.fromhex(consensus_id))


def ratify_freeze(ledger: Ledger, *, network: str, consensus_id: str, number: int) -> Call:
    """Let the freeze with this number last until it is ended by vote."""
    node = bytes.fromhex(consensus_id)
    return _call(ledger.registry, REGISTRY, "ratifyFreeze", network_bytes(network), node, number)


def set_rule(
    ledger: Ledger, *, kind: int, quorum: tuple[int, int], approval: tuple[int, int], categories: int
) -> Call:
    """What proposals of a kind (0 routine, 1 membership, 2 constitutional) need from then on."""
    return _call(ledger.governor, GOVERNOR, "setRule", kind, (*quorum, *approval, categories))


def set_guardians(ledger: Ledger, *, guardians: Sequence[str], threshold: int) -> Call:
    """Who may break the glass, and how many of them must agree."""
    addresses = [_address(each) for each in guardians]
    return _call(ledger.break_glass, BREAK_GLASS, "setGuardians", addresses, threshold)


def name_guardian(ledger: Ledger, *, break_glass: str) -> list[Call]:
    """Registry and governor obey another guardians' contract; the zero address for none."""
    guardian = _address(break_glass)
    return [
        _call(ledger.registry, REGISTRY, "setGuardian", guardian),
        _call(ledger.governor, GOVERNOR, "setProposalGuardian", guardian),
    ]


def set_convener(ledger: Ledger, *, convener: str) -> Call:
    """Who proposes for the secretariat; the zero address for nobody."""
    return _call(ledger.governor, GOVERNOR, "setConvener", _address(convener))


def set_publisher(ledger: Ledger, *, publisher: str) -> Call:
    """Who anchors the heads of the lists' logs; the zero address for nobody."""
    return _call(ledger.anchors, ANCHORS, "setPublisher", _address(publisher))


def set_terms(ledger: Ledger, **seconds: int) -> list[Call]:
    """New durations in seconds, by the names in ``_DURATIONS``."""
    return [_set_duration(ledger, name, value * ledger.ticks_per_second) for name, value in seconds.items()]


def _set_duration(ledger: Ledger, name: str, ticks: int) -> Call:
    contract, function = _DURATIONS[name]
    return _call(ledger.timelock if contract == TIMELOCK else ledger.governor, contract, function, ticks)


_DURATIONS = {
    "voting_delay": (GOVERNOR, "setVotingDelay"),
    "voting_period": (GOVERNOR, "setVotingPeriod"),
    "late_quorum_extension": (GOVERNOR, "setLateQuorumVoteExtension"),
    "timelock": (TIMELOCK, "updateDelay"),
}


def hand_over(ledger: Ledger, *, governor: str, break_glass: str = "") -> list[Call]:
    """Another governor takes the place of the one in office; seats, registry and timelock stay.

    ``break_glass``: the guardians' contract that belongs to it, or none; the new governor knows it at once.
    """
    calls = [_timelock(ledger, "grantRole", role, governor) for role in contracts.GOVERNORS_ROLES]
    calls += [_timelock(ledger, "revokeRole", role, ledger.governor) for role in contracts.GOVERNORS_ROLES]
    guardian = _address(break_glass or NOBODY)
    calls.append(_call(ledger.registry, REGISTRY, "setGuardian", guardian))
    return [*calls, *([_call(governor, GOVERNOR, "setProposalGuardian", guardian)] if break_glass else [])]


# --- What wires the contracts, once -------------------------------------------------------------------------
def appoint(ledger: Ledger) -> list[Call]:
    """Let the governor alone have things carried out; the relay account gives its own power up."""
    calls = [_timelock(ledger, "grantRole", role, ledger.governor) for role in contracts.GOVERNORS_ROLES]
    return [*calls, _timelock(ledger, "renounceRole", contracts.ADMIN_ROLE, ledger.relay_address)]


def set_guardian(ledger: Ledger) -> list[Call]:
    """Registry and governor obey the guardians' contract."""
    return name_guardian(ledger, break_glass=ledger.break_glass)


def _timelock(ledger: Ledger, function: str, role: str, account: str) -> Call:
    return _call(ledger.timelock, TIMELOCK, function, bytes.fromhex(role[2:]), _address(account))


# --- What the relay account sends --------------------------------------------------------------------------
def propose(ledger: Ledger, calls: Sequence[Call], description: str) -> Call:
    return _call(ledger.governor, GOVERNOR, "propose", *_content(calls), description)


def queue(ledger: Ledger, calls: Sequence[Call], description: str, *, governor: str = "") -> Call:
    """What has passed begins to wait in the timelock. ``governor``: by default the one in office."""
    return _on_content(governor or ledger.governor, "queue", calls, description)


def execute(ledger: Ledger, calls: Sequence[Call], description: str, *, governor: str = "") -> Call:
    """Carry out what was queued; ``governor`` as in :func:`queue`."""
    return _on_content(governor or ledger.governor, "execute", calls, description)


def cancel(ledger: Ledger, calls: Sequence[Call], description: str, *, governor: str = "") -> Call:
    """By the proposer, before the vote opens; ``governor`` as in :func:`queue`."""
    return _on_content(governor or ledger.governor, "cancel", calls, description)


def cast_vote_by_sig(
    ledger: Ledger, *, proposal_id: int, support: int, voter: str, signature: str, governor: str = ""
) -> Call:
    """A member's signed ballot; ``signature`` is 0x-hex. ``governor`` as in :func:`queue`."""
    raw = bytes.fromhex(signature.removeprefix("0x"))
    # Without web3's look through the whole ABI, which takes longer than to check the signature.
    arguments = encode(_BALLOT_TYPES, (proposal_id, support, _address(voter), raw))
    return Call(_address(governor or ledger.governor), 0, "0x" + (_ballot_selector() + arguments).hex())


_BALLOT_TYPES = ("uint256", "uint8", "address", "bytes")


@cache
def _ballot_selector() -> bytes:
    return function_abi_to_4byte_selector(offline(GOVERNOR).get_function_by_name("castVoteBySig").abi)


def anchor(ledger: Ledger, *, network: str, size: int, head: str) -> Call:
    """The log of the network's lists had ``size`` entries and this head (64 hex)."""
    return _call(ledger.anchors, ANCHORS, "anchor", network_bytes(network), size, bytes.fromhex(head))


def confirm_freeze_by_sig(
    ledger: Ledger,
    *,
    network: str,
    consensus_id: str,
    reason_hash: str,
    guardian: str,
    deadline: int,
    signature: str,
) -> Call:
    """A guardian's signed word that a node be frozen; hash and signature are 0x-hex, deadline in ticks."""
    node, reason = bytes.fromhex(consensus_id), bytes.fromhex(reason_hash.removeprefix("0x"))
    signed = (_address(guardian), deadline, bytes.fromhex(signature.removeprefix("0x")))
    arguments = (network_bytes(network), node, reason, *signed)
    return _call(ledger.break_glass, BREAK_GLASS, "confirmFreezeBySig", *arguments)


def confirm_cancel_by_sig(
    ledger: Ledger,
    calls: Sequence[Call],
    description: str,
    *,
    reason_hash: str,
    guardian: str,
    deadline: int,
    signature: str,
) -> Call:
    """A guardian's signed confirmation that a proposal be cancelled; see :func:`confirm_freeze_by_sig`."""
    content = (*_content(calls), Web3.keccak(text=description))
    signed = (_address(guardian), deadline, bytes.fromhex(signature.removeprefix("0x")))
    reason = bytes.fromhex(reason_hash.removeprefix("0x"))
    return _call(ledger.break_glass, BREAK_GLASS, "confirmCancelBySig", content, reason, *signed)


def found_seats(ledger: Ledger, seatings: Sequence[Seating]) -> Call:
    """Founding members' seats; only before the founding is closed."""
    ids = [member_id_bytes(seating.uscc) for seating in seatings]
    voters = [_address(seating.voter) for seating in seatings]
    return _call(ledger.seats, SEATS, "found", ids, [seating.category for seating in seatings], voters)


def found_nodes(ledger: Ledger, nodes: Sequence[NodeRole]) -> Call:
    """Founding nodes' roles; only before the founding is closed."""
    networks = [network_bytes(node.network) for node in nodes]
    ids = [bytes.fromhex(node.consensus_id) for node in nodes]
    members = [member_id_bytes(node.uscc) for node in nodes]
    return _call(ledger.registry, REGISTRY, "found", networks, ids, members, [node.role for node in nodes])


def found_accounts(ledger: Ledger, accounts: Sequence[AccountRole]) -> Call:
    """Founding accounts' permissions; only before the founding is closed."""
    networks = [network_bytes(account.network) for account in accounts]
    addresses = [_address(account.address) for account in accounts]
    members = [member_id_bytes(account.uscc) for account in accounts]
    permissions = [account.permission for account in accounts]
    return _call(ledger.registry, REGISTRY, "foundAccounts", networks, addresses, members, permissions)


def close_founding(ledger: Ledger) -> Call:
    """Hands seats and registry to the governor's timelock, for good."""
    return _call(ledger.seats, SEATS, "closeFounding", _address(ledger.governor))


def proposal_id(calls: Sequence[Call], description: str) -> int:
    """The id that the governor will give to this content (OpenZeppelin's ``hashProposal``)."""
    targets, values, datas = _content(calls)
    content = [targets, values, [bytes.fromhex(data[2:]) for data in datas], Web3.keccak(text=description)]
    return int.from_bytes(Web3.keccak(encode(["address[]", "uint256[]", "bytes[]", "bytes32"], content)))


# --- In plain words --------------------------------------------------------------------------------------
def decode(call: Call) -> tuple[str, dict[str, Any]]:
    """The function's name and its arguments by name: USCC and slugs as text, bytes as 0x-hex.

    Raises UnknownCall for what is none of the contracts' functions, or is not encoded as one.
    """
    _, name, arguments = decode_call(call)
    return name, arguments


def decode_call(call: Call) -> tuple[str, str, dict[str, Any]]:
    """Likewise, with the name of the contract that the function is of, before it."""
    selector = call.data[:10].lower()
    found = _functions().get(selector)
    if found is None:
        raise UnknownCall(selector=selector)
    contract, abi = found
    try:
        _, arguments = offline(contract).decode_function_input(call.data)
    except (DecodingError, Web3Exception, ValueError) as error:
        raise UnknownCall(selector=selector) from error
    return (
        contract,
        abi["name"],
        {each["name"]: _plain(each, arguments[each["name"]]) for each in abi["inputs"]},
    )


def _call(target: str, contract: str, function: str, *arguments: Any) -> Call:
    return Call(_address(target), 0, offline(contract).encode_abi(function, args=list(arguments)))


def _on_content(governor: str, function: str, calls: Sequence[Call], description: str) -> Call:
    return _call(governor, GOVERNOR, function, *_content(calls), Web3.keccak(text=description))


def _content(calls: Sequence[Call]) -> tuple[list[str], list[int], list[str]]:
    return [call.target for call in calls], [call.value for call in calls], [call.data for call in calls]


def _address(address: str) -> str:
    return str(Web3.to_checksum_address(address))


@cache
def _functions() -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        "0x" + function_abi_to_4byte_selector(item).hex(): (name, item)
        for name in reversed(NAMES)  # of two that share a function, the first is meant
        for item in artifact(name)["abi"]
        if item["type"] == "function"
    }


def _plain(item: dict[str, Any], value: Any) -> Any:
    """A value as its ABI describes it."""
    if item["type"].endswith("]"):
        one = {**item, "type": item["type"].rpartition("[")[0], "name": item["name"].removesuffix("s")}
        return [_plain(one, each) for each in value]
    if item["type"] == "tuple":
        values = value.values() if isinstance(value, dict) else value
        return {each["name"]: _plain(each, it) for each, it in zip(item["components"], values, strict=True)}
    if isinstance(value, bytes):
        return _code(value) if item["name"] in {"memberId", "network"} else "0x" + value.hex()
    return value


def _code(value: bytes) -> str:
    """Anybody may write anything there."""
    try:
        found = text(value)
    except UnicodeDecodeError:
        found = "\0"
    return found if found.isprintable() else "0x" + value.hex()
