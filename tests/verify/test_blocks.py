"""Hashes and roots of blocks, computed again from what a ledger tells of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_utils.crypto import keccak
from web3 import Web3

from consortium.stack.embedded import EmbeddedLedger
from governance.verify import blocks, transactions
from governance.verify.errors import CannotCheck
from governance.verify.sources import BlocksSource, LedgerSource
from tests.proposals.stage import rpc

SENDER = Account.from_key(Web3.keccak(text="a sender of the blocks' tests"))
DIGEST = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"  # Istanbul's mixHash
ZERO = {  # go-ethereum's `Header{}`
    "parentHash": "0x" + "00" * 32, "sha3Uncles": "0x" + "00" * 32, "miner": "0x" + "00" * 20,
    "stateRoot": "0x" + "00" * 32, "transactionsRoot": "0x" + "00" * 32, "receiptsRoot": "0x" + "00" * 32,
    "logsBloom": "0x" + "00" * 256, "difficulty": "0x0", "number": "0x0", "gasLimit": "0x0",
    "gasUsed": "0x0", "timestamp": "0x0", "mixHash": DIGEST, "nonce": "0x" + "00" * 8,
}  # fmt: skip
VANITY, VALIDATORS, SEAL = b"\0" * 32, [b"\x01" * 20, b"\x02" * 20], b"\x05" * 65


def block_of(web3: Web3, sent: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The block in which a transaction came to be, and the transaction as JSON-RPC tells it."""
    rpc(web3, "anvil_setBalance", SENDER.address, hex(10**20))
    common = {"chainId": web3.eth.chain_id, "nonce": web3.eth.get_transaction_count(SENDER.address)}
    signed = SENDER.sign_transaction({"gas": 100_000, "value": 0, "to": SENDER.address, **common, **sent})
    tx_hash = web3.eth.send_raw_transaction(signed.raw_transaction)
    number = web3.eth.wait_for_transaction_receipt(tx_hash)["blockNumber"]
    found = rpc(web3, "eth_getBlockByNumber", hex(number), True)
    return found, next(one for one in found["transactions"] if one["hash"] == tx_hash.to_0x_hex())


KINDS: dict[str, dict[str, Any]] = {
    "legacy": {"gasPrice": 2 * 10**9, "data": b"\x00\x01"},
    "access list": {
        "type": 1,
        "gasPrice": 2 * 10**9,
        "accessList": [{"address": "0x" + "11" * 20, "storageKeys": ["0x" + "22" * 32]}],
    },
    "EIP-1559": {"maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": 1},
    "creation": {"maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": 0, "to": b"", "data": b"\x00"},
}


@pytest.mark.parametrize("sent", KINDS.values(), ids=KINDS.keys())
def test_a_transaction_is_rebuilt_from_what_the_ledger_tells_of_it(web3: Web3, sent: dict[str, Any]) -> None:
    block, told = block_of(web3, sent)

    rebuilt = transactions.raw(told)

    assert rebuilt is not None
    assert rebuilt == rpc(web3, "eth_getRawTransactionByHash", told["hash"])
    assert blocks.sender(rebuilt) == SENDER.address
    assert blocks.transactions_root([rebuilt]) == block["transactionsRoot"]
    assert blocks.gives_hash(block)


def test_another_value_gives_another_hash_and_is_not_taken(web3: Web3) -> None:
    _block, told = block_of(web3, KINDS["EIP-1559"])

    assert transactions.raw({**told, "value": "0x1"}) is None
    assert transactions.raw({**told, "type": "0x7e"}) is None


@pytest.fixture
def source(web3: Web3, own_ledger: EmbeddedLedger) -> Iterator[LedgerSource]:
    with LedgerSource(own_ledger.url, 0) as found:
        yield found


def test_an_export_needs_no_raw_transactions(web3: Web3, source: LedgerSource) -> None:
    """Few ledgers tell them: they are rebuilt."""
    block, _told = block_of(web3, KINDS["legacy"])
    asked: list[str] = []
    source._client.event_hooks["request"].append(lambda request: asked.append(request.content.decode()))
    source.first = int(block["number"], 16)

    document = source.export({"0x" + "00" * 20}, source.first)

    assert BlocksSource(document).last == source.first
    assert not any("eth_getRawTransactionByHash" in one for one in asked)


def test_a_transaction_that_nobody_signed_is_not_exported(web3: Web3, source: LedgerSource) -> None:
    """Impersonated on a test ledger: its hash is not that of any signed bytes."""
    rpc(web3, "anvil_impersonateAccount", SENDER.address)
    rpc(web3, "anvil_setBalance", SENDER.address, hex(10**20))
    order = {"from": SENDER.address, "to": SENDER.address, "gas": hex(30_000), "gasPrice": "0x0"}
    tx_hash = rpc(web3, "eth_sendTransaction", order)
    number = web3.eth.wait_for_transaction_receipt(tx_hash)["blockNumber"]

    with pytest.raises(CannotCheck) as refused:
        source._content(number)

    assert refused.value.code == "transaction_unprovable"


def qbft(round_: bytes, seals: list[bytes], *, validators: list[bytes] = VALIDATORS) -> bytes:
    return rlp.encode([VANITY, validators, [], round_, seals])


def with_hash(extra: bytes, hashed: bytes) -> dict[str, Any]:
    """A header that carries ``extra`` and has the hash of one with ``hashed`` instead."""
    header = {**ZERO, "number": "0x7", "extraData": "0x" + hashed.hex()}
    parts = [
        blocks.minimal(blocks.number(header[name])) if name in blocks._NUMBERS else blocks.data(header[name])
        for name in blocks.HEADER
        if name in header
    ]
    return {**header, "extraData": "0x" + extra.hex(), "hash": "0x" + keccak(rlp.encode(parts)).hex()}


@pytest.mark.parametrize(
    "hashed",
    [qbft(b"", []), rlp.encode([VANITY, VALIDATORS, []])],
    ids=["Besu's QBFT", "Besu's IBFT 2.0 and GoQuorum's QBFT"],
)
def test_a_block_hash_does_not_depend_on_the_seals_and_the_round(hashed: bytes) -> None:
    assert blocks.gives_hash(with_hash(qbft(b"\x03", [SEAL, SEAL]), hashed))
    assert not blocks.gives_hash(with_hash(qbft(b"\x03", [SEAL], validators=VALIDATORS[:1]), hashed))


def test_the_hash_that_istanbul_publishes_is_computed() -> None:
    """From go-ethereum's fork by the makers of IBFT, `core/types/block_test.go`."""
    extra = (
        "0x"
        + "00" * 32
        + "f89af8549444add0ec310f115a0e603b2d7db9f067778eaf8a94294fc7e8f22b3bcdcf955dd7ff3ba2"
        "ed833f8212946beaaed781d2d2ab6350f5c4566a2c6eaac407a6948be76812f765c24641ec63dc2852b378aba2b440b841"
        + "00" * 65
        + "c0"
    )
    published = "0xcefefd3ade63a5955bca4562ed840b67f39e74df217f7e5f7241a6e9552cca70"

    assert blocks.gives_hash({**ZERO, "extraData": extra, "hash": published})
    sealed = extra[:-2].replace("f89af854", "f8def854") + "f843b841" + "07" * 65
    assert blocks.gives_hash({**ZERO, "extraData": "0x" + sealed[2:], "hash": published})


def test_a_header_that_is_hashed_otherwise_is_not_taken() -> None:
    """FISCO BCOS hashes other fields in another order: its `extraData` tells nothing."""
    assert not blocks.gives_hash({**ZERO, "extraData": "0x", "hash": "0x" + "ab" * 32})
