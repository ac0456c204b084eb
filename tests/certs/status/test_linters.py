"""pkilint, which auditors use, finds nothing in the lists and answers that are published."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from pkilint.bin import lint_crl, lint_ocsp_response
from pytest_django.fixtures import Settings

from certs import building, services
from certs.models import Certificate, RevocationReason
from certs.status import answering, files, responding
from certs.status.keyring import Opened
from consortium.core import outbox
from consortium.members.models import User
from tests.certs.conftest import Pki
from tests.certs.status.asking import SHA1, SHA256, request_for, request_for_serial
from tests.certs.status.conftest import issuer_of

pytestmark = pytest.mark.django_db
Lint = Callable[..., str]


@pytest.fixture(autouse=True)
def _at_an_address_of_the_world(pki: Pki, settings: Settings) -> None:
    """pkilint takes no host name of one label, such as localhost; lists signed from now on have another."""
    settings.PUBLIC_URL = "http://console.example"


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lint:
    """``findings(main, data, *options)``: what pkilint prints of all severities; empty when it found none."""

    def lint(main: Callable[[list[str]], int], data: bytes, *options: str) -> str:
        document = io.BytesIO(data)
        document.name = "document"  # type: ignore[attr-defined]
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=document))
        capsys.readouterr()
        code = main(["lint", *options, "-s", "DEBUG", "-"])
        printed = capsys.readouterr()
        assert (code == 0) == (not printed.out.strip()), printed
        return (printed.out + printed.err).strip()

    return lint


def lists(certificate: Certificate) -> list[bytes]:
    part = files.current_crl("nodes", certificate.crl_shard)
    return [files.current_crl("root"), files.current_crl("nodes"), part]


def test_lists_of_every_reason(pki: Pki, certificate: Certificate, wang_min: User, findings: Lint) -> None:
    for data in lists(certificate)[:2]:
        assert findings(lint_crl.main, data, "-t", "CRL", "-p", "PKIX") == ""
    services.suspend(certificate, comment="Laptop missing", actor=wang_min)
    outbox.drain("signing")
    for data in lists(certificate):
        assert findings(lint_crl.main, data, "-t", "CRL", "-p", "PKIX") == ""
    services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    outbox.drain("signing")
    for data in lists(certificate)[1:]:
        # The browsers' own rules are stricter, and hold where no certificate is on hold.
        assert findings(lint_crl.main, data, "-t", "CRL", "-p", "BR") == ""


@pytest.mark.parametrize("reason", RevocationReason.values)
def test_lists_and_answers_of_each_reason(
    reason: str, certificate: Certificate, wang_min: User, findings: Lint
) -> None:
    services.revoke(certificate, reason=reason, actor=wang_min)
    outbox.drain("signing")
    part = files.current_crl("nodes", certificate.crl_shard)
    assert findings(lint_crl.main, part, "-t", "CRL", "-p", "PKIX") == ""
    for algorithm in (SHA1, SHA256):
        answer = answering.answer(request_for(certificate, algorithm=algorithm)).der
        assert findings(lint_ocsp_response.main, answer) == ""


def test_answers_good_on_hold_unknown_and_with_a_nonce(
    pki: Pki, certificate: Certificate, responder: Opened, wang_min: User, findings: Lint
) -> None:
    unknown = request_for_serial(building.new_serial(), issuer_of(pki.nodes), b"0123456789abcdef")
    found = [answering.answer(request_for(certificate)).der, responding.respond(unknown).der]
    services.suspend(certificate, comment="Laptop missing", actor=wang_min)
    outbox.drain("signing")
    found += [responding.respond(request_for(certificate, nonce=bytes(range(32)))).der]
    for answer in found:
        assert findings(lint_ocsp_response.main, answer) == ""


def test_a_finding_is_seen(pki: Pki, findings: Lint) -> None:
    """Else the silence above would mean nothing."""
    broken = files.current_crl("nodes").replace(bytes.fromhex("0603551d14"), bytes.fromhex("0603551d15"))
    assert findings(lint_crl.main, broken, "-t", "CRL", "-p", "PKIX")
