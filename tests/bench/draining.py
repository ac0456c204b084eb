"""A worker beside the bench: a process of its own, as in production. Ends when its input does.

Its arguments are the queues that it works on; without any it is the chain worker. ``follow`` among them is no
queue: the ledger is asked for news each second, as beat has it.
"""

from __future__ import annotations

import os
import select
import sys
import time

import django

IDLE = 0.01  # seconds between two looks when nothing is due
REMINDING = 10  # seconds between two looks for nodes that are to be told again, as beat has them
FOLLOWING = 1.0  # seconds between two looks at the ledger, likewise


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    django.setup()
    from consortium.core import outbox
    from governance.chain import tasks
    from governance.permissions import services

    queues = [name for name in sys.argv[1:] if name != "follow"] or ["chain"]
    sum(outbox.drain(queue) for queue in queues)
    print("ready", flush=True)
    reminded = followed = time.monotonic()
    while not select.select([sys.stdin], [], [], IDLE)[0]:
        if "push" in queues and time.monotonic() - reminded > REMINDING:
            services.tell_nodes()
            reminded = time.monotonic()
        if "follow" in sys.argv and time.monotonic() - followed > FOLLOWING:
            followed = time.monotonic()
            tasks.follow()
        while sum(outbox.drain(queue) for queue in queues):
            pass


if __name__ == "__main__":
    main()
