"""Every page shows its row, in a number of queries that does not grow with the rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from consortium.core.models import Event
from consortium.members.models import Category, User
from tests import factories
from tests.web.admin.conftest import add_member, add_proposal

pytestmark = pytest.mark.django_db


def queries(client: Client, address: str) -> int:
    client.get(address)  # caches of the process are filled once
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


def detail(row: Any) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


ROWS = {
    "hailong": factories.uscc(800_900),
    "bank": "9131011500000000",
    "node": "54edb7",
    "seat": "active",
    "entry": "settlement",
    "event": "SeatGranted",
    "delivery": '<span class="console-pill console-warning">behind</span>',
    "report": "yes",
    "proposal": "Admit Hailong Bank",
    "vote": "for",
    "relay": "waiting",
    "ballot": "waiting",
    "epoch": "besu/permissions_config.toml",
    "outbox": "given up",
    "ledger": "20200",
}


@pytest.mark.parametrize("name", [name for name in ROWS if name != "node"])
def test_a_rows_page_opens_for_both(
    zhou_lan: Client, wu_rui: Client, alliance: SimpleNamespace, name: str
) -> None:
    address = detail(getattr(alliance, name))
    assert ROWS[name] in zhou_lan.get(address).content.decode()
    assert ROWS[name] in wu_rui.get(address).content.decode()


def test_a_nodes_page_shows_its_role_and_its_whole_id(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    page = zhou_lan.get(detail(alliance.node)).content.decode()
    assert alliance.node.consensus_id in page
    assert "sealer" in page


def test_an_account_a_category_a_network_and_an_event_have_pages(
    zhou_lan: Client, alliance: SimpleNamespace
) -> None:
    user = User.objects.get(username="zhou.lan")
    for row in (user, Category.objects.get(pk="funds"), alliance.node.network, Event.objects.latest("id")):
        assert zhou_lan.get(detail(row)).status_code == 200


def test_a_row_that_is_not_there_is_not_found(zhou_lan: Client) -> None:
    assert zhou_lan.get("/admin/members/institution/nobody/change/").status_code == 404


def test_an_institutions_page_tells_its_story(zhou_lan: Client, hailong: Any) -> None:
    page = zhou_lan.get(detail(hailong)).content.decode()
    assert "institution applied" in page
    assert "zhou.lan" in page


def test_a_proposals_page_says_who_voted_and_who_did_not(zhou_lan: Client, ledger: Any, hailong: Any) -> None:
    voted, silent = add_member(ledger, 1), add_member(ledger, 2)
    proposal = add_proposal(ledger, 1, hailong, zhou_lan.user, [voted, silent]).proposal  # type: ignore[attr-defined]
    panels = {str(p.title): p for p in zhou_lan.get(detail(proposal)).context["panels"]}
    assert [str(row[0]) for row in panels["Who has voted"].data["rows"]] == [
        f'<a class="console-link" href="{detail(voted.bank)}">{voted.bank}</a>'
    ]
    assert [str(row[0]) for row in panels["Who has not voted"].data["rows"]] == [
        f'<a class="console-link" href="{detail(silent.bank)}">{silent.bank}</a>'
    ]


@pytest.mark.parametrize(
    "model",
    [
        "members_institution",
        "members_node",
        "chain_seat",
        "chain_registryentry",
        "permissions_delivery",
        "permissions_acknowledgement",
        "proposals_proposal",
        "proposals_ballot",
        "core_event",
    ],
)
def test_a_list_asks_as_many_questions_for_many_rows_as_for_few(
    zhou_lan: Client, alliance: SimpleNamespace, model: str
) -> None:
    address = reverse(f"admin:{model}_changelist")
    few = queries(zhou_lan, address)
    for n in range(20, 28):
        member = add_member(alliance.ledger, n)
        add_proposal(alliance.ledger, n, alliance.hailong, zhou_lan.user, [member])  # type: ignore[attr-defined]
    assert queries(zhou_lan, address) == few
    assert few <= 24


def test_the_first_page_asks_as_many_questions_for_many_rows_as_for_few(
    zhou_lan: Client, alliance: SimpleNamespace
) -> None:
    few = queries(zhou_lan, "/admin/")
    for n in range(20, 28):
        add_member(alliance.ledger, n)
    assert queries(zhou_lan, "/admin/") == few
    assert few <= 28
