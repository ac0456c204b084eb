"""What goes wrong at a node: a full disk, a damaged file, a reload that fails, a clock that is off."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consortium.core import clock
from consortium.members.models import Node
from governance.permissions import selectors, services
from tests.agent.command import agent, status
from tests.permissions.world import LIMIT, PROJECT, World, eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heming(world: World) -> Node:
    """Its agent has epoch 1 in force; epoch 2 is published."""
    node = world.admitted("heming-bank/n1", kind="rsa2048")
    world.work()
    world.start_gateway()
    world.configure(node)
    done = world.agent_once(node)
    assert done.returncode == 0, done.stderr
    world.admitted("qingchuan-bank/n1")
    world.work()
    return node


def epoch_of(content: bytes) -> int:
    return int(json.loads(content)["epoch"])


def with_a_full_disk(world: World, node: Node, most: int) -> subprocess.CompletedProcess[str]:
    """A round whose files can't grow above ``most`` bytes: writing more fails as on a full disk."""
    config = str(world.folder(node) / "agent.toml")
    return subprocess.run(
        [sys.executable, "-m", "governance.agent", "--once", "--config", config],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )


@pytest.mark.parametrize("most", [0, 100, 600, 2000])
def test_a_disk_that_is_full_leaves_the_list_in_force_whole(world: World, heming: Node, most: int) -> None:
    done = with_a_full_disk(world, heming, most)
    assert (done.returncode, "OSError" in done.stderr) == (1, True), done.stderr
    assert epoch_of(world.in_force(heming)) == 1
    assert not list(world.folder(heming).glob(".permissions*")), "nothing half written is left"
    done = world.agent_once(heming)
    assert done.returncode == 0, done.stderr
    assert world.in_force(heming) == world.content("permissions.json")
    assert world.applied(heming) == 2


@pytest.mark.parametrize("gateway", ["there", "away"])
def test_a_file_that_another_program_cut_short_is_put_back(world: World, heming: Node, gateway: str) -> None:
    before = world.in_force(heming)
    (world.folder(heming) / "permissions.json").write_bytes(before[:40])
    if gateway == "away":
        world.close()
    world.agent_once(heming)
    expected = before if gateway == "away" else world.content("permissions.json")
    assert world.in_force(heming) == expected


def test_what_was_kept_is_not_believed_when_it_was_damaged(world: World, heming: Node) -> None:
    kept = world.folder(heming) / "state" / "epochs" / "1" / "permissions.json"
    kept.write_bytes(kept.read_bytes().replace(b"heming", b"hexing"))
    (world.folder(heming) / "permissions.json").unlink()
    world.close()
    assert world.agent_once(heming).returncode == 1
    assert not (world.folder(heming) / "permissions.json").exists()


def test_a_state_that_was_cut_short_is_begun_anew(world: World, heming: Node) -> None:
    (world.folder(heming) / "state" / "state.json").write_text('{"epoch": 1, "si')
    done = world.agent_once(heming)
    assert done.returncode == 0, done.stderr
    assert world.applied(heming) == 2


def test_a_reload_that_fails_is_owed_though_the_gateway_goes_away(world: World, heming: Node) -> None:
    marker = world.home / "reloaded"
    world.configure(heming, reload=["false"])
    done = world.agent_once(heming)
    assert (done.returncode, "ReloadFailed" in done.stderr) == (1, True), done.stderr
    assert status(world, heming)["alarms"] == ["interrupted", "failing"]
    world.configure(heming, reload=["touch", str(marker)])
    world.close()
    assert world.agent_once(heming).returncode == 1
    assert marker.exists()
    found = status(world, heming)
    assert (found["epoch"], found["interrupted"]) == (2, 0), "finished from what was kept"


