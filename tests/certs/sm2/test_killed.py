"""Making the authorities of 国密 in processes that are killed, or that run beside each other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from certs.models import Authority, SeenKey, SerialNumber
from certs.sm2 import authorities
from tests.certs.conftest import PASSPHRASE
from tests.certs.sm2.conftest import ROOT_PASSPHRASE

pytestmark = pytest.mark.django_db(transaction=True)

CREATE = f"authorities.create('Alliance', passphrase={PASSPHRASE!r}, root_passphrase={ROOT_PASSPHRASE!r})"
STEPS = [
    ("after", "_enter", 1),  # the root's certificate is written down and not recorded
    ("after", "_record", 1),
    ("before", "_record", 2),  # likewise that of the nodes CA
    ("before", "_publish_lists", 1),
    ("before", "_enter_lists", 1),
]


@pytest.mark.parametrize(("moment", "step", "times"), STEPS)
def test_whenever_it_dies_the_next_run_completes_it(
    moment: str, step: str, times: int, sm_places: Path
) -> None:
    deadly = f"authorities.{step} = _deadly(authorities.{step}, {moment!r}, {times})"
    assert started(f"{deadly}; {CREATE}", sm_places).wait(timeout=60) == -signal.SIGKILL
    made = authorities.create("Alliance", passphrase=PASSPHRASE, root_passphrase=ROOT_PASSPHRASE)
    written = authorities.protocol_of(authorities.public_key_of(made[0]))
    assert [part.der for part in written.signed("root")] == [bytes(made[0].der)]
    assert [part.der for part in written.signed("nodes")] == [bytes(made[1].der)]
    assert [part.der for part in written.signed("crl")] == [bytes(row.der) for row in made[0].crls.all()]
    assert Authority.objects.count() == SerialNumber.objects.count() == SeenKey.objects.count() == 2


def test_two_runs_at_once_make_nothing_twice(sm_places: Path) -> None:
    """Two people start it: the later one finds what the first one made."""
    runs = [started(CREATE, sm_places) for _ in range(2)]
    assert [run.wait(timeout=60) for run in runs] == [0, 0]
    assert sorted(Authority.objects.values_list("name", flat=True)) == ["sm-nodes", "sm-root"]
    assert SerialNumber.objects.count() == 2


def started(code: str, home: Path) -> subprocess.Popen[bytes]:
    """A process of its own on the test's database and directories."""
    url = urlsplit(os.environ["DATABASE_URL"])
    environment = os.environ | {
        "DATABASE_URL": urlunsplit(url._replace(path="/" + str(connection.settings_dict["NAME"]))),
        "KEY_DIR": str(home / "keys"),
        "PKI_DIR": str(home / "pki"),
        "PUBLIC_URL": "https://console.alliance.example",
    }
    begin = (
        "import django; django.setup()\n"
        "from certs.sm2 import authorities\n"
        "from tests.certs.crash_child import _deadly\n"
    )
    run = subprocess.Popen([sys.executable, "-"], env=environment, stdin=subprocess.PIPE)
    assert run.stdin is not None
    run.stdin.write((begin + code).encode())
    run.stdin.close()
    return run
