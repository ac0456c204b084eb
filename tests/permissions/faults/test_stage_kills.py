"""A worker killed between any two steps of a stage: the next one finishes it, and nothing is done twice."""

from __future__ import annotations

import pytest

from consortium.core import outbox
from consortium.core.models import Event
from governance.permissions.models import Delivery, Rollout
from tests.permissions.test_crashes import OUTBOX, finish, kill_at
from tests.permissions.test_rollouts import answer, change, document, staged
from tests.permissions.world import World

pytestmark = pytest.mark.django_db(transaction=True)

ROLLOUTS = "governance.permissions.services.rollouts"
SHARE = 8000


@pytest.fixture
def rollout(world: World) -> Rollout:
    """The canary has confirmed, and nobody has let the gate look yet.

    A stage that lets nobody in is over at once, and whom one lets in follows from keys made here: with seven
    that wait and this share, one rollout in 78,000 lets nobody in.
    """
    nodes = [world.admitted(f"heming-bank/n{number}") for number in range(8)]
    world.work()
    answer(*nodes)
    staged(world, nodes, soak_seconds=0, waves=[SHARE, 10_000])
    made = change(world)
    answer(nodes[0])
    return made


def check(rollout: Rollout) -> None:
    """Its second stage is what rows, document and deliveries say, once."""
    rollout.refresh_from_db()
    assert (rollout.stage, document()["share"]) == (1, SHARE)
    assert [stage.number for stage in rollout.stages.all()] == [0, 1]
    assert all(stage.published_at for stage in rollout.stages.all())
    assert Event.objects.filter(action="rollout.stage_begun").count() == 1
    assert Event.objects.filter(action="rollout.stage_reached").count() == 2
    for row in Delivery.objects.filter(node__in=rollout.epoch.members.values("node")):
        former = 1 if row.applied_epoch else 0
        assert row.wanted_epoch == (2 if rollout.admits(row.pk) else former)


@pytest.mark.parametrize(
    ("module", "name", "when"),
    [(ROLLOUTS, "begin_stage", "before"), (ROLLOUTS, "begin_stage", "after"), (OUTBOX, "_book", "before")],
)
def test_who_moves_it_on_is_killed(world: World, rollout: Rollout, module: str, name: str, when: str) -> None:
    kill_at(world, "default", module, name, 1, when=when)
    finish(world)
    check(rollout)


@pytest.mark.parametrize(
    ("module", "name", "number", "when"),
    [
        (ROLLOUTS, "begin", 1, "after"),
        ("consortium.core.files", "replace", 1, "after"),
        ("consortium.core.files", "replace", 3, "after"),
        (ROLLOUTS, "_reached", 1, "before"),
        (ROLLOUTS, "_want", 1, "after"),
        (OUTBOX, "_book", 1, "before"),
    ],
)
def test_who_publishes_the_stage_is_killed(
    world: World, rollout: Rollout, module: str, name: str, number: int, when: str
) -> None:
    outbox.drain("default")
    kill_at(world, "signing", module, name, number, when=when)
    finish(world)
    check(rollout)
