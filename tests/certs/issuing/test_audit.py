"""The audit finds what was changed behind everybody's back, each under its own code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from certs import audit, gate, services, tasks
from certs.errors import WeakKey
from certs.issuing import serials
from certs.models import Certificate, CertificateRequest
from certs.status import upkeep
from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.factories import NodeFactory

pytestmark = pytest.mark.django_db
Certify = Callable[..., Certificate]


@pytest.fixture
def certificate(certify: Certify, heming: Node, zhou_lan: User) -> Certificate:
    return certify(heming, zhou_lan)


def codes() -> set[str]:
    return {finding.code for finding in audit.audit(lint=False).findings}


def rewrite(statement: str, *values: Any) -> None:
    """As somebody who owns the database could: past triggers and constraints."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, values)
        cursor.execute("SET session_replication_role = origin")


def test_what_was_issued_rightly_passes(
    pki: Pki, certify: Certify, heming: Node, zhou_lan: User, certificate: Certificate
) -> None:
    report = audit.audit()
    assert (report.checked, report.findings) == (1, [])
    services.revoke(certificate, reason="superseded", actor=zhou_lan)
    outbox.drain("signing")
    out = StringIO()
    call_command("audit_certificates", stdout=out)
    assert out.getvalue() == "1 certificates checked, 0 findings\n"


COLUMNS = {
    "subject": "CN=somebody else",
    "tls_id": "ab",
    "public_key_hex": "cd",
    "fingerprint_sha256": "0" * 64,
    "not_after": "2050-01-01T00:00:00Z",
    "spki_sha256": "1" * 64,
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_row_that_says_something_else(column: str, certificate: Certificate) -> None:
    rewrite(f"UPDATE certs_certificate SET {column} = %s", COLUMNS[column])  # noqa: S608
    assert "row_differs" in codes()


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE certs_certificate SET crl_shard = crl_shard + 1", "list_differs"),
        ("UPDATE certs_certificate SET der = 'nothing'", "unreadable"),
        ("UPDATE certs_certificate SET profile = 'ocsp'", "usage_differs"),
        ("UPDATE certs_certificate SET request_id = NULL", "request_missing"),
        ("UPDATE certs_certificaterequest SET decided_by_id = NULL", "approval_missing"),
        ("UPDATE certs_certificaterequest SET status = 'approved'", "request_open"),
        ("UPDATE certs_certificaterequest SET csr = 'nothing'", "key_refused"),
        ("UPDATE certs_serialnumber SET intent = '' WHERE request_id IS NOT NULL", "intent_missing"),
        ("UPDATE certs_serialnumber SET voided_at = now() WHERE request_id IS NOT NULL", "serial_voided"),
        ("DELETE FROM core_event WHERE action = 'certificate.issued'", "event_missing"),
        ("DELETE FROM certs_serialnumber WHERE request_id IS NOT NULL", "serial_unknown"),
    ],
)
def test_rows_that_were_changed(statement: str, code: str, certificate: Certificate) -> None:
    rewrite(statement)
    assert code in codes()


def test_a_certificate_of_another_key_or_signature(certificate: Certificate) -> None:
    der = bytearray(bytes(certificate.der))
    der[-1] ^= 1
    rewrite("UPDATE certs_certificate SET der = %s", bytes(der))
    assert "signature_wrong" in codes()


def twice_extended(der: bytes) -> bytes:
    """The certificate with its last extension once more, as no reader takes it."""
    read = asn1.Certificate.load(der)
    extensions = read["tbs_certificate"]["extensions"]
    extensions.append(extensions[len(extensions) - 1].copy())
    return bytes(read.dump(force=True))


@pytest.mark.parametrize("lint", [True, False])
def test_one_that_no_library_reads_hides_nothing_and_stops_nobody(
    certificate: Certificate, certify: Certify, heming: Node, zhou_lan: User, lint: bool
) -> None:
    """Found with it is what was found before, and everything about the certificates after it."""
    others = [
        certify(NodeFactory(institution=heming.institution, name=f"other-{number}"), zhou_lan)
        for number in range(3)
    ]
    first, *rest = sorted([certificate, *others], key=lambda one: one.pk)
    rewrite("UPDATE certs_certificate SET der = %s WHERE id = %s", twice_extended(bytes(first.der)), first.pk)
    for one in rest:
        rewrite("UPDATE certs_certificate SET tls_id = 'ab' WHERE id = %s", one.pk)
    report = audit.audit(lint=lint)
    assert report.checked == 4
    said: dict[str, set[str]] = defaultdict(set)
    for finding in report.findings:
        said[finding.subject].add(finding.code)
    assert {"row_differs", "signature_wrong", "intent_differs", "unreadable"} <= said[first.serial_id]
    assert all(said[one.serial_id] == {"row_differs"} for one in rest)
    (text,) = [finding.text for finding in report.findings if finding.code == "unreadable"]
    assert text.startswith("DuplicateExtension: ")