def test_another_list_than_was_signed_is_told_to_the_console_until_it_is_mended(
    world: World, heming: Node
) -> None:
    """What the node's own reload writes over the list is no list of ours."""
    assert world.agent_once(heming).returncode == 0
    before = world.in_force(heming)
    overwrite = "open('permissions.json', 'w').write('{}')"
    world.configure(
        heming,
        reload=[
            sys.executable,
            "-c",
            overwrite.replace("permissions.json", str(world.folder(heming) / "permissions.json")),
        ],
    )
    (world.folder(heming) / "permissions.json").unlink()  # so that it is put there, and reloaded
    for _ in range(2):
        done = world.agent_once(heming)
        assert (done.returncode, "the node has not what epoch 2 says" in done.stderr) == (1, True), (
            done.stderr
        )
    assert world.in_force(heming) == b"{}"
    assert seen(heming) == ("mismatch", ["list"])
    assert "could not be told" not in done.stderr, "the console has taken it, and is not told again"
    world.configure(heming)
    done = world.agent_once(heming)
    assert (done.returncode, world.in_force(heming) == before) == (0, True), done.stderr
    assert seen(heming)[1] == []


def seen(node: Node) -> tuple[str, list[str]]:
    """What the console's row says, and the alarms that are open."""
    state = next(row.state for row in selectors.convergence("settlement") if row.node.pk == node.pk)
    return state, list(selectors.alarms().filter(node=node).values_list("kind", flat=True))


_OFF = """
import datetime, sys, time
off = {seconds}
real, real_time = datetime.datetime, time.time
class Off(real):
    @classmethod
    def now(cls, tz=None):
        return real.now(tz) + datetime.timedelta(seconds=off)
datetime.datetime = Off
time.time = lambda: real_time() + off
from governance.agent import __main__
sys.exit(__main__.main(["--once", "--config", {config!r}]))
"""


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_an_hour_off_holds_up_no_list(world: World, heming: Node, seconds: int) -> None:
    code = _OFF.format(seconds=seconds, config=str(world.folder(heming) / "agent.toml"))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    assert world.applied(heming) == 2
    assert world.in_force(heming) == world.content("permissions.json")
    assert world.agent_once(heming).returncode == 0, "and nothing is left of it"


def test_expired_metadata_are_an_alarm_and_the_list_stays_in_force(world: World, heming: Node) -> None:
    with clock.frozen(datetime.now(UTC) - timedelta(days=3)):
        world.admitted("beiling-bank/n1")
        services.compile_epoch(heming.network, cause="test")
        services.publish()
    done = world.agent_once(heming)
    assert (done.returncode, "ERROR NotTrusted" in done.stderr) == (1, True), done.stderr
    assert "not_trusted" in status(world, heming)["alarms"]
    (world.folder(heming) / "permissions.json").unlink()
    assert world.agent_once(heming).returncode == 1
    assert epoch_of(world.in_force(heming)) == 1, "kept, and given to the node again"


def test_the_status_says_what_is_in_force(world: World, heming: Node) -> None:
    done = agent(world, heming, "--once")
    assert done.returncode == 0, done.stderr
    shown = agent(world, heming, "--status")
    assert shown.returncode == 0, shown.stdout
    found = json.loads(shown.stdout)
    assert found["epoch"] == 2
    assert found["node"] == str(heming.pk)
    assert found["since"] <= found["last_success"]
    assert (found["alarms"], found["last_error"]) == ([], "")
    world.close()
    assert agent(world, heming, "--once").returncode == 1
    shown = agent(world, heming, "--status")
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["alarms"] == ["failing"]


def test_a_running_agent_killed_and_started_again_goes_on(world: World, heming: Node) -> None:
    world.configure(heming, poll_seconds=0.5)
    running = world.start_agent(heming)
    eventually(lambda: world.applied(heming) == 2, "the list is applied")
    running.kill()
    running.wait(30)
    world.admitted("beiling-bank/n1")
    world.work()
    world.start_agent(heming)
    eventually(lambda: world.applied(heming) == 3, "the next one, too")


def test_two_agents_in_one_directory_take_turns(world: World, heming: Node) -> None:
    config = str(world.folder(heming) / "agent.toml")
    both = [
        world.start("-m", "governance.agent", "--once", "--config", config, log=f"agent-{number}.log")
        for number in range(2)
    ]
    assert [each.wait(60) for each in both] == [0, 0]
    assert Path(world.folder(heming) / "permissions.json").read_bytes() == world.content("permissions.json")
