"""The embedded services by themselves, and how settings find them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.types import TxReceipt

from consortium.stack import child, endpoints
from consortium.stack.embedded import CHAIN_ID, EmbeddedLedger, EmbeddedRedis

# Deploys the five bytes that follow the first eleven: a contract that logs, with no topic, on every call.
LOGGER = "0x600580600b6000396000f3" + "60006000a0"


def test_blocks_receipts_and_logs_of_the_ledger_survive_a_stop(
    fresh_ledger: Callable[[], EmbeddedLedger],
) -> None:
    ledger = fresh_ledger()
    before = _history(_use(ledger))
    ledger.stop()
    ledger.start()
    assert _history(_web3(ledger)) == before
    assert len(before["logs"]) == 3


def test_the_genesis_stays_the_same_whatever_block_0_a_later_start_made(
    fresh_ledger: Callable[[], EmbeddedLedger],
) -> None:
    ledger = fresh_ledger()
    genesis = _use(ledger).eth.get_block(0)["hash"]
    for minutes in range(1, 6):
        ledger.stop()
        state = json.loads((ledger.data_dir / "state.json").read_bytes())
        own = next(block for block in state["blocks"] if int(block["header"]["number"], 16) == 0)
        other = json.loads(json.dumps(own))
        other["header"]["timestamp"] = hex(int(own["header"]["timestamp"], 16) + 60 * minutes)
        state["blocks"] = [other, *state["blocks"], other]
        (ledger.data_dir / "state.json").write_text(json.dumps(state), encoding="utf-8")
        ledger.start()
        assert _web3(ledger).eth.get_block(0)["hash"] == genesis


@pytest.mark.parametrize("by_another", [True, False])
def test_a_killed_ledger_comes_back_from_its_copy_when_its_file_is_half_written(
    fresh_ledger: Callable[[], EmbeddedLedger], by_another: bool
) -> None:
    ledger = fresh_ledger()
    before = _history(_use(ledger))
    state = ledger.data_dir / "state.json"
    assert child.wait_until(lambda: _height(state) == before["height"] and ledger.keep_copy(), _soon())
    for _ in range(2):  # the second time before there is another copy
        _killed_in_writing(ledger)
        ledger = EmbeddedLedger(ledger.data_dir) if by_another else ledger
        ledger.start()
        assert _history(_web3(ledger)) == before
    ledger.stop()


def _killed_in_writing(ledger: EmbeddedLedger) -> None:
    assert ledger.popen is not None
    ledger.popen.send_signal(signal.SIGKILL)
    ledger.stop()
    state = ledger.data_dir / "state.json"
    state.write_bytes(state.read_bytes()[:1000])


def test_a_damaged_ledger_without_a_copy_is_refused_not_emptied(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{", encoding="utf-8")
    with pytest.raises(child.StackError, match="damaged"):
        EmbeddedLedger(tmp_path).start()
    assert (tmp_path / "state.json").read_text(encoding="utf-8") == "{"


def test_the_ledgers_clock_goes_on_with_the_worlds_after_a_stop(
    fresh_ledger: Callable[[], EmbeddedLedger],
) -> None:
    ledger = fresh_ledger()
    _use(ledger)
    ledger.stop()
    ledger.start()
    pending = _web3(ledger).eth.get_block("pending")["timestamp"]
    assert abs(pending - time.time()) < 60


def test_a_service_that_can_not_start_says_why_and_where_to_look(tmp_path: Path) -> None:
    service = EmbeddedRedis(tmp_path / "redis")
    service.data_dir.mkdir()
    (service.data_dir / "appendonly.aof").write_bytes(b"no append-only file")
    with pytest.raises(
        child.StackError, match=r"redis ended while starting \(exit code 1\); see .*redis\.log"
    ):
        service.start()


def test_the_environment_comes_before_the_running_stack(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    written = endpoints.Endpoints("postgresql:///written", "redis://written", "http://written")
    endpoints.publish(tmp_path, written)
    assert endpoints.resolve({"DATA_DIR": str(tmp_path)}) == written
    found = endpoints.resolve({"DATA_DIR": str(tmp_path), "LEDGER_URL": "http://besu.huaxia.example"})
    assert found.ledger_url == "http://besu.huaxia.example"
    assert found.database_url == "postgresql:///written"


def test_without_a_stack_the_missing_variables_are_named(tmp_path: Path) -> None:
    with pytest.raises(endpoints.StackNotRunning, match="set REDIS_URL, LEDGER_URL") as refusal:
        endpoints.resolve({"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql:///alliance"})
    assert "make run" in str(refusal.value)


def test_the_file_of_a_stack_whose_supervisor_is_gone_counts_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    gone = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(gone, 0)
    content = {**dict.fromkeys(("database_url", "redis_url", "ledger_url"), "x"), "supervisor": gone}
    (tmp_path / "run" / "stack.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(endpoints.StackNotRunning):
        endpoints.resolve({"DATA_DIR": str(tmp_path)})


def _web3(ledger: EmbeddedLedger) -> Web3:
    return Web3(HTTPProvider(ledger.url))


def _use(ledger: EmbeddedLedger) -> Web3:
    """Deploy the logger and call it three times, from an account that owns nothing: there is no fee."""
    web3, sender = _web3(ledger), Account.create()
    logger = _send(web3, sender, data=LOGGER)["contractAddress"]
    for _ in range(3):
        assert _send(web3, sender, to=logger)["status"] == 1
    return web3


def _send(web3: Web3, sender: LocalAccount, **fields: Any) -> TxReceipt:
    nonce = web3.eth.get_transaction_count(sender.address)
    fees = {"gas": 200_000, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0, "value": 0, "chainId": CHAIN_ID}
    signed = sender.sign_transaction({"nonce": nonce, **fees, **fields})
    return web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))


def _history(web3: Web3) -> dict[str, Any]:
    height = web3.eth.block_number
    blocks: list[Any] = [web3.eth.get_block(number) for number in range(height + 1)]
    return {
        "height": height,
        "blocks": [(block["hash"], block["parentHash"], block["timestamp"]) for block in blocks],
        "receipts": [
            web3.eth.get_transaction_receipt(tx) for block in blocks for tx in block["transactions"]
        ],
        "logs": web3.eth.get_logs({"fromBlock": 0, "toBlock": height}),
    }


def _height(state: Path) -> int:
    """The height in the ledger's file; -1 while there is none or half of one."""
    try:
        return int(json.loads(state.read_bytes())["best_block_number"])
    except (FileNotFoundError, ValueError):
        return -1


def _soon() -> float:
    return time.monotonic() + 60
