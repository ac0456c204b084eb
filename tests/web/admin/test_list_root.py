"""The root of the lists ends: the first page and the forecast say so while officers can still meet."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from consortium.core import clock
from governance.permissions import tufrepo
from tests.permissions.conftest import CHEAP, PASSPHRASE

pytestmark = pytest.mark.django_db
TITLE = "Root of the permission lists ending"


@pytest.fixture
def ends(settings: Any, tmp_path: Path) -> datetime:
    """When the root that the ceremony has just made ends."""
    settings.KEY_DIR, settings.TUF_DIR = tmp_path / "keys", tmp_path / "tuf"
    assert tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now(), cost=CHEAP)
    found: datetime = tufrepo.Repository().root().expires
    return found


def line(client: Client) -> Any:
    jobs = {str(job.title): job for job in client.get("/admin/").context["jobs"]}
    return jobs.get(TITLE)


def test_the_first_page_has_a_line_from_sixty_days_before_the_end(zhou_lan: Client, ends: datetime) -> None:
    for days, tone in ((61, None), (59, "due"), (13, "urgent"), (-1, "urgent")):
        with clock.frozen(ends - timedelta(days=days)):
            found = line(zhou_lan)
            assert (found.tone if found else None) == tone, days
    with clock.frozen(ends - timedelta(days=13)):
        job = line(zhou_lan)
        assert str(job.hint) == "13 days left: officers have to sign the next one"
        page = zhou_lan.get(job.link).content.decode()
        assert "root 1" in page
        assert "root of the permission lists" in page
        assert "see to it" in page


def test_before_the_ceremony_there_is_nothing_to_end(zhou_lan: Client, settings: Any, tmp_path: Path) -> None:
    settings.TUF_DIR = tmp_path / "nothing"
    assert line(zhou_lan) is None


def test_the_forecast_for_a_monitor_names_the_root(ends: datetime) -> None:
    shown = StringIO()
    with clock.frozen(ends - timedelta(days=20)), pytest.raises(CommandError, match="to see to"):
        call_command("expiry_forecast", "--days", "30", stdout=shown)
    (said,) = [line for line in shown.getvalue().splitlines() if "list-root" in line]
    assert said.startswith(f"! {ends:%F %R}")
    assert said.endswith("root 1")
