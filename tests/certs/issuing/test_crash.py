"""A signing worker is killed between any two steps; the next one leaves the rows as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from cryptography import x509
from django.conf import settings
from django.db import connection

from certs import audit, issuing, services
from certs.errors import KeysNotAvailable
from certs.issuing import reading, sweep
from certs.models import Certificate, CertificateRequest, RevocationList, SerialNumber
from certs.status import files
from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import User
from consortium.stack.endpoints import PROJECT
from tests.certs.conftest import Pki
from tests.certs.issuing.conftest import Several

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 300.0  # seconds: only a hanging database meets it


def worker(
    moment: str, target: str, pki: Pki, *, times: int = 1, signing: bool = True
) -> subprocess.CompletedProcess[str]:
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
        [sys.executable, "-m", "tests.certs.crash_child", moment, target, str(times)],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip


def kill_worker(moment: str, target: str, pki: Pki, *, times: int = 1) -> None:
    done = worker(moment, target, pki, times=times)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def drain() -> None:
    """As the next worker would: the dead one's claim ends when PostgreSQL notices that it is gone."""
    end = time.monotonic() + LIMIT
    owed = OutboxMessage.objects.filter(outbox.OPEN, queue="signing")
    while owed.exists():  # a message that was tried is due again in a second
        outbox.drain("signing")
        assert time.monotonic() < end, "the dead worker's claim was never given back"


# Every step of issuing, in its order: (function, how often it is called before the process dies,
# whether the serials are committed by then, the intents, the certificates). Three requests are under way.
STEPS = [
    ("before", "certs.issuing.claims.some", 1, 0, 0, 0),
    ("before", "certs.issuing.preparing.prepare", 1, 0, 0, 0),
    ("after", "certs.services.checked_again", 2, 0, 0, 0),
    ("after", "certs.issuing.serials.allocate", 1, 0, 0, 0),  # not committed yet
    ("after", "certs.issuing.preparing._job", 3, 0, 0, 0),  # not committed yet
    ("after", "certs.issuing.preparing.prepare", 1, 3, 0, 0),
    ("after", "certs.issuing.linting.compose", 2, 3, 0, 0),
    ("after", "certs.issuing.inspection.inspect", 1, 3, 0, 0),
    ("after", "certs.issuing.pkix.lint", 2, 3, 0, 0),
    ("after", "certs.issuing.linting.lint", 3, 3, 0, 0),
    ("before", "certs.issuing.serials.store_intents", 1, 3, 0, 0),
    ("after", "certs.issuing.serials.store_intents", 1, 3, 3, 0),
    ("before", "certs.issuing.signing.sign", 1, 3, 3, 0),
    ("after", "certs.issuing.signing._signature", 1, 3, 3, 0),  # signed, not compared
    ("after", "certs.issuing.signing.sign", 2, 3, 3, 0),
    ("before", "certs.issuing.storing.store", 1, 3, 3, 0),
    ("after", "certs.issuing.storing._row", 1, 3, 3, 0),  # not committed yet
    ("after", "consortium.core.events.record_all", 1, 3, 3, 0),  # not committed yet
    ("after", "certs.issuing.storing.store", 1, 3, 3, 3),
    ("after", "certs.issuing.batches.issue_these", 1, 3, 3, 3),
]


@pytest.mark.parametrize(("moment", "target", "times", "numbered", "meant", "stored"), STEPS)
def test_issuing_goes_on_where_it_was_killed(
    moment: str,
    target: str,
    times: int,
    numbered: int,
    meant: int,
    stored: int,
    pki: Pki,
    several: Several,
) -> None:
    requests = several(3)
    kill_worker(moment, target, pki, times=times)
    left = {row.pk: bytes(row.intent) for row in SerialNumber.objects.filter(request__in=requests)}
    assert len(left) == numbered
    assert sum(map(bool, left.values())) == meant
    assert Certificate.objects.count() == stored
    assert_all_issued_once(requests, left)


def assert_all_issued_once(requests: list[CertificateRequest], left: dict[str, bytes]) -> None:
    drain()
    assert {request.status for request in CertificateRequest.objects.all()} == {"issued"}
    serials = {row.pk: row for row in SerialNumber.objects.filter(request__in=requests)}
    assert not left or serials.keys() == left.keys()  # what was spent is what is used
    assert sorted(Certificate.objects.values_list("serial_id", flat=True)) == sorted(serials)
    for certificate in Certificate.objects.all():
        found = reading.parts(bytes(certificate.der)).tbs
        assert found == reading.parts(bytes(serials[certificate.serial_id].intent)).tbs
        earlier = left.get(certificate.serial_id)
        assert not earlier or found == reading.parts(earlier).tbs  # no serial is signed with two contents
    assert Event.objects.filter(action="certificate.issued").count() == len(requests)
    assert not OutboxMessage.objects.filter(outbox.OPEN, topic="certs.issue").exists()
    assert [str(finding) for finding in audit.audit(lint=False).findings] == []


