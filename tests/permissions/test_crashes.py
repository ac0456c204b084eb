"""A worker killed between any two steps of compile, publish and push: the next run finishes the work."""

from __future__ import annotations

import json
import signal
from datetime import timedelta

import pytest

from consortium.core import clock, outbox
from consortium.core.models import Event, OutboxMessage
from governance.permissions import logbook, rules
from governance.permissions.models import Delivery, Epoch, LogEntry
from governance.permissions.tufrepo import Repository
from tests.permissions.world import World, eventually

pytestmark = pytest.mark.django_db(transaction=True)

# Runs a queue in a process of its own, which dies at the n-th call of a function: before it, or after.
DOOMED = """
import importlib, os, signal, sys
import django
django.setup()
from consortium.core import outbox
queue, module, name, number, when = sys.argv[1:]
owner = importlib.import_module(module)
real, calls = getattr(owner, name), 0
def doomed(*arguments, **options):
    global calls
    calls += 1
    if calls == int(number) and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments, **options)
    if calls == int(number):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, doomed)
outbox.drain(queue)
"""

COMPILING = "governance.permissions.services.compiling"
PUBLISHING = "governance.permissions.services.publishing"
PUSHING = "governance.permissions.services.pushing"
OUTBOX = "consortium.core.outbox"


def kill_at(world: World, queue: str, module: str, name: str, number: int, when: str = "after") -> None:
    arguments = ("-c", DOOMED, queue, module, name, str(number), when)
    died = world.start(*arguments, env=world.environment(), log="doomed.log")
    assert died.wait(60) == -signal.SIGKILL, (world.home / "doomed.log").read_text()


def finish(world: World) -> None:
    """Work as the next worker would, until PostgreSQL has let go of the dead one's locks and all is done."""

    def done() -> bool:
        world.work()
        return not OutboxMessage.objects.filter(done_at__isnull=True).exists()

    eventually(done, "the outbox is empty")


def check(world: World, epochs: int = 1) -> None:
    """Rows and files agree, and nothing is there twice."""
    assert list(Epoch.objects.order_by("number").values_list("number", flat=True)) == [*range(1, epochs + 1)]
    epoch = world.published()
    assert epoch.number == epochs
    assert Event.objects.filter(action="epoch.published").count() == epochs
    targets = Repository().state().all_files()
    log = targets.pop("settlement/log.json")
    assert log.hashes["sha256"] == rules.sha256(logbook.newest_document("settlement") or b"")
    assert [row.position for row in LogEntry.objects.order_by("position")] == [*range(1, epochs + 1)]
    files = {file.path: file for file in epoch.files.all()}
    assert {path.removeprefix("settlement/") for path in targets} == set(files) == set(rules.FORMAT_OF)
    for path, target in targets.items():
        folder, _, name = path.rpartition("/")
        place = Repository().directory / "targets" / folder / f"{target.hashes['sha256']}.{name}"
        assert place.read_bytes() == bytes(files[path.removeprefix("settlement/")].content)
    assert set(Delivery.objects.values_list("wanted_epoch", flat=True)) == {epochs}
    assert not [path for path in (Repository().metadata).glob("*.json") if not path.read_bytes()]


@pytest.mark.parametrize(
    ("module", "name"),
    [("governance.permissions.services.gathering", "read"), (COMPILING, "_create"), (OUTBOX, "_book")],
    ids=["before a row is written", "before the commit", "after all"],
)
def test_a_compiler_killed_anywhere(world: World, module: str, name: str) -> None:
    world.admitted("heming-bank/n1")
    kill_at(world, "default", module, name, 1)
    finish(world)
    check(world)
    assert Event.objects.filter(action="epoch.compiled").count() == 1


def test_a_compiler_killed_between_commit_and_receipt_does_not_compile_twice(world: World) -> None:
    world.admitted("heming-bank/n1")
    kill_at(world, "default", OUTBOX, "_book", 1, when="before")
    assert Epoch.objects.count() == 1
    finish(world)
    check(world)


@pytest.mark.parametrize(
    ("module", "name", "number", "when"),
    [
        ("consortium.core.files", "replace", 1, "before"),
        ("consortium.core.files", "replace", 2, "after"),  # some of the three files that differ
        ("consortium.core.files", "replace", 4, "after"),  # settlement.json, the network's role
        ("consortium.core.files", "replace", 5, "after"),  # snapshot.json
        ("consortium.core.files", "replace", 6, "after"),  # timestamp.json: nodes see it, no row says so
        ("governance.permissions.services.rollouts", "_want", 1, "before"),
        (OUTBOX, "_book", 1, "before"),
    ],
)
def test_a_signer_killed_anywhere(world: World, module: str, name: str, number: int, when: str) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    world.admitted("qingchuan-bank/n1")
    outbox.drain("default")
    before = Repository().state().timestamp.version
    kill_at(world, "signing", module, name, number, when)
    shown = Repository().state()  # whole, the former or the new
    assert {target.custom["epoch"] for target in shown.all_files().values()} in ({1}, {2})
    finish(world)
    check(world, epochs=2)
    assert Repository().state().timestamp.version == before + 1


def test_a_pusher_killed_before_it_noted_the_answer_tells_again_when_its_turn_ends(world: World) -> None:
    world.start_gateway()
    node = world.admitted("heming-bank/n1")
    world.work()
    world.with_push(node)
    eventually(lambda: world.applied(node) == 1, "the agent has its first list, and sleeps")
    world.admitted("qingchuan-bank/n1")
    outbox.drain("default")
    outbox.drain("signing")
    kill_at(world, "push", PUSHING, "_record", 1, when="before")
    assert Delivery.objects.get(node=node).told_epoch == 0
    eventually(lambda: world.applied(node) == 2, "the agent was told all the same")
    with clock.frozen(clock.now() + timedelta(minutes=1)):
        finish(world)
    check(world, epochs=2)
    assert json.loads(world.in_force(node))["epoch"] == 2
