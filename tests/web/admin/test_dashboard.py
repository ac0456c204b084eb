"""The work queue counts what waits, and each count leads to just those rows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from tests.factories import InstitutionFactory

pytestmark = pytest.mark.django_db


def jobs(client: Client) -> dict[str, Any]:
    return {str(job.title): job for job in client.get("/admin/").context["jobs"]}


def test_nothing_waits_in_an_empty_console(zhou_lan: Client) -> None:
    assert {job.count for job in jobs(zhou_lan).values()} == {0}


def test_each_job_counts_its_rows(zhou_lan: Client, alliance: SimpleNamespace) -> None:
    assert {title: job.count for title, job in jobs(zhou_lan).items()} == {
        "Applications to review": 1,
        "Certificate requests": 0,
        "Votes closing": 1,
        "Certificates ending": 0,
        "Nodes behind": 1,
        "Work given up": 1,
        "Alarms about nodes": 0,
    }


@pytest.mark.parametrize(
    "title",
    [
        "Applications to review",
        "Certificate requests",
        "Votes closing",
        "Certificates ending",
        "Nodes behind",
        "Work given up",
    ],
)
def test_a_job_leads_to_a_list_of_as_many_rows(
    zhou_lan: Client, alliance: SimpleNamespace, title: str
) -> None:
    job = jobs(zhou_lan)[title]
    page = zhou_lan.get(job.link)
    assert page.status_code == 200  # a filter that the list does not know would lead back to all rows
    assert page.context["cl"].result_count == job.count


def test_the_chart_counts_by_category_and_standing(zhou_lan: Client) -> None:
    InstitutionFactory(n=1, active=True)
    InstitutionFactory(n=2, suspended=True)
    InstitutionFactory(n=3, category="funds", applied=True)
    chart = zhou_lan.get("/admin/").context["chart"]
    assert dict(chart.table)["Banking"] == (1, 0, 1)
    assert dict(chart.table)["Funds"] == (0, 1, 0)
    assert [bar.label for bar in chart.drawings[0].bars][:2] == ["Banking", "Funds"]


def test_the_menu_shows_counts_but_no_zeros(zhou_lan: Client, hailong: Any) -> None:
    page = zhou_lan.get("/admin/").content.decode()
    assert page.count('class="console-badge"') == 1
    assert '<span class="console-badge">1</span>' in page
