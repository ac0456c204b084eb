"""create_authorities is killed between any two steps; the next run completes what it left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.core.management import call_command
from django.db import connection

from certs import selectors
from certs.ceremony.home import Home
from certs.models import Authority, RevocationList, SeenKey, SerialNumber
from consortium.core.models import Event
from consortium.stack.endpoints import PROJECT

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 120.0
NAMES = {"root", "nodes", "access", "lists"}


@pytest.fixture
def before(places: Path) -> Path:
    """The keys alone, sealed at a price that tests can pay; no ceremony was held."""
    for path in (places / "keys").glob("root*"):
        if path.suffix != ".key":
            path.unlink()
    return places


def killed(places: Path, moment: str, target: str) -> None:
    url = urlsplit(os.environ["DATABASE_URL"])
    environment = {
        **os.environ,
        "DATABASE_URL": urlunsplit(url._replace(path="/" + connection.settings_dict["NAME"])),
        "KEY_DIR": str(places / "keys"),
        "PKI_DIR": str(places / "pki"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.certs.command_child", moment, target,
         "create_authorities", "--passphrase-file", str(places / "passphrase")],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("moment", "target"),
    [
        ("before", "certs.ceremony.home.Home.keep"),  # the root is signed, and nowhere written
        ("after", "certs.ceremony.runs.make_root"),
        ("after", "certs.authorities.requesting._remember"),  # of the first of three
        ("before", "certs.authorities.recording.authority"),  # all signed, none recorded
        ("after", "certs.authorities.recording.authority"),  # the root alone is recorded
        ("before", "certs.authorities.importing.publish"),  # all recorded, none published
        ("after", "certs.status.files.write_authority"),
    ],
)
def test_the_next_run_completes_it(before: Path, moment: str, target: str) -> None:
    killed(before, moment, target)
    released = {path.name for path in (before / "pki").glob("*.crt")}
    recorded = {f"{name}.crt" for name in Authority.objects.values_list("name", flat=True)}
    assert released <= recorded, "published before it was on record"
    call_command("create_authorities", passphrase_file=str(before / "passphrase"))
    signed = list(Home(before / "keys").protocol().signed("root", "issuing"))
    assert {part.name for part in signed} == NAMES
    assert len(signed) == 4, "nothing was certified twice"
    assert {row.name: bytes(row.der) for row in Authority.objects.all()} == {p.name: p.der for p in signed}
    assert SerialNumber.objects.count() == SeenKey.objects.count() == 4
    assert Event.objects.filter(action="authority.created").count() == 4
    assert not list((before / "keys").glob("*.request.json"))
    published = {path.stem for path in (before / "pki").glob("*.crl")}
    assert published == {path.stem for path in (before / "pki").glob("*.crt")} == NAMES
    assert {row.authority.name for row in RevocationList.objects.filter(shard=None)} == NAMES
    assert selectors.issuing_authority().name == "nodes"
