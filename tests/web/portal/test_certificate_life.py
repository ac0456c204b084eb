"""A bank's officer and the life of its certificates: asked for, renewed, suspended, revoked, watched."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from certs import issuing, services, words
from certs.models import Certificate, CertificateRequest, Enrolment, RevocationReason
from certs.status import crl
from consortium.core import clock
from consortium.core.models import Event
from consortium.web.portal import est
from governance.permissions.models import Acknowledgement, Delivery, Epoch, EpochFile, EpochMember
from tests.factories import NodeFactory, UserFactory
from tests.web.portal.town import Bank, Town, certified

LATER = timedelta(days=345)  # within the window of every profile


@pytest.fixture
def officer(town: Town, client: Client) -> Client:
    client.force_login(town.heming.officer)
    return client


def of_person(town: Town, bank: Bank, profile: str = "officer") -> Certificate:
    """A certificate of the bank's officer, or of a program under that account."""
    request = services.submit_request(
        holder=bank.officer,
        profile=profile,
        csr=town.workstation.request(subject="/"),
        actor=bank.officer,
    )
    services.approve_request(request, actor=town.wang_min)
    made = issuing.issue(request.pk)
    assert made is not None
    return made


# --- people and programs ----------------------------------------------------------------------------------
@pytest.mark.parametrize("profile", ["officer", "client"])
def test_a_certificate_for_a_person_or_program_is_asked_for(
    town: Town, officer: Client, profile: str
) -> None:
    page = officer.get("/requests/new/", {"profile": profile})
    assert [value for value, _label in page.context["form"].fields["profile"].choices] == [
        "client",
        "officer",
    ]
    assert page.context["form"].initial["holder"] == town.heming.officer.pk
    sent = officer.post(
        "/requests/new/",
        {
            "profile": profile,
            "holder": town.heming.officer.pk,
            "csr_text": town.workstation.request(subject="/").decode(),
        },
        follow=True,
    )
    made = CertificateRequest.objects.get(profile=profile)
    assert (made.holder, made.node, made.origin) == (town.heming.officer, None, "portal")
    assert sent.redirect_chain == [(f"/requests/{made.pk}/", 302)]
    assert "Lan Zhou (zhou.lan)" in sent.content.decode()


def test_nobody_of_another_bank_is_offered_or_taken(town: Town, officer: Client) -> None:
    offered = officer.get("/requests/new/").context["form"].fields["holder"].queryset
    assert list(offered) == [town.heming.officer]
    sent = officer.post(
        "/requests/new/",
        {
            "profile": "client",
            "holder": town.qingchuan.officer.pk,
            "csr_text": town.workstation.request(subject="/").decode(),
        },
    )
    assert sent.status_code == 400
    assert not CertificateRequest.objects.filter(profile="client").exists()


def test_the_commands_for_people_make_a_request_that_the_gate_takes(town: Town, officer: Client) -> None:
    import subprocess

    for command in officer.get("/requests/new/").context["commands"]:
        home = town.workstation.home / command.profile
        home.mkdir()
        subprocess.run(["/bin/sh", "-e", "-c", command.lines], cwd=home, check=True, capture_output=True)
        csr = next(home.glob("*.csr")).read_text()
        sent = officer.post(
            "/requests/new/",
            {"profile": command.profile, "holder": town.heming.officer.pk, "csr_text": csr},
        )
        assert sent.status_code == 302, sent.content.decode()


def test_peoples_certificates_are_their_own_institutions_alone(town: Town, client: Client) -> None:
    own, other = of_person(town, town.heming), of_person(town, town.qingchuan, "client")
    client.force_login(town.heming.officer)
    text = client.get("/certificates/").content.decode()
    assert str(own.pk) in text
    assert str(other.pk) not in text
    for method, path in (
        ("get", ""), ("get", "chain.pem"), ("post", "revoke/"), ("post", "compromise/"), ("post", "suspend/"),
        ("post", "release/"), ("post", "renew/"),
    ):  # fmt: skip
        assert getattr(client, method)(f"/certificates/{other.pk}/{path}").status_code == 404, path
        assert getattr(client, method)(f"/certificates/{own.pk}/{path}").status_code != 404, path
    api = client.get(f"/api/v1/certificates/{own.pk}/").json()
    assert (api["holder"], api["node"]) == ("zhou.lan", None)
    assert client.get(f"/api/v1/certificates/{other.pk}/").status_code == 404


