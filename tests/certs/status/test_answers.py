"""OCSP from the file that was prepared and from the key: the same truth by both ways."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509 import ocsp as library
from django.db.utils import OperationalError
from pytest_django.fixtures import Settings

from certs import building, services
from certs.models import Authority, Certificate, Profile, RevocationReason
from certs.status import answering, delegation, ocsp, prepared, responders, responding, states, store, upkeep
from certs.status.keyring import Opened
from certs.status.server import Server
from consortium.core import clock, outbox
from consortium.core.models import OutboxMessage
from consortium.members.models import Node, User
from tests.certs.conftest import Pki
from tests.certs.status.asking import SHA1, SHA256, checked, request_for, request_for_serial
from tests.certs.status.conftest import issuer_of

pytestmark = pytest.mark.django_db
Status, ResponseStatus = library.OCSPCertStatus, library.OCSPResponseStatus


@pytest.fixture
def process(responder: Opened, settings: Settings) -> Iterator[Server]:
    """The responder as threads of this process; the tests on the real one kill it."""
    server = Server(settings.OCSP_SOCKET, threads=2)
    server.start()
    yield server
    server.stop()


def outcome(data: bytes) -> ResponseStatus:
    return library.load_der_ocsp_response(answering.answer(data).der).response_status


def status_now(certificate: Certificate, nonce: bytes | None = None) -> library.OCSPResponse:
    answer = (responding.respond if nonce else answering.answer)(request_for(certificate, nonce=nonce))
    return checked(answer.der, issuer_of(certificate.authority), clock.now())


@pytest.mark.parametrize("algorithm", [SHA1, SHA256])
def test_an_issued_certificate_is_good_without_responder_or_database(
    certificate: Certificate, algorithm: object, django_assert_num_queries: object
) -> None:
    issuer = issuer_of(certificate.authority)
    with django_assert_num_queries(0):  # type: ignore[operator]
        answer = answering.answer(request_for(certificate, algorithm=algorithm))  # type: ignore[arg-type]
    response = checked(answer.der, issuer, clock.now())
    assert response.certificate_status is Status.GOOD
    assert response.serial_number == int(certificate.serial_id, 16)
    assert (answer.this_update, answer.next_update) == (
        response.this_update_utc,
        response.next_update_utc,
    )


@pytest.mark.parametrize("reason", RevocationReason.values)
def test_a_revoked_one_is_revoked_at_its_time_for_its_reason(
    reason: str, certificate: Certificate, wang_min: User
) -> None:
    revocation = services.revoke(certificate, reason=reason, actor=wang_min)
    outbox.drain("signing")
    for response in (status_now(certificate), status_now(certificate, nonce=b"fresh")):
        assert response.certificate_status is Status.REVOKED
        assert response.revocation_time_utc == revocation.revoked_at.replace(microsecond=0)
        expected = None if reason == "unspecified" else x509.ReasonFlags(reason)
        assert response.revocation_reason is expected


def test_a_suspended_one_is_on_hold_and_good_again_when_released(
    certificate: Certificate, wang_min: User
) -> None:
    services.suspend(certificate, comment="Laptop missing", actor=wang_min)
    outbox.drain("signing")
    for response in (status_now(certificate), status_now(certificate, nonce=b"fresh")):
        assert response.certificate_status is Status.REVOKED
        assert response.revocation_reason is x509.ReasonFlags.certificate_hold
    services.release(certificate, comment="Found", actor=wang_min)
    outbox.drain("signing")
    assert status_now(certificate).certificate_status is Status.GOOD
    assert status_now(certificate, nonce=b"fresh").certificate_status is Status.GOOD


@pytest.mark.django_db(transaction=True)
def test_good_from_the_moment_of_release_and_never_unknown(
    responder: Opened, certify: Callable[..., Certificate], heming: Node, zhou_lan: User, process: Server
) -> None:
    """SSL.com's responder said "unknown" of certificates that it had issued."""
    released = certify(heming, zhou_lan)
    assert prepared.read("nodes", released.serial_id) is None
    assert status_now(released).certificate_status is Status.GOOD  # from the database, by the responder
    assert status_now(released, nonce=b"fresh").certificate_status is Status.GOOD


def test_releasing_owes_an_answer_in_the_same_transaction(certificate: Certificate) -> None:
    assert OutboxMessage.objects.filter(topic="certs.prepare_answers").exists()
    assert prepared.read("nodes", certificate.serial_id) is not None


def test_a_serial_that_was_never_issued_is_unknown_and_nothing_keeps_that(
    pki: Pki, responder: Opened, process: Server
) -> None:
    asked = request_for_serial(building.new_serial(), issuer_of(pki.nodes), b"fresh")
    answer = answering.answer(asked)
    response = checked(answer.der, issuer_of(pki.nodes), clock.now())
    assert response.certificate_status is Status.UNKNOWN
    assert (answer.this_update, answer.next_update) == (None, None)


