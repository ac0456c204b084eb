"""``make bench``: prints each measurement beside its peers. Asserts nothing: machines differ.

ARGS names the groups to run (certificates, status, hostile, ledger, ballots, lists); all without it.
PostgreSQL writes to disk before it answers, as in production, for us and for the peer alike.
"""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from pathlib import Path

from consortium.stack.embedded import EmbeddedPostgres

PEER_ENVIRONMENT = Path(sys.prefix) / ".peer"


def main(wanted: list[str]) -> int:
    _durable_database()
    from tests import conftest  # starts Redis and the ledger, and sets Django up

    # Django is set up by now
    from django.test.utils import setup_databases, teardown_databases  # isort: skip

    databases = setup_databases(verbosity=0, interactive=False)
    try:
        _measure(wanted)
    finally:
        teardown_databases(databases, verbosity=0)
        conftest.pytest_unconfigure()
    return 0


def _durable_database() -> None:
    if not os.environ.get("DATABASE_URL"):
        database = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="console-bench-")) / "postgres")
        os.environ["DATABASE_URL"] = database.start()
        atexit.register(database.stop)


def _measure(wanted: list[str]) -> None:
    from tests.bench import ballots, certificates, hostile, indexing, status
    from tests.bench.lists import measuring
    from tests.bench.peer import Peer

    groups = {
        "certificates": certificates.measure,
        "status": status.measure,
        "hostile": hostile.measure,
        "ledger": indexing.measure,
        "ballots": ballots.measure,
        "lists": measuring.measure,
    }
    peer = Peer(PEER_ENVIRONMENT)
    for name in wanted or groups:
        print(f"\n## {name}\n", flush=True)
        groups[name](peer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