def test_the_list_is_narrowed_to_whose_they_are(town: Town, officer: Client) -> None:
    person, program = of_person(town, town.heming), of_person(town, town.heming, "client")
    found = {
        of: {row.certificate.pk for row in officer.get("/certificates/", {"of": of}).context["rows"]}
        for of in ("nodes", "officers", "programs", "nobody")
    }
    node = town.heming.certificate
    assert found == {
        "nodes": {node.pk}, "officers": {person.pk}, "programs": {program.pk},
        "nobody": {node.pk, person.pk, program.pk},
    }  # fmt: skip


def test_the_consoles_own_certificates_are_no_members_affair(town: Town, officer: Client) -> None:
    assert not [
        row for row in officer.get("/certificates/").context["rows"] if not row.certificate.institution
    ]


# --- renewal ----------------------------------------------------------------------------------------------
def test_a_renewal_is_offered_in_its_window_alone(town: Town, officer: Client) -> None:
    path = f"/certificates/{town.heming.certificate.pk}/"
    early = officer.get(path)
    assert (early.context["renewal"].state, f'href="{path}renew/"' in early.content.decode()) == (
        "not_yet",
        False,
    )
    refused = officer.post(f"{path}renew/", {"csr_text": town.workstation.request().decode()})
    assert refused.status_code == 409
    with clock.frozen(clock.now() + LATER):
        open_now = officer.get(path)
        assert open_now.context["renewal"].is_open
        assert f'href="{path}renew/"' in open_now.content.decode()
        listed = officer.get("/certificates/expiring/")
        assert f'href="{path}renew/"' in listed.content.decode()
        services.record_due_reminders(clock.now())
        (row,) = officer.get("/certificates/expiring/").context["rows"]
        assert (row.certificate, row.reminder.days) == (town.heming.certificate, 30)
        assert list(officer.get("/").context["expiring"]) == [town.heming.certificate]


def test_the_renewal_page_says_what_to_do_and_until_when(town: Town, officer: Client) -> None:
    found = town.heming.certificate
    with clock.frozen(clock.now() + LATER):
        page = officer.get(f"/certificates/{found.pk}/renew/")
        text = page.content.decode()
        assert f'title="{found.not_after:%Y-%m-%d %H:%M:%S} UTC"' in text
        assert "-new.key" in page.context["command"]
        assert "simplereenroll" in page.context["est"]
        sent = officer.post(
            f"/certificates/{found.pk}/renew/",
            {"csr_text": town.workstation.request().decode()},
        )
    made = CertificateRequest.objects.get(renews=found)
    assert (sent.status_code, made.renewed_by_proof, made.status) == (302, False, "submitted")
    assert found.serial_id[:8] in officer.get(f"/requests/{made.pk}/").content.decode()


# --- revoking ---------------------------------------------------------------------------------------------
def test_each_reason_stands_with_its_meaning_beside_it(town: Town, officer: Client) -> None:
    page = officer.get(f"/certificates/{town.heming.certificate.pk}/revoke/")
    offered = [choice[0] for choice in page.context["form"].fields["reason"].choices]
    assert offered == [each.code for each in words.for_members()]
    assert offered[0] == "keyCompromise"
    assert "privilegeWithdrawn" not in offered
    from html import unescape

    text = unescape(page.content.decode())
    for each in words.for_members():
        assert str(each.when) in text
        assert str(each.then) in text
    for code in words.NOT_OFFERED:
        assert f"<code>{code}</code>" in text


def test_a_compromised_key_takes_one_button(town: Town, officer: Client) -> None:
    found = town.heming.certificate
    for page in (
        f"/certificates/{found.pk}/",
        f"/certificates/{found.pk}/revoke/",
        f"/nodes/{found.node_id}/",
    ):
        assert f'href="/certificates/{found.pk}/compromise/"' in officer.get(page).content.decode(), page
    done = officer.post(f"/certificates/{found.pk}/compromise/", {}, follow=True)
    assert done.redirect_chain == [(f"/certificates/{found.pk}/", 302)]
    assert Certificate.objects.get(pk=found.pk).revocation.reason == RevocationReason.KEY_COMPROMISE
    assert officer.post(f"/certificates/{found.pk}/compromise/", {}).status_code == 409


