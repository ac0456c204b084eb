"""A ledger of these tests' own, since they turn its clock; whatever a test does to it is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from pytest_django import Settings
from web3 import HTTPProvider, Web3

from consortium.core import clock
from consortium.stack.embedded import EmbeddedLedger
from tests.factories import UserFactory
from tests.proposals.stage import RELAY_KEY, Stage, five_banks, founded, rpc

PASSPHRASE = "relay of the tests"


@pytest.fixture(scope="session")
def own_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedLedger]:
    ledger = EmbeddedLedger(tmp_path_factory.mktemp("proposals-ledger"))
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """KEY_DIR with the relay's keystore; one round of hashing, as nothing here is secret."""
    folder = tmp_path_factory.mktemp("keys")
    keystore = Account.encrypt(RELAY_KEY.key, PASSPHRASE, kdf="pbkdf2", iterations=1)
    (folder / "relay.json").write_text(json.dumps(keystore))
    (folder / "passphrase").write_text(PASSPHRASE)
    return folder


@pytest.fixture
def web3(own_ledger: EmbeddedLedger, keys: Path, settings: Settings) -> Iterator[Web3]:
    settings.LEDGER_URL = own_ledger.url
    settings.KEY_DIR = keys
    settings.RELAY_PASSPHRASE_FILE = str(keys / "passphrase")
    client = Web3(HTTPProvider(own_ledger.url))
    rpc(client, "anvil_autoImpersonateAccount", True)
    before = rpc(client, "evm_snapshot")
    # What was undone took the ledger's clock back: it must not run behind ours.
    now = max(int(clock.now().timestamp()), client.eth.get_block("latest")["timestamp"] + 1)
    rpc(client, "evm_setNextBlockTimestamp", now)
    rpc(client, "evm_mine")
    yield client
    assert rpc(client, "evm_revert", before)


@pytest.fixture
def stage(web3: Web3, db: Any) -> Stage:
    """Five banks with seats, the founding closed: a minute's delay, an hour to vote."""
    return founded(web3, five_banks(), UserFactory(secretariat=True))


@pytest.fixture
def shared_stage(web3: Web3, transactional_db: Any) -> Stage:
    """The same, committed: other threads and processes see it."""
    return founded(web3, five_banks(), UserFactory(secretariat=True))
