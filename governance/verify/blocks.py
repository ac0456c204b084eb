"""Blocks as a JSON-RPC gives them, and what their hashes are made of: computed here, believed of nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import rlp
from eth_account import Account
from eth_utils.crypto import keccak

from governance.verify import trie

Raw = dict[str, Any]

# In the order in which they are hashed; those from the sixteenth on came with later versions of the protocol.
HEADER: Final = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot",
    "requestsHash",
)  # fmt: skip
_NUMBERS: Final = frozenset(
    {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed",
     "excessBlobGas"}
)  # fmt: skip
RECEIPT: Final = ("type", "status", "cumulativeGasUsed", "logsBloom", "logs")
LOG: Final = ("address", "topics", "data")
_VANITY: Final = 32  # bytes before the list in IBFT's extraData
_QBFT_PARTS: Final = 5
_IBFT_PARTS: Final = 3


def data(value: str) -> bytes:
    """0x-hex as bytes. Raises ValueError."""
    if not value.startswith("0x"):
        raise ValueError("not 0x-hex")
    return bytes.fromhex(value[2:])


def number(value: str) -> int:
    """0x-hex as a number. Raises ValueError."""
    if not value.startswith("0x"):
        raise ValueError("not 0x-hex")
    return int(value, 16)


def gives_hash(header: Raw) -> bool:
    """Is the block's own hash made of this header, in one of the ways known here?

    Ethereum hashes all of it. Ledgers whose validators sign in ``extraData`` leave out what is only known
    after the hash: the seals, and the round in which they agreed.
    """
    return any(_hash(header, extra) == header["hash"] for extra in _extras(data(header["extraData"])))


def _hash(header: Raw, extra: bytes) -> str:
    known = [name for name in HEADER if header.get(name) is not None]
    parts = [extra if name == "extraData" else _field(name, header[name]) for name in known]
    return _hex(keccak(rlp.encode(parts)))


def _extras(extra: bytes) -> Iterator[bytes]:
    """``extraData`` as it may have been hashed."""
    yield extra
    whole = _unpacked(extra)
    if len(whole) == _QBFT_PARTS:  # vanity, validators, vote, round, seals
        yield rlp.encode([*whole[:3], b"", []])  # Besu, QBFT
        yield rlp.encode(whole[:3])  # Besu, IBFT 2.0; GoQuorum, QBFT
    after = _unpacked(extra[_VANITY:])
    if len(after) == _IBFT_PARTS:  # validators, the proposer's seal, the committers'
        yield extra[:_VANITY] + rlp.encode([*after[:2], []])  # GoQuorum, IBFT


def _unpacked(encoded: bytes) -> list[Any]:
    """The parts of an RLP list; empty for what is none."""
    try:
        found = rlp.decode(encoded)
    except rlp.DecodingError:
        return []
    return list(found) if isinstance(found, list | tuple) else []


def receipts_root(receipts: Sequence[Raw]) -> str:
    """What a header commits to as ``receiptsRoot``."""
    return _hex(trie.root([_receipt(receipt) for receipt in receipts]))


def transactions_root(transactions: Sequence[str]) -> str:
    """What a header commits to as ``transactionsRoot``; each transaction is 0x-hex as it was sent."""
    return _hex(trie.root([data(transaction) for transaction in transactions]))


def transaction_hash(transaction: str) -> str:
    return _hex(keccak(data(transaction)))


def sender(transaction: str) -> str | None:
    """Whose signature the transaction carries (EIP-55); None for a kind of transaction not known here."""
    try:
        return str(Account.recover_transaction(transaction))
    except Exception:  # noqa: BLE001 - the errors of unknown types and impossible points share no base
        return None


def bloom_of(logs: Sequence[Raw]) -> int:
    """The filter over the logs' addresses and topics (Yellow Paper, section 4.3.1)."""
    found = 0
    for log in logs:
        for part in (log["address"], *log["topics"]):
            found |= _bits(data(part))
    return found


def may_hold(header: Raw, address: str) -> bool:
    """False where the header's filter proves that no log of ``address`` is in the block."""
    bits = _bits(data(address))
    return number(header["logsBloom"]) & bits == bits


def _bits(part: bytes) -> int:
    digest, bits = keccak(part), 0
    for place in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[place : place + 2]) & 0x7FF)
    return bits


def _field(name: str, value: str) -> bytes:
    return minimal(number(value)) if name in _NUMBERS else data(value)


def minimal(value: int) -> bytes:
    """A number as RLP takes it: big-endian, without zeros in front."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def _receipt(receipt: Raw) -> bytes:
    logs = [
        [data(log["address"]), [data(topic) for topic in log["topics"]], data(log["data"])]
        for log in receipt["logs"]
    ]
    status, gas = minimal(number(receipt["status"])), minimal(number(receipt["cumulativeGasUsed"]))
    body = rlp.encode([status, gas, data(receipt["logsBloom"]), logs])
    kind = number(receipt.get("type") or "0x0")
    return body if kind == 0 else bytes([kind]) + body


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