def test_a_compromise_is_reported_after_another_reason(town: Town, officer: Client) -> None:
    found = town.heming.certificate
    services.revoke(found, reason="superseded", actor=town.heming.officer)
    page = officer.get(f"/certificates/{found.pk}/")
    assert f'href="/certificates/{found.pk}/compromise/"' in page.content.decode()
    officer.post(f"/certificates/{found.pk}/compromise/", {"comment": "seen on a forum"})
    again = Certificate.objects.get(pk=found.pk).revocation
    assert (again.reason, again.comment) == ("keyCompromise", "seen on a forum")


# --- suspending -------------------------------------------------------------------------------------------
def test_a_certificate_is_suspended_and_released(town: Town, officer: Client) -> None:
    path = f"/certificates/{town.heming.certificate.pk}/"
    page = officer.post(f"{path}suspend/", {"comment": "login at night"}, follow=True)
    assert page.context["state"].name == "suspended"
    assert "login at night" in page.content.decode()
    assert f'href="{path}release/"' in page.content.decode()
    assert officer.post(f"{path}suspend/", {}).status_code == 409
    assert officer.post(f"{path}release/", {"comment": ""}).status_code == 400
    page = officer.post(f"{path}release/", {"comment": "a colleague"}, follow=True)
    assert page.context["state"].name == "valid"


def test_what_the_secretariat_suspended_no_member_releases(town: Town, officer: Client) -> None:
    found, path = town.heming.certificate, f"/certificates/{town.heming.certificate.pk}/"
    services.suspend(found, comment="Asked by the regulator.", actor=town.wang_min)
    text = officer.get(path).content.decode()
    assert "the secretariat alone releases it" in text
    assert f'href="{path}release/"' not in text
    refused = officer.post(f"{path}release/", {"comment": "please"})
    assert refused.status_code == 403
    assert "the secretariat alone releases it" in refused.content.decode()


# --- how far a revocation has come ------------------------------------------------------------------------
def delisted(bank: Bank) -> Epoch:
    """The next list, without the certificate."""
    now = clock.now()
    epoch = Epoch.objects.create(
        network=bank.node.network, number=2, block=8, effective_at=now, content_sha256="cd" * 32,
        node_count=1, cause="certificate.revoked", compiled_at=now, published_at=now, tuf_version=2,
    )  # fmt: skip
    EpochFile.objects.create(
        epoch=epoch, format="json", path="permissions.json", content=b"{}", sha256="ce" * 32
    )
    EpochMember.objects.create(epoch=epoch, node=bank.node, role=2)
    return epoch


def applied(bank: Bank, epoch: Epoch) -> None:
    now = clock.now()
    Delivery.objects.filter(node=bank.node).update(applied_epoch=epoch.number, applied_at=now)
    Acknowledgement.objects.create(
        node=bank.node, certificate_serial="0a", epoch=epoch.number, format="json", sha256="ce" * 32,
        matches=True, applied_at=now, received_at=now,
    )  # fmt: skip


def steps(client: Client, bank: Bank) -> dict[str, Any]:
    page = client.get(f"/certificates/{bank.certificate.pk}/")
    return {step.name: step for step in page.context["clock"].steps}


def test_the_clock_of_a_revocation_runs_step_by_step(town: Town, officer: Client) -> None:
    bank = town.heming
    services.revoke(bank.certificate, reason="superseded", actor=bank.officer)
    begun = steps(officer, bank)
    assert begun["revoked"].at is not None
    assert begun["crl_published"].at is begun["list_published"].at is begun["applied"].at is None
    crl.publish(bank.certificate.authority_id)
    assert steps(officer, bank)["crl_published"].at is not None
    epoch = delisted(bank)
    waiting = steps(officer, bank)
    assert waiting["list_published"].at == epoch.published_at
    assert (waiting["applied"].waited, waiting["applied"].missing) == (1, [str(bank.node)])
    assert str(bank.certificate.pk) in {
        str(row.certificate.pk) for row in officer.get("/").context["spreading"]
    }
    applied(bank, epoch)
    assert steps(officer, bank)["applied"].at is not None
    assert officer.get("/").context["spreading"] == []
    answer = officer.get(f"/api/v1/certificates/{bank.certificate.pk}/clock/").json()
    assert (answer["done"], [step["name"] for step in answer["steps"]]) == (
        True,
        ["revoked", "crl_published", "list_published", "applied"],
    )


