"""The console's disk is full while it publishes: the former list stays, whole; the newest goes out later."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from consortium.core import outbox
from consortium.core.models import OutboxMessage
from consortium.stack import child
from consortium.stack.embedded import EmbeddedPostgres
from governance.permissions.tufrepo import Repository
from tests.permissions.faults.console import Console, begin, eventually
from tests.permissions.faults.steps import Step
from tests.permissions.world import LIMIT, PROJECT, World

pytestmark = pytest.mark.django_db(transaction=True)

# In the order in which they are written.
FILES = (".permissions.json'", ".rollout.json'", ".settlement.json'", ".snapshot.json'", "/timestamp.json'")


@pytest.fixture
def console(world: World, postgres: EmbeddedPostgres) -> Iterator[Console]:
    made = begin(world, postgres)
    yield made
    made.stop()


def fill_disk(console: Console, *, full: bool) -> None:
    """No file of the signing worker's can grow any more, as where there is no space; or again it can."""
    worker = console.running["signing"].pid
    most = 0 if full else resource.RLIM_INFINITY
    for pid in (worker, *child.descendants(worker)):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def has_failed() -> bool:
    failed = OutboxMessage.objects.filter(outbox.OPEN, topic="permissions.publish")
    return failed.filter(last_error__contains="File too large").exists()


def seen_by(console: Console) -> str:
    """The list of open work, as the secretariat reads it."""
    client = Client()
    client.force_login(console.world.secretary)
    with translation.override("en"):
        answer = client.get(reverse("admin:core_outboxmessage_changelist"), {"state": "open"})
    assert answer.status_code == 200
    return answer.content.decode()


def newcomer_gets(console: Console) -> int:
    """The epoch that the gateway gives an agent that trusts the first root, and remembers nothing."""
    folder = console.world.folder(console.nodes[0])
    fresh = folder / "fresh"
    lines = (folder / "agent.toml").read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith(("listen", "reload")))
    text = text.replace('"state"', '"fresh/state"').replace('path = "', 'path = "fresh/')
    (folder / "fresh.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "governance.agent", "--once", "--config", str(folder / "fresh.toml")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    found = int(json.loads((fresh / "permissions.json").read_bytes())["epoch"])
    _empty(fresh)
    return found


def _empty(folder: Path) -> None:
    for place in sorted(folder.rglob("*"), reverse=True):
        place.rmdir() if place.is_dir() else place.unlink()


def test_a_disk_that_is_full_at_any_file_holds_up_the_newest_list_and_spoils_none(console: Console) -> None:
    for epoch, name in enumerate(FILES, start=2):
        full = Step(f"no space for {name.strip(chr(39))[1:]}", "signing", "consortium.core.files:_written",
                    "before", matching=name)  # fmt: skip
        before = Repository().state()
        console.world.admitted(f"gaoling-bank/n{epoch}")
        console.strike_at([full], lambda stopped: fill_disk(console, full=True))
        eventually(has_failed, "publishing has failed")
        assert "File too large" in seen_by(console)
        assert Repository().state() == before, "what is published is what it was"
        assert not [place for place in settings.TUF_DIR.rglob(".*") if place.is_file()], "half written"
        assert newcomer_gets(console) == epoch - 1
        assert {json.loads(console.world.in_force(node))["epoch"] for node in console.nodes} == {epoch - 1}
        fill_disk(console, full=False)
        console.finish(*range(2, epoch + 1))
