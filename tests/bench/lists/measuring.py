"""``make bench ARGS=lists``. BENCH_AGENTS and BENCH_MANY_AGENTS say how many (1,000 and 10,000).

BENCH_LISTS names the parts to measure (epoch, unchanged, agents, latency); all without it.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import F

from consortium.core import clock, garbage
from consortium.members.models import Network
from governance.chain.models import RegistryEntry
from governance.permissions import rules, services
from governance.permissions.models import Acknowledgement, Delivery, Epoch
from governance.permissions.repository.content import stored_as
from governance.permissions.services import gathering
from tests.bench import table
from tests.bench.lists import town as places
from tests.bench.lists.agents import BESIDE, LIST
from tests.bench.lists.servers import Servers, peak_mib
from tests.bench.lists.town import Town
from tests.bench.peer import Peer

AGENTS = int(os.environ.get("BENCH_AGENTS", "1000"))
MANY_AGENTS = int(os.environ.get("BENCH_MANY_AGENTS", "10000"))
NETWORK = 1000  # nodes in a network, where there are as many agents
ROUNDS = 3
REQUESTS = int(os.environ.get("BENCH_REQUESTS", "2000"))
LATENCIES = (4, 100, 1000)
CHANGES = 5  # epochs whose way to the agents is timed
SETTLED = 6  # seconds after which a publication is one that has not changed
PAUSE = 0.02  # seconds between two looks whether the last one is there


def measure(_peer: Peer) -> None:
    """Each part in a database and folders that the part before it left: numbers of networks only grow."""
    with places.town() as town, Servers(town) as servers:
        servers.nginx()
        servers.gateway()
        for name, (title, part) in PARTS.items():
            if name in WANTED:
                print(f"\n### {title}\n", flush=True)
                part(town, servers)


def _compiling(town: Town, _servers: Servers) -> None:
    """An epoch of as many nodes as there are agents at most; then one of its nodes changes."""
    town.network("ten-thousand", MANY_AGENTS, first=1_000_000, agent_port=0)
    network = Network.objects.get(pk="ten-thousand")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # what the database does by itself within a minute of so many new rows
    _compiled(network)  # the first one makes the network's signing key, too
    services.publish()
    before = _published_files()
    RegistryEntry.objects.filter(network="ten-thousand").order_by("pk")[:1].get().delete()
    whole, _ = table.timed(lambda: _compiled(network))
    signing, _ = table.timed(lambda: len(services.publish()))
    reading, compiling = _pure(network)
    print(
        f"{MANY_AGENTS:,} nodes, one less than before: {compiling:.2f} s to compile, what was written read "
        f"back, and {signing:.2f} s to sign and publish, {compiling + signing:.2f} s together"
    )
    print(
        f"from the trigger to the epoch's rows {whole:.2f} s: {reading:.2f} s to read the facts, "
        f"{compiling:.2f} s to compile, the rest to guard and to store"
    )
    new = _published_files() - before
    octets = sum((Path(settings.TUF_DIR) / name).stat().st_size for name, _ in new)
    print(f"published anew, {octets / 1e6:.2f} MB in {len(new)} files:")
    for name in sorted(name for name, _ in new):
        print(f"- {name}")


def _pure(network: Network) -> tuple[float, float]:
    """Seconds to read what the list follows from, and to make and check every file of it: middle ones."""
    taken = []
    for number in range(1, ROUNDS + 1):
        header = rules.Header(network.pk, number, 1, "", clock.now().replace(microsecond=0))
        with garbage.collected_later():
            began = time.perf_counter()
            facts, endpoints = gathering.ledger_facts(network), gathering.endpoints(network)
            keys = gathering.keys(network)
            read = time.perf_counter()
            state = rules.desired(facts, endpoints, keys)
            rules.content_hash(network.pk, state)
            rules.compile_list(header, state)
            taken.append((read - began, time.perf_counter() - read))
    return statistics.median(one for one, _ in taken), statistics.median(one for _, one in taken)


def _compiled(network: Network) -> int:
    if services.compile_epoch(network, cause="bench") is None:
        raise RuntimeError("nothing was compiled")
    return 1


def _published_files() -> set[tuple[str, int]]:
    root = Path(settings.TUF_DIR)
    found = (path for path in root.rglob("*") if path.is_file())
    return {(str(path.relative_to(root)), path.stat().st_mtime_ns) for path in found}


def _unchanged(town: Town, servers: Servers) -> None:
    kits = town.network("unchanged", 100, first=2_000_000, agent_port=0)
    places.publish("unchanged")
    content = Epoch.objects.get(network="unchanged").files.get(path=LIST).content
    bare = town.home / "bare/v1/networks/unchanged/lists/besu"
    bare.parent.mkdir(parents=True)
    bare.write_bytes(bytes(content))
    plan = {"agents": kits[:1], "path": "/v1/networks/unchanged/lists/besu", "count": REQUESTS}

    def rate(port: int) -> float:
        return 1 / float(servers.play("asking", {**plan, "server": f"https://localhost:{port}"})["seconds"])

    time.sleep(SETTLED)
    for port in (servers.direct, servers.front, servers.bare):
        rate(port)  # none is measured while it begins
    rounds = table.Rounds(
        {
            "gateway": lambda: rate(servers.direct),
            "behind nginx": lambda: rate(servers.front),
            "nginx": lambda: rate(servers.bare),
        },
        ROUNDS,
    )
    table.heading("nginx, the same file")
    rounds.row("304 by the gateway, its own TLS", "gateway", "nginx")
    rounds.row("304 by the gateway behind nginx", "behind nginx", "nginx")


def _agents(town: Town, servers: Servers) -> None:
    few = _networks(town, servers, "few", AGENTS, first=0)
    bare = _bare_plan(servers, few)

    def moved() -> float:
        done = servers.play("bare", bare)
        return done["agents"] / done["seconds"]

    with servers.listening(few), servers.worker("push") as worker:
        rounds = table.Rounds({"ours": lambda: _converged(few), "bare": moved}, ROUNDS)
        table.heading("bare asyncio client, nginx")
        rounds.row(f"{AGENTS:,} agents", "ours", "bare")
        print(f"\npeak memory of the worker that tells them: {peak_mib(worker):.0f} MiB", flush=True)
    many = _networks(town, servers, "many", MANY_AGENTS, first=100_000)
    with servers.listening(many), servers.worker("push") as worker:
        rate = _converged(many)
        print(f"{MANY_AGENTS:,} agents: {rate:.0f} a second; worker's peak {peak_mib(worker):.0f} MiB")
    with servers.listening(few), servers.worker("push"):
        few_again = _converged(few)
        print(f"{AGENTS:,} agents again: {few_again:.0f} a second")
        print(f"cost of an agent among {MANY_AGENTS:,} to one among {AGENTS:,}: {few_again / rate:.2f}")


def _networks(town: Town, servers: Servers, name: str, count: int, *, first: int) -> list[dict[str, str]]:
    """Networks of at most :data:`NETWORK` nodes with an epoch of their own, not yet told to anybody."""
    kits: list[dict[str, str]] = []
    for number in range(0, count, NETWORK):
        size = min(NETWORK, count - number)
        kits += town.network(f"{name}-{number}", size, first=first + number, agent_port=servers.agents)
        places.publish(f"{name}-{number}")
    return kits


def _converged(kits: list[dict[str, str]]) -> float:
    """A new epoch in every network of ``kits``, until each of them has reported it; agents a second.

    The clock starts when the epochs are published and the workers owe the telling.
    """
    networks = sorted({kit["network"] for kit in kits})
    for slug in networks:
        _change(slug)
        services.compile_epoch(Network.objects.get(pk=slug), cause="bench")
    owed = Delivery.objects.filter(node__network__in=networks)
    services.publish()
    began = time.perf_counter()
    while owed.filter(applied_epoch__lt=F("wanted_epoch")).exists():
        time.sleep(PAUSE)
    return len(kits) / (time.perf_counter() - began)


def _change(slug: str) -> None:
    """Something about a node that is on its list."""
    network = Network.objects.get(pk=slug)
    node = network.nodes.order_by("pk").first()
    node.port += 1
    node.save()


def _bare_plan(servers: Servers, kits: list[dict[str, str]]) -> dict[str, object]:
    """What one agent's round asks for, at the peer."""
    network = kits[0]["network"]
    metadata = Path(settings.TUF_DIR) / "metadata"

    def signed(name: str) -> dict[str, object]:
        return json.loads((metadata / name).read_text())["signed"]

    timestamp = signed("timestamp.json")
    snapshot = f"{timestamp['meta']['snapshot.json']['version']}.snapshot.json"
    roles = signed(snapshot)["meta"]
    names = [f"{roles['targets.json']['version']}.targets.json"]
    if f"{network}.json" in roles:
        names.append(f"{roles[f'{network}.json']['version']}.{network}.json")
    paths = [f"/tuf/metadata/{each}" for each in ("timestamp.json", snapshot, *names)]
    targets = signed(names[-1])["targets"]
    wanted = (f"{network}/{each}" for each in (*BESIDE, LIST))
    paths += [
        f"/tuf/targets/{stored_as(path, targets[path]['hashes']['sha256'])}"
        for path in wanted
        if path in targets
    ]
    return {
        "agents": kits, "server": f"https://localhost:{servers.bare}", "paths": paths, "report_bytes": 260
    }  # fmt: skip


