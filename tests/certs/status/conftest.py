"""A certificate authority whose status is told by list and by OCSP, and what relying parties ask with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from pytest_django.fixtures import Settings

from certs import keys
from certs.models import Authority, Certificate
from certs.status import delegation, responding
from certs.status.keyring import Opened
from consortium.core import outbox
from consortium.members.models import Node, User
from tests.certs.conftest import CHEAP, Pki

OCSP_PASSPHRASE = b"another seven words for answers alone"


@pytest.fixture
def pki(settings: Settings, tmp_path: Path, places: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Pki:
    """With the responders' passphrase; their keys are sealed at a price that many tests can pay."""
    (tmp_path / "ocsp-passphrase").write_bytes(OCSP_PASSPHRASE + b"\n")
    settings.OCSP_PASSPHRASE_FILE = str(tmp_path / "ocsp-passphrase")
    settings.OCSP_SOCKET = tmp_path / "status.sock"
    monkeypatch.setattr(keys, "seal", partial(keys.seal, cost=CHEAP))
    # What the responder remembers for a second or two is another test's.
    monkeypatch.setattr(responding, "_complete", {})
    monkeypatch.setattr(responding, "_rest", responding._Rest())
    return pki


@pytest.fixture
def responder(pki: Pki) -> Opened:
    """Of the authority that signs nodes' certificates."""
    return delegation.ensure(pki.nodes)


@pytest.fixture
def certificate(pki: Pki, certify: Callable[..., Certificate], heming: Node, zhou_lan: User) -> Certificate:
    """Of Heming Bank's node, issued and prepared for."""
    made = certify(heming, zhou_lan)
    outbox.drain("signing")
    return made


def issuer_of(authority: Authority) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(authority.der))


def leaf(certificate: Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(certificate.der))
