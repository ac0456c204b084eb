"""What anybody can do on a ledger: write logs of any name, and call what they like from a contract."""

from __future__ import annotations

from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3
from web3.types import TxReceipt

from governance.contracts import artifact
from tests.contracts.alliance import sent

Log = tuple[list[bytes], bytes]
_PUSH1, _PUSH2, _PUSH20, _PUSH32, _MSTORE, _LOG, _GAS, _CALL = 0x60, 0x61, 0x73, 0x7F, 0x52, 0xA0, 0x5A, 0xF1


def topic(contract: str, name: str) -> bytes:
    """The first topic of a contract's event."""
    events = (item for item in artifact(contract)["abi"] if item["type"] == "event")
    return event_abi_to_log_topic(next(item for item in events if item["name"] == name))


def telling(logs: list[Log]) -> bytes:
    """Code that writes these logs while a contract is made of it: in that contract's name."""
    code = b""
    for topics, content in logs:
        code += _stored(content) + b"".join(bytes([_PUSH32]) + one for one in reversed(topics))
        code += _short(len(content)) + bytes([_PUSH1, 0, _LOG + len(topics)])
    return code + b"\0"


def calling(target: str, calldata: bytes) -> bytes:
    """Code that calls the target while a contract is made of it."""
    nothing = bytes([_PUSH1, 0])
    arguments = nothing + nothing + _short(len(calldata)) + nothing + nothing
    return (
        _stored(calldata) + arguments + bytes([_PUSH20]) + bytes.fromhex(target[2:]) + bytes([_GAS, _CALL, 0])
    )


def _stored(content: bytes) -> bytes:
    """In memory, from its beginning."""
    code = b""
    for start in range(0, len(content), 32):
        code += (
            bytes([_PUSH32]) + content[start : start + 32].ljust(32, b"\0") + _short(start) + bytes([_MSTORE])
        )
    return code


def _short(number: int) -> bytes:
    return bytes([_PUSH2]) + number.to_bytes(2)


def send(web3: Web3, who: LocalAccount, data: bytes | str, to: str | None = None) -> TxReceipt:
    """Signed by ``who`` and mined; a creation without ``to``."""
    order: dict[str, Any] = {"data": data, "gas": 5_000_000, "gasPrice": 0, "value": 0} | (
        {"to": to} if to else {}
    )
    order |= {"chainId": web3.eth.chain_id, "nonce": web3.eth.get_transaction_count(who.address)}
    receipt = sent(web3, web3.eth.send_raw_transaction(who.sign_transaction(order).raw_transaction))
    assert receipt["status"] == 1
    return receipt
