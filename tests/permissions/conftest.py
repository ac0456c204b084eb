"""An alliance with authorities and list keys, in directories of the test's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import override_settings

from certs import authorities, console_certificates, keys
from consortium.core import clock
from governance.chain.models import Ledger
from governance.permissions import tufrepo
from tests.certs.openssl import Workstation
from tests.factories import UserFactory
from tests.permissions.world import World

PASSPHRASE = b"nine quiet herons stand in a row"
CHEAP = {"time_cost": 1, "memory_cost": 64, "parallelism": 1}  # kept in the files: opening is cheap, too


@pytest.fixture(scope="session")
def ceremony(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Path:
    """Sealed keys and the first, empty publication, made once: Argon2id is slow on purpose."""
    home = tmp_path_factory.mktemp("ceremony")
    with override_settings(KEY_DIR=home / "keys", TUF_DIR=home / "tuf"), django_db_blocker.unblock():
        keys.seal("root", ec.generate_private_key(ec.SECP384R1()), PASSPHRASE, cost=CHEAP)
        for name in ("nodes", "access", "lists"):
            keys.seal(name, ec.generate_private_key(ec.SECP256R1()), PASSPHRASE, cost=CHEAP)
        assert tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now(), cost=CHEAP)
    return home


@pytest.fixture
def places(ceremony: Path, tmp_path: Path, settings: Any) -> Path:
    for name in ("keys", "tuf"):
        shutil.copytree(ceremony / name, tmp_path / name)
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    settings.KEY_DIR, settings.TUF_DIR = tmp_path / "keys", tmp_path / "tuf"
    settings.PKI_DIR = tmp_path / "pki"
    settings.SIGNING_PASSPHRASE_FILE = str(tmp_path / "passphrase")
    return tmp_path


@pytest.fixture
def world(places: Path, db: None) -> Iterator[World]:
    """Rows and keys; processes only where the test starts them (and is marked transactional)."""
    with clock.frozen(clock.now() - timedelta(days=500)):  # old enough to have issued what has expired
        authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    console_certificates.ensure_gateway(["localhost", "127.0.0.1"], passphrase=PASSPHRASE)
    ledger = Ledger.objects.create(
        slug="alliance",
        chain_id=20200,
        genesis_hash="0x" + "0" * 64,
        seats="0x" + "1" * 40,
        governor="0x" + "2" * 40,
        registry="0x" + "3" * 40,
        relay_address="0x" + "4" * 40,
        start_block=0,
    )
    made = World(
        places, UserFactory(secretariat=True, username="wang.min"), Workstation(places / "ws"), ledger
    )
    yield made
    made.close()
