"""One day of the secretariat: the roster, a certificate, a vote. In a browser, on real processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from consortium.stack.demo.people import ROSTER
from consortium.stack.plan import PROJECT
from tests.browser.console import PASSWORD, Console
from tests.browser.screen import LIMIT, Screen

pytestmark = pytest.mark.browser

BALLOTS = 30
PAGES = (
    "/admin/",
    "/admin/members/institution/",
    "/admin/proposals/proposal/",
    "/admin/certs/certificate/",
    "/admin/permissions/delivery/",
    "/admin/permissions/epoch/",
    "/admin/chain/seat/",
    "/admin/core/event/",
)


def picture(name: str, tmp_path: Path) -> Path:
    """Into the documentation when asked for, or every run would change a tracked file."""
    return PROJECT / "docs" / "images" / name if os.environ.get("UPDATE_PICTURES") else tmp_path / name


def test_a_day_of_the_secretariat(screen: Screen, console: Console, tmp_path: Path) -> None:
    screen.sign_in("ke.lin", PASSWORD)
    imports_the_roster(screen)
    console.members_join()
    approves_a_request(screen, console)
    watches_a_vote_pass(screen, console)
    sees_the_nodes_converge(screen)
    reads_everything_in_both_languages(screen)
    screen.language("en")
    screen.open("/admin/")
    screen.picture(picture("console.png", tmp_path))


def imports_the_roster(screen: Screen) -> None:
    screen.open("/admin/members/institution/")
    screen.press("Import the roster")
    screen.page.locator("input[type=file]").set_input_files(ROSTER)
    screen.press("Preview")
    screen.sees("80")
    screen.press("Import")
    screen.page.wait_for_url("**/admin/members/institution/")
    screen.sees("80 new, 0 changed, 0 unchanged, 0 skipped.")


def approves_a_request(screen: Screen, console: Console) -> None:
    request = console.bank_asks_for_a_certificate()
    screen.open("/admin/")
    screen.page.locator(".console-job", has_text="Certificate requests").click()
    screen.page.locator(f"a[href*='{request}']").first.click()
    screen.sees("BEGIN CERTIFICATE REQUEST")
    screen.press("Approve")
    screen.page.locator("button.console-button").click()
    expect(screen.headline()).to_contain_text("issued", timeout=LIMIT)


def watches_a_vote_pass(screen: Screen, console: Console) -> None:
    screen.open("/admin/proposals/proposal/")
    screen.page.get_by_role("link", name="#1").first.click()
    screen.press("Open for voting")
    screen.page.locator("button.console-button").click()
    expect(screen.headline()).to_contain_text("voting", timeout=LIMIT)
    console.members_vote(1, BALLOTS)
    counted = screen.page.locator("#console-live dl div", has_text="for").first.locator("dd")
    expect(counted).to_have_text(str(BALLOTS), timeout=LIMIT)  # the page keeps itself fresh
    expect(screen.headline()).to_contain_text("executed", timeout=LIMIT)
    screen.page.reload()
    screen.sees("in force on the ledger")


def sees_the_nodes_converge(screen: Screen) -> None:
    """Four agents run; the node that was just admitted has none yet."""
    for _attempt in range(100):
        screen.open("/admin/permissions/delivery/")
        if "4 of 5 nodes up to date" in screen.page.locator("#content").inner_text():
            break
    screen.sees("4 of 5 nodes up to date")


def reads_everything_in_both_languages(screen: Screen) -> None:
    for code, category in (("zh-hans", "区域股权交易中心"), ("en", "Regional equity exchanges")):
        screen.language(code)
        expect(screen.page.locator("html")).to_have_attribute("lang", code)
        for path in PAGES:
            screen.open(path)
            expect(screen.page.locator("#content")).to_be_visible()
        screen.open("/admin/")
        screen.sees(category)
