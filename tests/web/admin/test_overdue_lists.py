"""A revocation list that ran out is seen on the first page and by Prometheus; one in force is no news."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from certs.models import Authority
from consortium.core import clock
from tests.certs.conftest import Pki, pki, places, sealed_keys

__all__ = ["pki", "places", "sealed_keys"]  # fixtures
pytestmark = pytest.mark.django_db
TITLE = "Revocation lists overdue"


def test_lists_in_force_are_no_work(zhou_lan: Client, pki: Pki) -> None:
    assert TITLE not in [str(job.title) for job in zhou_lan.get("/admin/").context["jobs"]]
    assert "console_crls_stale 0.0" in zhou_lan.get("/metrics").content.decode()


def test_a_list_that_ran_out_is_urgent_work(zhou_lan: Client, pki: Pki) -> None:
    with clock.frozen(clock.now() + timedelta(hours=25)):  # the root's list is signed for a year
        job = zhou_lan.get("/admin/").context["jobs"][-1]
        issuing = set(Authority.objects.filter(kind="issuing"))
        assert (str(job.title), job.count, job.tone) == (TITLE, len(issuing), "urgent")
        page = zhou_lan.get(job.link)
        assert set(page.context["cl"].queryset) == issuing
        assert f"console_crls_stale {len(issuing)}.0" in zhou_lan.get("/metrics").content.decode()


def test_all_authorities_are_listed_without_the_filter(zhou_lan: Client, pki: Pki) -> None:
    page = zhou_lan.get("/admin/certs/authority/")
    assert set(page.context["cl"].queryset) == set(Authority.objects.all())
    assert len(page.context["cl"].queryset) >= 4  # the root, and one for each purpose