def _latency(town: Town, servers: Servers) -> None:
    """From the block in which a vote's effect is carried out on the ledger to each report's arrival."""
    print("| agents | p50 | p99 | last |\n| ---: | ---: | ---: | ---: |")
    for place, count in enumerate(LATENCIES):
        slug, first = f"latency-{count}", 500_000 + 10_000 * place
        kits = town.network(slug, count, first=first, agent_port=servers.agents)
        places.publish(slug)
        following = servers.worker("chain", "follow")
        with servers.listening(kits), following, servers.worker("default", "signing", "push"):
            _settled(slug)
            waits = sorted(wait for number in range(CHANGES) for wait in _way(town, slug, 1 + number % 2))
        shown = (statistics.median(waits), waits[int(len(waits) * 0.99)], waits[-1])
        print(f"| {count:,} | " + " | ".join(f"{value:.2f} s" for value in shown) + " |", flush=True)


def _way(town: Town, slug: str, role: int) -> list[float]:
    """The seconds of each node's report, after one of them got another role."""
    network = Network.objects.get(pk=slug)
    former = Epoch.objects.filter(network=network).latest("number").number
    began = clock.now()
    town.decided(network.nodes.order_by("pk").last(), role)
    while Epoch.objects.filter(network=network).latest("number").number == former:
        time.sleep(PAUSE)
    _settled(slug)
    return [
        (at - began).total_seconds()
        for at in Acknowledgement.objects.filter(
            node__network=network, epoch=former + 1, matches=True
        ).values_list("received_at", flat=True)
    ]


def _settled(slug: str) -> None:
    owed = Delivery.objects.filter(node__network=slug)
    newest = Epoch.objects.filter(network=slug).latest("number").number
    while owed.exclude(applied_epoch=newest).exists():
        time.sleep(PAUSE)


PARTS = {
    "epoch": ("One epoch of many nodes", _compiling),
    "unchanged": ("An unchanged list", _unchanged),
    "agents": ("Agents told, pulling, acknowledging", _agents),
    "latency": ("From execution to the last acknowledgement", _latency),
}
WANTED = os.environ.get("BENCH_LISTS", " ".join(PARTS)).split()