def test_another_authoritys_serial_is_unknown_here(
    pki: Pki, certificate: Certificate, process: Server
) -> None:
    asked = request_for_serial(int(certificate.serial_id, 16), issuer_of(pki.access))
    delegation.ensure(pki.access)
    assert checked(
        answering.answer(asked).der, issuer_of(pki.access), clock.now()
    ).certificate_status is Status.UNKNOWN  # fmt: skip


def test_who_asks_for_an_authority_that_is_not_ours_is_not_authorized(pki: Pki, responder: Opened) -> None:
    assert outcome(request_for_serial(5, issuer_of(pki.root))) is ResponseStatus.UNAUTHORIZED
    assert responding.respond(request_for_serial(5, issuer_of(pki.root))).der == ocsp.failure(
        ocsp.Failure.UNAUTHORIZED
    )


@pytest.mark.parametrize("nonce", [b"n", bytes(range(32))])
def test_a_nonce_comes_back_and_its_answer_is_for_nobody_else(
    nonce: bytes, certificate: Certificate, process: Server
) -> None:
    answer = answering.answer(request_for(certificate, nonce=nonce))
    response = checked(answer.der, issuer_of(certificate.authority), clock.now())
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    assert answer.next_update is None


def test_a_fresh_answer_has_what_is_not_published_yet(
    responder: Opened, certificate: Certificate, zhou_lan: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signing worker is away: what it prepared says "good" for a day, a signature made now must not."""
    assert status_now(certificate, nonce=b"n" * 16).certificate_status is Status.GOOD
    services.revoke(certificate, reason=RevocationReason.KEY_COMPROMISE, comment="", actor=zhou_lan)
    monkeypatch.setattr(responding, "_complete", {})  # a second later
    revoked = status_now(certificate, nonce=b"n" * 16)
    assert (revoked.certificate_status, revoked.this_update_utc) == (Status.REVOKED, revoked.produced_at_utc)

    def away(*_asked: object) -> None:
        raise OperationalError

    for name in ("revision_of", "status_of"):
        monkeypatch.setattr(states, name, away)
    assert status_now(certificate, nonce=b"n" * 16).certificate_status is Status.GOOD  # all that is known


def test_without_the_responder_a_nonce_is_left_out_and_the_rest_holds(certificate: Certificate) -> None:
    answer = answering.answer(request_for(certificate, nonce=b"fresh"))
    response = checked(answer.der, issuer_of(certificate.authority), clock.now())
    assert response.certificate_status is Status.GOOD
    assert not list(response.extensions)


def test_while_others_wait_for_the_responder_nobody_else_does(
    process: Server, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or whoever asks often enough while it hangs would hold every thread that serves pages."""
    monkeypatch.setattr(answering, "_waiting", threading.BoundedSemaphore(1))
    question = request_for(certificate, nonce=b"n" * 16)
    unknown = request_for_serial(2**120, issuer_of(certificate.authority))
    with answering._waiting:
        without_nonce = library.load_der_ocsp_response(answering.answer(question).der)
        assert (without_nonce.certificate_status, list(without_nonce.extensions)) == (Status.GOOD, [])
        assert outcome(unknown) is ResponseStatus.TRY_LATER
    assert outcome(unknown) is ResponseStatus.SUCCESSFUL


def test_what_nobody_can_know_is_tried_later(
    pki: Pki, certificate: Certificate, responder: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never "unknown" by default: neither with the responder gone nor with the database down."""
    never = request_for_serial(building.new_serial(), issuer_of(pki.nodes))
    assert outcome(never) is ResponseStatus.TRY_LATER

    def away(*_: object) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(states, "status_of", away)
    monkeypatch.setattr(responding, "_REST", 0.0)
    later = library.load_der_ocsp_response(responding.respond(never).der)
    assert later.response_status is ResponseStatus.TRY_LATER
    assert status_now(certificate, nonce=b"fresh").certificate_status is Status.GOOD  # as published


def test_several_certificates_in_one_request(
    pki: Pki, certificate: Certificate, process: Server, wang_min: User
) -> None:
    services.revoke(certificate, reason="superseded", actor=wang_min)
    outbox.drain("signing")
    hashes_ = responders.describe("nodes", bytes(certificate.der), bytes(pki.nodes.der)).issuer["sha256"]
    wanted = [int(certificate.serial_id, 16), building.new_serial()]
    answer = answering.answer(several([ocsp.cert_id("sha256", hashes_, serial) for serial in wanted]))
    response = checked(answer.der, issuer_of(pki.nodes), clock.now())
    found = [(single.serial_number, single.certificate_status) for single in response.responses]
    assert found == list(zip(wanted, [Status.REVOKED, Status.UNKNOWN], strict=True))


def several(ids: list[bytes]) -> bytes:
    from certs import der

    asked = der.tlv(der.SEQUENCE, *(der.tlv(der.SEQUENCE, one) for one in ids))
    return der.tlv(der.SEQUENCE, der.tlv(der.SEQUENCE, asked))


def test_no_answer_outlives_the_responders_certificate(
    pki: Pki, certificate: Certificate, responder: Opened
) -> None:
    """Symantec's did."""
    end = responder.responder.not_after
    with clock.frozen(end - timedelta(hours=1)):
        store._prepare(pki.nodes, responder, [certificate.serial_id], durable=True)
        assert status_now(certificate).next_update_utc == end
        assert status_now(certificate, nonce=b"fresh").next_update_utc == end
    with clock.frozen(end + timedelta(seconds=1)):
        assert outcome(request_for(certificate)) is ResponseStatus.TRY_LATER
        refused = responding.respond(request_for(certificate, nonce=b"fresh")).der
        assert refused == ocsp.failure(ocsp.Failure.TRY_LATER)


def test_the_responder_is_renewed_in_time_and_its_old_key_goes(pki: Pki, responder: Opened) -> None:
    first = responder.responder
    assert first.not_after - clock.now() < timedelta(days=7)
    with clock.frozen(first.not_after - timedelta(days=3, minutes=1)):
        assert delegation.ensure(pki.nodes).responder == first
    with clock.frozen(first.not_after - timedelta(days=2)):
        second = delegation.ensure(pki.nodes).responder
    assert second.spki_sha256 != first.spki_sha256
    assert responders.published("nodes") == second
    sealed = pki.key_dir / f"{first.key_name}.key"
    with clock.frozen(first.not_after + timedelta(seconds=1)):
        import os

        os.utime(sealed, (0, 0))
        assert delegation.tidy() == 1
    assert not sealed.exists()
    assert (pki.key_dir / f"{second.key_name}.key").exists()


def test_answers_are_renewed_from_half_their_life_on(pki: Pki, certificate: Certificate) -> None:
    first = prepared.read("nodes", certificate.serial_id)
    assert first is not None
    with clock.frozen(first.this_update + timedelta(hours=11, minutes=59)):
        upkeep.renew_answers()
    assert prepared.read("nodes", certificate.serial_id) == first
    with clock.frozen(first.this_update + timedelta(hours=12)):
        upkeep.renew_answers()
        renewed = prepared.read("nodes", certificate.serial_id)
    assert renewed is not None
    assert renewed.next_update == first.next_update + timedelta(hours=12)


def test_answers_that_were_lost_come_back_and_those_of_ended_certificates_go(
    pki: Pki, certificate: Certificate
) -> None:
    path = prepared.path_of("nodes", certificate.serial_id)
    path.write_bytes(b"")  # as a power cut may leave it
    assert prepared.read("nodes", certificate.serial_id) is None
    upkeep.renew_answers()
    assert prepared.read("nodes", certificate.serial_id) is not None
    with clock.frozen(certificate.not_after + timedelta(seconds=1)):
        upkeep.renew_answers()
    assert not path.exists()


def test_an_ended_certificate_is_still_known(
    pki: Pki, certificate: Certificate, responder: Opened, wang_min: User
) -> None:
    services.revoke(certificate, reason="superseded", actor=wang_min)
    prepared.path_of("nodes", certificate.serial_id).unlink()
    assert status_now(certificate, nonce=b"fresh").certificate_status is Status.REVOKED


def test_a_revocation_that_found_no_key_is_followed_later(
    pki: Pki, certificate: Certificate, wang_min: User, settings: Settings
) -> None:
    word, settings.OCSP_PASSPHRASE_FILE = settings.OCSP_PASSPHRASE_FILE, None
    services.revoke(certificate, reason="keyCompromise", actor=wang_min)
    outbox.drain("signing")
    assert status_now(certificate).certificate_status is Status.GOOD  # as published
    settings.OCSP_PASSPHRASE_FILE = word
    upkeep.refresh()
    assert status_now(certificate).certificate_status is Status.REVOKED


def test_certid_that_is_written_unusually_is_echoed_as_it_came(
    certificate: Certificate, process: Server
) -> None:
    """Without NULL as parameters: allowed, and some clients compare what comes back octet by octet."""
    usual = request_for(certificate)
    without = usual.replace(bytes.fromhex("300906052b0e03021a0500"), bytes.fromhex("300706052b0e03021a"))
    lengths = bytearray(without)
    for at in (1, 3, 5, 7, 9):  # the five sequences around it became two octets shorter
        lengths[at] -= 2
    answer = answering.answer(bytes(lengths))
    assert bytes.fromhex("300706052b0e03021a") in answer.der
    checked(answer.der, issuer_of(certificate.authority), clock.now())


def test_a_broken_responder_file_does_not_silence_the_others(pki: Pki, certificate: Certificate) -> None:
    responders.path_of("access").write_text("nothing of the kind")
    assert status_now(certificate).certificate_status is Status.GOOD


def test_services_of_the_console_are_answered_too(pki: Pki, responder: Opened) -> None:
    own = Certificate.objects.get(profile=Profile.OCSP, authority=pki.nodes)
    upkeep.welcome()
    assert status_now(own).certificate_status is Status.GOOD


def test_authorities_of_guomi_have_lists_alone(pki: Pki) -> None:
    assert not responders.wanted(Authority(kind="issuing", purpose="sm-nodes"))
    assert not responders.wanted(pki.root)
    assert responders.wanted(pki.nodes)
