"""Any process killed with -9 at every step of a staged rollout: all nodes get the list, none another one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from consortium.stack.embedded import EmbeddedPostgres
from tests.permissions.faults.console import Console, Stopped, begin
from tests.permissions.faults.steps import STEPS, WORKERS
from tests.permissions.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def console(world: World, postgres: EmbeddedPostgres) -> Iterator[Console]:
    made = begin(world, postgres)
    yield made
    made.stop()


@pytest.mark.parametrize("victim", ["worker", "beat", "redis", "postgres", "gateway", "agent 0"])
def test_killed_at_every_step_all_nodes_get_the_list(console: Console, victim: str) -> None:
    """``worker`` is the one whose step it is, the first where it is nobody's of them."""

    def strike(stopped: Stopped) -> None:
        is_of_a_worker = victim == "worker" and stopped.process in WORKERS
        console.kill(stopped.process if is_of_a_worker else victim)

    console.world.admitted("gaoling-bank/new")
    console.strike_at(STEPS, strike)
    console.finish(2)


AT_A_WORKER = [step for step in STEPS if step.process in WORKERS]


def test_a_process_of_a_workers_pool_killed_at_each_of_its_steps_is_replaced(console: Console) -> None:
    console.world.admitted("gaoling-bank/new")
    console.strike_at(AT_A_WORKER, lambda stopped: os.kill(stopped.pid, signal.SIGKILL))
    console.finish(2)


def test_what_is_left_of_a_killed_worker_goes_on_beside_the_next_one(console: Console) -> None:
    """Only the parent is killed: the process of its pool does not know, and does its step to the end."""

    def strike(stopped: Stopped) -> None:
        parent = console.running[stopped.process]
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(30)
        console.start(stopped.process)

    console.world.admitted("gaoling-bank/new")
    console.strike_at(AT_A_WORKER, strike)
    console.finish(2)


def test_two_consoles_at_once_do_everything_once(console: Console) -> None:
    console.start("worker 2", "signing 2", "beat 2")
    for number, name in enumerate(("gaoling-bank/one", "gaoling-bank/two"), start=2):
        console.world.admitted(name)
        console.finish(*range(2, number + 1))
