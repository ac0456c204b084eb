"""A bank with a node, its officers, two people of the secretariat, and a certificate authority per test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.conf import settings

from certs import authorities, issuing, keys, services
from certs.ceremony import runs
from certs.ceremony.home import Home
from certs.ceremony.requests import Request
from certs.models import Authority, Certificate
from consortium.members.models import Node, User
from tests.certs.hsm import device as device
from tests.certs.openssl import Workstation
from tests.factories import InstitutionFactory, NodeFactory, UserFactory

CHEAP = {"time_cost": 1, "memory_cost": 1024, "parallelism": 1}
PASSPHRASE = b"seven plain words nobody would guess here"


@dataclass
class Pki:
    """The authority under test and where its files are."""

    root: Authority
    nodes: Authority
    access: Authority
    lists: Authority
    key_dir: Path
    pki_dir: Path
    passphrase_file: Path

    @property
    def issuing(self) -> Authority:
        """The one that most tests are about: it signs nodes' certificates."""
        return self.nodes


@pytest.fixture(scope="session")
def sealed_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root's and issuing CAs' keys, sealed at a price that hundreds of tests can pay."""
    from django.test import override_settings

    home = tmp_path_factory.mktemp("sealed")
    with override_settings(KEY_DIR=home / "keys"):
        keys.seal("root", ec.generate_private_key(ec.SECP384R1()), PASSPHRASE, cost=CHEAP)
        made = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("nodes", "access", "lists")}
        for name, key in made.items():
            keys.seal(name, key, PASSPHRASE, cost=CHEAP)
    ceremony(home / "keys", made)
    return home / "keys"


def ceremony(home: Path, made: dict[str, ec.EllipticCurvePrivateKey]) -> None:
    """The root's part, held once: every test's console asks for the same and is given the same again."""
    session = runs.Session(Home(home), PASSPHRASE, ["Wang Min", "Chen Ling"])
    runs.make_root(session, alliance="Alliance", public_url=settings.PUBLIC_URL)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "asked for")])
    requests = [
        Request(
            purpose,
            x509.CertificateSigningRequestBuilder(name).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM),
        )
        for purpose, key in made.items()
    ]
    runs.sign(session, requests, {})


@pytest.fixture
def places(settings: object, tmp_path: Path, sealed_keys: Path) -> Path:
    """Directories of the test's own, and the passphrase that a signing worker would have."""
    shutil.copytree(sealed_keys, tmp_path / "keys")
    (tmp_path / "passphrase").write_bytes(PASSPHRASE + b"\n")
    for name, value in (
        ("KEY_DIR", tmp_path / "keys"),
        ("PKI_DIR", tmp_path / "pki"),
        ("SIGNING_PASSPHRASE_FILE", str(tmp_path / "passphrase")),
    ):
        setattr(settings, name, value)
    return tmp_path


@pytest.fixture
def pki(places: Path, db: None) -> Pki:
    made = authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=PASSPHRASE)
    named = {name: made[name] for name in ("root", "nodes", "access", "lists")}
    return Pki(
        **named, key_dir=places / "keys", pki_dir=places / "pki", passphrase_file=places / "passphrase"
    )


@pytest.fixture
def workstation(tmp_path: Path) -> Workstation:
    """The bank's own machine, with nothing but openssl."""
    return Workstation(tmp_path / "workstation")


@pytest.fixture
def heming(db: None) -> Node:
    """A node of Heming Bank, an active member."""
    bank = InstitutionFactory(active=True, short_name="heming-bank", legal_name_en="Heming Bank Co., Ltd.")
    return NodeFactory(institution=bank, name="settlement-1", host="10.1.2.3")


@pytest.fixture
def zhou_lan(heming: Node) -> User:
    """An officer of Heming Bank."""
    return UserFactory(institution=heming.institution, username="zhou.lan")


@pytest.fixture
def li_jun(db: None) -> User:
    """An officer of another bank."""
    return UserFactory(username="li.jun")


@pytest.fixture
def wang_min(db: None) -> User:
    """Secretariat."""
    return UserFactory(secretariat=True, username="wang.min")


@pytest.fixture
def chen_ling(db: None) -> User:
    """Secretariat as well: the second pair of eyes."""
    return UserFactory(secretariat=True, username="chen.ling")


@pytest.fixture
def wu_rui(db: None) -> User:
    """The regulator."""
    return UserFactory(regulator=True, username="wu.rui")


@pytest.fixture
def certify(pki: Pki, workstation: Workstation, wang_min: User) -> Callable[..., Certificate]:
    """``certify(node, officer)``: from openssl's CSR to the certificate, by the services."""

    def make(node: Node, officer: User, *, profile: str = "evm-node", key: str = "p256") -> Certificate:
        request = services.submit_request(
            node=node, profile=profile, csr=workstation.request(key), actor=officer
        )
        services.approve_request(request, actor=wang_min)
        certificate = issuing.issue(request.pk)
        assert certificate is not None
        return certificate

    return make
