"""A worker beside the bench: a process of its own, as in production. Ends when its input does.

Its arguments are the queues that it works on; without any it is the chain worker.
"""

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

    queues = sys.argv[1:] or ["chain"]
    sum(outbox.drain(queue) for queue in queues)
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], IDLE)[0]:
        while sum(outbox.drain(queue) for queue in queues):
            pass


if __name__ == "__main__":
    main()
