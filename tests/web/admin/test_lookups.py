"""A list's address asks what its filters ask, and nothing else: not hashes, letter by letter."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from consortium.web.admin import panels
from consortium.web.models import ApiToken
from tests.web.admin.test_entry import LISTS

pytestmark = pytest.mark.django_db

PRYING = [
    "password__startswith",
    "password",
    "auth_token__key__startswith",
    "apitoken__sha256__startswith",
    "officers__password__startswith",
    "institution__officers__password__startswith",
    "requested_by__password__startswith",
    "actor__password__startswith",
    "id__startswith",
    "pk__in",
]


@pytest.mark.parametrize("asked", PRYING)
def test_no_list_answers_what_it_does_not_show(wu_rui: Client, asked: str) -> None:
    answers = {name: wu_rui.get(reverse(name), {asked: "a"}).status_code for name in LISTS}
    assert answers == dict.fromkeys(LISTS, 400)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_nor_does_an_export(wu_rui: Client, kind: str) -> None:
    page = reverse(f"admin:members_institution_export_{kind}")
    assert wu_rui.get(page, {"officers__password__startswith": "argon2"}).status_code == 400
    assert wu_rui.get(page, {"status__exact": "active"}).status_code == 200


def test_every_choice_of_every_filter_works(wu_rui: Client, alliance: object) -> None:
    for address in (panels.listing(model) for model in admin.site._registry):
        changes = wu_rui.get(address).context["cl"]
        choices = [choice for spec in changes.filter_specs for choice in spec.choices(changes)]
        links = [address + choice["query_string"] for choice in choices if "query_string" in choice]
        assert {link: wu_rui.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_every_link_of_the_first_page_works(zhou_lan: Client, alliance: object) -> None:
    text = zhou_lan.get("/admin/").content.decode()
    for query in ("members/institution/?status__in=applied,in_review", "permissions/delivery/?state=behind"):
        assert f"/admin/{query}" in text
        assert zhou_lan.get(f"/admin/{query}").status_code == 200


def test_tokens_have_no_page() -> None:
    assert ApiToken not in admin.site._registry
