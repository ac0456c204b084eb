"""A ledger of its own for the contracts' tests: they turn its clock, which no other test should feel."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from web3 import HTTPProvider, Web3

from governance.contracts import node
from tests.contracts.alliance import Alliance

CHAIN_ID = 20200
START_LIMIT = 60  # seconds


def _watch(output: Iterator[str], address: Future[str]) -> None:
    """Find the address in what anvil prints, then go on reading, so that it never blocks on a full pipe."""
    for line in output:
        if (match := re.search(r"Listening on (\S+)", line)) and not address.done():
            address.set_result(match[1])
    if not address.done():
        address.set_exception(RuntimeError("anvil ended before it listened"))


@pytest.fixture(scope="session")
def ledger() -> Iterator[Web3]:
    """An anvil on a port that it chose itself; transactions are free and any sender is believed."""
    node.ensure_installed()
    command = [str(node.anvil_path()), "--port", "0", "--host", "127.0.0.1", "--hardfork", "paris"]
    command += ["--chain-id", str(CHAIN_ID), "--accounts", "1", "--auto-impersonate", "--order", "fifo"]
    command += ["--gas-price", "0", "--block-base-fee-per-gas", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        address: Future[str] = Future()
        watcher = threading.Thread(target=_watch, args=(process.stdout, address))
        watcher.start()
        try:
            yield Web3(HTTPProvider(f"http://{address.result(timeout=START_LIMIT)}"))
        finally:
            process.terminate()
            process.wait()
            watcher.join()


@pytest.fixture(scope="session")
def founded(ledger: Web3) -> Alliance:
    """Five founding members, the founding closed: a minute's delay, an hour to vote, 60 percent quorum."""
    return Alliance.established(ledger)


@pytest.fixture
def alliance(founded: Alliance) -> Iterator[Alliance]:
    """The founded alliance; whatever a test does to the ledger is undone, time included."""
    before = founded.rpc("evm_snapshot")
    yield founded
    assert founded.rpc("evm_revert", before)