@pytest.mark.parametrize(
    ("moment", "target"),
    [("before", "certs.issuing.batches.withdraw"), ("after", "certs.issuing.serials.void"),
     ("after", "certs.issuing.batches.withdraw")],
)  # fmt: skip
def test_a_refusal_goes_on_where_it_was_killed(moment: str, target: str, pki: Pki, several: Several) -> None:
    """One of three can't be issued any more: the others are, and it is closed, whoever dies meanwhile."""
    requests = several(3)
    CertificateRequest.objects.filter(pk=requests[1].pk).update(csr=b"no request")
    kill_worker(moment, target, pki)
    assert Certificate.objects.count() == 2
    drain()
    statuses = [CertificateRequest.objects.get(pk=request.pk).status for request in requests]
    assert statuses == ["issued", "rejected", "issued"]
    assert Event.objects.filter(action="request.rejected").count() == 1
    assert audit.audit(lint=False).findings == []


def test_a_sweep_ends_what_was_left_for_good(pki: Pki, several: Several) -> None:
    """The message is lost as well: what has a serial is finished, what was closed meanwhile voided."""
    requests = several(3)
    kill_worker("after", "certs.issuing.preparing.prepare", pki)
    OutboxMessage.objects.filter(topic="certs.issue").update(dead_at=clock.now())
    CertificateRequest.objects.filter(pk=requests[0].pk).update(status="rejected")
    spent = SerialNumber.objects.get(request=requests[0])
    with clock.frozen(clock.now() + sweep.GRACE + timedelta(minutes=1)):
        swept = sweep.sweep()
        assert (swept.owed, swept.voided) == (2, [spent.pk])
        drain()
    spent.refresh_from_db()
    assert spent.void_reason == sweep.DECIDED
    assert Certificate.objects.count() == 2
    assert not sweep.unended().exclude(pk__in=sweep.authorities_serials()).exists()
    assert Event.objects.get(action="serial.voided").subject_id == spent.pk


@pytest.mark.parametrize(
    ("moment", "target"),
    [
        ("before", "certs.status.crl._sign_what_is_due"),
        ("after", "certs.status.crl._sign"),  # not committed yet
        ("after", "certs.status.crl._sign_what_is_due"),
        # The temporary file is there, the name still the old one's.
        ("after", "consortium.core.files._written"),
        ("after", "certs.status.files.write_crls"),
    ],
)
def test_a_list_goes_on_where_it_was_killed(
    moment: str, target: str, pki: Pki, approved: CertificateRequest, zhou_lan: User
) -> None:
    drain()
    certificate = Certificate.objects.get()
    services.revoke(certificate, reason="keyCompromise", actor=zhou_lan)
    kill_worker(moment, target, pki)
    drain()
    rows = RevocationList.objects.filter(authority=pki.nodes, shard=None).order_by("number")
    assert [(row.number, row.entries) for row in rows] == [(1, 0), (2, 1)]  # none lost, none doubled
    assert number_in_file() == 2
    assert files.current_crl("nodes") == bytes(rows[1].der)
    assert OutboxMessage.objects.get(topic="certs.publish_crl").done_at is not None


def number_in_file() -> int:
    listed = x509.load_der_x509_crl((Path(settings.PKI_DIR) / "nodes.crl").read_bytes())
    return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_a_process_like_the_web_one_can_not_sign(pki: Pki, approved: CertificateRequest) -> None:
    """It has the database and even the sealed files, but no passphrase: the work waits for who has."""
    done = worker("after", "certs.status.crl.publish", pki, signing=False)
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


def test_two_workers_share_a_batch_and_leave_nothing(pki: Pki, several: Several) -> None:
    requests = several(6)
    start = threading.Barrier(2)

    def work() -> list[str]:
        start.wait()
        try:
            done: list[str] = []
            while (report := issuing.issue_some(limit=2)).taken:
                done += [str(request) for request in report.taken]
            return done
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = (job.result() for job in [pool.submit(work) for _ in range(2)])
    assert sorted(first + second) == sorted(str(request.pk) for request in requests)  # each was one's alone
    assert Certificate.objects.count() == SerialNumber.objects.filter(request__in=requests).count() == 6


def test_the_worker_that_nobody_kills_does_it_all(pki: Pki, approved: CertificateRequest) -> None:
    """The child is the real thing: unharmed, it issues."""
    done = worker("after", "certs.status.crl.publish", pki)
    assert done.stdout == "handled 2\n", done.stderr  # the request, then who may read lists
    approved.refresh_from_db()
    assert approved.status == "issued"
