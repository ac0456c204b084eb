"""Two guardians with encrypted keystores, on a ledger of these tests' own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3

from consortium.stack.embedded import EmbeddedLedger
from governance.guardian.cli import main
from tests.contracts.alliance import Alliance
from tests.contracts.guardians import GU, NODE, admit

PASSPHRASE = "Gu's own words"
REASON_TEXT = "Its key was found on a stolen disk."


@pytest.fixture(scope="session")
def guardian_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedLedger]:
    ledger = EmbeddedLedger(tmp_path_factory.mktemp("guardian-ledger"))
    ledger.start()
    yield ledger
    ledger.stop()


@pytest.fixture(scope="session")
def founded(guardian_ledger: EmbeddedLedger) -> Alliance:
    web3 = Web3(HTTPProvider(guardian_ledger.url))
    web3.provider.make_request("anvil_autoImpersonateAccount", [True])  # type: ignore[arg-type]
    alliance = Alliance.established(web3)
    admit(alliance)
    return alliance


@pytest.fixture
def alliance(founded: Alliance) -> Iterator[Alliance]:
    before = founded.rpc("evm_snapshot")
    yield founded
    assert founded.rpc("evm_revert", before)


class Done(NamedTuple):
    """What became of a command."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Desk:
    """A guardian's own machine: the key, the reason, and the command."""

    home: Path
    ledger: str
    governor: str

    def run(self, command: str, *arguments: str, **environment: str) -> Done:
        """The command, in English unless told otherwise."""
        environment = {"LC_ALL": "C.UTF-8", **environment}
        key = ["--keystore", str(self.home / "key.json")]
        if command != "address":
            key += ["--ledger", self.ledger, "--governor", self.governor, "--reason", str(self.home / "why")]
            key += ["--passphrase-file", str(self.home / "words"), "--out", str(self.out), "--yes"]
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err), patch.dict(os.environ, environment):
            code = main([command, *key, *arguments])
        return Done(code, out.getvalue(), err.getvalue())

    def freeze(self, *, node: str = NODE.hex(), network: str = "settlement-main", **environment: str) -> Done:
        """About the first node unless told otherwise."""
        return self.run("freeze", "--network", network, "--node", node, **environment)

    @property
    def out(self) -> Path:
        return self.home / "confirmation.json"

    @property
    def written(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.out.read_text(encoding="utf-8"))
        return content


@pytest.fixture
def desk_of(
    tmp_path: Path, guardian_ledger: EmbeddedLedger, alliance: Alliance
) -> Callable[[LocalAccount], Desk]:
    """A guardian at work."""

    def made(guardian: LocalAccount) -> Desk:
        home = tmp_path / str(guardian.address)
        home.mkdir()
        keystore = Account.encrypt(guardian.key, PASSPHRASE, iterations=2)
        for name, content in (
            ("key.json", json.dumps(keystore)),
            ("words", PASSPHRASE),
            ("why", REASON_TEXT),
        ):
            (home / name).write_text(content, encoding="utf-8")
            (home / name).chmod(0o600)
        return Desk(home, guardian_ledger.url, str(alliance.governor.address))

    return made


@pytest.fixture
def desk(desk_of: Callable[[LocalAccount], Desk]) -> Desk:
    return desk_of(GU)
