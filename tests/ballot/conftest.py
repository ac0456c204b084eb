"""Two banks with encrypted keystores, and a proposal that is open on a ledger of these tests' own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account
from web3 import HTTPProvider, Web3

from consortium.stack.embedded import EmbeddedLedger
from tests.contracts.alliance import LANTIAN, SECRETARIAT, WANGCHAO, Alliance, Bank, Proposal

PASSPHRASE = "Wangchao's own words"
TEXT = "Lantian Trust has shown its licence."


@pytest.fixture(scope="session")
def ballot_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedLedger]:
    ledger = EmbeddedLedger(tmp_path_factory.mktemp("ballot-ledger"))
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture(scope="session")
def founded(ballot_ledger: EmbeddedLedger) -> Alliance:
    web3 = Web3(HTTPProvider(ballot_ledger.url))
    web3.provider.make_request("anvil_autoImpersonateAccount", [True])  # type: ignore[arg-type]
    return Alliance.established(web3)


@pytest.fixture
def alliance(founded: Alliance) -> Iterator[Alliance]:
    before = founded.rpc("evm_snapshot")
    yield founded
    assert founded.rpc("evm_revert", before)


@pytest.fixture
def proposal(alliance: Alliance) -> Proposal:
    """Number 12 admits Lantian Trust; described as the console does; open."""
    digest = "c0ffee" * 10 + "beef"
    description = f"Proposal 12: admit_institution\nText SHA-256: {digest}\n{alliance.binding(SECRETARIAT)}"
    drafted = alliance.draft(alliance.seats.functions.grant(*LANTIAN.seat), description=description)
    alliance.send(alliance.proposing(drafted), SECRETARIAT)
    alliance.mine_at(alliance.snapshot(drafted) + 1)
    return drafted


@dataclass(frozen=True)
class Desk:
    """A member's own machine: its key, its passphrase, and the command."""

    folder: Path
    bank: Bank
    alliance: Alliance
    url: str

    @property
    def keystore(self) -> Path:
        return self.folder / "voting-key.json"

    @property
    def passphrase(self) -> Path:
        return self.folder / "passphrase"

    @property
    def key(self) -> list[str]:
        return ["--keystore", str(self.keystore), "--passphrase-file", str(self.passphrase)]

    @property
    def ledger(self) -> list[str]:
        return ["--ledger", self.url, "--governor", self.alliance.governor.address]

    def run(
        self, *arguments: str, lang: str = "en_GB.UTF-8", **more: str
    ) -> subprocess.CompletedProcess[str]:
        """The command as a process, with nothing of the console in its environment; ``more`` is added."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "governance.ballot", *arguments],
            env={**kept, "LC_ALL": lang, "PYTHONUTF8": "1", **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def cast(self, *more: str, proposal: str = "12", vote: str = "for") -> subprocess.CompletedProcess[str]:
        return self.run("cast", *self.ledger, *self.key, "--proposal", proposal, "--vote", vote, *more)


@pytest.fixture
def desk_of(tmp_path: Path, alliance: Alliance, ballot_ledger: EmbeddedLedger) -> Callable[[Bank], Desk]:
    def make(bank: Bank) -> Desk:
        folder = tmp_path / bank.uscc
        folder.mkdir()
        desk = Desk(folder, bank, alliance, ballot_ledger.url)
        keystore = Account.encrypt(bank.key.key, PASSPHRASE, kdf="pbkdf2", iterations=1)
        desk.keystore.write_text(json.dumps(keystore))
        desk.keystore.chmod(0o600)
        desk.passphrase.write_text(PASSPHRASE + "\n")
        return desk

    return make


@pytest.fixture
def desk(desk_of: Callable[[Bank], Desk]) -> Desk:
    return desk_of(WANGCHAO)
