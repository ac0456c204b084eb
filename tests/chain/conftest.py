"""An alliance on a fresh ledger, and processes that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from django.conf import settings as live_settings
from django.db import connection
from eth_account import Account

from consortium.members.models import Institution
from consortium.stack.embedded import EmbeddedLedger
from governance.chain import keys
from tests.chain.faulty import FaultyNode
from tests.chain.world import GUARDIANS, PASSPHRASE, World
from tests.factories import InstitutionFactory


@pytest.fixture
def relay_key(tmp_path: Path, settings: Any) -> Path:
    """A passphrase file that opens a relay account's key; sealed lightly, to be quick."""
    settings.KEY_DIR = tmp_path / "keys"
    settings.KEY_DIR.mkdir()
    passphrase_file = tmp_path / "relay.passphrase"
    passphrase_file.write_text(PASSPHRASE)
    sealed = Account.encrypt(Account.create().key, PASSPHRASE, kdf="pbkdf2", iterations=1)
    keys.key_file().write_text(json.dumps(sealed))
    settings.RELAY_PASSPHRASE_FILE = str(passphrase_file)
    return passphrase_file


@pytest.fixture
def anvil(settings: Any, fresh_ledger: Callable[[], EmbeddedLedger]) -> EmbeddedLedger:
    """A ledger of the test's own, which the settings point to."""
    ledger = fresh_ledger()
    settings.LEDGER_URL = ledger.url
    settings.VOTING_PERIOD = 3600
    settings.GUARDIANS = [guardian.address for guardian in GUARDIANS]
    settings.GUARDIAN_THRESHOLD = 2
    return ledger


@pytest.fixture
def bare_ledger(transactional_db: None, anvil: EmbeddedLedger, relay_key: Path) -> Path:
    """A ledger without contracts; gives the relay account's passphrase file."""
    return relay_key


@pytest.fixture
def world(transactional_db: None, anvil: EmbeddedLedger, relay_key: Path) -> World:
    """The contracts deployed, nobody seated."""
    return World(anvil, relay_key)


@pytest.fixture
def banks(world: World) -> list[Institution]:
    """Five admitted banks with voting addresses."""
    return [InstitutionFactory(admitted=True, voting=True) for _ in range(5)]


@pytest.fixture
def founded(world: World, banks: list[Institution]) -> World:
    """The five seated, the founding closed, all of it indexed."""
    world.found()
    return world


@pytest.fixture
def nodes(founded: World, settings: Any) -> Iterator[list[FaultyNode]]:
    """Two nodes of one ledger, the first of which is asked; each can be given faults."""
    made = [FaultyNode(founded.anvil.url) for _ in range(2)]
    settings.LEDGER_URL = ",".join(node.url for node in made)
    settings.LEDGER_TIMEOUT = 4.0  # a busy machine is no slow node
    yield made
    for node in made:
        node.close()


class Victim:
    """A process of ours that stops at a chosen point and waits to be killed there."""

    def __init__(self, work: str, *, hold: str = "", at: int = 1, after: bool = False, **env: str) -> None:
        arguments = [work, "--hold", hold, "--at", str(at), *(["--after"] if after else [])]
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.chain.process", *arguments],
            env={**os.environ, **_environment(), **env},
            stdout=subprocess.PIPE,
            text=True,
            cwd=live_settings.BASE_DIR,
        )

    def arrives(self) -> Self:
        """Wait until it holds."""
        line = self._line()
        assert line == "holding", f"it ended without reaching the point: {line!r}"
        return self

    def killed(self) -> None:
        """SIGKILL, as the machine would: nothing of it runs any more."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)
        self._close()

    def finishes(self) -> None:
        """Wait for its ordinary end."""
        line = self._line()
        self.process.wait(timeout=60)
        self._close()
        assert (line, self.process.returncode) == ("done", 0)

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def victim(transactional_db: None, anvil: EmbeddedLedger) -> Iterator[Callable[..., Victim]]:
    """Starts processes that work on the test's database and ledger; none is left behind."""
    started: list[Victim] = []

    def start(work: str, **options: Any) -> Victim:
        started.append(Victim(work, **options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.killed()


def _environment() -> dict[str, str]:
    database = connection.settings_dict
    address = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    if database["PORT"]:
        address += f"&port={database['PORT']}"
    return {
        "DATABASE_URL": address,
        "LEDGER_URL": live_settings.LEDGER_URL,
        "KEY_DIR": str(live_settings.KEY_DIR),
        "RELAY_PASSPHRASE_FILE": str(live_settings.RELAY_PASSPHRASE_FILE),
        "VOTING_PERIOD": str(live_settings.VOTING_PERIOD),
        "GUARDIANS": ",".join(live_settings.GUARDIANS),
        "GUARDIAN_THRESHOLD": str(live_settings.GUARDIAN_THRESHOLD),
        "LEDGER_TIMEOUT": str(live_settings.LEDGER_TIMEOUT),
        "LEDGER_LOG_RANGE": str(live_settings.LEDGER_LOG_RANGE),
    }
