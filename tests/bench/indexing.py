"""Events: following and rebuilding (rows, effects) against fetching, decoding and COPYing the same logs.

BENCH_EVENTS says how many (100,000). Following takes in what is new, a range of blocks at a time, and records
every step; a rebuild reads all of it again. The memory of the processes is measured at a fifth of the events
and at all. Accounts are entered at the founding, as many in a block as fit: no vote stands in the way there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from consortium.stack.embedded import EmbeddedLedger
from governance.chain import contracts, founding, keys, offices
from governance.chain.models import ChainEvent, IndexedBlock
from tests.bench import table
from tests.bench.peer import Peer
from tests.chain.world import PASSPHRASE, World, rows
from tests.factories import InstitutionFactory

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
MEMBERS = 20
IN_A_BLOCK = 250  # accounts; some 20 million gas


def measure(_peer: Peer) -> None:
    with ledger_of_its_own() as world:
        early, few = _followed(_history(world, EVENTS // 5)), _rebuilt(world)
        late, many = _followed(_history(world, EVENTS - EVENTS // 5)), _rebuilt(world)
        bare, found = table.timed(lambda: _bare(world))
        table.heading("bare loop")
        table.row(
            f"{late['events']:,} ledger events followed", late["events"] / late["seconds"], found / bare
        )
        table.row(f"{many['events']:,} ledger events rebuilt", many["events"] / many["seconds"], found / bare)
    for what, first, then in (("following", early, late), ("a rebuild", few, many)):
        print(f"\npeak memory of {what}: {first['mib']:.0f} MiB at {first['events']:,} events, ", end="")
        print(f"{then['mib']:.0f} MiB at {then['events']:,}", end="")
    print(f"; {many['same']}")


@contextmanager
def ledger_of_its_own() -> Iterator[World]:
    home = Path(tempfile.mkdtemp(prefix="console-bench-"))
    (home / "passphrase").write_text(PASSPHRASE + "\n", encoding="utf-8")
    settings.KEY_DIR = home / "keys"
    settings.RELAY_PASSPHRASE_FILE = str(home / "passphrase")
    anvil = EmbeddedLedger(home / "ledger")
    settings.LEDGER_URL = anvil.start()
    try:
        yield World(anvil, home / "passphrase")
    finally:
        anvil.stop()


def _history(world: World, count: int) -> World:
    """So many accounts more on the ledger; not indexed."""
    if not ChainEvent.objects.filter(name="SeatGranted").exists():
        members = [InstitutionFactory(admitted=True, voting=True) for _ in range(MEMBERS)]
        founding.found_alliance(world.ledger, nodes={}, close=False)
        world.members = [contracts.member_id_bytes(one.uscc) for one in members]  # type: ignore[attr-defined]
    founder, registry = keys.account(), contracts.registry(world.ledger)
    nonce = world.client.eth.get_transaction_count(founder.address)
    begun = world.height * 1_000_000
    for number in range(0, count, IN_A_BLOCK):
        batch = range(begun + number, begun + min(number + IN_A_BLOCK, count))
        owners = [world.members[each % MEMBERS] for each in batch]  # type: ignore[attr-defined]
        accounts = [contracts.Web3.to_checksum_address(sha256(b"%d" % each).digest()[:20]) for each in batch]
        networks = [contracts.network_bytes("settlement")] * len(batch)
        call = registry.functions.foundAccounts(networks, accounts, owners, [1] * len(batch))
        fields = {
            "gas": 29_000_000,
            "gasPrice": 0,
            "value": 0,
            "nonce": nonce,
            "chainId": world.ledger.chain_id,
        }
        fields |= {"to": registry.address, "data": call._encode_transaction_data()}
        sent = world.client.eth.send_raw_transaction(founder.sign_transaction(fields).raw_transaction)
        receipt = world.client.eth.wait_for_transaction_receipt(sent, timeout=120, poll_latency=0.01)
        assert receipt["status"] == 1, "the founder's accounts were refused"
        nonce += 1
    return world


def _followed(world: World) -> dict[str, Any]:
    """What a fresh process says of taking in what is new."""
    return _process("follow")


def _rebuilt(world: World) -> dict[str, Any]:
    """What a fresh process says of its rebuild; the rows have to come out the same."""
    before = rows(world.ledger)
    found = _process("rebuild")
    return {**found, "same": "the same rows" if rows(world.ledger) == before else "OTHER ROWS"}


def _process(work: str) -> dict[str, Any]:
    database = connection.settings_dict
    address = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    environment = {"DATABASE_URL": address, "LEDGER_URL": settings.LEDGER_URL, "CONSORTIUM_DEVELOPMENT": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.rebuilding", work],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"to {work} failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _bare(world: World) -> int:
    """web3.py as its manual has it, each event's decoder looked up by topic."""
    client = world.client
    addresses: list[Any] = offices.followed(world.ledger)
    decoders = _decoders(world)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bare_events")
        cursor.execute("CREATE TABLE bare_events (block int, place int, tx text, name text, args jsonb)")
    found = 0
    end = IndexedBlock.objects.order_by("-number").values_list("number", flat=True)[0]
    for first in range(0, end + 1, settings.LEDGER_LOG_RANGE):
        last = min(end, first + settings.LEDGER_LOG_RANGE - 1)
        logs = client.eth.get_logs({"fromBlock": first, "toBlock": last, "address": addresses})
        found += _copied([_decoded(decoders, log) for log in logs if log["topics"][0] in decoders])
    return found


def _copied(decoded: list[tuple[Any, ...]]) -> int:
    with connection.cursor() as cursor, cursor.copy("COPY bare_events FROM STDIN") as copy:
        for row in decoded:
            copy.write_row(row)
    return len(decoded)


def _decoders(world: World) -> dict[bytes, Any]:
    ledger, client = world.ledger, world.client
    deployed = [contracts.seats(ledger, client), contracts.governor(ledger, client)]
    deployed.append(contracts.registry(ledger, client))
    return {bytes.fromhex(event().topic[2:]): event() for one in deployed for event in one.events}


def _decoded(decoders: dict[bytes, Any], log: Any) -> tuple[Any, ...]:
    event = decoders[log["topics"][0]].process_log(log)
    args = json.dumps(dict(event["args"]), default=str)
    return event["blockNumber"], event["logIndex"], event["transactionHash"].to_0x_hex(), event["event"], args
