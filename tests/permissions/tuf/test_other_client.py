"""Another maker's TUF client, in JavaScript, reads the lists and refuses what is forged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from governance.contracts.node import node_command
from tests.permissions.tuf.clients import plain_http
from tests.permissions.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.peer("tuf-js")]

PROGRAM = Path(__file__).parent / "js/fetch.js"
LIST = "settlement/permissions.json"

Fetch = Callable[[str], subprocess.CompletedProcess[bytes]]


@pytest.fixture
def fetch(world: World) -> Iterator[Fetch]:
    """The client with a memory of its own, set up with root.json."""
    world.admitted("heming-bank/n1")
    world.admitted("yunling-bank/n1", network="custody")
    world.work()
    home = world.home / "js"
    (home / "metadata").mkdir(parents=True)
    (home / "targets").mkdir()
    (home / "metadata/root.json").write_bytes((settings.TUF_DIR / "root.json").read_bytes())
    with plain_http(settings.TUF_DIR) as url:
        yield lambda path: subprocess.run(
            [*node_command(), PROGRAM, url, home, path], capture_output=True, timeout=60
        )


def test_it_reads_each_networks_lists(fetch: Fetch, world: World) -> None:
    for network in ("settlement", "custody"):
        done = fetch(f"{network}/permissions.json")
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout == world.content("permissions.json", network)


def test_it_follows_to_the_next_epoch(fetch: Fetch, world: World) -> None:
    assert json.loads(fetch(LIST).stdout)["epoch"] == 1
    world.admitted("qingchuan-bank/n1")
    world.work()
    assert json.loads(fetch(LIST).stdout)["epoch"] == 2


def test_it_refuses_a_list_that_is_not_what_was_signed(fetch: Fetch, world: World) -> None:
    for place in (settings.TUF_DIR / "targets/settlement").glob("*.permissions.json"):
        place.write_bytes(place.read_bytes().replace(b"sealer", b"sealed"))
    done = fetch(LIST)
    assert (done.returncode, done.stdout) == (1, b"")
