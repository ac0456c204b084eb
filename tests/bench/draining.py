"""The chain worker beside the bench: a process of its own, as in production. Ends when its input does."""

from __future__ import annotations

import os
import select
import sys

import django

IDLE = 0.01  # seconds between two looks when nothing is due


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    django.setup()
    from consortium.core import outbox

    outbox.drain("chain")
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], IDLE)[0]:
        while outbox.drain("chain"):
            pass


if __name__ == "__main__":
    main()
