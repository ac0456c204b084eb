"""Transactions as they were sent, rebuilt from what a JSON-RPC tells of them, and proven by their hash."""

from __future__ import annotations

from typing import Any, Final

import rlp
from eth_utils.crypto import keccak

from governance.verify.blocks import Raw, data, minimal, number

# By type, in the order in which they are hashed (EIP-155, 2930, 1559); `v` of the later ones is the parity.
# Other types are taken raw.
_FIELDS: Final[dict[int, tuple[str, ...]]] = {
    0: ("nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s"),
    1: ("chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList", "v", "r", "s"),
    2: (
        "chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input",
        "accessList", "v", "r", "s",
    ),
}  # fmt: skip
_BYTES: Final = frozenset({"to", "input"})


def kind(told: Raw) -> int:
    """The transaction's type (EIP-2718); 0 for a legacy one."""
    return number(told.get("type") or "0x0")


def raw(told: Raw) -> str | None:
    """0x-hex as it was sent, if the ledger tells enough of it; None where the hash comes out otherwise."""
    try:
        body = rlp.encode([_field(told, name) for name in _FIELDS[kind(told)]])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    sent = body if kind(told) == 0 else bytes([kind(told)]) + body
    return "0x" + sent.hex() if "0x" + keccak(sent).hex() == told["hash"].lower() else None


def _field(told: Raw, name: str) -> Any:
    value = told[name]
    if name == "accessList":
        return [[data(one["address"]), [data(key) for key in one["storageKeys"]]] for one in value]
    if name in _BYTES:
        return b"" if value is None else data(value)
    return minimal(number(value))
