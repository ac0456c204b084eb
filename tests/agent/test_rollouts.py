"""Staged rollouts as the agent follows them: who is let in takes the newest list, others keep the former."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consortium.members.models import Node
from governance.agent import rollout
from governance.permissions import rollouts, services
from tests.agent.command import status
from tests.permissions.world import World

ANYBODY = st.uuids().map(str)


def document(share: int, canaries: list[str], salt: str) -> dict[str, object]:
    return {"network": "settlement", "epoch": 2, "share": share, "canaries": canaries, "salt": salt}


@given(ANYBODY, st.integers(0, 10_000), st.lists(ANYBODY, max_size=3), st.text("0123456789abcdef"))
def test_agent_and_console_agree_who_is_let_in(node: str, share: int, canaries: list[str], salt: str) -> None:
    made = document(share, canaries, salt)
    assert rollout.admits(made, node) == rollouts.admits(made, node)


@given(ANYBODY, st.integers(0, 10_000), st.integers(0, 10_000), st.text("0123456789abcdef"))
def test_whoever_is_let_in_stays_so(node: str, one: int, other: int, salt: str) -> None:
    smaller, larger = sorted((one, other))
    if rollout.admits(document(smaller, [], salt), node):
        assert rollout.admits(document(larger, [], salt), node)
    assert rollout.admits(document(rollout.WHOLE, [], salt), node)
    assert not rollout.admits(document(0, [], salt), node)
    assert rollout.admits(document(0, [node], salt), node)


@pytest.mark.parametrize("share", [None, True, -1, 10_001, "10000", 0.5])
def test_a_document_that_is_none_lets_nobody_in(share: object) -> None:
    made = {"share": share, "canaries": [], "salt": "ab"}
    with pytest.raises(ValueError, match="share"):
        rollout.admits(made, str(uuid.uuid4()))


@dataclass
class Two:
    """Heming's node is the canary, Qingchuan's waits."""

    world: World
    canary: Node
    waits: Node


@pytest.fixture
def two(world: World, transactional_db: None) -> Two:
    canary, waits = world.admitted("heming-bank/n1"), world.admitted("qingchuan-bank/n1")
    world.work()
    world.start_gateway()
    for node in (canary, waits):
        world.configure(node)
    services.set_rollout_policy(
        canary.network,
        mode="staged",
        canaries=[canary],
        canary_count=1,
        soak_seconds=3600,
        actor=world.secretary,
        reason="one node first",
    )
    return Two(world, canary, waits)


def publish_another(two: Two, name: str) -> None:
    two.world.admitted(name)
    two.world.work()


def round_of(two: Two, node: Node) -> tuple[int, int]:
    """What is in force after a round, and what is held."""
    done = two.world.agent_once(node)
    assert done.returncode == 0, done.stderr
    found = status(two.world, node)
    return found["epoch"], found["held"]


def test_who_is_not_let_in_keeps_the_former_list_until_it_is(two: Two) -> None:
    assert round_of(two, two.canary) == (1, 0)
    assert round_of(two, two.waits) == (1, 0)
    publish_another(two, "beiling-bank/n1")
    assert round_of(two, two.canary) == (2, 0)
    assert round_of(two, two.waits) == (1, 2)
    rollout = two.canary.network.rollouts.get(epoch__number=2)
    services.finish_rollout(rollout, actor=two.world.secretary, reason="all is well")
    two.world.work()
    assert round_of(two, two.waits) == (2, 0)


def test_a_node_with_nothing_in_force_begins_with_the_former_list(two: Two) -> None:
    publish_another(two, "beiling-bank/n1")
    assert round_of(two, two.waits) == (1, 2)


def test_a_canary_does_not_go_back_when_the_rollout_is_halted(two: Two) -> None:
    round_of(two, two.canary)
    publish_another(two, "beiling-bank/n1")
    round_of(two, two.canary)
    rollout = two.canary.network.rollouts.get(epoch__number=2)
    services.halt_rollout(rollout, actor=two.world.secretary, reason="wait")
    two.world.work()
    assert round_of(two, two.canary) == (2, 0)
    assert round_of(two, two.waits) == (1, 2)
