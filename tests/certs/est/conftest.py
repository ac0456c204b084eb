"""One authority and one running gateway for all tests of a module; each brings banks of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from certs import authorities, console_certificates
from consortium.core import clock
from governance.chain.models import Ledger
from tests.certs.est.town import Town
from tests.certs.openssl import Workstation
from tests.factories import UserFactory
from tests.permissions.conftest import PASSPHRASE
from tests.permissions.conftest import ceremony as ceremony


@pytest.fixture(scope="module")
def transactional_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Here rows are committed, and stay until the module is over: the gateway is another process."""
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(scope="module")
def town(transactional_db: None, ceremony: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    home = tmp_path_factory.mktemp("est")
    for name in ("keys", "tuf"):
        shutil.copytree(ceremony / name, home / name)
    (home / "passphrase").write_bytes(PASSPHRASE + b"\n")
    places = override_settings(
        KEY_DIR=home / "keys",
        TUF_DIR=home / "tuf",
        PKI_DIR=home / "pki",
        SIGNING_PASSPHRASE_FILE=str(home / "passphrase"),
    )
    with places:
        made = _founded(home)
        try:
            made.start_gateway(EST_RETRY_AFTER="1")
            yield made
        finally:
            made.close()


def _founded(home: Path) -> Town:
    with clock.frozen(clock.now() - timedelta(days=500)):  # old enough to have issued what is to be renewed
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
    return Town(home, UserFactory(secretariat=True, username="wang.min"), Workstation(home / "ws"), ledger)
