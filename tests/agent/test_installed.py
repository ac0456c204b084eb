"""The agent by itself: installed by pip, and as one file. Each does a round where the project is not."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest

from consortium.members.models import Node
from tests.agent.command import agent
from tests.permissions.world import PROJECT, World

SOURCE = PROJECT / "governance" / "agent"
MACHINE_CODE = ("cryptography", "cffi", "pycparser")
PURE = ("tuf", "securesystemslib", "urllib3")


@pytest.fixture
def heming(world: World, transactional_db: None) -> Node:
    node = world.admitted("heming-bank/n1")
    world.work()
    world.start_gateway()
    world.configure(node)
    return node


def run(*words: object, where: Path) -> str:
    done = subprocess.run([str(word) for word in words], cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fresh_python(home: Path, *packages: str) -> Path:
    """A new environment with these packages, brought from this one: no index is asked."""
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    there = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", where=home).strip()
    )
    for package in packages:
        for file in metadata.files(package) or ():
            if ".." not in file.parts:
                place = there / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), place)
    return python


def check_round(world: World, node: Node, *program: str) -> None:
    """A round and its status, from a folder without the project."""
    done = agent(world, node, "--once", program=program, where=world.home)
    assert done.returncode == 0, done.stderr
    assert world.applied(node) == 1
    assert world.in_force(node) == world.content("permissions.json")
    shown = agent(world, node, "--status", program=program, where=world.home)
    assert json.loads(shown.stdout)["alarms"] == [], shown.stderr


def test_installed_by_pip_it_does_a_round_without_the_project(
    world: World, heming: Node, tmp_path: Path
) -> None:
    python = fresh_python(tmp_path / "venv", *MACHINE_CODE, *PURE)
    source = shutil.copytree(
        SOURCE, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    )
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install")
    wheels = tmp_path / "wheels"
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-index"),
        *("--no-build-isolation", "--wheel-dir", wheels, source),
        where=tmp_path,
    )
    (wheel,) = wheels.iterdir()
    run(*pip, "--no-index", wheel, where=tmp_path)
    without = "import importlib.util as u, sys; sys.exit(bool(u.find_spec('django')))"
    run(python, "-c", without, where=tmp_path)
    check_round(world, heming, str(python.parent / "consortium-agent"))


def test_as_one_file_it_does_a_round_with_cryptography_alone(
    world: World, heming: Node, tmp_path: Path
) -> None:
    place = tmp_path / "consortium-agent.pyz"
    run(sys.executable, "-m", "governance.agent.bundle", place, where=PROJECT)
    python = fresh_python(tmp_path / "venv", *MACHINE_CODE)
    check_round(world, heming, str(python), str(place))


def test_the_one_file_is_the_same_each_time_and_says_what_it_lacks(tmp_path: Path) -> None:
    first, second = tmp_path / "first.pyz", tmp_path / "second.pyz"
    for place in (first, second):
        run(sys.executable, "-m", "governance.agent.bundle", place, where=PROJECT)
    assert first.read_bytes() == second.read_bytes()
    python = fresh_python(tmp_path / "venv")
    done = subprocess.run([str(python), str(first), "--version"], capture_output=True, text=True)
    assert (done.returncode, "needs cryptography" in done.stderr) == (1, True), done.stderr
