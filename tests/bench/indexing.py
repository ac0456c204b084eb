"""Events: our rebuild (events, projections, effects) against fetching, decoding and COPYing the logs."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from consortium.stack.embedded import EmbeddedLedger
from governance.chain import contracts, founding, indexer
from governance.chain.models import ChainEvent, Ledger
from tests.bench import table
from tests.bench.peer import Peer
from tests.chain.world import PASSPHRASE, World
from tests.factories import InstitutionFactory

MEMBERS = 80


def measure(_peer: Peer) -> None:
    table.heading("bare loop")
    with _world() as world:
        bare = table.rate(lambda: _bare(world))
        table.row("ledger events indexed", table.rate(lambda: _ours(world.ledger)), bare)


@contextmanager
def _world() -> Iterator[World]:
    home = Path(tempfile.mkdtemp(prefix="console-bench-"))
    (home / "passphrase").write_text(PASSPHRASE + "\n", encoding="utf-8")
    settings.KEY_DIR = home / "keys"
    settings.RELAY_PASSPHRASE_FILE = str(home / "passphrase")
    anvil = EmbeddedLedger(home / "ledger")
    settings.LEDGER_URL = anvil.start()
    try:
        world = World(anvil, home / "passphrase")
        _history(world)
        yield world
    finally:
        anvil.stop()


def _history(world: World) -> None:
    for _ in range(MEMBERS):
        InstitutionFactory(admitted=True, voting=True)
    founding.found_alliance(world.ledger, nodes={})


def _ours(ledger: Ledger) -> int:
    indexer.rebuild(ledger)
    return ChainEvent.objects.filter(ledger=ledger).count()


def _bare(world: World) -> int:
    ledger, client = world.ledger, world.client
    deployed = [contracts.seats(ledger, client), contracts.governor(ledger, client)]
    addresses: list[Any] = [ledger.seats, ledger.governor, ledger.registry]
    rows = []
    for first in range(0, client.eth.block_number + 1, settings.LEDGER_LOG_RANGE):
        last = first + settings.LEDGER_LOG_RANGE - 1
        logs = client.eth.get_logs({"fromBlock": first, "toBlock": last, "address": addresses})
        rows += [decoded for log in logs for decoded in _decoded(deployed, log)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE bare_events (name text, args jsonb)")
        with cursor.copy("COPY bare_events FROM STDIN") as copy:  # type: ignore[attr-defined]
            for row in rows:
                copy.write_row(row)
    return len(rows)


def _decoded(deployed: list[Any], log: Any) -> Iterator[tuple[str, str]]:
    for contract in deployed:
        for event in contract.events:
            if log["topics"] and event().topic == log["topics"][0].to_0x_hex():
                args = event().process_log(log)["args"]
                yield event.event_name, json.dumps(dict(args), default=str)
                return
