"""Handlers for the outbox's tests, and how to run ``tests.core.process`` and hear what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.db import connection, transaction

from consortium.core import events, outbox

QUEUE = "testing"
NOTE = outbox.Topic("test.note", QUEUE, "tests.core.work.note")
WAIT = outbox.Topic("test.wait", QUEUE, "tests.core.work.note_and_stay")
FAIL = outbox.Topic("test.fail", QUEUE, "tests.core.work.fail", max_attempts=3)
CALL = outbox.Topic("test.call", QUEUE, "tests.core.work.call")
MANY = outbox.Topic("test.many", QUEUE, "tests.core.work.end_each", max_attempts=3, together=3)
TOPICS = (NOTE, WAIT, FAIL, CALL, MANY)

calls: list[Any] = []  # what handlers were given, in this process
to_do: list[Any] = []  # what ``call`` runs, one after the other


def note(payload: dict[str, Any]) -> None:
    """Leave an event: visible from every process."""
    calls.append(payload)
    with transaction.atomic():
        subject = events.Outsider("test", payload.get("label", "note"))
        events.record("test.noted", subject, actor=events.COMMAND)


def fail(payload: dict[str, Any]) -> None:
    calls.append(payload)
    raise RuntimeError("the ledger does not answer")


def call(payload: dict[str, Any]) -> None:
    calls.append(payload)
    to_do.pop(0)()


def end_each(payloads: list[dict[str, Any]]) -> list[outbox.Outcome]:
    """Each ends as its payload says."""
    calls.append(payloads)
    ends = {"later": outbox.Later(60, "not yet"), "never": outbox.Permanent("no"), "fails": RuntimeError("!")}
    return [ends.get(payload["end"]) for payload in payloads]


def note_and_stay(payload: dict[str, Any]) -> None:
    """Work, then stay in the middle of it, where ``process`` put something to wait for."""
    note(payload)
    stay()


def stay() -> None:
    """In a child process this says where it is and waits; here it does not."""


@contextmanager
def child(action: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run this module as a process on the test's own database."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.core.process", action],
        env={**os.environ, "DATABASE_URL": _test_database(), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """The next word of a child; what it died of where it says none."""
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        process.kill()
        raise AssertionError(process.communicate()[1])
    return line


def _test_database() -> str:
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(path="/" + connection.settings_dict["NAME"]))
