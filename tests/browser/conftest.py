"""A whole console as real processes, and a real Chromium that looks at it.

Where there is no Chromium the tests here are left out, and the run says so in a line of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.console import Console
from tests.browser.screen import Screen

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if CHROMIUM is not None:
        return
    here = Path(__file__).parent
    left_out = [item for item in items if here in item.path.parents]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if CHROMIUM is None:
        terminalreporter.write_line("browser tests left out: no Chromium here (make browser installs one)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after each file: while Playwright's loop runs in this thread nothing else can run one here.

    Tests of other files that come after in the same process do, such as those of pushing.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Django would take all that follows for asynchronous
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """A console with nobody in it but ke.lin of the secretariat."""
    with Console(tmp_path) as running:
        yield running


@pytest.fixture
def screen(browser: Browser, console: Console) -> Iterator[Screen]:
    """ke.lin's screen; at the end it must have been free of errors and of forbidden content."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    looking = Screen(context, console.url)
    yield looking
    context.close()
    assert looking.complaints == []
