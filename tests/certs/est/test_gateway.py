"""EST on the real gateway: first certificates, renewals, who is refused and how."""

from __future__ import annotations

from datetime import timedelta

import httpx
from cryptography.hazmat.primitives.serialization import Encoding

from certs import services
from certs.est import attempts
from certs.models import Authority, Certificate, CertificateRequest, CrossCertificate
from consortium.core import clock
from consortium.core.models import Event
from consortium.members import services as members
from tests.certs.est.town import Town, ask, body, certificates, refusal

Status = CertificateRequest.Status


def der(answer: httpx.Response) -> bytes:
    found = certificates(answer)
    assert len(found) == 1  # section 4.2.3: only the certificate that was issued
    return found[0].public_bytes(Encoding.DER)


def test_everybody_gets_every_authority(town: Town) -> None:
    with town.est() as client:
        given = {each.public_bytes(Encoding.DER) for each in certificates(client.get("cacerts"))}
        again = {each.public_bytes(Encoding.DER) for each in certificates(client.get("evm-node/cacerts"))}
    rows = [*Authority.objects.all(), *CrossCertificate.objects.all()]
    assert given == again == {bytes(row.der) for row in rows}


def test_attributes_are_of_the_profile_that_is_named_or_proven(town: Town) -> None:
    node = town.node("attribute-bank/n1")
    town.certify(node, "rsa2048")
    _, secret = town.secret(node)
    with town.est() as client, town.est(node=node) as proven:
        assert client.get("csrattrs").status_code == 204
        named = {name: client.get(f"{name}/csrattrs") for name in ("evm-node", "fisco-bcos-3")}
        by_secret = client.get("csrattrs", auth=(str(node.pk), secret))
        by_certificate = proven.get("csrattrs")
    assert named["evm-node"].headers["Content-Type"] == "application/csrattrs"
    assert by_secret.content == named["evm-node"].content
    assert by_certificate.content == named["fisco-bcos-3"].content
    assert by_secret.content != by_certificate.content


def test_a_node_enrols_with_its_secret(town: Town) -> None:
    node = town.node("first-bank/n1")
    enrolment, secret = town.secret(node)
    csr, auth = body(town.workstation.request()), (str(node.pk), secret)
    with town.est() as client:
        for _ in range(2):  # nobody has approved yet
            waiting = ask(client, "simpleenroll", csr, auth=auth)
            assert (waiting.status_code, waiting.headers["Retry-After"]) == (202, "1")
        request = CertificateRequest.objects.get(node=node)
        assert (request.status, request.origin) == (Status.SUBMITTED, CertificateRequest.Origin.EST)
        assert request.requested_by == enrolment.created_by
        town.approve()
        with town.signing():  # the gateway waits that moment
            first = ask(client, "simpleenroll", csr, auth=auth)
        again = ask(client, "simpleenroll", csr, auth=auth)
    issued = Certificate.objects.get(node=node)
    assert der(first) == der(again) == bytes(issued.der)


def test_a_secret_is_good_for_one_key(town: Town) -> None:
    node = town.node("second-bank/n1")
    _, secret = town.secret(node)
    auth = (str(node.pk), secret)
    with town.est() as client:
        assert ask(client, "simpleenroll", body(town.workstation.request()), auth=auth).status_code == 202
        other = ask(client, "simpleenroll", body(town.workstation.request()), auth=auth)
    assert refusal(other) == (409, "secret_spent")
    assert CertificateRequest.objects.filter(node=node).count() == 1


def test_names_of_somebody_else_are_refused_and_the_secret_stays_good(town: Town) -> None:
    node = town.node("third-bank/n1")
    _, secret = town.secret(node)
    auth = (str(node.pk), secret)
    make = town.workstation.request
    foreign = {
        "subject": make(subject="/CN=first-bank"),
        "san": make("p256", "-addext", "subjectAltName=DNS:first-bank.example"),
    }
    with town.est() as client:
        for name, csr in foreign.items():
            assert refusal(ask(client, "simpleenroll", body(csr), auth=auth))[0] in {400, 403}, name
        assert not CertificateRequest.objects.filter(node=node).exists()
        assert ask(client, "simpleenroll", body(make(subject="/CN=n1")), auth=auth).status_code == 202
    assert Event.objects.filter(action="request.refused", node_id=node.pk).count() == len(foreign)


