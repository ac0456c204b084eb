"""The secretariat and the life of certificates: suspending, releasing, revoking, watching, looking ahead."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from certs import issuing, services, words
from certs.models import Authority, Certificate, CertificateRequest, Enrolment, Revocation, RevocationList
from certs.services import record_due_reminders
from certs.status import crl
from consortium.core import clock
from tests.certs.conftest import Pki, pki, places, sealed_keys
from tests.certs.openssl import Workstation
from tests.factories import InstitutionFactory, NodeFactory, UserFactory
from tests.web.admin.test_certificates import act

__all__ = ["pki", "places", "sealed_keys"]  # fixtures
pytestmark = pytest.mark.django_db


@pytest.fixture
def bank(db: None) -> Any:
    return InstitutionFactory(active=True, short_name="heming-bank")


@pytest.fixture
def officer(bank: Any) -> Any:
    return UserFactory(institution=bank, username="gu.yan")


@pytest.fixture
def made(pki: Pki, bank: Any, officer: Any, tmp_path: Any) -> Any:
    """``made(node=…)`` or ``made(holder=…)``: a certificate by the services."""
    secretary, shop = UserFactory(secretariat=True), Workstation(tmp_path / "shop")

    def certificate(profile: str = "evm-node", **whose: Any) -> Certificate:
        whose = whose or {"node": NodeFactory(institution=bank)}
        request = services.submit_request(
            **whose, profile=profile, csr=shop.request("p256", subject="/"), actor=officer
        )
        services.approve_request(request, actor=secretary)
        found = issuing.issue(request.pk)
        assert found is not None
        return found

    return certificate


def page_of(client: Client, row: Any) -> Any:
    return client.get(reverse(f"admin:certs_{row._meta.model_name}_change", args=[row.pk]))


def titles(page: Any) -> list[str]:
    with translation.override("en"):
        return [str(panel.title) for panel in page.context["panels"]]


def test_each_reason_stands_with_its_meaning_beside_it(zhou_lan: Client, made: Any) -> None:
    text = unescape(
        zhou_lan.get(reverse("admin:certs_certificate_revoke", args=[made().pk])).content.decode()
    )
    for each in words.for_secretariat():
        assert f"<code>{each.code}</code>" in text
        assert str(each.when) in text
        assert str(each.then) in text


def test_a_certificate_is_suspended_released_and_found_by_it(zhou_lan: Client, made: Any) -> None:
    found = made()
    assert act(zhou_lan, found, "suspend", comment="").status_code == 400
    assert act(zhou_lan, found, "suspend", comment="Asked by the bank.").status_code == 302
    listed = zhou_lan.get(reverse("admin:certs_certificate_changelist"), {"validity": "suspended"})
    assert list(listed.context["cl"].queryset) == [found]
    shown = page_of(zhou_lan, found)
    assert [str(button["label"]) for button in shown.context["buttons"]] == ["Release", "Revoke"]
    assert "Asked by the bank." in zhou_lan.get(reverse("admin:certs_suspension_changelist")).content.decode()
    assert act(zhou_lan, found, "release", comment="All is well.").status_code == 302
    assert "Suspensions" in titles(page_of(zhou_lan, found))
    assert act(zhou_lan, found, "release", comment="Again.").status_code == 409


def test_a_compromise_is_reported_after_another_reason(zhou_lan: Client, made: Any) -> None:
    found = made()
    act(zhou_lan, found, "revoke", reason="superseded", comment="")
    again = page_of(zhou_lan, found)
    assert [str(button["label"]) for button in again.context["buttons"]] == ["Report the key as compromised"]
    assert act(zhou_lan, found, "compromised", comment="On a forum.").status_code == 302
    assert Revocation.objects.get(pk=found.pk).reason == "keyCompromise"


def test_the_regulator_sees_all_of_it_and_does_none(wu_rui: Client, made: Any) -> None:
    found = made()
    for name, data in (("suspend", {"comment": "x"}), ("revoke", {"reason": "superseded", "comment": ""})):
        assert act(wu_rui, found, name, **data).status_code == 403
    shown = page_of(wu_rui, found)
    assert shown.context["buttons"] == []
    assert not hasattr(Certificate.objects.get(pk=found.pk), "revocation")


def test_officers_programs_nodes_and_the_consoles_own_are_told_apart(
    zhou_lan: Client, made: Any, officer: Any
) -> None:
    rows = {
        "nodes": made(),
        "officers": made("officer", holder=officer),
        "programs": made("client", holder=officer),
    }
    for of, row in rows.items():
        listed = zhou_lan.get(reverse("admin:certs_certificate_changelist"), {"of": of})
        assert list(listed.context["cl"].queryset) == [row], of
        assert page_of(zhou_lan, row).status_code == 200
    own = zhou_lan.get(reverse("admin:certs_certificate_changelist"), {"of": "console"})
    assert all(row.institution is None for row in own.context["cl"].queryset)
    account = zhou_lan.get(reverse("admin:members_user_change", args=[officer.pk])).content.decode()
    assert rows["officers"].serial_id in account
    assert rows["programs"].serial_id in account
    request = rows["officers"].request
    text = page_of(zhou_lan, request).content.decode()
    assert f":holder:{officer.pk}" in text


def test_a_revocation_shows_how_far_it_has_come(zhou_lan: Client, made: Any) -> None:
    found = made()
    services.revoke(found, reason="superseded", actor=zhou_lan.user)  # type: ignore[attr-defined]
    job = {str(job.title): job for job in zhou_lan.get("/admin/").context["jobs"]}["Revocations under way"]
    assert (job.count, job.tone) == (1, "urgent")
    listed = zhou_lan.get(job.link)
    assert [row.pk for row in listed.context["cl"].queryset] == [found.pk]
    assert "not yet" in listed.content.decode()
    assert page_of(zhou_lan, found).context["live"]
    crl.publish(found.authority_id)
    assert "Revocations under way" not in [str(job.title) for job in zhou_lan.get("/admin/").context["jobs"]]
    for row in (found, found.revocation):
        assert "How far the revocation has come" in titles(page_of(zhou_lan, row))
    node = zhou_lan.get(reverse("admin:members_node_change", args=[found.node_id]))
    assert f"Revocation of {found.serial_id}" in titles(node)
    assert not page_of(zhou_lan, found).context["live"]


def test_secrets_are_listed_without_the_secret(
    zhou_lan: Client, wu_rui: Client, pki: Pki, officer: Any
) -> None:
    node = NodeFactory(institution=officer.institution)
    row, secret = services.make_enrolment(node=node, profile="evm-node", actor=officer)
    address = reverse("admin:certs_enrolment_changelist")
    for client in (zhou_lan, wu_rui):
        text = client.get(address).content.decode() + page_of(client, row).content.decode()
        assert str(node) in text
        assert "gu.yan" in text
        assert secret not in text
        assert row.secret_sha256 not in text
    assert act(wu_rui, row, "withdraw").status_code == 403
    assert act(zhou_lan, row, "withdraw").status_code == 302
    assert Enrolment.objects.get().withdrawn_at is not None


def test_reminders_say_of_what_to_whom_and_whether_they_went_out(zhou_lan: Client, made: Any) -> None:
    found = made()
    with clock.frozen(clock.now() + timedelta(days=340)):
        record_due_reminders(clock.now())
        text = zhou_lan.get(reverse("admin:certs_reminder_changelist")).content.decode()
        assert str(found.node) in text
        assert found.institution.contact_email in text
        assert "not sent yet" in text
        assert "Reminders" in titles(page_of(zhou_lan, found))


def test_requests_say_what_they_renew_and_by_which_way_they_came(
    zhou_lan: Client, made: Any, tmp_path: Any, officer: Any
) -> None:
    found = made()
    with clock.frozen(clock.now() + timedelta(days=345)):
        request = services.submit_request(
            node=found.node, profile="evm-node", csr=Workstation(tmp_path / "w").request(subject="/"),
            actor=officer, origin=CertificateRequest.Origin.API, renews=found,
        )  # fmt: skip
    address = reverse("admin:certs_certificaterequest_changelist")
    assert list(zhou_lan.get(address, {"kind": "renewal"}).context["cl"].queryset) == [request]
    assert list(zhou_lan.get(address, {"origin__exact": "api"}).context["cl"].queryset) == [request]
    page = zhou_lan.get(reverse("admin:certs_certificaterequest_approve", args=[request.pk]))
    assert found.serial_id in page.content.decode()
    assert found.serial_id in page_of(zhou_lan, request).content.decode()


def test_an_authoritys_page_shows_chain_lists_and_what_it_issued(zhou_lan: Client, made: Any) -> None:
    found = made()
    page = page_of(zhou_lan, found.authority)
    assert {"Chain", "Revocation lists", "Status responders (OCSP)", "Issued"} <= set(titles(page))
    text = page.content.decode()
    assert f"/pki/{found.authority.name}/0.crl" in text
    assert "/pki/ocsp" in text
    newest = RevocationList.objects.filter(authority=found.authority).order_by("-number")[0]
    assert page_of(zhou_lan, newest).status_code == 200
    with clock.frozen(clock.now() + timedelta(hours=25)):
        late = zhou_lan.get(reverse("admin:certs_authority_changelist")).content.decode()
        assert late.count(">overdue</span>") == Authority.objects.filter(kind="issuing").count()


def test_the_forecast_names_all_that_ends_and_is_narrowed_by_kind(
    zhou_lan: Client, wu_rui: Client, made: Any, officer: Any
) -> None:
    made()
    made("officer", holder=officer)
    address = reverse("admin:certs_authority_forecast")
    kinds = {row.expiry.kind for row in zhou_lan.get(address).context["rows"]}
    assert {"root", "issuing", "list", "node", "officer"} <= kinds
    assert {row.expiry.kind for row in wu_rui.get(address, {"kind": "root"}).context["rows"]} == {"root"}
    ends = [row.expiry.ends for row in zhou_lan.get(address).context["rows"]]
    assert ends == sorted(ends)


def test_an_authority_without_successor_is_work_two_years_before(zhou_lan: Client, pki: Pki) -> None:
    def job() -> Any:
        jobs = zhou_lan.get("/admin/").context["jobs"]
        return next((job for job in jobs if str(job.title) == "Authorities ending"), None)

    assert job() is None
    with clock.frozen(pki.issuing.not_after - timedelta(days=700)):
        found = job()
        listed = zhou_lan.get(found.link).context["cl"].queryset
        assert found.count == len(listed) > 0
        assert pki.issuing in listed


def test_lists_about_certificates_ask_as_many_questions_for_many_rows_as_for_few(
    zhou_lan: Client, made: Any, officer: Any
) -> None:
    names = (
        "certificate",
        "certificaterequest",
        "revocation",
        "suspension",
        "enrolment",
        "authority",
        "reminder",
    )
    addresses = ["/admin/", *(reverse(f"admin:certs_{name}_changelist") for name in names)]

    def more() -> None:
        services.revoke(made(), reason="superseded", actor=officer)
        found = made()
        services.suspend(found, actor=officer)
        services.make_enrolment(node=found.node, profile="evm-node", actor=officer)

    def counted() -> dict[str, int]:
        numbers = {}
        for address in addresses:
            with CaptureQueriesContext(connection) as seen:
                assert zhou_lan.get(address).status_code == 200
            numbers[address] = len(seen)
        return numbers

    more()
    counted()  # caches of the process are filled once
    few = counted()
    more()
    assert counted() == few
    assert max(few.values()) <= 30
