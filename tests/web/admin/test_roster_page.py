"""The roster's page: seen first, imported only when confirmed."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consortium.core import clock
from consortium.core.models import Event
from consortium.members.models import Institution
from governance.chain.models import Ledger
from tests.factories import UserFactory
from tests.web.admin.conftest import ROSTERS

pytestmark = pytest.mark.django_db


def upload(client: Client, name: str, data: bytes | None = None) -> Any:
    file = BytesIO(data if data is not None else (ROSTERS / name).read_bytes())
    file.name = name
    return client.post(reverse("admin:members_institution_roster"), {"file": file})


def confirm(client: Client, preview: Any, **more: str) -> Any:
    return client.post(
        reverse("admin:members_institution_roster"), {"upload": preview.context["upload"], **more}
    )


def test_nothing_is_imported_before_it_is_confirmed(zhou_lan: Client) -> None:
    page = upload(zhou_lan, "roster-gbk.csv")
    assert page.status_code == 200
    assert page.context["preview"].count("new") == 20
    assert Institution.objects.count() == 0


def test_confirming_imports_all_rows_as_founding_members(zhou_lan: Client) -> None:
    page = confirm(zhou_lan, upload(zhou_lan, "roster-gbk.csv"))
    assert page.status_code == 302
    assert Institution.objects.filter(status="admitted").count() == 20


def test_after_the_founding_they_only_apply(zhou_lan: Client, ledger: Ledger) -> None:
    ledger.founding_closed_at = clock.now()
    ledger.save()
    confirm(zhou_lan, upload(zhou_lan, "roster-gbk.csv"))
    assert Institution.objects.filter(status="applied").count() == 20


def test_each_bad_row_is_named_by_row_column_and_reason(zhou_lan: Client) -> None:
    lines = upload(zhou_lan, "roster-with-errors.csv").context["lines"]
    bad = [line for line in lines if line.problems]
    assert len(bad) == 11
    assert lines[0].number == 2
    assert lines[0].problems[0].startswith("LEI: ")


def test_bad_rows_stop_the_import_unless_they_are_skipped(zhou_lan: Client) -> None:
    first = upload(zhou_lan, "roster-with-errors.csv")
    refused = confirm(zhou_lan, first)
    assert refused.status_code == 422
    assert Institution.objects.count() == 0
    assert confirm(zhou_lan, refused, skip_bad="1").status_code == 302
    assert Institution.objects.count() == 1


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"a,b\n1,2\n", b"PK\x03\x04broken"])
def test_a_file_that_is_no_roster_is_refused_with_a_word_and_an_event(zhou_lan: Client, data: bytes) -> None:
    page = upload(zhou_lan, "roster.csv", data)
    assert page.status_code == 400
    assert page.context["form"].errors["file"]
    assert Institution.objects.count() == 0


def test_a_refused_file_leaves_an_event(zhou_lan: Client) -> None:
    upload(zhou_lan, "roster.csv", b"a,b\n1,2\n")
    event = Event.objects.get(action="roster.refused")
    assert event.actor_label == "zhou.lan"


def test_somebody_elses_upload_can_not_be_confirmed(zhou_lan: Client, wu_rui: Client) -> None:
    preview = upload(zhou_lan, "roster-gbk.csv")
    zhou_lan.force_login(UserFactory(secretariat=True))
    assert confirm(zhou_lan, preview).status_code == 410
    assert Institution.objects.count() == 0


def test_the_regulator_can_not_import(wu_rui: Client) -> None:
    assert upload(wu_rui, "roster-gbk.csv").status_code == 403
