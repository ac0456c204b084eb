"""The services that every test stands on: real PostgreSQL, Redis and ledger, one of each for the session.

They start when this file is imported, before any other conftest or test module: settings read their
addresses. Where DATABASE_URL, REDIS_URL and LEDGER_URL are set, those are used instead. Of several processes
that share the tests (pytest-xdist) each has services of its own: one test empties Redis while another counts.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import pytest
from django.utils import translation
from hypothesis import HealthCheck, settings

from consortium.stack.embedded import EmbeddedLedger, EmbeddedPostgres, EmbeddedRedis, Service

# No test fails by the clock: a busy machine is no bug. Continuous integration tries the same examples each
# time, so that what failed there fails again; everywhere else the search goes on with every run.
settings.register_profile(
    "console",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("console")

pytest_plugins = ["tests.peers"]

_running: list[Service] = []
_before: dict[str, str | None] = {}  # of the environment, what was there
_home = Path(tempfile.mkdtemp(prefix="console-tests-"))


def _start_services() -> None:
    (_home / "data" / "static").mkdir(parents=True)  # whitenoise looks for it
    _set("DATA_DIR", str(_home / "data"))
    _set("CONSORTIUM_DEVELOPMENT", "1")
    os.environ["DJANGO_SETTINGS_MODULE"] = "consortium.settings"
    for variable, service in (
        ("DATABASE_URL", EmbeddedPostgres(_home / "postgres", durable=False)),
        ("REDIS_URL", EmbeddedRedis(_home / "redis", durable=False)),
        ("LEDGER_URL", EmbeddedLedger(_home / "ledger")),
    ):
        if not os.environ.get(variable):
            _running.append(service)
            _set(variable, service.start())


def _set(variable: str, value: str) -> None:
    _before[variable] = os.environ.get(variable)
    os.environ[variable] = value


def _stop_services() -> None:
    while _running:
        service = _running.pop()
        _tell_of_a_crash(service)
        service.stop()
    shutil.rmtree(_home, ignore_errors=True)


def _tell_of_a_crash(service: Service) -> None:
    """What a test that lost its connection can't say, and what goes with the folder: why the server died."""
    said = service.log.read_text(errors="replace").splitlines() if service.log.exists() else []
    crashes = [line for line in said if re.search(r"PANIC|was terminated by signal|out of memory", line)]
    if service.popen is not None and service.popen.poll() is not None:
        crashes += [f"ended with {service.popen.returncode}", *said[-20:]]
    for line in crashes:
        print(f"{service.name}: {line}", file=sys.stderr)


atexit.register(_stop_services)
_start_services()
django.setup()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Each test begins in the default language: a page that the one before opened leaves its own active."""
    translation.deactivate()


def pytest_configure(config: pytest.Config) -> None:
    """Where other processes do the tests, this one's services go: theirs are not to be found in its stead."""
    if not config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        return
    _stop_services()
    del os.environ["DJANGO_SETTINGS_MODULE"]  # or they read the settings before their services are there
    for variable, value in _before.items():
        if value is None:
            del os.environ[variable]
        else:
            os.environ[variable] = value


def pytest_unconfigure() -> None:
    _stop_services()


@pytest.fixture(scope="session")
def postgres() -> EmbeddedPostgres:
    """The session's own database server, for tests that kill it; whoever kills it starts it again."""
    found = [service for service in _running if isinstance(service, EmbeddedPostgres)]
    assert found, "these tests kill PostgreSQL: run them without DATABASE_URL"
    return found[0]


@pytest.fixture(scope="session")
def ledger_url() -> str:
    """The session's ledger, shared: deploy your own contracts, assume nothing about its blocks."""
    return os.environ["LEDGER_URL"]


@pytest.fixture
def fresh_ledger(tmp_path: Path) -> Iterator[Callable[[], EmbeddedLedger]]:
    """Makes ledgers of the test's own, on free ports, started: for tests that stop, kill or move one.

    ``ledger.url``, ``ledger.popen``, ``ledger.stop()``, ``ledger.start()``.
    """
    made: list[EmbeddedLedger] = []

    def make() -> EmbeddedLedger:
        ledger = EmbeddedLedger(tmp_path / f"ledger-{len(made)}")
        made.append(ledger)
        ledger.start()
        return ledger

    yield make
    for ledger in made:
        ledger.stop()
