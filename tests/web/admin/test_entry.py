"""Who enters the admin, and what the browser is told there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from consortium.web.admin.base import ConsoleModelAdmin
from consortium.web.site import ConsoleAdminSite

pytestmark = pytest.mark.django_db

LISTS = [
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry
]


def test_a_stranger_is_led_to_the_accounts_page(client: Client) -> None:
    first = client.get("/admin/members/institution/")
    page = client.get(first["Location"])
    assert page.status_code == 302
    assert page["Location"] == "/accounts/login/?next=%2Fadmin%2Fmembers%2Finstitution%2F"


@pytest.mark.parametrize("name", ["admin:index", *LISTS])
def test_a_members_officer_finds_no_admin(chen_ling: Client, name: str) -> None:
    assert chen_ling.get(reverse(name)).status_code == 404


def test_a_deactivated_secretary_is_led_to_the_accounts_page(zhou_lan: Client) -> None:
    zhou_lan.user.is_active = False  # type: ignore[attr-defined]
    zhou_lan.user.save()  # type: ignore[attr-defined]
    assert zhou_lan.get("/admin/").status_code == 302


@pytest.mark.parametrize("name", ["admin:index", *LISTS])
def test_secretariat_and_regulator_read_every_list(zhou_lan: Client, wu_rui: Client, name: str) -> None:
    assert zhou_lan.get(reverse(name)).status_code == 200
    assert wu_rui.get(reverse(name)).status_code == 200


def test_the_site_is_ours_and_has_our_pages_only() -> None:
    assert isinstance(admin.site, ConsoleAdminSite)
    assert admin.site._registry
    assert all(isinstance(page, ConsoleModelAdmin) for page in admin.site._registry.values())


def test_the_relaxed_policy_holds_under_admin_alone(zhou_lan: Client) -> None:
    relaxed = zhou_lan.get("/admin/")["Content-Security-Policy"]
    strict = zhou_lan.get("/accounts/login/")["Content-Security-Policy"]
    assert "'unsafe-eval'" in relaxed
    assert "unsafe" not in strict


def test_the_regulator_has_no_button(wu_rui: Client, hailong: Any) -> None:
    page = wu_rui.get(reverse("admin:members_institution_change", args=[hailong.pk]))
    assert page.context["buttons"] == []
    assert "Decline" not in page.content.decode()


@pytest.mark.parametrize("act", ["start-review", "ask", "decline", "contact", "register-node"])
def test_the_regulator_can_do_nothing_to_an_institution(wu_rui: Client, hailong: Any, act: str) -> None:
    page = wu_rui.post(reverse(f"admin:members_institution_{act}", args=[hailong.pk]), {"reason": "Because"})
    hailong.refresh_from_db()
    assert page.status_code == 403
    assert hailong.status == "applied"


@pytest.mark.parametrize("what", ["change", "delete"])
def test_djangos_own_forms_are_shut_even_for_the_secretariat(
    zhou_lan: Client, hailong: Any, what: str
) -> None:
    page = zhou_lan.post(
        reverse(f"admin:members_institution_{what}", args=[hailong.pk]), {"status": "active", "post": "yes"}
    )
    hailong.refresh_from_db()
    assert page.status_code == 403
    assert hailong.status == "applied"


def test_djangos_add_form_is_shut(zhou_lan: Client) -> None:
    assert zhou_lan.get(reverse("admin:members_institution_add")).status_code == 403