def test_a_rejection_is_said_with_its_reason(town: Town) -> None:
    node = town.node("fourth-bank/n1")
    _, secret = town.secret(node)
    csr, auth = body(town.workstation.request()), (str(node.pk), secret)
    with town.est() as client:
        ask(client, "simpleenroll", csr, auth=auth)
        request = CertificateRequest.objects.get(node=node)
        services.reject_request(request, actor=town.secretary, reason="Not on the plan")
        answer = ask(client, "simpleenroll", csr, auth=auth)
    assert refusal(answer) == (403, "request_rejected")
    assert "Not on the plan" in answer.json()["detail"]


def test_a_node_renews_with_its_certificate_and_nobody_approves_again(town: Town) -> None:
    node = town.node("fifth-bank/n1")
    old = town.renewable(node)
    csr = body(town.workstation.request())
    with town.est(node=node) as client:
        with town.signing():
            first = ask(client, "simplereenroll", csr)
        again = ask(client, "simplereenroll", csr)
    new = Certificate.objects.get(request__renews=old)
    assert der(first) == der(again) == bytes(new.der)
    assert new.request is not None
    assert (new.request.renewed_by_proof, new.request.origin) == (True, CertificateRequest.Origin.EST)
    assert new.request.decided_by == town.secretary  # who approved the first one
    assert new.not_after - old.not_after > timedelta(days=300)
    assert Certificate.objects.filter(node=node).count() == 2


def test_without_a_signing_worker_a_renewal_waits(town: Town) -> None:
    node = town.node("sixth-bank/n1")
    town.renewable(node)
    csr = body(town.workstation.request())
    with town.est(node=node) as client:
        answer = ask(client, "simplereenroll", csr)
        assert (answer.status_code, answer.headers["Retry-After"]) == (202, "1")
        town.work()
        assert len(certificates(ask(client, "simplereenroll", csr))) == 1


def test_a_renewal_comes_neither_early_nor_with_the_old_key(town: Town) -> None:
    early, late = town.node("seventh-bank/n1"), town.node("eighth-bank/n1")
    town.certify(early)
    town.renewable(late)
    old_key = town.workstation.request(key=town.folder(late) / "node.key")
    with town.est(node=early) as client:
        answer = ask(client, "simplereenroll", body(town.workstation.request()))
        assert refusal(answer) == (409, "renewal_not_open")
    with town.est(node=late) as client:
        assert refusal(ask(client, "simplereenroll", body(old_key))) == (409, "key_seen_before")
    assert not CertificateRequest.objects.filter(renews__isnull=False, node__in=[early, late]).exists()


def test_what_is_not_in_force_renews_nothing(town: Town) -> None:
    revoked, held, expired = (town.node(f"ninth-bank/{name}") for name in ("revoked", "held", "expired"))
    retired = town.node("tenth-bank/n1")
    for node in (revoked, held, retired):
        town.renewable(node)
    with clock.frozen(clock.now() - timedelta(days=400)):
        town.certify(expired)
    town.revoke(revoked.certificates.get())
    services.suspend(held.certificates.get(), comment="under investigation", actor=town.secretary)
    members.retire_node(retired, actor=town.secretary, reason="replaced")
    expected = {
        revoked: (403, "revoked_certificate"),
        held: (403, "suspended_certificate"),
        expired: (403, "expired_certificate"),
        retired: (409, "node_retired"),
    }
    for node, outcome in expected.items():
        with town.est(node=node) as client:
            assert refusal(ask(client, "simplereenroll", body(town.workstation.request()))) == outcome
    assert not CertificateRequest.objects.filter(node__in=expected, renews__isnull=False).exists()


def test_a_renewal_wants_a_certificate_and_a_first_one_a_secret(town: Town) -> None:
    node = town.node("eleventh-bank/n1")
    town.renewable(node)
    _, secret = town.secret(node)
    csr = body(town.workstation.request())
    with town.est() as client, town.est(node=node) as proven:
        no_certificate = ask(client, "simplereenroll", csr, auth=(str(node.pk), secret))
        no_secret = ask(proven, "simpleenroll", csr)
    assert refusal(no_certificate) == (403, "no_certificate")
    assert refusal(no_secret) == (401, "credentials_required")
    assert no_secret.headers["WWW-Authenticate"].startswith("Basic ")
    assert not CertificateRequest.objects.filter(node=node, renews__isnull=False).exists()


