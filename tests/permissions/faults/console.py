"""A whole console of processes around a test's database, any of which can be killed with -9, at any step."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.db import connection, transaction

from certs.models import Certificate
from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from consortium.members.models import Network, Node
from consortium.stack import child
from consortium.stack.embedded import EmbeddedPostgres, EmbeddedRedis
from governance.permissions import services
from governance.permissions.models import Acknowledgement, Delivery, Epoch, EpochFile, LogEntry, Rollout
from governance.permissions.rollouts import Status
from tests.permissions.faults.steps import PLACES, WORKERS, Step
from tests.permissions.world import World

LIMIT = 240.0  # seconds; generous, only what hangs meets it
LAUNCH = Path(__file__).parent / "launch"
QUEUES = {"worker": "default,push", "signing": "signing"}  # as in production


def eventually(condition: Callable[[], bool], what: str) -> None:
    assert child.wait_until(condition, time.monotonic() + LIMIT, pause=0.1), f"never came true: {what}"


@dataclass(frozen=True)
class Stopped:
    """A process that stands still, and where."""

    step: Step
    process: str
    pid: int


@dataclass
class Console:
    """Workers, beats, gateway, Redis and three nodes with their agents, in a network that goes by stages.

    ``postgres`` is the server that the tests' database is in.
    """

    world: World
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    nodes: list[Node] = field(default_factory=list)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    # --- Starting --------------------------------------------------------------------------------------
    def start(self, *names: str) -> None:
        """``worker…``, ``signing…`` and ``beat…`` by any number, ``gateway``, or ``agent 0`` and so on."""
        for name in names:
            self.running[name] = self._start(name)

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        kind, _, number = name.partition(" ")
        argv, more = self._command(kind, number)
        log = f"{name.replace(' ', '-')}.log"
        return self.world.start(*argv, env={**self._environment(kind), **self._stops(name), **more}, log=log)

    def _command(self, kind: str, number: str) -> tuple[tuple[str, ...], dict[str, str]]:
        celery = ("-m", "celery", "--app", "consortium")
        if kind in WORKERS:
            options = (
                "--queues",
                QUEUES[kind],
                "--concurrency",
                "2",
                "--hostname",
                f"{kind}{number}@console",
            )
            options += ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
            return (*celery, "worker", *options), {}
        if kind == "beat":
            schedule = str(self.world.home / f"schedule{number}")
            options = ("--schedule", schedule, "--pidfile=", "--loglevel", "WARNING")
            return (*celery, "beat", *options), {}
        if kind == "gateway":
            more = {"GATEWAY_PORT": str(self.port), "SIGNING_PASSPHRASE_FILE": ""}
            return ("-m", "gunicorn", "-c", "python:consortium.gateway_conf"), more
        config = self.world.folder(self.nodes[int(number)]) / "agent.toml"
        return ("-m", "governance.agent", "--config", str(config)), {}

    def _environment(self, kind: str) -> dict[str, str]:
        if kind == "agent":
            return dict(os.environ)
        return self.world.environment(REDIS_URL=self.redis.url, DATA_DIR=str(self.world.home / "data"))

    def _stops(self, name: str) -> dict[str, str]:
        return {"PYTHONPATH": str(LAUNCH), "STOP_PLACES": PLACES, "STOPS": str(self._folder(name))}

    def _folder(self, name: str) -> Path:
        folder = self.world.home / "stops" / name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def port(self) -> int:
        return int(self.world.gateway_url.rpartition(":")[2])

    # --- Killing ---------------------------------------------------------------------------------------
    def kill(self, name: str) -> None:
        """With -9, and all that it started; then it is started again, as a supervisor would."""
        if name == "redis":  # with all that it held
            assert self.redis.popen is not None
            self._kill(self.redis.popen)
            self.redis.start()
        elif name == "postgres":
            assert self.postgres.popen is not None
            self._kill(self.postgres.popen, rest=())  # its backends find out by themselves
            self.postgres.start()
            connection.close()
        else:
            self._kill(self.running[name])
            self.start(name)
            if name == "gateway":
                eventually(lambda: child.listening(self.port), "the gateway listens")

    def _kill(self, popen: subprocess.Popen[bytes], rest: Collection[int] | None = None) -> None:
        """A worker's pool dies with it, as it does where systemd or a container's end sees to that."""
        assert popen.poll() is None, "it died by itself"
        below = child.descendants(popen.pid)
        for pid in (popen.pid, *(below if rest is None else rest)):
            child.send(pid, signal.SIGKILL)
        popen.wait(30)
        eventually(lambda: not any(map(child.alive, below)), "all of it is gone")

    # --- Steps -----------------------------------------------------------------------------------------
    def strike_at(self, steps: Collection[Step], strike: Callable[[Stopped], None]) -> None:
        """Let each step be reached, and do ``strike`` while its process stands there; then it goes on."""
        left = {step.name: step for step in steps}
        assert len(left) == len(steps)
        for step in steps:
            if not step.needs:
                self._arm(step)
        while left:
            stopped = self._next_stop(left)
            del left[stopped.step.name]
            for step in steps:
                if step.needs == stopped.step.name:
                    self._arm(step)
            if child.alive(stopped.pid):  # else it died of the former strike, while it stood here
                strike(stopped)
                child.send(stopped.pid, signal.SIGCONT)

    def _arm(self, step: Step) -> None:
        place = self._folder(step.process) / f"armed-{step.name}"
        wanted = {"place": step.place, "when": step.when, "matching": step.matching}
        fresh = place.with_name(f"new-{step.name}")
        fresh.write_text(json.dumps(wanted))
        fresh.rename(place)

    def _next_stop(self, left: dict[str, Step]) -> Stopped:
        found: list[Stopped] = []

        def stands() -> bool:
            found.extend(self._reached(left))
            if not found:
                hurry()
            return bool(found)

        eventually(stands, f"one of the steps left is reached: {', '.join(left)}")
        return found[0]

    def _reached(self, left: dict[str, Step]) -> list[Stopped]:
        found = []
        for step in left.values():
            for place in self._folder(step.process).glob(f"reached-{step.name}-*"):
                pid = int(place.name.rpartition("-")[2])
                if not child.alive(pid) or _stands_still(pid):
                    found.append(Stopped(step, step.process, pid))
        return found

    # --- What is so in the end ---------------------------------------------------------------------------
    def finish(self, *numbers: int) -> None:
        """These epochs went all the way, once each; and nobody was given, or believed, anything else."""

        def is_complete() -> bool:
            hurry()
            return Rollout.objects.filter(epoch__number=numbers[-1], completed_at__isnull=False).exists()

        eventually(is_complete, "the newest list is everybody's")
        self._check_rows([1, *numbers])
        self._check_nodes(numbers[-1])

    def _check_rows(self, numbers: list[int]) -> None:
        assert list(Epoch.objects.order_by("number").values_list("number", flat=True)) == numbers
        assert [row.position for row in LogEntry.objects.order_by("position")] == numbers
        assert Event.objects.filter(action="epoch.compiled").count() == len(numbers)
        assert Event.objects.filter(action="epoch.published").count() == len(numbers)
        for rollout in Rollout.objects.filter(epoch__number__gt=1):
            assert rollout.status == Status.COMPLETE
            assert [stage.number for stage in rollout.stages.all()] == list(range(len(rollout.shares)))

    def _check_nodes(self, epoch: int) -> None:
        """Every node ends at the newest epoch; none ever had what was not signed, or what was older.

        And of none the console believes what it never had, or took another's word for it.
        """
        eventually(
            lambda: all(self.world.applied(node) == epoch for node in self.nodes),
            "all nodes have reported the newest epoch",
        )
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
            for word in Acknowledgement.objects.filter(node=node):
                assert Certificate.objects.get(serial=word.certificate_serial).node_id == node.pk
                assert word.matches
                assert word.epoch in numbers
        assert not Acknowledgement.objects.exclude(node__in=self.nodes).exists(), "the others have no agent"
        rows = Delivery.objects.filter(node__in=self.nodes)
        assert set(rows.values_list("wanted_epoch", flat=True)) == {epoch}

    def stop(self) -> None:
        for folder in (self.world.home / "stops").glob("*"):
            for place in folder.glob("armed-*"):
                place.unlink(missing_ok=True)
        for popen in self.running.values():
            child.signal_session(popen.pid, signal.SIGCONT)
        child.stop_all(list(self.running.values()))
        self.world.close()
        self.redis.stop()


def hurry() -> None:
    """What waits only for its next attempt need not wait: killed again and again, it would for minutes.

    Nor does a node wait for the end of the turn of a worker that may be dead.
    """
    now = clock.now()
    with transaction.atomic():
        rows = OutboxMessage.objects.select_for_update(skip_locked=True)
        due = rows.filter(outbox.OPEN, attempts__gt=1, due_at__gt=now + timedelta(seconds=2))
        OutboxMessage.objects.filter(pk__in=[row.pk for row in due]).update(due_at=now)
        held = Delivery.objects.select_for_update(skip_locked=True).filter(pushing_until__gt=now)
        gone = held.filter(pushing_until__lt=now + timedelta(seconds=40))  # it was five seconds ago
        Delivery.objects.filter(pk__in=[row.pk for row in gone]).update(pushing_until=now)


def _stands_still(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (FileNotFoundError, ProcessLookupError):
        return False


def journal(world: World, node: Node) -> list[str]:
    """The hash of each list that the node was given, in order; the same one in a row counts once."""
    lines = (world.folder(node) / "journal").read_text().split()
    return [one for number, one in enumerate(lines) if number == 0 or lines[number - 1] != one]


_JOURNAL = """
import hashlib, pathlib, sys
place = pathlib.Path(sys.argv[1])
with open(place / "journal", "a") as file:
    file.write(hashlib.sha256((place / "permissions.json").read_bytes()).hexdigest() + "\\n")