def test_names_of_other_banks_nodes_that_are_missing_stay_theirs(town: Town, client: Client) -> None:
    bank = town.heming
    stranger = NodeFactory(
        institution=town.qingchuan.institution, network=bank.node.network, name="elsewhere"
    )
    services.revoke(bank.certificate, reason="superseded", actor=bank.officer)
    epoch = delisted(bank)
    EpochMember.objects.create(epoch=epoch, node=stranger, role=2)
    paths = [
        f"/certificates/{bank.certificate.pk}/", "/certificates/revocations/", f"/nodes/{bank.node.pk}/",
        f"/api/v1/certificates/{bank.certificate.pk}/clock/",
    ]  # fmt: skip
    client.force_login(bank.officer)
    for path in paths:
        text = client.get(path).content.decode()
        assert str(bank.node) in text, path
        assert "elsewhere" not in text, path
    assert steps(client, bank)["applied"].waited == 2
    client.force_login(town.wu_rui)
    assert str(stranger) in client.get(paths[0]).content.decode()


# --- enrolment secrets ------------------------------------------------------------------------------------
def test_a_secret_is_shown_once_and_never_again(town: Town, officer: Client) -> None:
    page = officer.post(f"/nodes/{town.heming.node.pk}/enrolment/", {"profile": "evm-node"})
    secret = page.context["secret"]
    assert "no-store" in page["Cache-Control"]
    assert page.content.decode().count(secret) == 1
    assert str(town.heming.node.pk) in page.context["curl"]
    made = Enrolment.objects.get(node=town.heming.node)
    assert secret not in (made.secret_sha256, str(made.__dict__))
    for path in (
        "/enrolments/",
        f"/nodes/{town.heming.node.pk}/",
        "/record/",
        f"/api/v1/enrolments/{made.pk}/",
    ):
        text = officer.get(path).content.decode()
        assert secret not in text, path
        assert made.secret_sha256 not in text, path
    assert not Event.objects.filter(data__icontains=secret).exists()


def test_a_secret_is_withdrawn_once(town: Town, officer: Client) -> None:
    path = f"/enrolments/{town.heming.enrolment.pk}/withdraw/"
    assert path in officer.get("/enrolments/").content.decode()
    assert officer.post(path).status_code == 302
    assert path not in officer.get("/enrolments/").content.decode()
    assert officer.post(path).status_code == 409


def test_only_profiles_that_est_clients_can_use_are_offered(town: Town, officer: Client) -> None:
    page = officer.get(f"/nodes/{town.heming.node.pk}/enrolment/")
    offered = {value for value, _label in page.context["form"].fields["profile"].choices}
    assert {"evm-node", "fisco-bcos-3", "fisco-bcos-2"} <= offered
    assert all(est.speaks(profile) for profile in offered)


# --- lists that stay as quick -----------------------------------------------------------------------------
def test_certificate_lists_take_the_same_queries_however_long(town: Town, officer: Client) -> None:
    bank = town.heming

    def more() -> None:
        node = NodeFactory(institution=bank.institution, network=bank.node.network)
        services.make_enrolment(node=node, profile="evm-node", actor=bank.officer)
        made = certified(node, bank.officer, town.workstation, town.wang_min)
        services.revoke(made, reason="superseded", actor=bank.officer)
        colleague = UserFactory(institution=bank.institution)
        other = NodeFactory(institution=bank.institution, network=bank.node.network)
        certified(other, colleague, town.workstation, town.wang_min)

    def counted() -> dict[str, int]:
        numbers = {}
        paths = (
            "/",
            "/certificates/",
            "/requests/",
            "/certificates/expiring/",
            "/enrolments/",
            "/authorities/",
        )
        for path in (*paths, "/certificates/revocations/", "/api/v1/certificates/", "/api/v1/requests/"):
            with CaptureQueriesContext(connection) as queries:
                assert officer.get(path).status_code == 200
            numbers[path] = len(queries)
        return numbers

    more()
    counted()  # the first request of a session writes it
    before = counted()
    more()
    assert counted() == before


def test_authorities_are_shown_with_where_their_lists_and_answers_are(town: Town, officer: Client) -> None:
    page = officer.get("/authorities/")
    text = page.content.decode()
    assert {row.authority.purpose for row in page.context["rows"]} >= {"root", "nodes", "access", "lists"}
    for row in page.context["rows"]:
        assert row.state.name == "current", row.authority
        assert re.fullmatch(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}", row.fingerprint)
        assert row.crl_url in text
    assert page.context["ocsp"] in text
    with clock.frozen(clock.now() + timedelta(hours=25)):  # the root's list is for a year
        states = {
            row.authority.purpose: row.state.name for row in officer.get("/authorities/").context["rows"]
        }
    assert (states["root"], states["nodes"]) == ("current", "expired")
