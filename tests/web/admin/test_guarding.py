"""The page of an epoch that is held: what was found, who has spoken, and the button that takes two."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from consortium.core import clock
from consortium.web import jobs
from governance.permissions import guards, holding
from governance.permissions.models import Epoch, EpochFinding, GuardPolicy
from tests.factories import NetworkFactory, UserFactory
from tests.web.admin.conftest import signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/permissions/epoch/"
FOUND = {"count": 3, "of": 4, "percent": 33, "nodes": "heming-bank/n1, nanpu-bank/n1, yunting-bank/n1"}


@pytest.fixture
def held() -> Epoch:
    """Of an alliance in which three of four nodes would go."""
    now = clock.now()
    epoch = Epoch.objects.create(
        network=NetworkFactory(), number=8, block=120, effective_at=now, content_sha256="ab" * 32,
        node_count=1, cause="regular check", compiled_at=now,
    )  # fmt: skip
    EpochFinding.objects.create(epoch=epoch, code=guards.TOO_MANY_DROPPED, params=FOUND)
    return epoch


def page(client: Client, epoch: Epoch, **headers: str) -> str:
    answer = client.get(f"{LIST}{epoch.pk}/change/", headers=headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def override(client: Client, epoch: Epoch, reason: str = "These sites closed today.") -> Any:
    return client.post(f"{LIST}{epoch.pk}/override/", {"reason": reason})


def test_the_page_says_what_was_found_and_two_people_let_it_out(zhou_lan: Client, held: Epoch) -> None:
    text = page(zhou_lan, held)
    assert "3 of 4 nodes would be dropped at once, more than 33 %" in text
    assert "people missing: 2" in text
    assert "Publish in spite of this" in text
    assert override(zhou_lan, held).status_code == 302
    text = page(zhou_lan, held)
    assert ("zhou.lan" in text, "These sites closed today." in text) == (True, True)
    assert "people missing: 1" in text
    again = override(zhou_lan, held)
    assert (again.status_code, "a second person has to" in again.content.decode()) == (409, True)
    li_jun = signed_in(UserFactory(secretariat=True, username="li.jun", date_joined=held.compiled_at))
    assert override(li_jun, held, "I called all three.").status_code == 302
    assert not holding.held().exists()
    text = page(zhou_lan, held)
    assert "being signed" in text
    assert "override/" not in text


def test_who_presses_the_button_has_read_what_was_found(zhou_lan: Client, held: Epoch) -> None:
    asked = zhou_lan.get(f"{LIST}{held.pk}/override/").content.decode()
    assert "3 of 4 nodes would be dropped at once" in asked
    assert override(zhou_lan, held, "").status_code == 400
    assert not held.overrides.exists()


def test_the_regulator_reads_findings_and_lets_nothing_out(wu_rui: Client, held: Epoch) -> None:
    text = page(wu_rui, held)
    assert "3 of 4 nodes would be dropped at once" in text
    assert "override/" not in text
    assert override(wu_rui, held).status_code == 403
    assert not held.overrides.exists()


def test_held_lists_are_found_in_the_list_and_on_the_first_page(zhou_lan: Client, held: Epoch) -> None:
    (job,) = [job for job in jobs.work_queue() if "state=held" in job.link]
    assert (job.count, job.tone) == (1, "urgent")
    listed = zhou_lan.get(LIST, {"state": "held"}).content.decode()
    assert str(held.pk) in listed
    assert "is held: the guards found something" in listed
    assert f'href="{LIST}{held.pk}/change/' in zhou_lan.get(LIST).content.decode()


def test_the_secretariat_sets_what_counts_as_many(zhou_lan: Client, wu_rui: Client, held: Epoch) -> None:
    values = {
        "network": "settlement", "dropped_percent": 50, "dropped_least": 5, "window_minutes": 10,
        "reason": "A site closes.",
    }  # fmt: skip
    assert wu_rui.post(f"{LIST}guards/", values).status_code == 403
    assert zhou_lan.post(f"{LIST}guards/", {**values, "dropped_percent": 0}).status_code == 400
    assert zhou_lan.post(f"{LIST}guards/", values).status_code == 302
    row = GuardPolicy.objects.get()
    assert (row.dropped_percent, row.dropped_least, row.window_minutes) == (50, 5, 10)
    assert "more than 50 %" in zhou_lan.get(LIST).content.decode()


def test_the_guards_of_a_network_are_shown_as_they_are_and_keep_what_nobody_changed(
    zhou_lan: Client, held: Epoch
) -> None:
    GuardPolicy.objects.create(network=held.network, dropped_percent=20, dropped_least=2, window_minutes=240)
    shown = zhou_lan.get(f"{LIST}guards/", {"network": held.network_id}).context["form"]
    filled = {bound.html_name: str(bound.value() or "") for bound in shown}
    assert [filled[name] for name in shown.settings] == ["20", "2", "240"]
    changed = {**filled, "network": held.network_id, "dropped_least": "4", "reason": "More sites."}
    assert zhou_lan.post(f"{LIST}guards/", changed).status_code == 302
    row = GuardPolicy.objects.get()
    assert (row.dropped_percent, row.dropped_least, row.window_minutes) == (20, 4, 240)


def test_the_api_says_why_a_list_is_held(wu_rui: Client, zhou_lan: Client, held: Epoch) -> None:
    override(zhou_lan, held)
    answer = wu_rui.get(f"/api/v1/epochs/{held.pk}/").json()
    assert (answer["held"], answer["superseded"]) == (True, False)
    (found,) = answer["findings"]
    assert (found["code"], found["params"]["count"]) == (guards.TOO_MANY_DROPPED, 3)
    assert found["sentence"].startswith("3 of 4 nodes would be dropped at once")
    assert [said["person"] for said in answer["overrides"]] == ["zhou.lan"]