"""


def begin(world: World, postgres: EmbeddedPostgres, count: int = 3) -> Console:
    """All is running and has the first list; the next ones go out in stages: first one node, then all."""
    home = world.home
    (home / "data" / "run").mkdir(parents=True, exist_ok=True)
    (home / "data" / "static").mkdir(exist_ok=True)
    _wait_for_commits()
    console = Console(world, postgres, EmbeddedRedis(home / "redis", durable=False))
    console.redis.start()
    world.gateway_url = f"https://localhost:{child.free_port()}"
    console.nodes = [world.admitted(f"bank-{number}/n{number}") for number in range(count)]
    world.work()
    console.start("gateway")
    eventually(lambda: child.listening(console.port), "the gateway listens")
    script = home / "journal.py"
    script.write_text(_JOURNAL)
    for number, node in enumerate(console.nodes):
        port = child.free_port()
        node.push_url = f"https://127.0.0.1:{port}/"
        node.save()
        reload = ["/usr/bin/env", "python3", str(script), str(world.folder(node))]
        # Nobody asks by itself within the test: who has the list was told.
        world.configure(node, listen=port, poll_seconds=3600, reload=reload)
        console.start(f"agent {number}")
    eventually(lambda: all(world.applied(node) == 1 for node in console.nodes), "all have the first list")
    services.set_rollout_policy(
        Network.objects.get(slug="settlement"), mode="staged", canaries=console.nodes[:1], canary_count=1,
        waves=[10_000], soak_seconds=1, silence_seconds=3600, actor=world.secretary, reason="carefully",
    )  # fmt: skip
    console.start("worker", "signing", "beat")
    return console


def _wait_for_commits() -> None:
    """A test database forgets its last commits when it is killed; this one is to be like a real one."""
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{connection.settings_dict["NAME"]}" SET synchronous_commit = on')
    connection.close()
