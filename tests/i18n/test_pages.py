"""Pages that the portal's own walk does not come to: the administration, and a certificate's life."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from certs import services
from certs.models import Authority, Certificate, Profile, RevocationReason
from consortium.core.models import OutboxMessage
from consortium.members.models import Category, Institution
from consortium.web.admin.base import ConsoleModelAdmin
from tests.i18n.reading import left_in_english, lines, marked
from tests.i18n.test_catalogue import AS_THEY_ARE
from tests.web.portal.town import Town


@pytest.fixture
def lived(town: Town) -> Town:
    """Heming's certificate is suspended, Qingchuan's was revoked."""
    services.suspend(town.heming.certificate, comment="盘点", actor=town.heming.officer)
    reason = RevocationReason.SUPERSEDED
    services.revoke(town.qingchuan.certificate, reason=reason, comment="", actor=town.qingchuan.officer)
    return town


def in_chinese(client: Client, address: str) -> str:
    client.cookies["django_language"] = "zh-hans"
    answer = client.get(address, follow=True)
    assert answer.status_code == 200, address
    return answer.content.decode()


def administration() -> Iterator[str]:
    """Every page of the administration that there is a row for, with the forms of its acts."""
    yield from (
        "/admin/",
        reverse("admin:certs_authority_forecast"),
        reverse("admin:members_institution_roster"),
    )
    for model, page in admin.site._registry.items():
        assert isinstance(page, ConsoleModelAdmin)
        name = f"admin:{model._meta.label_lower.replace('.', '_')}"
        yield reverse(f"{name}_changelist")
        yield from (reverse(f"{name}_{act.name}") for act in page.tools)
        for row in some(model):
            yield reverse(f"{name}_change", args=[row.pk])
            yield from (reverse(f"{name}_{act.name}", args=[row.pk]) for act in page.acts)


def some(model: type[Model]) -> set[Model]:
    found = model._default_manager.order_by("pk")
    return {row for row in (found.first(), found.last()) if row is not None}


def names() -> set[str]:
    """What is called as it is in every language, and happens to be a word."""
    institutions = Institution.objects.values_list("legal_name_en", flat=True)
    categories = Category.objects.values_list("name_en", flat=True)
    authorities = Authority.objects.values_list("name", flat=True)
    queues = OutboxMessage.objects.values_list("queue", flat=True)
    return {"English", *AS_THEY_ARE, *queues, *institutions, *categories, *authorities}


def test_the_walk_comes_to_every_table_and_act(lived: Town) -> None:
    """Were it to find nothing, the test below would pass."""
    found = set(administration())
    held = lived.heming.certificate
    assert reverse("admin:certs_certificate_change", args=[held.pk]) in found
    assert {address.split("/")[3] for address in found if address.startswith("/admin/certs/")} >= {
        "authority", "certificate", "certificaterequest", "enrolment", "revocation", "suspension",
    }  # fmt: skip
    assert any(address.endswith("/release/") for address in found)


def test_nothing_in_the_administration_is_left_in_english(lived: Town, client: Client) -> None:
    client.force_login(lived.wang_min)
    ours, as_they_are = marked(), names()
    left = {
        address: english
        for address in administration()
        if (english := left_in_english(in_chinese(client, address), ours, as_they_are))
    }
    assert not left, "\n".join(f"{where}: {what}" for where, what in left.items())


def test_a_certificates_life_is_told_in_chinese(lived: Town, client: Client) -> None:
    ours, as_they_are = marked(), names()
    for bank, word in ((lived.heming, "已挂起"), (lived.qingchuan, "已吊销")):
        client.force_login(bank.officer)
        page = in_chinese(client, f"/certificates/{bank.certificate.pk}/")
        assert word in lines(page)
        assert left_in_english(page, ours, as_they_are) == set()


def test_a_suspended_certificate_and_a_suspended_institution_are_not_called_the_same(
    lived: Town, client: Client
) -> None:
    Institution.objects.filter(pk=lived.qingchuan.institution.pk).update(status="suspended")
    client.force_login(lived.wang_min)
    assert "已暂停" in lines(in_chinese(client, reverse("admin:members_institution_changelist")))
    certificates = lines(in_chinese(client, reverse("admin:certs_certificate_changelist")))
    assert "已挂起" in certificates
    assert "已暂停" not in certificates


def test_a_secret_and_how_to_enrol_with_it_are_in_chinese(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)
    client.cookies["django_language"] = "zh-hans"
    address = f"/nodes/{town.heming.node.pk}/enrolment/"
    page = client.post(address, {"profile": Profile.EVM_NODE}, follow=True).content.decode()
    assert "该节点的一次性登记口令，仅显示这一次：" in lines(page)
    assert left_in_english(page, marked(), names()) == set()


def test_every_step_that_a_certificate_offers_is_in_chinese(town: Town, client: Client) -> None:
    client.force_login(town.heming.officer)
    ours, as_they_are = marked(), names()
    found: Certificate = town.heming.certificate
    for step in ("compromise", "revoke", "suspend", "renew"):
        page = in_chinese(client, f"/certificates/{found.pk}/{step}/")
        assert left_in_english(page, ours, as_they_are) == set(), step
