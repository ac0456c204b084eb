"""Many requests at once: none holds up another, and each step's promise is kept for each."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from django.db import DatabaseError, IntegrityError, OperationalError, transaction

from certs import building, issuing, services
from certs.errors import ContentMismatch, IssuingFailed, KeysNotAvailable, LintFinding
from certs.issuing import batches, pkix, preparing, reading, serials, signing, storing
from certs.models import Certificate, CertificateRequest, SerialNumber
from consortium.core import clock, events, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.issuing.conftest import Several
from tests.certs.openssl import Workstation

pytestmark = pytest.mark.django_db


def statuses(requests: list[CertificateRequest]) -> list[str]:
    return [CertificateRequest.objects.get(pk=request.pk).status for request in requests]


def test_a_batch_is_issued_together(several: Several, django_assert_max_num_queries: Any) -> None:
    requests = several(4)
    with django_assert_max_num_queries(40):  # with savepoints; however many the requests are
        report = issuing.issue_some()
    assert sorted(report.taken) == sorted(request.pk for request in requests)
    assert statuses(requests) == ["issued"] * 4
    assert Event.objects.filter(action="certificate.issued").count() == 4
    assert issuing.issue_some().taken == []


def test_the_queue_issues_what_is_approved_whatever_message_came(several: Several) -> None:
    requests = several(3)
    OutboxMessage.objects.filter(topic="certs.issue").exclude(
        pk=OutboxMessage.objects.filter(topic="certs.issue").values("pk")[:1]
    ).update(dead_at=clock.now())
    assert outbox.drain("signing") == 2, "all of them by one message; then who may read lists"
    assert statuses(requests) == ["issued"] * 3


def test_what_is_refused_takes_nobody_with_it(several: Several) -> None:
    requests = several(3)
    CertificateRequest.objects.filter(pk=requests[0].pk).update(csr=b"no request")
    CertificateRequest.objects.filter(pk=requests[1].pk).update(decided_by=None)
    report = issuing.issue_some()
    assert statuses(requests) == ["rejected", "rejected", "issued"]
    assert {refusal.code for _request, refusal in report.refused} == {"malformed_request", "content_mismatch"}
    assert not SerialNumber.objects.filter(request__in=requests[:2]).exists()


def test_what_nobody_expected_takes_nobody_with_it(several: Several, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = several(3)
    real = preparing._approved

    def trip(request: CertificateRequest, *rest: Any) -> Any:
        if request.pk == requests[1].pk:
            raise RecursionError("a request nobody thought of")
        return real(request, *rest)

    monkeypatch.setattr(preparing, "_approved", trip)
    report = issuing.issue_some()
    assert statuses(requests) == ["issued", "rejected", "issued"]
    assert [type(refusal) for _request, refusal in report.refused] == [IssuingFailed]
    assert len(report.taken) == 3
    told = Event.objects.get(action="request.rejected")
    assert told.data == {"code": "issuing_failed", "params": {"kind": "RecursionError"}}


def test_a_linters_finding_stops_issuance_and_voids_the_serial(
    several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    [request] = several(1)

    def find(certificate: bytes) -> list[str]:
        raise LintFinding(finding="pkix.something")

    monkeypatch.setattr(pkix, "lint", find)
    with pytest.raises(LintFinding):
        issuing.issue(request.pk)
    assert statuses([request]) == ["rejected"]
    serial = SerialNumber.objects.get(request=request)
    assert (bytes(serial.intent), "pkix.something" in serial.void_reason) == (b"", True)
    assert Event.objects.get(action="serial.voided").data["signed_perhaps"] is False
    assert not Certificate.objects.exists()


@pytest.mark.parametrize("error", [OperationalError("away"), signing.SignerBroke("the device is away")])
def test_what_is_nobodys_fault_leaves_the_requests_as_they_are(
    error: Exception, several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = several(2)

    def fail(*_: object) -> bytes:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(signing, "sign", fail)
        with pytest.raises(type(error)):
            issuing.issue_some()
    assert statuses(requests) == ["approved"] * 2
    spent = set(SerialNumber.objects.filter(request__in=requests).values_list("pk", flat=True))
    issuing.issue_some()
    assert set(Certificate.objects.values_list("serial_id", flat=True)) == spent


def test_a_serial_number_that_exists_is_never_given_out(
    several: Several, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = several(1)
    certificate = issuing.issue(first.pk)
    assert certificate is not None
    used = int(certificate.serial_id, 16)
    monkeypatch.setattr(building, "new_serial", lambda: used)
    with pytest.raises(IntegrityError), transaction.atomic():
        serials.allocate([(certificate.authority, None)])
    assert SerialNumber.objects.filter(pk=certificate.serial_id).count() == 1


def test_a_serial_of_long_ago_is_voided_and_another_taken(several: Several) -> None:
    """Otherwise the certificate would begin in the past."""
    [request] = several(1)
    [job] = preparing.prepare([request.pk]).jobs
    with clock.frozen(clock.now() + preparing.MOST_BACKDATING):
        certificate = issuing.issue(request.pk)
        assert certificate is not None
        assert (clock.now() - certificate.not_before).total_seconds() < 1
    job.serial.refresh_from_db()
    assert job.serial.void_reason == preparing.TOO_OLD
    assert certificate.serial_id != job.serial.pk


def test_nothing_is_stored_under_a_voided_serial(several: Several, pki: Pki) -> None:
    [request] = several(1)
    [job] = preparing.prepare([request.pk]).jobs
    linted = batches.lint(job)
    signed = signing.sign(linted, job.signer.key)
    with transaction.atomic():
        serials.void([job.serial], reason="too late", actor=events.COMMAND)
    assert serials.store_intents({job.serial.pk: linted.intent}) == set()
    with pytest.raises(DatabaseError, match="was voided"):
        storing.store([(job, signed)])
    assert not Certificate.objects.exists()


def test_an_intent_is_written_once(several: Several) -> None:
    [request] = several(1)
    [job] = preparing.prepare([request.pk]).jobs
    first, second = (batches.lint(job) for _ in range(2))
    assert first.intent != second.intent  # the throwaway signatures differ
    assert serials.store_intents({job.serial.pk: first.intent}) == {job.serial.pk}
    assert serials.store_intents({job.serial.pk: second.intent}) == set()
    assert bytes(SerialNumber.objects.get(pk=job.serial.pk).intent) == first.intent
    assert issuing.issue(request.pk) is not None


def test_whoever_changed_the_record_meanwhile_gets_nothing_signed(several: Several, heming: Node) -> None:
    """The intent says what the record said; what would be composed now is something else."""
    [request] = several(1)
    [job] = preparing.prepare([request.pk]).jobs
    serials.store_intents({job.serial.pk: batches.lint(job).intent})
    Node.objects.filter(pk=request.node_id).update(name="renamed-1")
    with pytest.raises(ContentMismatch):
        issuing.issue(request.pk)
    assert statuses([request]) == ["rejected"]
    assert SerialNumber.objects.get(pk=job.serial.pk).voided_at is not None


def test_a_key_that_came_with_another_request_first_is_not_signed(several: Several) -> None:
    first, second = several(2)
    CertificateRequest.objects.filter(pk=second.pk).update(csr=first.csr, spki_sha256=first.spki_sha256)
    report = issuing.issue_some()
    assert [refusal.code for _request, refusal in report.refused] == ["key_seen_before"]
    assert statuses([first, second]) == ["issued", "rejected"]


def test_one_purposes_missing_authority_holds_up_no_other(
    several: Several, pki: Pki, heming: Node, zhou_lan: User, wang_min: User, workstation: Workstation
) -> None:
    [request] = several(1)
    person = services.submit_request(
        holder=zhou_lan, profile="officer", csr=workstation.request(), actor=zhou_lan
    )
    services.approve_request(person, actor=wang_min)
    (pki.key_dir / "access.key").unlink()
    report = issuing.issue_some()
    assert [type(error) for error in report.waiting] == [KeysNotAvailable]
    assert statuses([request, person]) == ["issued", "approved"]


def test_a_persons_certificate_names_person_and_institution(
    pki: Pki, zhou_lan: User, wang_min: User, workstation: Workstation
) -> None:
    person = services.submit_request(
        holder=zhou_lan, profile="officer", csr=workstation.request(), actor=zhou_lan
    )
    services.approve_request(person, actor=wang_min)
    certificate = issuing.issue(person.pk)
    assert certificate is not None
    assert (certificate.holder, certificate.node, certificate.authority) == (zhou_lan, None, pki.access)
    assert building.holder_urn(zhou_lan).encode() in bytes(certificate.der)


def test_what_lists_know_a_key_by_is_stored(certify: Any, heming: Node, zhou_lan: User) -> None:
    certificate = certify(heming, zhou_lan)
    key = load_der_public_key(reading.spki_of(bytes(certificate.der)))
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert certificate.public_key_hex == point[1:].hex()
    assert certificate.tls_id == ""
    assert certificate.crl_shard == int(certificate.serial_id, 16) % certificate.authority.crl_shards
