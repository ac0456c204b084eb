"""One anvil for all tests of the committee, set back after each; a FISCO BCOS node's manners before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from eth_account import Account
from web3.types import RPCEndpoint

from consortium.stack.embedded import EmbeddedLedger
from governance.chain import keys
from tests.ledgers.fisco.front import Front
from tests.ledgers.fisco.world import Town

PASSPHRASE = "the-relay-of-the-committee-tests"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """The tests read what is said in one language."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def _front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with EmbeddedLedger(tmp_path_factory.mktemp("fisco") / "ledger") as url:
        front = Front(url)
        front.start()
        yield front
        front.stop()


@pytest.fixture
def front(_front: Front) -> Iterator[Front]:
    """The node; whatever a test does to the ledger is undone after it."""
    _front.forget()
    provider = _front.ledger.provider
    snapshot = provider.make_request(RPCEndpoint("evm_snapshot"), [])["result"]
    yield _front
    assert provider.make_request(RPCEndpoint("evm_revert"), [snapshot])["result"]


@pytest.fixture
def relay_key(tmp_path: Path, settings: Any) -> str:
    """A passphrase file that opens the relay account's key; gives its address."""
    settings.KEY_DIR = tmp_path / "keys"
    settings.KEY_DIR.mkdir()
    passphrase_file = tmp_path / "relay.passphrase"
    passphrase_file.write_text(PASSPHRASE)
    sealed = Account.encrypt(Account.create().key, PASSPHRASE, kdf="pbkdf2", iterations=1)
    keys.key_file().write_text(json.dumps(sealed))
    settings.RELAY_PASSPHRASE_FILE = str(passphrase_file)
    return str(keys.account().address)


@pytest.fixture
def make_town(db: None, front: Front, relay_key: str) -> Callable[..., Town]:
    """Makes a ledger with a committee: weights by governor's name, rates (participation, win) in percent."""

    def make(rates: tuple[int, int] = (60, 60), **weights: int) -> Town:
        made = Town(front, weights or {"Wangchao": 1, "Dongli": 1, "Haitang": 1}, rates)
        made.fund(relay_key)
        return made

    return make


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    """Three governors of weight 1; 60 % must vote, and 60 % of them agree."""
    return make_town()
