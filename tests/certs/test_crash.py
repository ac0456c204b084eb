"""A signing worker is killed between any two steps; the next one leaves the rows as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from cryptography import x509
from django.conf import settings
from django.db import connection

from certs import issuing, publication, services
from certs.errors import KeysNotAvailable
from certs.models import Certificate, CertificateRequest, RevocationList, SerialNumber
from consortium.core import outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from consortium.stack.endpoints import PROJECT
from tests.certs.conftest import Pki
from tests.certs.openssl import Workstation

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 60.0  # seconds: only a hanging database meets it


def worker(moment: str, target: str, pki: Pki, *, signing: bool = True) -> subprocess.CompletedProcess[str]:
    """Another process on the test's database, with the signing worker's environment."""
    url = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(url._replace(path="/" + connection.settings_dict["NAME"]))
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "KEY_DIR": str(pki.key_dir),
        "PKI_DIR": str(pki.pki_dir),
        "SIGNING_PASSPHRASE_FILE": str(pki.passphrase_file),
    }
    if not signing:
        del environment["SIGNING_PASSPHRASE_FILE"]
    return subprocess.run(
        [sys.executable, "-m", "tests.certs.crash_child", moment, target],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip


def kill_worker(moment: str, target: str, pki: Pki) -> None:
    done = worker(moment, target, pki)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def drain() -> None:
    """As the next worker would: the dead one's claim ends when PostgreSQL notices that it is gone."""
    end = time.monotonic() + LIMIT
    while outbox.drain("signing") == 0:
        assert time.monotonic() < end, "the dead worker's claim was never given back"


@pytest.fixture
def approved(
    pki: Pki, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> CertificateRequest:
    request = services.submit_request(
        node=heming, profile="evm-node", csr=workstation.request(), actor=zhou_lan
    )
    return services.approve_request(request, actor=wang_min)


@pytest.mark.parametrize(
    ("moment", "target", "serial_spent", "stored"),
    [
        ("before", "certs.issuing._prepare", False, False),
        ("after", "certs.issuing._allocate", False, False),  # not committed yet
        ("after", "certs.issuing._prepare", True, False),
        ("after", "certs.building.sign_intended", True, False),
        ("after", "certs.issuing._row", True, False),  # not committed yet
        ("after", "certs.issuing._store", True, True),
    ],
)
def test_issuing_goes_on_where_it_was_killed(
    moment: str, target: str, serial_spent: bool, stored: bool, pki: Pki, approved: CertificateRequest
) -> None:
    kill_worker(moment, target, pki)
    left = SerialNumber.objects.filter(request=approved).first()
    assert (left is not None) == serial_spent
    assert Certificate.objects.exists() == stored
    drain()
    approved.refresh_from_db()
    assert approved.status == "issued"
    serial = SerialNumber.objects.get(request=approved)
    assert left is None or left == serial  # the number that was spent is the one that is used
    certificate = Certificate.objects.get()
    assert certificate.serial == serial
    assert Event.objects.filter(action="certificate.issued").count() == 1
    found = x509.load_der_x509_certificate(bytes(certificate.der))
    intent = x509.load_der_x509_certificate(bytes(serial.intent))
    assert found.tbs_certificate_bytes == intent.tbs_certificate_bytes
    assert OutboxMessage.objects.get(topic="certs.issue").done_at is not None


@pytest.mark.parametrize(
    ("moment", "target", "lists", "file_number"),
    [
        ("before", "certs.crl._sign_if_due", 1, 1),
        ("after", "certs.crl._sign", 1, 1),  # not committed yet
        ("after", "certs.crl._sign_if_due", 2, 1),
        # The temporary file is there, the name still the old one's.
        ("after", "consortium.core.files._written", 2, 1),
        ("after", "certs.publication.write_crl", 2, 2),
    ],
)
def test_a_list_goes_on_where_it_was_killed(
    moment: str,
    target: str,
    lists: int,
    file_number: int,
    pki: Pki,
    approved: CertificateRequest,
    zhou_lan: User,
) -> None:
    drain()
    certificate = Certificate.objects.get()
    services.revoke(certificate, reason="keyCompromise", actor=zhou_lan)
    kill_worker(moment, target, pki)
    assert RevocationList.objects.filter(authority=pki.nodes).count() == lists
    assert number_in_file() == file_number
    drain()
    rows = RevocationList.objects.filter(authority=pki.nodes).order_by("number")
    assert [(row.number, row.entries) for row in rows] == [(1, 0), (2, 1)]  # none lost, none doubled
    assert number_in_file() == 2
    assert publication.current_crl("nodes") == bytes(rows[1].der)
    assert OutboxMessage.objects.get(topic="certs.publish_crl").done_at is not None


def number_in_file() -> int:
    file = Path(settings.PKI_DIR) / "nodes.crl"
    listed = x509.load_der_x509_crl(file.read_bytes())
    return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_a_process_like_the_web_one_can_not_sign(pki: Pki, approved: CertificateRequest) -> None:
    """It has the database and even the sealed files, but no passphrase: the work waits for who has."""
    done = worker("after", "certs.crl._sign_if_due", pki, signing=False)
    assert done.stdout == "handled 1\n", done.stderr
    assert not SerialNumber.objects.filter(request=approved).exists()
    message = OutboxMessage.objects.get(topic="certs.issue")
    assert (message.done_at, message.attempts) == (None, 0)
    assert message.last_error == str(KeysNotAvailable())


def test_two_workers_at_once_issue_one_certificate(pki: Pki, approved: CertificateRequest) -> None:
    start = threading.Barrier(4)

    def issue() -> object:
        start.wait()
        try:
            found = issuing.issue(approved.pk)
            return found and found.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        issued = [job.result() for job in [pool.submit(issue) for _ in range(4)]]
    assert issued == [Certificate.objects.get().pk] * 4
    assert SerialNumber.objects.filter(request=approved).count() == 1


def test_the_worker_that_nobody_kills_does_it_all(pki: Pki, approved: CertificateRequest) -> None:
    """The child is the real thing: unharmed, it issues."""
    done = worker("after", "certs.crl._sign_if_due", pki)
    assert done.stdout == "handled 1\n", done.stderr
    approved.refresh_from_db()
    assert approved.status == "issued"