def test_the_night_goes_on_after_one_that_no_library_reads(certificate: Certificate) -> None:
    rewrite("UPDATE certs_certificate SET der = %s", twice_extended(bytes(certificate.der)))
    tasks.audit_certificates()
    while outbox.drain("default"):
        pass
    assert Event.objects.get(action="audit.finished").data["checked"] == 1
    assert Event.objects.filter(action="audit.found", data__code="unreadable").exists()


def test_an_intent_that_says_something_else(certificate: Certificate, pki: Pki) -> None:
    rewrite("UPDATE certs_serialnumber SET intent = %s WHERE request_id IS NOT NULL", bytes(pki.nodes.der))
    assert "intent_differs" in codes()


def test_a_key_that_is_known_as_weak_today(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    def know_better(read: gate.ReadRequest) -> None:
        raise WeakKey(flaw="found in 2031")

    monkeypatch.setattr(gate.weak, "check", know_better)
    assert codes() == {"key_refused"}


def test_one_serial_or_key_in_two_certificates(
    certify: Certify, certificate: Certificate, zhou_lan: User, heming: Node
) -> None:
    other = certify(NodeFactory(institution=heming.institution, name="second"), zhou_lan)
    rewrite(
        "UPDATE certs_certificate SET der = %s, spki_sha256 = %s WHERE id = %s",
        bytes(certificate.der), certificate.spki_sha256, other.pk,
    )  # fmt: skip
    assert {"serial_twice", "key_twice", "row_differs", "key_differs"} <= codes()


def test_a_serial_that_never_ended(pki: Pki, certificate: Certificate) -> None:
    serials.allocate([(pki.nodes, None)])
    assert codes() == set()  # it may be under way
    upkeep.refresh()
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert codes() == {"serial_open"}


def test_lists_that_say_something_else(pki: Pki, certificate: Certificate, zhou_lan: User) -> None:
    services.revoke(certificate, reason="superseded", actor=zhou_lan)
    assert codes() == set()  # owed, and under way
    OutboxMessage.objects.filter(topic="certs.publish_crl").update(dead_at=clock.now())
    assert "list_differs" in codes()
    upkeep.publish(pki.nodes.pk)
    assert codes() == set()
    (Path(settings.PKI_DIR) / "nodes.crl").write_bytes(b"an old one")
    assert codes() == {"list_not_published"}
    with clock.frozen(clock.now() + timedelta(days=3)):
        assert "list_stale" in codes()


def test_a_finding_ends_the_command_with_an_error_and_leaves_an_event(certificate: Certificate) -> None:
    rewrite("UPDATE certs_certificate SET subject = 'CN=else'")
    out = StringIO()
    with pytest.raises(CommandError, match="1 certificates checked, 1 findings"):
        call_command("audit_certificates", "--without-lint", stdout=out)
    assert out.getvalue().startswith(f"row_differs {certificate.serial_id}: subject is 'CN=else'")
    told = Event.objects.get(action="audit.found")
    assert (told.subject_label, told.data["code"]) == (certificate.serial_id, "row_differs")


def test_every_night_slice_by_slice(
    certify: Certify, certificate: Certificate, zhou_lan: User, heming: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    from certs.audit import running

    for number in range(2):
        certify(NodeFactory(institution=heming.institution, name=f"more-{number}"), zhou_lan)
    CertificateRequest.objects.filter(certificate=certificate).update(decided_by=None)
    monkeypatch.setattr(running.next_slice, "__kwdefaults__", {"limit": 2})
    tasks.audit_certificates()
    while outbox.drain("default"):
        pass
    told = Event.objects.get(action="audit.finished")
    assert told.data == {"checked": 3, "found": 1}
    assert Event.objects.get(action="audit.found").data["code"] == "approval_missing"
