"""A key in other hands leaves every list at once, and takes nothing along that waits for stages or people."""

from __future__ import annotations

import pytest

from consortium.core import clock
from consortium.members.models import Node
from governance.permissions import holding, rolling, services
from governance.permissions.models import Epoch, Rollout
from governance.permissions.rollouts import Status, Urgency
from tests.permissions.test_rollouts import (
    NAMES,
    answer,
    change,
    halted_and_renewed,
    nodes,  # noqa: F401
    pass_stage,
    refuse,
    staged,
    wanted,
)
from tests.permissions.world import World

pytestmark = pytest.mark.django_db

NEW = "gaoling-bank/new"


def named(epoch: Epoch) -> set[str]:
    return {str(row.node) for row in epoch.members.select_related("node__institution")}


def rolled(number: int) -> Rollout:
    return Rollout.objects.select_related("epoch", "former").get(epoch__number=number)


def halted(world: World) -> Rollout:
    found = change(world)
    services.halt_rollout(found, actor=world.secretary, reason="the new node is not what it said")
    world.work()
    return found


@pytest.mark.parametrize("mode", ["staged", "at_once"])
def test_a_persons_halt_is_not_ended_by_a_bank_that_calls_its_key_lost(
    world: World,
    nodes: list[Node],  # noqa: F811
    mode: str,
) -> None:
    halted(world)
    staged(world, nodes, mode=mode)
    world.revoke(nodes[5].certificates.get())
    world.work()
    urgent, rest = rolled(3), rolled(4)
    assert (urgent.urgency, urgent.status) == (Urgency.COMPROMISE, Status.COMPLETE)
    assert named(urgent.epoch) == {f"{name}-bank/{name}" for name in NAMES} - {str(nodes[5])}
    assert (rest.status, rest.reason, rest.acted_by) == (
        Status.HALTED, "the new node is not what it said", world.secretary,
    )  # fmt: skip
    assert (rest.former, named(rest.epoch)) == (urgent.epoch, {*named(urgent.epoch), NEW})
    assert rest.epoch.cause == "after an urgent list"
    assert wanted(nodes[:5]) == [3] * 5
    assert {rolling.epoch_for(node) for node in nodes[:5]} == {urgent.epoch}
    assert not holding.held().exists()


def test_a_second_key_lost_does_not_end_the_halt_either(world: World, nodes: list[Node]) -> None:  # noqa: F811
    halted(world)
    for node in nodes[4:]:
        world.revoke(node.certificates.get())
        world.work()
        answer(*nodes[:4])
    newest = Rollout.objects.latest("epoch__number")
    assert (newest.status, newest.epoch.number) == (Status.HALTED, 6)
    assert newest.former == rolled(5).epoch
    assert wanted(nodes[:4]) == [5] * 4


def test_resumed_after_an_urgent_list_the_rest_goes_on(world: World, nodes: list[Node]) -> None:  # noqa: F811
    halted(world)
    world.revoke(nodes[5].certificates.get())
    world.work()
    answer(*nodes[:5])
    rest = rolled(4)
    services.resume_rollout(rest, actor=world.secretary, reason="looked at")
    world.work()
    rest.refresh_from_db()
    while rest.status == Status.ROLLING:
        rest = pass_stage(world, rest)
    assert (rest.status, wanted(nodes[:5])) == (Status.COMPLETE, [4] * 5)
    assert rolling.halted_by_a_person(rest.network) is None


def test_what_a_halted_list_takes_away_goes_at_once_when_its_key_is_lost(
    world: World,
    nodes: list[Node],  # noqa: F811
) -> None:
    """Most nodes still have a list with it."""
    halted(world)
    world.role(nodes[5], 0)
    world.work()
    assert (rolled(3).status, wanted(nodes)) == (Status.HALTED, [1] * 6)
    world.revoke(nodes[5].certificates.get())
    world.work()
    urgent = rolled(4)
    assert (urgent.urgency, named(urgent.epoch)) == (Urgency.COMPROMISE, set(map(str, nodes[:5])))
    assert (rolled(5).status, wanted(nodes[:5])) == (Status.HALTED, [4] * 5)


def test_what_goes_out_in_stages_goes_at_once_when_it_becomes_urgent(
    world: World,
    nodes: list[Node],  # noqa: F811
) -> None:
    world.role(nodes[5], 0)
    world.work()
    assert (rolled(2).status, wanted(nodes[:5])) == (Status.ROLLING, [2, 1, 1, 1, 1])
    world.revoke(nodes[5].certificates.get())
    world.work()
    urgent = rolled(3)
    assert (urgent.urgency, urgent.status, wanted(nodes[:5])) == (
        Urgency.COMPROMISE, Status.COMPLETE, [3] * 5,
    )  # fmt: skip
    assert urgent.epoch.content_sha256 == rolled(2).epoch.content_sha256, "the same list, to everybody"
    services.recheck(urgent.network)
    world.work()
    assert Epoch.objects.latest("number").number == 3, "and no more than once"


def test_the_list_that_a_few_have_is_rid_of_a_lost_key_too(world: World, nodes: list[Node]) -> None:  # noqa: F811
    """The key of a node that only the canaries let in."""
    rollout = change(world)
    answer(nodes[0])
    assert wanted(nodes) == [2, 1, 1, 1, 1, 1]
    world.revoke(Node.objects.get(name="new").certificates.get())
    world.work()
    rollout.refresh_from_db()
    assert (rollout.status, rolled(3).urgency) == (Status.SUPERSEDED, Urgency.COMPROMISE)
    assert (named(rolled(3).epoch), wanted(nodes)) == (set(map(str, nodes)), [3] * 6)


def test_in_stages_an_urgent_list_takes_nobody_along(world: World, nodes: list[Node]) -> None:  # noqa: F811
    """Neither past the canaries nor past the gate's halt."""
    rollout = change(world)
    refuse(nodes[0])
    services.advance_rollouts()
    world.work()
    world.revoke(nodes[5].certificates.get())
    world.admitted("gaoling-bank/newer")
    world.work()
    rollout.refresh_from_db()
    urgent, rest = rolled(3), rolled(4)
    assert (rollout.status, urgent.status, rest.status) == (
        Status.SUPERSEDED, Status.COMPLETE, Status.ROLLING,
    )  # fmt: skip
    assert named(urgent.epoch) == set(map(str, nodes[:5]))
    assert named(rest.epoch) == {*named(urgent.epoch), NEW, "gaoling-bank/newer"}
    assert wanted(nodes[:5]) == [4, 3, 3, 3, 3]


def test_many_that_a_few_had_let_in_are_put_off_and_not_called_dropped(
    world: World,
    nodes: list[Node],  # noqa: F811
) -> None:
    """Else the list without the stolen key would wait for two people."""
    for number in range(6):
        world.admitted(f"gaoling-bank/new-{number}")
    world.work()
    answer(nodes[0])
    world.revoke(nodes[5].certificates.get())
    world.work()
    assert not holding.held().exists()
    assert named(rolled(3).epoch) == set(map(str, nodes[:5]))
    assert len(named(rolled(4).epoch)) == 11


def test_a_freeze_leaves_a_halt_as_it_is(
    world: World,
    nodes: list[Node],  # noqa: F811
) -> None:
    """Also one that a newer list has taken over."""
    _first, second = halted_and_renewed(world, nodes)
    world.freeze(nodes[5], clock.now() + second.limits.silence * 1000)
    world.work()
    urgent = rolled(4)
    assert (urgent.urgency, named(urgent.epoch)) == (Urgency.FREEZE, set(map(str, nodes[:5])))
    assert rolled(5).status == Status.HALTED
