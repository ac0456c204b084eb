"""From the bytes of a revert to the name and arguments of the typed error that a contract raised."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import decode as decode_abi
from eth_typing import ABIError
from eth_utils.abi import function_abi_to_4byte_selector, get_abi_input_types

from governance.contracts import NAMES, artifact


@dataclass(frozen=True)
class Refusal:
    """A typed error: its name in Solidity, its arguments by name.

    Addresses are lower-case, bytes are bytes, structs are tuples.
    """

    name: str
    arguments: dict[str, Any]


def decode(data: bytes | str) -> Refusal | None:
    """Which typed error of ours or OpenZeppelin's `data`, what a call reverted with, is; None if it is none.

    A proposal's execution passes on the error of the contract that it called, so all contracts are searched.
    """
    raw = bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else data
    abi = _errors().get(raw[:4])
    if abi is None:
        return None
    inputs = abi["inputs"]
    values = decode_abi(get_abi_input_types(abi), raw[4:])
    return Refusal(abi["name"], {item["name"]: value for item, value in zip(inputs, values, strict=True)})


@cache
def _errors() -> dict[bytes, ABIError]:
    abis: list[ABIError] = [
        item for name in NAMES for item in artifact(name)["abi"] if item["type"] == "error"
    ]
    return {function_abi_to_4byte_selector(abi): abi for abi in abis}
