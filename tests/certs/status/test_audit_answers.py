"""The audit believes no file's head: what counts is what is signed in a prepared answer, and by whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as library

from certs import audit, building, services
from certs.models import Certificate
from certs.status import ocsp, prepared, responders
from certs.status.keyring import Opened
from certs.status.prepared import Prepared
from certs.status.signing import ClassicSigner
from consortium.core import clock, outbox
from consortium.members.models import User
from tests.certs.conftest import Pki

pytestmark = pytest.mark.django_db


def found() -> set[tuple[str, str]]:
    return {(one.subject, one.code) for one in audit.audit(lint=False).findings}


def published(serial: str) -> Prepared:
    answer = prepared.read("nodes", serial)
    assert answer is not None
    return answer


def publish(serial: str, answer: Prepared) -> None:
    """The file of the certificate with ``serial``, whatever is in it."""
    period = (int(answer.this_update.timestamp()), int(answer.next_update.timestamp()))
    parts = (answer.status, *answer.responses.values())
    head = prepared._HEAD.pack(prepared._MAGIC, *period, *map(len, parts))
    prepared.path_of("nodes", serial).write_bytes(b"".join((head, *parts)))


def test_true_answers_pass(certificate: Certificate, wang_min: User) -> None:
    assert found() == set()
    services.suspend(certificate, comment="Laptop missing", actor=wang_min)
    outbox.drain("signing")
    assert published(certificate.serial_id).status != ocsp.GOOD
    assert found() == set()
    services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    outbox.drain("signing")
    assert found() == set()


def test_an_old_good_answer_behind_a_head_that_says_revoked(certificate: Certificate, wang_min: User) -> None:
    serial = certificate.serial_id
    good = published(serial)
    services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    outbox.drain("signing")
    revoked = published(serial)
    publish(serial, replace(good, status=revoked.status))
    assert found() == {(serial, "answer_differs")}
    one_is_old = {**revoked.responses, "sha1": good.responses["sha1"]}
    publish(serial, replace(revoked, responses=one_is_old))
    assert found() == {(serial, "answer_differs")}
    publish(serial, revoked)
    assert found() == set()


def test_an_answer_that_nobody_signed(certificate: Certificate) -> None:
    serial = certificate.serial_id
    answer = published(serial)
    response = answer.responses["sha256"]
    time = library.load_der_ocsp_response(response).produced_at_utc
    earlier = time - timedelta(seconds=1)
    spoilt = response.replace(f"{time:%Y%m%d%H%M%SZ}".encode(), f"{earlier:%Y%m%d%H%M%SZ}".encode(), 1)
    assert spoilt != response
    publish(serial, replace(answer, responses={**answer.responses, "sha256": spoilt}))
    assert found() == {(serial, "answer_signature_wrong")}


def test_an_answer_in_force_for_longer_than_was_signed(certificate: Certificate) -> None:
    serial = certificate.serial_id
    answer = published(serial)
    publish(serial, replace(answer, next_update=answer.next_update + timedelta(days=3)))
    assert found() == {(serial, "answer_differs")}


def test_an_answer_for_another_certificate(certificate: Certificate, responder: Opened) -> None:
    serial, now = certificate.serial_id, clock.now()
    other = building.serial_text(building.new_serial())
    prepared.write(responder, other, ocsp.GOOD, now, durable=False)
    publish(serial, published(other))
    prepared.path_of("nodes", other).unlink()
    assert found() == {(serial, "answer_differs")}


def test_an_answer_from_somebody_elses_responder(
    certificate: Certificate, responder: Opened, pki: Pki
) -> None:
    """It calls itself certified by the authority, and it signs what it says: but nobody certified it."""
    serial, now = certificate.serial_id, clock.now()
    key = ec.generate_private_key(ec.SECP256R1())
    forged = _forged(responder.responder.certificate, key, now)
    false = Opened(responders.describe("nodes", forged, bytes(pki.nodes.der)), ClassicSigner(key))
    prepared.write(false, serial, ocsp.GOOD, now, durable=False)
    assert found() == {(serial, "answer_responder_wrong")}
    # Nor does another certificate that the authority signed make a responder.
    bank = bytes(certificate.der)
    false = Opened(responders.describe("nodes", bank, bytes(pki.nodes.der)), ClassicSigner(key))
    prepared.write(false, serial, ocsp.GOOD, now, durable=False)
    assert found() == {(serial, "answer_responder_wrong"), (serial, "answer_signature_wrong")}


def _forged(certificate: bytes, key: ec.EllipticCurvePrivateKey, now: datetime) -> bytes:
    own = x509.load_der_x509_certificate(certificate)
    builder = x509.CertificateBuilder(
        issuer_name=own.issuer,
        subject_name=own.subject,
        public_key=key.public_key(),
        serial_number=own.serial_number,
        not_valid_before=own.not_valid_before_utc.replace(tzinfo=None),
        not_valid_after=own.not_valid_after_utc.replace(tzinfo=None),
    )
    for one in own.extensions:
        builder = builder.add_extension(one.value, one.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_an_answer_that_is_none(certificate: Certificate) -> None:
    serial = certificate.serial_id
    answer = published(serial)
    for spoilt in (b"", b"\x30", ocsp.failure(ocsp.Failure.TRY_LATER), answer.responses["sha1"][:-1]):
        publish(serial, replace(answer, responses={**answer.responses, "sha1": spoilt}))
        assert found() == {(serial, "answer_unreadable")}
