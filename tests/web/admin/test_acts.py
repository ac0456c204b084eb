"""Buttons ask for a reason, call the service, and show its refusals with their status."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consortium.core.models import Event
from consortium.members.models import Institution, Node, User
from tests import factories

pytestmark = pytest.mark.django_db


def act(client: Client, row: Any, name: str, /, **data: Any) -> Any:
    model = f"{row._meta.app_label}_{row._meta.model_name}"
    return client.post(reverse(f"admin:{model}_{name}", args=[row.pk]), data)


def offered(client: Client, row: Any) -> list[str]:
    model = f"{row._meta.app_label}_{row._meta.model_name}"
    page = client.get(reverse(f"admin:{model}_change", args=[row.pk]))
    paths = [button["url"].partition("?")[0] for button in page.context["buttons"]]
    return [path.rstrip("/").rsplit("/", 1)[-1] for path in paths]


def test_a_review_is_started_with_a_remark(zhou_lan: Client, hailong: Any) -> None:
    page = act(zhou_lan, hailong, "start-review", reason="Papers are complete.")
    hailong.refresh_from_db()
    event = Event.objects.latest("id")
    assert page.status_code == 302
    assert hailong.status == "in_review"
    assert (event.action, event.actor_label, event.reason) == (
        "institution.review_started",
        "zhou.lan",
        "Papers are complete.",
    )


@pytest.mark.parametrize("name", ["decline", "ask"])
def test_a_decision_without_reason_is_not_taken(zhou_lan: Client, hailong: Any, name: str) -> None:
    act(zhou_lan, hailong, "start-review")
    page = act(zhou_lan, hailong, name, reason="  ")
    hailong.refresh_from_db()
    assert page.status_code == 400
    assert hailong.status == "in_review"


def test_a_refusal_is_shown_on_the_form_with_its_status(zhou_lan: Client, hailong: Any) -> None:
    act(zhou_lan, hailong, "decline", reason="No licence.")
    page = act(zhou_lan, hailong, "start-review")
    assert page.status_code == 409
    assert "declined" in page.context["form"].non_field_errors()[0]


@pytest.mark.parametrize(
    ("status", "acts"),
    [
        ("applied", ["start-review", "decline", "contact", "register-node"]),
        ("in_review", ["ask", "decline", "contact", "register-node", "draft"]),
        ("active", ["contact", "register-node", "draft"]),
        ("declined", ["contact", "register-node"]),
    ],
)
def test_only_possible_steps_are_offered(zhou_lan: Client, status: str, acts: list[str]) -> None:
    assert offered(zhou_lan, factories.InstitutionFactory(status=status, voting=True)) == acts


def test_an_application_is_entered(zhou_lan: Client) -> None:
    page = zhou_lan.post(
        reverse("admin:members_institution_apply"),
        {
            "legal_name_zh": "云汀信托有限公司",
            "legal_name_en": "Yunting Trust",
            "short_name": "yunting-trust",
            "category": "funds",
            "uscc": factories.uscc(800_000 + 77),
            "lei": "",
            "joined_on": "",
            "contact_name": "Wang Min",
            "contact_email": "wang.min@yunting.example",
            "contact_phone": "",
        },
    )
    made = Institution.objects.get(short_name="yunting-trust")
    assert page.status_code == 302
    assert page["Location"] == reverse("admin:members_institution_change", args=[made.pk])
    assert made.status == "applied"


def test_a_wrong_code_is_named_and_nothing_is_kept(zhou_lan: Client) -> None:
    page = zhou_lan.post(
        reverse("admin:members_institution_apply"),
        {
            "legal_name_zh": "云汀信托有限公司",
            "legal_name_en": "Yunting Trust",
            "short_name": "yunting-trust",
            "category": "funds",
            "uscc": "913101150000000771"[:17] + "X",
            "contact_name": "Wang Min",
            "contact_email": "wang.min@yunting.example",
        },
    )
    assert page.status_code == 400
    assert page.context["form"].non_field_errors()
    assert not Institution.objects.filter(short_name="yunting-trust").exists()


def test_a_contact_is_changed_with_a_reason(zhou_lan: Client, hailong: Any) -> None:
    form = zhou_lan.get(reverse("admin:members_institution_contact", args=[hailong.pk])).context["form"]
    assert form["contact_name"].value() == "Li Jun"
    act(
        zhou_lan,
        hailong,
        "contact",
        contact_name="Sun Hui",
        contact_email="sun.hui@hailong.example",
        contact_phone="",
        reason="Li Jun has left.",
    )
    hailong.refresh_from_db()
    assert hailong.contact_name == "Sun Hui"


def test_a_node_is_registered_and_retired(zhou_lan: Client) -> None:
    bank = factories.InstitutionFactory(active=True)
    network = factories.NetworkFactory()
    page = act(
        zhou_lan,
        bank,
        "register-node",
        network=network.pk,
        name="node-a",
        software="besu",
        software_version="26.3.0",
        consensus_id=factories.consensus_id(800_000 + 5),
        host="10.0.0.5",
        port=30303,
        push_url="",
    )
    assert page.status_code == 302
    node = Node.objects.get(institution=bank)
    assert act(zhou_lan, node, "retire", reason="Hardware is gone.").status_code == 302
    node.refresh_from_db()
    assert node.retired_at is not None
    assert offered(zhou_lan, node) == []


def test_an_account_is_made_and_deactivated(zhou_lan: Client) -> None:
    bank = factories.InstitutionFactory(active=True)
    page = zhou_lan.post(
        reverse("admin:members_user_create"),
        {
            "username": "qian.yan",
            "role": "member",
            "institution": bank.pk,
            "first_name": "Yan",
            "last_name": "Qian",
            "email": "qian.yan@bank.example",
            "password": "seven-lanterns-on-the-river",
        },
    )
    assert page.status_code == 302, page.context["form"].errors
    made = User.objects.get(username="qian.yan")
    act(zhou_lan, made, "deactivate", reason="Has left the bank.")
    made.refresh_from_db()
    assert made.is_active is False


def test_a_weak_password_is_refused(zhou_lan: Client) -> None:
    bank = factories.InstitutionFactory(active=True)
    page = zhou_lan.post(
        reverse("admin:members_user_create"),
        {"username": "qian.yan", "role": "member", "institution": bank.pk, "password": "password"},
    )
    assert page.status_code == 400
    assert not User.objects.filter(username="qian.yan").exists()


def test_no_button_votes(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    assert offered(zhou_lan, alliance.proposal) == ["amend"]  # a draft of its own
    assert offered(zhou_lan, alliance.ballot) == []


def test_a_draft_starts_with_kind_and_subject_filled_in(zhou_lan: Client, hailong: Any) -> None:
    act(zhou_lan, hailong, "start-review")
    Institution.objects.filter(pk=hailong.pk).update(voting_address=factories.voter(800_000 + 1).address)
    page = zhou_lan.get(reverse("admin:members_institution_change", args=[hailong.pk]))
    form = zhou_lan.get(page.context["buttons"][-1]["url"]).context["form"]
    assert form["kind"].value() == "admit_institution"
    assert form["institution"].value() == str(hailong.pk)


def test_drafting_without_a_ledger_is_refused_with_a_word(zhou_lan: Client, hailong: Any) -> None:
    page = zhou_lan.post(
        reverse("admin:proposals_proposal_draft"),
        {
            "kind": "admit_institution",
            "institution": hailong.pk,
            "title_zh": "接纳海龙银行",
            "title_en": "Admit Hailong Bank",
            "text": "The papers are in order.",
        },
    )
    assert page.status_code >= 400
    assert page.context["form"].non_field_errors()


def test_signing_out_leads_to_the_accounts_page(zhou_lan: Client) -> None:
    assert zhou_lan.post(reverse("admin:logout"))["Location"] == reverse("account_login")
    assert zhou_lan.get("/admin/").status_code == 302
