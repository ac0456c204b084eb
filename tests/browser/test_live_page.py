"""A vote's page keeps itself fresh, and asks one question at a time, however slow the answers are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import consortium.web

pytestmark = pytest.mark.browser

SCRIPT = Path(consortium.web.__file__).parent / "static" / "console" / "portal" / "portal.js"
ADDRESS = "http://portal.example/proposals/1/"


def html(votes: int) -> str:
    return (
        f'<!doctype html><html lang="en"><body><section data-live><p>{votes} votes</p></section>'
        '<script src="/portal.js"></script></body></html>'
    )


class Slow:
    """Answers the page's first request, and each later one when it is told to."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.waiting: list[Route] = []
        page.clock.install()
        page.route("**/*", self._taken)
        page.goto(ADDRESS)

    def _taken(self, route: Route) -> None:
        if route.request.url.endswith("/portal.js"):
            route.fulfill(path=SCRIPT, content_type="text/javascript")
        elif route.request.resource_type == "document":
            route.fulfill(body=html(1), content_type="text/html")
        else:
            self.waiting.append(route)

    def after(self, seconds: int) -> int:
        """So much later, how many answers the page is waiting for."""
        self.page.clock.run_for(seconds * 1000)
        self.page.wait_for_timeout(100)  # for what was sent to arrive here
        return len(self.waiting)

    def answers(self, votes: int) -> None:
        self.waiting.pop(0).fulfill(body=html(votes), content_type="text/html")


@pytest.fixture
def slow(browser: Browser) -> Iterator[Slow]:
    context = browser.new_context()
    yield Slow(context.new_page())
    context.close()


def test_no_second_question_while_the_first_is_under_way(slow: Slow) -> None:
    assert slow.after(5) == 1
    assert slow.after(30) == 1
    slow.answers(2)
    expect(slow.page.locator("[data-live]")).to_have_text("2 votes")
    assert slow.after(5) == 1
    slow.waiting.pop().abort()  # one that fails holds nobody up
    slow.page.wait_for_timeout(100)
    assert slow.after(5) == 1


def test_an_answer_that_is_lost_is_not_waited_for_for_good(slow: Slow) -> None:
    assert slow.after(5) == 1
    assert slow.after(70) == 2
