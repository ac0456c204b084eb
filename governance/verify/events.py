"""Logs and calls decoded by the contracts' published interface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_abi.codec import ABICodec
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic, function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from governance.contracts import NAMES, artifact
from governance.contracts.codec import patient_codec
from governance.verify.blocks import Raw, data
from governance.verify.errors import NotProven


@dataclass(frozen=True)
class Event:
    """A log in words; ``args`` by the interface's names, addresses in EIP-55 form, bytes as 0x-hex."""

    name: str
    args: dict[str, Any]
    address: str
    block: int
    tx_hash: str
    index: int


def event(log: Raw) -> Event | None:
    """Decoded; None for what the alliance's contracts don't write. Raises NotProven for a broken one."""
    abi = _events().get(log["topics"][0].lower()) if log["topics"] else None
    if abi is None:
        return None
    try:
        args = _arguments(abi, log)
    except (DecodingError, ValueError, OverflowError) as error:
        raise NotProven(
            "log_broken", index=log["index"], block=log["block"], name=abi["name"], reason=error
        ) from error
    address = to_checksum_address(log["address"])
    return Event(abi["name"], args, address, log["block"], log["tx_hash"], log["index"])


def call(calldata: str) -> tuple[str, dict[str, Any]] | None:
    """A call's function and arguments; None for one that none of the contracts has."""
    abi = _functions().get(calldata[:10].lower())
    if abi is None:
        return None
    types = [collapse_if_tuple(item) for item in abi["inputs"]]
    try:
        values = _codec().decode(types, data("0x" + calldata[10:]))
    except (DecodingError, ValueError, OverflowError) as error:
        raise NotProven("call_broken", name=abi["name"], reason=error) from error
    named = zip(abi["inputs"], values, strict=True)
    return abi["name"], {item["name"]: _plain(item["type"], value) for item, value in named}


def proposal_id(targets: list[str], values: list[int], calldatas: list[str], description: str) -> int:
    """OpenZeppelin's ``hashProposal``."""
    encoded = _encoded(targets, values, calldatas, ("bytes32", keccak(text=description)))
    return int.from_bytes(keccak(encoded))


def operation_id(
    governor: str, targets: list[str], values: list[int], calldatas: list[str], description: str
) -> str:
    """The timelock's name for the proposal: ``hashOperationBatch``, salted as by OpenZeppelin's governor."""
    padded = data(governor).ljust(32, b"\0")
    salt = bytes(one ^ other for one, other in zip(padded, keccak(text=description), strict=True))
    none_before = ("bytes32", bytes(32))
    return "0x" + keccak(_encoded(targets, values, calldatas, none_before, ("bytes32", salt))).hex()


def _encoded(targets: list[str], values: list[int], calldatas: list[str], *more: tuple[str, bytes]) -> bytes:
    kinds = ["address[]", "uint256[]", "bytes[]", *(kind for kind, _value in more)]
    content = [targets, values, [data(one) for one in calldatas], *(value for _kind, value in more)]
    try:
        return encode(kinds, content)
    except EncodingError as error:
        raise NotProven("calls_broken", reason=error) from error


def topics(*names: str) -> frozenset[str]:
    """The first topics of these events."""
    return frozenset(topic for topic, abi in _events().items() if abi["name"] in names)


@cache
def _codec() -> ABICodec:
    return patient_codec()  # a member's unreadable remark must not hide its vote


@cache
def _events() -> dict[str, dict[str, Any]]:
    every = (item for name in NAMES for item in artifact(name)["abi"] if item["type"] == "event")
    return {"0x" + event_abi_to_log_topic(item).hex(): item for item in every}


@cache
def _functions() -> dict[str, dict[str, Any]]:
    every = (item for name in NAMES for item in artifact(name)["abi"] if item["type"] == "function")
    return {"0x" + function_abi_to_4byte_selector(item).hex(): item for item in every}


def _arguments(abi: dict[str, Any], log: Raw) -> dict[str, Any]:
    indexed = [item for item in abi["inputs"] if item["indexed"]]
    others = [item for item in abi["inputs"] if not item["indexed"]]
    found = {
        item["name"]: _plain(item["type"], _codec().decode([item["type"]], data(topic))[0])
        for item, topic in zip(indexed, log["topics"][1:], strict=True)
    }
    values = _codec().decode([collapse_if_tuple(item) for item in others], data(log["data"]))
    return found | {
        item["name"]: _plain(item["type"], value) for item, value in zip(others, values, strict=True)
    }


def _plain(kind: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        inner = kind[: kind.rindex("[")] if "[" in kind else ""
        return [_plain(inner, one) for one in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return to_checksum_address(value) if kind == "address" else value
