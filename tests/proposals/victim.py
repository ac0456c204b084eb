"""A process that works on the tests' database and stops at a chosen point, to be killed there.

``python -m tests.proposals.victim POINT SERVICE ARGUMENTS``: POINT is an event's name (the process holds
inside the transaction that records it) or ``returned`` (once the service has committed); ARGUMENTS is JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection

RETURNED = "returned"


def _database_url() -> str:
    """The test database's, as settings read it: the server's own with another name."""
    server = os.environ["DATABASE_URL"]
    head, _, query = server.partition("?")
    return f"{head.rpartition('/')[0]}/{connection.settings_dict['NAME']}" + (f"?{query}" if query else "")


@contextmanager
def held(point: str, service: str, arguments: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """The process, holding at ``point``; killed without warning at the end."""
    environment = {
        "DATABASE_URL": _database_url(),
        "LEDGER_URL": settings.LEDGER_URL,
        "KEY_DIR": str(settings.KEY_DIR),
        "RELAY_PASSPHRASE_FILE": str(settings.RELAY_PASSPHRASE_FILE),
    }
    with subprocess.Popen(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.proposals.victim",
            point,
            service,
            json.dumps(arguments),
        ],
        env={**os.environ, **environment},
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().strip() == "holding", f"{service} never came to {point}"
            yield process
        finally:
            process.kill()


def _hold(*_: Any) -> None:
    print("holding", flush=True)
    signal.pause()


def _run(point: str, service: str, arguments: dict[str, Any]) -> None:
    import django

    django.setup()
    from consortium.core import events
    from consortium.members.models import User
    from governance.proposals import services
    from governance.proposals.models import Proposal

    if point != RETURNED:
        events.on(point, _hold)
    proposal = Proposal.objects.get(pk=arguments.pop("proposal"))
    if service == "execute_when_due":
        services.execute_when_due(proposal.pk)
    else:
        actor = User.objects.get(pk=arguments.pop("actor"))
        getattr(services, service)(proposal, actor=actor, **arguments)
    if point == RETURNED:
        _hold()


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
