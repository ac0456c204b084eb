"""What is published can be read by whoever may enter its directory, whatever umask the worker has."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from consortium.core import clock
from governance.permissions import services, tufrepo
from tests.permissions.conftest import PASSPHRASE
from tests.permissions.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """A worker whose files are its own alone, as hardened units have it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def mode(place: Path) -> int:
    return stat.S_IMODE(place.stat().st_mode)


def inside(top: Path) -> dict[str, int]:
    return {str(place.relative_to(top)): mode(place) for place in top.rglob("*")}


def test_lists_metadata_and_permits_are_open_and_the_door_is_the_groups(world: World) -> None:
    top = Path(settings.TUF_DIR)
    shutil.rmtree(top)
    assert tufrepo.create(PASSPHRASE, PASSPHRASE, clock.now())
    world.admitted("heming-bank/n1")
    world.work()
    services.keep_permits()
    assert mode(top) == 0o750
    found = inside(top)
    parts = {name.split("/")[0] for name in found}
    assert {"metadata", "targets", "nodes", "root.json"} <= parts
    wrong = {
        name: oct(found[name]) for name in found if found[name] != (0o755 if (top / name).is_dir() else 0o644)
    }
    assert wrong == {}


def test_a_directory_that_is_there_keeps_the_mode_that_its_operator_gave_it(world: World) -> None:
    top = Path(settings.TUF_DIR)
    top.chmod(0o711)
    world.admitted("heming-bank/n1")
    world.work()
    assert mode(top) == 0o711


def test_keys_beside_it_stay_closed(world: World) -> None:
    world.admitted("heming-bank/n1")
    world.work()
    keys = Path(settings.KEY_DIR)
    assert {mode(place) & 0o077 for place in keys.glob("lists-network-*")} == {0}
