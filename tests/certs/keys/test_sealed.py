"""Sealed keys: what is on disk, who can open it, and what a change to it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pytest_django.fixtures import Settings

from certs import keys
from certs.errors import KeyExists, KeysNotAvailable, WrongPassphrase
from tests.certs.conftest import CHEAP, PASSPHRASE


@pytest.fixture(autouse=True)
def _places(places: Path) -> None:
    """Each test seals into a directory of its own."""


@pytest.mark.parametrize("kind", ["ec", "rsa", "ed25519"])
def test_a_sealed_key_opens_as_it_was(kind: str) -> None:
    made: keys.PrivateKey = {
        "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
    }[kind]()
    keys.seal("snapshot", made, PASSPHRASE, cost=CHEAP)
    assert keys.open_key("snapshot").public_key() == made.public_key()
    assert keys.open_key("snapshot", PASSPHRASE).public_key() == made.public_key()


def test_the_file_is_the_owners_alone_and_names_its_price() -> None:
    path = keys.seal("snapshot", ed25519.Ed25519PrivateKey.generate(), PASSPHRASE)
    assert path.stat().st_mode & 0o777 == 0o600
    record = json.loads(path.read_text())
    assert record["argon2id"] == {"time_cost": 3, "memory_cost": 65536, "parallelism": 4}
    assert "PRIVATE" not in path.read_text()
    assert not list(path.parent.glob(".snapshot*"))  # no temporary file stays behind


def test_a_key_is_never_overwritten() -> None:
    before = keys.path_of("nodes").read_bytes()
    with pytest.raises(KeyExists):
        keys.seal("nodes", ec.generate_private_key(ec.SECP256R1()), PASSPHRASE, cost=CHEAP)
    assert keys.path_of("nodes").read_bytes() == before


def test_a_process_without_passphrase_opens_nothing(settings: Settings) -> None:
    keys.open_key("nodes")  # open already, and yet:
    settings.SIGNING_PASSPHRASE_FILE = None
    with pytest.raises(KeysNotAvailable):
        keys.open_key("nodes")


@pytest.mark.parametrize("content", [None, "", "\n", "  \nsecond line\n"])
def test_a_passphrase_file_without_passphrase_opens_nothing(
    content: str | None, settings: Settings, tmp_path: Path
) -> None:
    settings.SIGNING_PASSPHRASE_FILE = str(tmp_path / "other")
    if content is not None:
        (tmp_path / "other").write_text(content)
    with pytest.raises(KeysNotAvailable):
        keys.open_key("nodes")


def test_the_wrong_passphrase_is_said_to_be_wrong() -> None:
    with pytest.raises(WrongPassphrase):
        keys.open_key("nodes", b"another passphrase")


def test_a_changed_file_does_not_open() -> None:
    path = keys.path_of("nodes")
    record = json.loads(path.read_text())
    sealed = record["sealed"]
    record["sealed"] = ("B" if sealed[0] != "B" else "C") + sealed[1:]
    path.write_text(json.dumps(record))
    with pytest.raises(WrongPassphrase):
        keys.open_key("nodes", PASSPHRASE)


def test_one_key_can_not_stand_in_for_another() -> None:
    """The name is sealed too: root.key renamed to nodes.key does not sign nodes' certificates."""
    keys.path_of("root").replace(keys.path_of("nodes"))
    with pytest.raises(WrongPassphrase):
        keys.open_key("nodes", PASSPHRASE)


def test_a_key_that_is_elsewhere_is_not_available() -> None:
    keys.path_of("root").unlink()
    with pytest.raises(KeysNotAvailable):
        keys.open_key("root")
    with pytest.raises(KeysNotAvailable):
        keys.open_key("root", PASSPHRASE)


@pytest.mark.parametrize("name", ["", "../root", "a/b", "Root", "-root"])
def test_a_name_is_a_plain_word(name: str) -> None:
    with pytest.raises(ValueError, match="not a key name"):
        keys.path_of(name)
