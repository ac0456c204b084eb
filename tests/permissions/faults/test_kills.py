"""Any process killed with -9 at every step of a staged rollout: all nodes get the list, none another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from governance.permissions.models import Epoch, Rollout
from governance.permissions.rollouts import Status
from tests.permissions.faults.console import Console, begin
from tests.permissions.world import World, eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def console(world: World) -> Iterator[Console]:
    made = begin(world, world.home)
    made.start("worker 1", "beat 1")
    yield made
    world.close()
    made.redis.stop()


@pytest.mark.parametrize("victim", ["worker 1", "beat 1", "redis", "postgres", "gateway", "agent 0"])
def test_killed_at_every_step_all_nodes_get_the_list(console: Console, victim: str) -> None:
    console.world.admitted("gaoling-bank/new")
    seen = []
    for step in console.steps():
        seen.append(step)
        console.kill(victim)
    assert seen[-1] == "complete"
    assert {"stage 0 published", "stage 1 published", "stage 2 published"} & set(seen)
    console.check(epoch=2)


def test_two_consoles_at_once_do_everything_once(console: Console) -> None:
    console.start("worker 2", "beat 2")
    for number, name in enumerate(("gaoling-bank/one", "gaoling-bank/two"), start=2):
        console.world.admitted(name)
        eventually(
            lambda number=number: Rollout.objects.filter(
                epoch__number=number, completed_at__isnull=False
            ).exists(),
            "complete",
        )
    assert list(Epoch.objects.order_by("number").values_list("number", flat=True)) == [1, 2, 3]
    for rollout in Rollout.objects.filter(epoch__number__gt=1):
        assert rollout.status == Status.COMPLETE
        assert [stage.number for stage in rollout.stages.all()] == [0, 1, 2]
    console.check(epoch=3)
