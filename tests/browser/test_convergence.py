"""The picture of convergence in a real browser: it follows the nodes, says its colours, fits any screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from consortium.members.models import Node
from governance.permissions.models import Delivery
from tests.browser.screen import Screen
from tests.factories import UserFactory
from tests.permissions.spread import alarmed, spread

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
STATES = (
    ["verified"] * 70 + ["applied"] * 30 + ["held"] * 12 + ["behind"] * 5 + ["declined"] * 2 + ["mismatch"]
)
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
def overseer(browser: Browser, live_server: Any) -> Iterator[Screen]:
    """wu.rui of the regulator looks; nothing may go wrong on the way."""
    client = Client()
    client.force_login(UserFactory(regulator=True, username="wu.rui"))
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
    context.add_cookies(
        [
            {"name": cookie.key, "value": cookie.value, "url": live_server.url},
            {"name": "django_language", "value": "en", "url": live_server.url},
        ]
    )
    screen = Screen(context, live_server.url)
    yield screen
    context.close()
    assert screen.complaints == []


def cells(page: Page, state: str) -> int:
    return page.locator(f"[data-place=cells] li.s-{state}").count()


def test_the_picture_follows_the_nodes_while_somebody_looks(overseer: Screen, tmp_path: Path) -> None:
    network = spread(STATES)
    alarmed(Node.objects.get(name="node-3"), "clock", seconds=3600)
    overseer.open(f"/lists/networks/{network.pk}/")
    page = overseer.page
    expect(page.locator("[data-place=done]")).to_have_text("100 / 120")
    assert {state: cells(page, state) for state in ("verified", "held", "declined")} == {
        "verified": 70, "held": 12, "declined": 2,
    }  # fmt: skip
    overseer.sees("The clock is 3600 seconds ahead.")
    late = Node.objects.get(name="node-119")
    expect(page.locator(f"li[data-id='{late.pk}']")).to_contain_text("applied something else")
    page.screenshot(path=tmp_path / "wide-en.png", full_page=True)
    Delivery.objects.filter(node=late).update(applied_epoch=2, reported_matches=True)
    expect(page.locator("[data-place=done]")).to_have_text("101 / 120")
    expect(page.locator("[data-place=said]")).to_have_text("101 of 120 nodes up to date")
    expect(page.locator(f"li[data-id='{late.pk}']")).to_contain_text("up to date")


def test_it_fits_a_telephone_and_a_desk_in_both_languages(overseer: Screen, tmp_path: Path) -> None:
    network = spread(STATES)
    paths = {"spread": "", "epochs": "epochs/", "changes": "changes/"}
    for language in ("en", "zh-hans"):
        overseer.page.context.add_cookies(
            [{"name": "django_language", "value": language, "url": overseer.url}]
        )
        for width in (390, 1440):
            overseer.page.set_viewport_size({"width": width, "height": 900})
            for name, path in paths.items():
                overseer.open(f"/lists/networks/{network.pk}/{path}")
                assert overseer.page.evaluate(FITS), (language, width, name)
                shot = tmp_path / f"{name}-{language}-{width}.png"
                overseer.page.screenshot(path=shot, full_page=True)


def test_thousands_of_nodes_are_shown_by_institution(overseer: Screen, tmp_path: Path) -> None:
    network = spread(STATES * 10, banks=40)
    overseer.open(f"/lists/networks/{network.pk}/")
    expect(overseer.page.locator("[data-place=groups] li")).to_have_count(40)
    expect(overseer.page.locator("[data-place=cells] li")).to_have_count(0)
    expect(overseer.page.locator("[data-place=done]")).to_have_text("1,000 / 1,200")
    overseer.page.screenshot(path=tmp_path / "groups.png", full_page=True)


def test_what_can_not_be_fetched_is_said(overseer: Screen) -> None:
    network = spread(STATES)
    overseer.open(f"/lists/networks/{network.pk}/")
    expect(overseer.page.locator("[data-place=stale]")).to_be_hidden()
    overseer.page.route("**/state.json", lambda route: route.abort())
    expect(overseer.page.locator("[data-place=stale]")).to_be_visible()
    overseer.page.unroute("**/state.json")
    expect(overseer.page.locator("[data-place=stale]")).to_be_hidden()
    overseer.complaints.clear()  # the browser's own word about the request that failed
