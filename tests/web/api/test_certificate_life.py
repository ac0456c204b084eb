"""What a bank's own program does with certificates: for people, renewing, suspending, secrets, clocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from certs import services
from certs.models import Certificate, CertificateRequest, Enrolment
from consortium.core import clock
from tests.web.portal.town import Town

LATER = timedelta(days=345)


def test_a_request_is_for_a_node_or_for_an_account_and_not_for_both(town: Town, api: Any) -> None:
    bank = api(town.heming.officer)
    csr = town.workstation.request(subject="/").decode()
    both = {"node": str(town.heming.node.pk), "holder": "zhou.lan", "profile": "client", "csr": csr}
    for body in (both, {"profile": "client", "csr": csr}):
        refused = bank.post("requests/", body)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
    made = bank.post("requests/", {"holder": "zhou.lan", "profile": "client", "csr": csr})
    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in ("holder", "node", "origin", "renews")} == {
        "holder": "zhou.lan", "node": None, "origin": "api", "renews": None,
    }  # fmt: skip
    stranger = bank.post("requests/", {"holder": "li.jun", "profile": "client", "csr": csr})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")


def test_a_certificate_is_renewed_in_its_window_alone(town: Town, api: Any) -> None:
    bank, path = api(town.heming.officer), f"certificates/{town.heming.certificate.pk}/renewal/"
    early = bank.get(path).json()
    assert (early["state"], early["obstacle"]) == ("not_yet", "")
    refused = bank.post(path, {"csr": town.workstation.request().decode()})
    assert (refused.status_code, refused.json()["code"]) == (409, "renewal_not_open")
    with clock.frozen(clock.now() + LATER):
        assert bank.get(path).json()["state"] == "open"
        made = bank.post(path, {"csr": town.workstation.request().decode()})
    assert made.status_code == 201, made.content
    assert made.json()["renews"] == str(town.heming.certificate.pk)
    assert CertificateRequest.objects.get(pk=made.json()["id"]).origin == "api"


def test_a_certificate_is_suspended_and_released(town: Town, api: Any) -> None:
    bank, path = api(town.heming.officer), f"certificates/{town.heming.certificate.pk}/"
    held = bank.post(f"{path}suspension/", {"comment": "login at night"})
    assert (held.status_code, held.json()["state"]) == (201, "suspended")
    again = bank.post(f"{path}suspension/")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    silent = bank.post(f"{path}release/")
    assert (silent.status_code, silent.json()["code"]) == (400, "invalid_input")
    free = bank.post(f"{path}release/", {"comment": "a colleague"})
    assert (free.status_code, free.json()["state"]) == (201, "valid")
    services.suspend(town.heming.certificate, actor=town.wang_min)
    refused = bank.post(f"{path}release/", {"comment": "please"})
    assert (refused.status_code, refused.json()["code"]) == (403, "held_by_secretariat")


def test_a_compromise_is_reported_after_another_reason(town: Town, api: Any) -> None:
    bank, path = api(town.heming.officer), f"certificates/{town.heming.certificate.pk}/revocation/"
    assert bank.post(path, {"reason": "superseded"}).status_code == 201
    worse = bank.post(path, {"reason": "keyCompromise"})
    assert (worse.status_code, worse.json()["revocation"]["reason"]) == (201, "keyCompromise")
    again = bank.post(path, {"reason": "keyCompromise"})
    assert (again.status_code, again.json()["code"]) == (409, "reason_stands")
    withdrawn = bank.post(path, {"reason": "privilegeWithdrawn"})
    assert withdrawn.status_code in {403, 409}


def test_a_clock_has_no_steps_before_there_is_a_revocation(town: Town, api: Any) -> None:
    bank, found = api(town.heming.officer), town.heming.certificate
    path = f"certificates/{found.pk}/clock/"
    assert bank.get(path).json() == {"done": False, "steps": []}
    services.revoke(found, reason="superseded", actor=town.heming.officer)
    steps = bank.get(path).json()["steps"]
    assert [step["name"] for step in steps] == ["revoked", "crl_published", "list_published", "applied"]
    assert steps[0]["at"] is not None
    assert steps[1]["at"] is None


def test_a_secret_is_in_one_answer_and_in_no_other(town: Town, api: Any) -> None:
    bank = api(town.heming.officer)
    body = {"node": str(town.heming.node.pk), "profile": "evm-node"}
    made = bank.post("enrolments/", body)
    assert made.status_code == 201, made.content
    assert "no-store" in made["Cache-Control"]
    assert made.json()["url"].endswith("/.well-known/est/simpleenroll")
    secret, path = made.json()["secret"], f"enrolments/{made.json()['id']}/"
    for answer in (bank.get(path), bank.get("enrolments/"), bank.get("events/")):
        assert secret not in answer.content.decode()
    assert bank.get(path).json()["state"] == "open"
    assert bank.post(f"{path}withdrawal/").json()["state"] == "withdrawn"
    assert bank.post(f"{path}withdrawal/").status_code == 409
    other = api(town.qingchuan.officer).post("enrolments/", body)
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    unknown = bank.post("enrolments/", {**body, "profile": "ocsp"})
    assert unknown.status_code == 400
    assert Enrolment.objects.filter(node=town.heming.node).count() == 1


def test_asking_for_certificates_and_secrets_is_limited_as_one(town: Town, api: Any) -> None:
    """Thirty a minute for all of it together: whichever way is tried."""
    bank = api(town.heming.officer)
    paths = ("requests/", "enrolments/", f"certificates/{town.heming.certificate.pk}/renewal/")
    answers = [bank.post(paths[n % 3]) for n in range(31)]
    assert {answer.status_code for answer in answers[:30]} == {400}
    assert (answers[30].status_code, answers[30].json()["code"]) == (429, "throttled")
    assert bank.get(paths[2]).status_code == 200
    revoked = bank.post(f"certificates/{town.heming.certificate.pk}/revocation/", {"reason": "keyCompromise"})
    assert revoked.status_code == 201  # a compromised key never waits for a limit on asking
    assert Certificate.objects.get(pk=town.heming.certificate.pk).revocation.reason == "keyCompromise"
