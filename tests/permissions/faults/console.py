"""A whole console of processes around a test's database, any of which can be killed with -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from django.db import OperationalError, connection

from consortium.members.models import Network, Node
from consortium.stack import child
from consortium.stack.embedded import EmbeddedRedis
from governance.permissions import rolling, services
from governance.permissions.models import Delivery, Epoch, EpochFile, Rollout
from governance.permissions.rollouts import Status
from tests.permissions.world import World, eventually

QUEUES = "default,signing,push"


@dataclass
class Console:
    """Workers, beats, gateway, Redis and three nodes with their agents, in a network that goes by stages."""

    world: World
    redis: EmbeddedRedis
    nodes: list[Node] = field(default_factory=list)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    # --- Starting --------------------------------------------------------------------------------------
    def environment(self) -> dict[str, str]:
        return self.world.environment(REDIS_URL=self.redis.url, DATA_DIR=str(self.world.home / "data"))

    def start(self, *names: str) -> None:
        """``worker…`` and ``beat…`` by any name, ``gateway``, or ``agent 0`` and so on."""
        for name in names:
            self.running[name] = self._start(name)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        kind, _, number = name.partition(" ")
        celery = ("-m", "celery", "--app", "consortium")
        log = f"{name.replace(' ', '-')}.log"
        match kind:
            case "worker":
                # A worker's pool dies with it, as it does where systemd or a container's end sees to that.
                options = ("--queues", QUEUES, "--pool", "solo", "--hostname", f"{kind}{number}@console")
                options += ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
                return self.world.start(*celery, "worker", *options, env=self.environment(), log=log)
            case "beat":
                schedule = str(self.world.home / f"schedule{number}")
                options = ("--schedule", schedule, "--pidfile=", "--loglevel", "WARNING")
                return self.world.start(*celery, "beat", *options, env=self.environment(), log=log)
            case "gateway":
                port = self.world.gateway_url.rpartition(":")[2]
                popen = self.world.start(
                    *("-m", "gunicorn", "-c", "python:consortium.gateway_conf"),
                    env={**self.environment(), "GATEWAY_PORT": port, "SIGNING_PASSPHRASE_FILE": ""},
                    log=log,
                )
                eventually(lambda: child.listening(int(port)), "the gateway listens")
                return popen
            case "agent":
                return self.world.start_agent(self.nodes[int(number)])
        raise ValueError(name)

    # --- Killing ---------------------------------------------------------------------------------------
    def kill(self, name: str) -> None:
        """With -9, and all that it started; then it is started again, as a supervisor would."""
        if name == "redis":
            assert self.redis.popen is not None
            self._kill(self.redis.popen)
            self.redis.start()
        elif name == "postgres":
            kill_postgres()
        else:
            self._kill(self.running[name])
            self.start(name)

    def _kill(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.poll() is None, "it died by itself"
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait(30)

    # --- What goes on ------------------------------------------------------------------------------------
    def rollout(self) -> Rollout | None:
        return (
            Rollout.objects.select_related("epoch").filter(epoch__number__gt=1).order_by("-begun_at").first()
        )

    def step(self) -> str:
        """How far the newest list is."""
        try:
            if not Epoch.objects.filter(number__gt=1).exists():
                return "nothing"
            rollout = self.rollout()
            if rollout is None:
                return "compiled"
            if rollout.status == Status.COMPLETE:
                return "complete"
            reached = rolling.stage(rollout).published_at is not None
            return f"stage {rollout.stage} {'published' if reached else 'begun'}"
        except OperationalError:  # PostgreSQL is coming up again
            connection.close()
            return ""

    def steps(self) -> Iterator[str]:
        """Each step that is seen, once, until the rollout is complete."""
        seen = {"", "nothing"}
        last = ""

        def is_new() -> bool:
            nonlocal last
            last = self.step()
            return last not in seen

        while last != "complete":
            eventually(is_new, f"something after {sorted(seen)}")
            seen.add(last)
            yield last

    def check(self, epoch: int) -> None:
        """Every node ends at the newest epoch; none ever had what was not signed, or what was older."""

        def arrived() -> bool:
            try:
                return all(self.world.applied(node) == epoch for node in self.nodes)
            except OperationalError:
                connection.close()
                return False

        eventually(arrived, "all nodes have reported the newest epoch")
        signed = {
            file.sha256: file.epoch.number
            for file in EpochFile.objects.filter(path="permissions.json").select_related("epoch")
        }
        for node in self.nodes:
            found = journal(self.world, node)
            assert set(found) <= set(signed), "something that was never signed"
            numbers = [signed[sha256] for sha256 in found]
            assert numbers == sorted(numbers), f"{node} went back: {numbers}"
            assert json.loads(self.world.in_force(node))["epoch"] == numbers[-1] == epoch
        assert set(Delivery.objects.filter(node__in=self.nodes).values_list("wanted_epoch", flat=True)) == {
            epoch
        }


def journal(world: World, node: Node) -> list[str]:
    """The hash of each list that the node was given, in order; the same one in a row counts once."""
    lines = (world.folder(node) / "journal").read_text().split()
    return [one for number, one in enumerate(lines) if number == 0 or lines[number - 1] != one]


def kill_postgres() -> None:
    """Kill a server process with -9: all of them end, and PostgreSQL recovers as after a crash."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        connection.close()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except (OperationalError, psycopg.OperationalError):
            return False
        return True

    eventually(is_back, "PostgreSQL has recovered")


_JOURNAL = """
import hashlib, pathlib, sys
place = pathlib.Path(sys.argv[1])
with open(place / "journal", "a") as file:
    file.write(hashlib.sha256((place / "permissions.json").read_bytes()).hexdigest() + "\\n")
"""


def begin(world: World, home: Path, count: int = 3) -> Console:
    """All is running and has the first list; the next ones go out in stages."""
    (home / "data" / "run").mkdir(parents=True, exist_ok=True)
    (home / "data" / "static").mkdir(exist_ok=True)
    console = Console(world, EmbeddedRedis(home / "redis", durable=False))
    console.redis.start()
    world.start_gateway(REDIS_URL=console.redis.url)
    console.running["gateway"] = world.processes[-1]
    for number in range(count):
        console.nodes.append(world.admitted(f"bank-{number}/n{number}"))
    world.work()
    script = home / "journal.py"
    script.write_text(_JOURNAL)
    for number, node in enumerate(console.nodes):
        reload = ["/usr/bin/env", "python3", str(script), str(world.folder(node))]
        # A test database does not wait for its disk: what PostgreSQL had just taken may be lost with it.
        world.with_push(node, poll_seconds=3, report_seconds=10, reload=reload)
        console.running[f"agent {number}"] = world.processes[-1]
    eventually(lambda: all(world.applied(node) == 1 for node in console.nodes), "all have the first list")
    services.set_rollout_policy(
        Network.objects.get(slug="settlement"), mode="staged", canaries=console.nodes[:1], canary_count=1,
        waves=[5000, 10_000], soak_seconds=1, silence_seconds=600, actor=world.secretary, reason="test",
    )  # fmt: skip
    return console
