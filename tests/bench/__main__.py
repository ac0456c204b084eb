"""``make bench``: prints each measurement beside its peer. Asserts nothing: machines differ."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import chain

from tests import conftest  # starts PostgreSQL, Redis and the ledger, and sets Django up


def main() -> int:
    from django.test.utils import setup_databases, teardown_databases

    from tests.bench import indexing, issuing

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        for name, ours, peer in chain(issuing.measurements(), indexing.measurements()):
            _print(name, ours, peer)
    finally:
        teardown_databases(databases, verbosity=0)
        conftest.pytest_unconfigure()
    return 0


def _print(name: str, ours: Callable[[], int], peer: Callable[[], int]) -> None:
    """Run both; each returns how many things it did."""
    rates = []
    for work in (peer, ours):
        began = time.perf_counter()
        done = work()
        rates.append(done / (time.perf_counter() - began))
    bare, real = rates
    print(f"{name:34} {real:9.0f}/s   bare loop {bare:9.0f}/s   ratio {real / bare:.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