def test_wrong_secrets_from_one_address_are_slowed_down(town: Town) -> None:
    node = town.node("twelfth-bank/n1")
    _, secret = town.secret(node)
    csr = body(town.workstation.request())
    with town.est() as client:
        # Two windows of counting may lie under these, never three.
        tries = [ask(client, "simpleenroll", csr, auth=(str(node.pk), "x" * 43)) for _ in range(25)]
        codes = [refusal(answer) for answer in tries]
        assert codes[0] == (401, "wrong_secret")
        assert set(codes) == {(401, "wrong_secret"), (429, "too_many_attempts")}
        slowed = next(answer for answer in tries if answer.status_code == 429)
        assert 1 <= int(slowed.headers["Retry-After"]) <= attempts.WINDOW
    with town.est() as elsewhere:
        assert ask(elsewhere, "simpleenroll", csr, auth=(str(node.pk), secret)).status_code == 202


def test_a_node_that_strangers_guess_at_still_enrols(town: Town) -> None:
    node = town.node("thirteenth-bank/n1")
    _, secret = town.secret(node)
    csr = body(town.workstation.request())
    seen = set()
    for _ in range(5):
        with town.est() as client:
            for _ in range(attempts.AN_ADDRESS):
                seen.add(refusal(ask(client, "simpleenroll", csr, auth=(str(node.pk), "y" * 43))))
    assert (429, "too_many_attempts") in seen
    with town.est() as client:
        assert ask(client, "simpleenroll", csr, auth=(str(node.pk), secret)).status_code == 202


def test_a_machine_that_repeats_a_refused_request_is_slowed_down(town: Town) -> None:
    node = town.node("fourteenth-bank/n1")
    _, secret = town.secret(node)
    csr = body(town.workstation.request(subject="/CN=first-bank"))
    with town.est() as client:
        seen = {refusal(ask(client, "simpleenroll", csr, auth=(str(node.pk), secret))) for _ in range(45)}
    assert seen == {(400, "name_mismatch"), (429, "too_many_attempts")}
    assert Event.objects.filter(action="request.refused", node_id=node.pk).count() <= 2 * attempts.REFUSED


def test_an_expired_and_a_withdrawn_secret_say_so(town: Town) -> None:
    node = town.node("fifteenth-bank/n1")
    with clock.frozen(clock.now() - timedelta(days=30)):
        _, expired = town.secret(node)
    enrolment, withdrawn = town.secret(node)
    services.withdraw_enrolment(enrolment, actor=enrolment.created_by)
    csr = body(town.workstation.request())
    with town.est() as client:
        for secret, code in ((expired, "secret_expired"), (withdrawn, "secret_withdrawn")):
            answer = ask(client, "simpleenroll", csr, auth=(str(node.pk), secret))
            assert refusal(answer) == (401, code)
    assert not CertificateRequest.objects.filter(node=node).exists()


def test_under_a_profiles_address_there_is_that_profile_alone(town: Town) -> None:
    node = town.node("sixteenth-bank/n1")
    _, secret = town.secret(node)
    csr, auth = body(town.workstation.request()), (str(node.pk), secret)
    with town.est() as client:
        assert refusal(ask(client, "fisco-bcos-3/simpleenroll", csr, auth=auth)) == (404, "unknown_operation")
        assert refusal(client.get("officer/csrattrs")) == (404, "unknown_operation")
        assert ask(client, "evm-node/simpleenroll", csr, auth=auth).status_code == 202


def test_what_est_has_and_we_have_not_is_said(town: Town) -> None:
    with town.est() as client:
        for operation in ("fullcmc", "serverkeygen", "", "cacerts/", "a/b/c"):
            assert refusal(client.get(operation)) == (404, "unknown_operation")
        wrong = client.get("simpleenroll")
        assert refusal(wrong) == (405, "method_not_allowed")
        assert wrong.headers["Allow"] == "POST"
        assert refusal(ask(client, "cacerts", b"AAAA")) == (405, "method_not_allowed")


def test_the_lists_still_refuse_who_has_no_certificate(town: Town) -> None:
    node = town.node("seventeenth-bank/n1")
    _, secret = town.secret(node)
    paths = ("/tuf/metadata/timestamp.json", "/v1/networks/settlement/lists/json", "/v1/acks", "/", "/admin/")
    with town.est() as client:
        for path in (*paths, "/.well-known/other", "/.well-known/est"):
            answer = client.get(f"{town.server}{path}", auth=(str(node.pk), secret))
            assert refusal(answer) == (403, "no_certificate"), path
