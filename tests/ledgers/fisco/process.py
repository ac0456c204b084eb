"""A process of the chain worker for crash tests: does one job, and holds at a function until it is killed.

``python -m tests.ledgers.fisco.process JOB --hold governance.chain.ledgers.sending.broadcast [--after]``
"""

from __future__ import annotations

import argparse
import os

import django


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=sorted(JOBS))
    parser.add_argument("--hold", required=True)
    parser.add_argument("--after", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    django.setup()

    from tests.chain.process import _hold

    _hold(options.hold, 1, options.after)
    JOBS[options.job]()
    print("done", flush=True)


def _attend() -> None:
    from governance.chain.ledgers import tasks

    tasks.follow()


def _drain() -> None:
    from consortium.core import outbox

    while outbox.drain("chain"):
        pass


def _both() -> None:
    _attend()
    _drain()


JOBS = {"attend": _attend, "drain": _drain, "both": _both}

if __name__ == "__main__":
    main()
