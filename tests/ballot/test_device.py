"""The voting key in a device of another maker: SoftHSM2, through PKCS#11."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account
from eth_account.messages import encode_defunct

from consortium.members.rules import voting_address_statement
from governance.ballot.typed_data import HIGHEST_S
from tests.ballot.conftest import Desk
from tests.contracts.alliance import SECRETARIAT, WANGCHAO, Alliance, Proposal
from tests.peers import SOFTHSM

pytestmark = pytest.mark.peer("softhsm")

PIN = "271828"


@dataclass(frozen=True)
class Token:
    """Wangchao's device: a token called "wangchao", and how the command speaks to it."""

    folder: Path
    label: str = "voting"

    @property
    def conf(self) -> str:
        return str(self.folder / "softhsm2.conf")

    def key(self, label: str = "") -> list[str]:
        return ["--pkcs11-module", str(SOFTHSM), "--key", f"pkcs11:wangchao/{label or self.label}"]

    @property
    def pin(self) -> list[str]:
        return ["--pin-file", str(self.folder / "pin")]

    def hold(self, label: str, key: ec.EllipticCurvePrivateKey) -> None:
        """Put a key into the device."""
        pem = self.folder / f"{label}.pem"
        form = serialization.PrivateFormat.PKCS8
        pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        mark = label.encode().hex()
        self.util("--import", str(pem), "--token", "wangchao", "--label", label, "--id", mark, "--pin", PIN)

    def util(self, *arguments: str) -> None:
        subprocess.run(
            ["softhsm2-util", *arguments],
            env={**os.environ, "SOFTHSM2_CONF": self.conf},
            check=True,
            capture_output=True,
        )


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Token:
    folder = tmp_path_factory.mktemp("wangchaos-device")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    (folder / "pin").write_text(PIN + "\n")
    made = Token(folder)
    made.util("--init-token", "--free", "--label", "wangchao", "--so-pin", "31415926", "--pin", PIN)
    made.hold("voting", ec.derive_private_key(int.from_bytes(WANGCHAO.key.key), ec.SECP256K1()))
    made.hold("website", ec.derive_private_key(7, ec.SECP256R1()))
    return made


@pytest.fixture
def run(desk: Desk, token: Token) -> Callable[..., subprocess.CompletedProcess[str]]:
    return lambda *arguments: desk.run(*arguments, SOFTHSM2_CONF=token.conf)


Run = Callable[..., subprocess.CompletedProcess[str]]


def test_its_address_needs_no_pin(run: Run, token: Token) -> None:
    result = run("address", *token.key())
    assert (result.returncode, result.stdout) == (0, f"{WANGCHAO.voter}\n"), result.stderr


def test_the_proof_is_the_one_that_the_console_asks_for(run: Run, token: Token) -> None:
    result = run("prove", *token.key(), *token.pin, "--uscc", WANGCHAO.uscc)

    statement = encode_defunct(text=voting_address_statement(WANGCHAO.uscc, WANGCHAO.voter))
    signer = Account.recover_message(statement, signature=result.stdout.strip())
    assert (result.returncode, signer) == (0, WANGCHAO.voter)


def test_the_governor_counts_what_the_device_signs(
    desk: Desk, run: Run, token: Token, alliance: Alliance, proposal: Proposal
) -> None:
    out = desk.folder / "ballot.json"

    result = run(
        "cast", *desk.ledger, *token.key(), *token.pin, "--proposal", "12", "--vote", "for",
        "--out", str(out), "--yes",
    )  # fmt: skip

    assert result.returncode == 0, result.stderr
    signature = bytes.fromhex(json.loads(out.read_text())["signature"][2:])
    assert int.from_bytes(signature[32:64]) <= HIGHEST_S
    alliance.send(alliance.casting(WANGCHAO, proposal, 1, signature), SECRETARIAT)
    assert alliance.tally(proposal) == (0, 1, 0)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("pkcs11:wangchao/other", "has no key, or more than one, that is called other"),
        ("pkcs11:dongli/voting", "no token, or more than one, that is called dongli"),
        ("pkcs11:wangchao/website", "none on the curve secp256k1"),
        ("wangchao/voting", "is not the name of a key in a device"),
    ],
)
def test_what_is_not_the_key_is_said_in_one_line(run: Run, key: str, words: str) -> None:
    result = run("address", "--pkcs11-module", str(SOFTHSM), "--key", key)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_wrong_pin(run: Run, token: Token, tmp_path: Path) -> None:
    guess = tmp_path / "guess"
    guess.write_text("000000")
    result = run("prove", *token.key(), "--pin-file", str(guess), "--uscc", WANGCHAO.uscc)
    assert (result.returncode, result.stdout) == (2, "")
    assert "The PIN does not open the token wangchao." in result.stderr


def test_without_the_devices_library(run: Run, tmp_path: Path) -> None:
    result = run("address", "--key", "pkcs11:wangchao/voting")
    assert result.returncode == 2
    assert "--pkcs11-module" in result.stderr
    missing = run("address", "--key", "pkcs11:wangchao/voting", "--pkcs11-module", str(tmp_path / "none.so"))
    assert missing.returncode == 2
    assert "can't be used" in missing.stderr


def test_a_keystore_or_a_device_and_not_both(desk: Desk, token: Token, run: Run) -> None:
    assert run("address", *token.key(), "--keystore", str(desk.keystore)).returncode == 2
