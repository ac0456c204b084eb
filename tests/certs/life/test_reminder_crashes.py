"""Whoever dies between recording, sending and marking: the mail goes out, at worst twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.db import connection

from certs.models import Certificate, Reminder
from consortium.core import clock, outbox
from consortium.core.models import OutboxMessage
from consortium.members.models import Node
from consortium.stack.endpoints import PROJECT
from tests.certs.life import rows

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 60.0  # seconds: only a hanging database meets it


@pytest.fixture
def certificate(heming: Node) -> Certificate:
    """Runs out in ten days: the step of fourteen is due."""
    return rows.certificate(heming, rows.authority(), ends=clock.now() + timedelta(days=10))


@pytest.fixture
def mail_dir(tmp_path: Path, settings: object) -> Path:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_FILE_PATH = tmp_path / "mail"  # type: ignore[attr-defined]
    return tmp_path / "mail"


def worker(moment: str, target: str, mail_dir: Path) -> int:
    """Another process on the test's database; how it ended."""
    url = urlsplit(os.environ["DATABASE_URL"])
    environment = {
        **os.environ,
        "DATABASE_URL": urlunsplit(url._replace(path="/" + connection.settings_dict["NAME"])),
        "DATA_DIR": str(mail_dir.parent),
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.certs.life.crash_child", moment, target],
        cwd=PROJECT, env=environment, capture_output=True, check=False, timeout=LIMIT,
    )  # fmt: skip
    return done.returncode


def ids(mail_dir: Path) -> list[str]:
    """Message-IDs of what was sent; one file a connection."""
    files = sorted(mail_dir.glob("*.log"))
    return [message_from_bytes(file.read_bytes())["Message-ID"] for file in files]


@pytest.mark.parametrize(
    ("moment", "target", "recorded", "sent"),
    [
        ("after", "certs.services.reminders._record", False, 0),  # not committed yet
        ("after", "certs.services.record_due_reminders", True, 0),
        ("before", "certs.services.reminders._mark", True, 1),
    ],
)
def test_the_next_worker_sends_what_the_dead_one_left(
    moment: str, target: str, recorded: bool, sent: int, certificate: Certificate, mail_dir: Path
) -> None:
    assert worker(moment, target, mail_dir) == -signal.SIGKILL
    assert Reminder.objects.exists() == recorded
    assert not Reminder.objects.filter(sent_at__isnull=False).exists()
    assert len(ids(mail_dir)) == sent
    _next_worker()
    assert Reminder.objects.get().sent_at is not None
    assert len(ids(mail_dir)) == sent + 1
    assert len(set(ids(mail_dir))) == 1  # the same mail, and it says so


def test_whom_nobody_kills_sends_once(certificate: Certificate, mail_dir: Path) -> None:
    """The child is the real thing: only the functions that it wraps were ever deadly."""
    assert worker("after", "certs.services.revoke", mail_dir) == 0
    assert Reminder.objects.get().sent_at is not None
    _next_worker()
    assert len(ids(mail_dir)) == 1


def _next_worker() -> None:
    """As an hour later: the dead one's claim ends when PostgreSQL notices that it is gone."""
    from certs import tasks

    tasks.record_reminders()
    end = time.monotonic() + LIMIT
    later = clock.now() + timedelta(minutes=10)
    while OutboxMessage.objects.filter(outbox.OPEN).exists():
        with clock.frozen(later):
            outbox.drain("default")
        assert time.monotonic() < end, "the dead worker's claim was never given back"
