"""An alliance with authorities of 国密, and a bank whose workstation has openssl."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from certs import keys
from certs.models import Authority, Certificate
from certs.sm2 import authorities
from certs.sm2.library import PrivateKey
from tests.certs.conftest import CHEAP, PASSPHRASE
from tests.certs.openssl import Workstation, openssl

ID = "distid:1234567812345678"
ROOT_PASSPHRASE = b"another seven words that lie in the safe"


@dataclass
class SMPki:
    """The authorities under test, and their certificates as files for openssl."""

    root: Authority
    nodes: Authority
    root_file: str
    nodes_file: str


class SMWorkstation(Workstation):
    """The bank's own machine: SM2 keys and requests by plain openssl."""

    def sm2_key(self) -> Path:
        path = self.home / f"{next(self._numbers)}.key"
        openssl("genpkey", "-algorithm", "SM2", "-out", str(path))
        return path

    def sm2_request(
        self, *options: str, key: Path | None = None, subject: str = "/", form: str = "PEM"
    ) -> bytes:
        signed = ("-sm3", "-sigopt", ID)
        return self.request("sm2", *signed, *options, key=key or self.sm2_key(), subject=subject, form=form)

    def pem(self, certificate: Certificate) -> str:
        """The certificate as a file."""
        data = openssl("x509", "-inform", "DER", data=bytes(certificate.der)).stdout
        return self.file(f"{certificate.serial_id}.pem", data)


@pytest.fixture(scope="session")
def sealed_sm_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root and nodes key, sealed at a price that many tests can pay."""
    home = tmp_path_factory.mktemp("sealed-sm")
    with override_settings(KEY_DIR=home / "keys"):
        for name, word in ((authorities.ROOT, ROOT_PASSPHRASE), (authorities.NODES, PASSPHRASE)):
            keys.seal_bytes(name, PrivateKey.generate().pkcs8(), word, cost=CHEAP)
    return home / "keys"


@pytest.fixture
def sm_places(places: Path, sealed_sm_keys: Path, settings: Any) -> Path:
    """Directories of the test's own, with the keys of 国密 in them too."""
    settings.PUBLIC_URL = "https://console.alliance.example"
    shutil.copytree(sealed_sm_keys, places / "keys", dirs_exist_ok=True)
    return places


@pytest.fixture
def sm_pki(sm_places: Path, db: None) -> SMPki:
    root, nodes = authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=ROOT_PASSPHRASE)
    files = []
    for authority in (root, nodes):
        path = sm_places / f"{authority.name}.pem"
        openssl("x509", "-inform", "DER", "-out", str(path), data=bytes(authority.der))
        files.append(str(path))
    return SMPki(root, nodes, *files)


@pytest.fixture
def bank(tmp_path: Path) -> SMWorkstation:
    return SMWorkstation(tmp_path / "bank")
