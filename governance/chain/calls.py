"""Calls of the contracts, built and read without a connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_utils.abi import function_abi_to_4byte_selector
from web3 import Web3

from governance.chain.contracts import (
    GOVERNOR,
    REGISTRY,
    SEATS,
    member_id_bytes,
    network_bytes,
    offline,
    text,
)
from governance.chain.errors import UnknownCall
from governance.chain.models import Ledger
from governance.contracts import NAMES, artifact


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


# --- What the relay account sends --------------------------------------------------------------------------
def propose(ledger: Ledger, calls: Sequence[Call], description: str) -> Call:
    return _call(ledger.governor, GOVERNOR, "propose", *_content(calls), description)


def execute(ledger: Ledger, calls: Sequence[Call], description: str) -> Call:
    return _call(ledger.governor, GOVERNOR, "execute", *_content(calls), Web3.keccak(text=description))


def cast_vote_by_sig(ledger: Ledger, *, proposal_id: int, support: int, voter: str, signature: str) -> Call:
    """A member's signed ballot; ``signature`` is 0x-hex."""
    raw = bytes.fromhex(signature.removeprefix("0x"))
    return _call(ledger.governor, GOVERNOR, "castVoteBySig", proposal_id, support, _address(voter), raw)


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


def close_founding(ledger: Ledger) -> Call:
    """Hands seats and registry to the governor, for good."""
    return _call(ledger.seats, SEATS, "closeFounding", _address(ledger.governor))


def proposal_id(calls: Sequence[Call], description: str) -> int:
    """The id that the governor will give to this content (OpenZeppelin's ``hashProposal``)."""
    targets, values, datas = _content(calls)
    content = [targets, values, [bytes.fromhex(data[2:]) for data in datas], Web3.keccak(text=description)]
    return int.from_bytes(Web3.keccak(encode(["address[]", "uint256[]", "bytes[]", "bytes32"], content)))


# --- In plain words --------------------------------------------------------------------------------------
def decode(call: Call) -> tuple[str, dict[str, Any]]:
    """The function's name and its arguments by name: USCC and slugs as text, bytes as 0x-hex.

    Raises UnknownCall for what is none of the contracts' functions.
    """
    selector = call.data[:10].lower()
    contract = _functions().get(selector)
    if contract is None:
        raise UnknownCall(selector=selector)
    function, arguments = offline(contract).decode_function_input(call.data)
    return str(function.fn_name), {name: _plain(name, value) for name, value in arguments.items()}


def _call(target: str, contract: str, function: str, *arguments: Any) -> Call:
    return Call(_address(target), 0, offline(contract).encode_abi(function, args=list(arguments)))


def _content(calls: Sequence[Call]) -> tuple[list[str], list[int], list[str]]:
    return [call.target for call in calls], [call.value for call in calls], [call.data for call in calls]


def _address(address: str) -> str:
    return str(Web3.to_checksum_address(address))


@cache
def _functions() -> dict[str, str]:
    return {
        "0x" + function_abi_to_4byte_selector(item).hex(): name
        for name in NAMES
        for item in artifact(name)["abi"]
        if item["type"] == "function"
    }


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(name.removesuffix("s"), item) for item in value]
    if isinstance(value, bytes):
        return text(value) if name in {"memberId", "network"} else "0x" + value.hex()
    return value
