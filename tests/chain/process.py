"""A process of the console for crash tests: does one job, and holds at a function until it is killed.

``python -m tests.chain.process JOB --hold governance.chain.relay.broadcast --at 1 [--after]``
Prints "holding" at the point, "done" at the end.
"""

from __future__ import annotations

import argparse
import os
import signal
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

import django


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("job", choices=sorted(JOBS))
    parser.add_argument("--hold", default="")
    parser.add_argument("--at", type=int, default=1)
    parser.add_argument("--after", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings")
    django.setup()
    if options.hold:
        _hold(options.hold, options.at, options.after)
    JOBS[options.job]()
    print("done", flush=True)


def _hold(point: str, at: int, after: bool) -> None:
    module, _, name = point.rpartition(".")
    original = getattr(import_module(module), name)
    calls = 0

    @wraps(original)
    def held(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != at:
            return original(*args, **kwargs)
        if after:
            original(*args, **kwargs)
        print("holding", flush=True)
        while True:
            signal.pause()

    setattr(import_module(module), name, held)


def _drain() -> None:
    from consortium.core import outbox

    while outbox.drain("chain"):
        pass


def _follow() -> None:
    from governance.chain import indexer, ledger

    indexer.follow(ledger.current())


def _deploy() -> None:
    from governance.chain import deployment

    deployment.deploy(Path(os.environ["RELAY_PASSPHRASE_FILE"]))


def _found() -> None:
    from governance.chain import founding, ledger

    founding.found_alliance(ledger.current(), nodes={})


JOBS = {"drain": _drain, "follow": _follow, "deploy": _deploy, "found": _found}

if __name__ == "__main__":
    main()
