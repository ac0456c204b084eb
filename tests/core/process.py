"""A process that works on the test's database and can be killed: ``python -m tests.core.process ACTION``.

``drain`` handles what is due; ``change`` commits a change with its message; ``half`` stays in the middle of
that transaction. It says where it is on its output, and goes on when a line comes in. ``poison`` handles what
is due like ``drain``, but work that stays kills it instead, as the kernel does when memory runs out.
"""

from __future__ import annotations

import os
import signal
import sys

import django

django.setup()

from django.db import transaction  # noqa: E402 - settings first

from consortium.core import outbox  # noqa: E402
from tests.core import work  # noqa: E402


def say_and_wait(word: str) -> None:
    print(word, flush=True)
    sys.stdin.readline()


def change(*, half: bool) -> None:
    with transaction.atomic():
        work.note({"label": "the change"})
        outbox.enqueue(work.NOTE.name, key="change", payload={"label": "the work it owes"})
        if half:
            say_and_wait("in the middle")
    say_and_wait("committed")


def main(action: str) -> None:
    for topic in work.TOPICS:
        outbox.declare(topic)
    work.stay = lambda: say_and_wait("working")  # type: ignore[assignment]
    if action == "poison":
        work.stay = lambda: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
    if action in ("drain", "poison"):
        print(outbox.drain(work.QUEUE), flush=True)
    else:
        change(half=action == "half")


main(sys.argv[1])
