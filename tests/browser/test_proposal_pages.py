"""Every page about proposals, in both languages, on a telephone and on a desk, free of errors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from consortium.core import clock
from consortium.members.models import User
from governance.chain.models import RegistryEntry, RelayTransaction
from governance.proposals import services
from governance.proposals.models import Proposal
from tests.browser.screen import Screen
from tests.browser.test_wallet import PROVIDER, Wallet
from tests.contracts.alliance import GUARDIANS, padded
from tests.factories import UserFactory
from tests.proposals.conftest import keys, own_ledger, shared_stage, web3
from tests.proposals.stage import AGAINST, FOR, Stage

__all__ = ["keys", "own_ledger", "shared_stage", "web3"]
pytestmark = [pytest.mark.browser, pytest.mark.transactional]

WIDTHS = (1440, 390)
LANGUAGES = ("en", "zh-hans")
Opened = Callable[[User], Screen]


@pytest.fixture
def entry(browser: Browser, shared_stage: Stage) -> RegistryEntry:
    """An observer of the second bank's. (The browser first: it lets Django be asked from here.)"""
    shared_stage.register(shared_stage.node(shared_stage.banks[1]), 1)
    return RegistryEntry.objects.get()


@pytest.fixture
def now(shared_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the server's clock the ledger's; the server's thread has to see the same."""

    def follow() -> None:
        ahead = shared_stage.now - datetime.now(UTC) + timedelta(seconds=2)
        monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + ahead)

    return follow


@pytest.fixture
def opened(browser: Browser, live_server: Any) -> Iterator[Opened]:
    """A browser of somebody who is signed in; at the end no page has complained."""
    screens: list[tuple[BrowserContext, Screen]] = []

    def open_for(user: User) -> Screen:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
        client = Client()
        client.force_login(user)
        session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        screen = Screen(context, live_server.url)
        screen.page.set_default_timeout(30_000)
        screens.append((context, screen))
        return screen

    yield open_for
    complaints = [complaint for _context, screen in screens for complaint in screen.complaints]
    for context, _screen in screens:
        context.close()
    assert complaints == []


def looked_at(screen: Screen, name: str, path: str) -> None:
    """In both languages and both widths: nothing is wider than the window, nothing is left untranslated."""
    folder = os.environ.get("PICTURES")
    for language in LANGUAGES:
        screen.page.context.add_cookies([{"name": "django_language", "value": language, "url": screen.url}])
        for width in WIDTHS:
            screen.page.set_viewport_size({"width": width, "height": 900})
            screen.open(path)
            expect(screen.page.locator("html")).to_have_attribute("lang", language)
            wide = screen.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, (path, language, width, wide)
            if folder:
                screen.page.screenshot(path=f"{folder}/{name}-{language}-{width}.png", full_page=True)


def told(stage: Stage) -> dict[str, Proposal]:
    """One that is voted on, with all that a proposal can have; one that was carried out; one withdrawn."""
    admitted = stage.decided()
    withdrawn = stage.proposed()
    services.withdraw(withdrawn, reason="The applicant asked us to wait.", actor=stage.secretary)
    stage.work()
    draft = stage.draft()
    services.attach(draft, name="许可证 licence.pdf", content=b"%PDF-1.4 a licence", actor=stage.secretary)
    vote = services.open(draft, actor=stage.secretary)
    stage.work()
    stage.move_to(stage.snapshot(vote) + 1)
    stage.index()
    for bank, support in zip(stage.banks[1:3], (FOR, AGAINST), strict=True):
        stage.cast(bank, vote, support)
    stage.work()
    stage.decide(stage.banks[0], vote, FOR)
    return {"vote": vote, "executed": admitted, "withdrawn": withdrawn, "draft": stage.draft()}


def test_the_portals_pages_about_proposals(
    shared_stage: Stage, entry: RegistryEntry, now: Callable[[], None], opened: Opened
) -> None:
    stage, bank = shared_stage, shared_stage.banks[0]
    found = told(stage)
    freeze(stage, entry)
    now()
    officer = UserFactory(institution=bank, username="zhou.lan", first_name="Lan", last_name="Zhou")
    services.comment(found["vote"], text="We know them well.\n我们支持。", actor=officer)
    services.name_substitute(
        officer, substitute=stage.colleague(bank), starts=clock.now() + timedelta(days=3),
        ends=clock.now() + timedelta(days=9), reason="On leave", actor=officer,
    )  # fmt: skip
    screen = opened(officer)
    vote = f"/proposals/{found['vote'].pk}/"
    pages = {
        "list": "/proposals/", "vote": vote, "executed": f"/proposals/{found['executed'].pk}/",
        "withdrawn": f"/proposals/{found['withdrawn'].pk}/", "hand-in": f"{vote}ballot/",
        "signature": f"{vote}signature/", "our-vote": f"{vote}our-vote/", "comment": f"{vote}comment/",
        "desk": f"/institutions/{bank.pk}/voting/",
        "substitute": f"/institutions/{bank.pk}/voting/substitute/",
        "guardians": "/guardians/", "guardian-freeze": "/guardians/freeze/",
        "guardian-cancel": "/guardians/cancel/", "guardian-hand-in": "/guardians/hand-in/",
    }  # fmt: skip
    for name, path in pages.items():
        looked_at(screen, name, path)


def test_the_administrations_pages_about_proposals(
    shared_stage: Stage, entry: RegistryEntry, now: Callable[[], None], opened: Opened
) -> None:
    found = told(shared_stage)
    freeze(shared_stage, entry)
    now()
    screen = opened(shared_stage.secretary)
    pages = {
        "admin-list": "/admin/proposals/proposal/",
        **{f"admin-{name}": f"/admin/proposals/proposal/{one.pk}/change/" for name, one in found.items()},
        "admin-governors": "/admin/chain/governor/",
        "admin-accounts": "/admin/chain/accountpermission/",
        "admin-registry": "/admin/chain/registryentry/",
        "admin-relays": "/admin/chain/relaytransaction/",
    }
    for name, path in pages.items():
        looked_at(screen, name, path)


def freeze(stage: Stage, entry: RegistryEntry) -> None:
    """By two guardians' own transactions; a third matter is begun by one of them."""
    where = padded(entry.network), bytes.fromhex(entry.consensus_id)
    for guardian in GUARDIANS[:2]:
        stage.send(stage.break_glass.functions.confirmFreeze(*where, b"r" * 32), guardian.address)
    other = stage.node(stage.banks[2])
    stage.register(other, 1)
    begun = padded(other.network_id), bytes.fromhex(other.consensus_id)
    stage.send(stage.break_glass.functions.confirmFreeze(*begun, b"s" * 32), GUARDIANS[2].address)
    stage.index()


# --- A guardian's wallet ------------------------------------------------------------------------------------
def to_sign(screen: Screen, entry: RegistryEntry, guardian: Any) -> Page:
    """The first page filled in, the second open."""
    page = screen.page
    screen.open("/guardians/freeze/")
    page.locator("select[name=node]").select_option(str(entry.pk))
    page.locator("select[name=guardian]").select_option(guardian.address)
    page.locator("textarea[name=reason]").fill("Its key was found\non a stolen disk.")
    page.get_by_role("button", name="Go on to sign").click()
    return page


def test_a_guardian_signs_with_a_wallet_and_the_ledger_takes_it(
    shared_stage: Stage, entry: RegistryEntry, now: Callable[[], None], opened: Opened
) -> None:
    now()
    guardian = GUARDIANS[0]
    wallet = Wallet(guardian)
    screen = opened(shared_stage.officer(shared_stage.banks[0]))
    screen.page.context.expose_binding("wallet", wallet.answer)
    screen.page.context.add_init_script(PROVIDER)
    page = to_sign(screen, entry, guardian)
    for words in ("Freeze this node for 72 hours", entry.consensus_id, guardian.address, "on a stolen disk."):
        expect(page.locator("#main")).to_contain_text(words)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/guardian-sign-{width}.png", full_page=True)
    wallet.refuses = True
    page.get_by_role("button", name="Connect the wallet").click()
    expect(page.locator("[data-status]")).to_have_text("You refused in the wallet. Nothing was signed.")
    wallet.refuses = False
    page.get_by_role("button", name="Connect the wallet").click()
    page.get_by_role("button", name="Sign and hand in").click()
    expect(page.locator(".note.success")).to_contain_text("The confirmation was taken in")
    _method, (_account, typed) = wallet.asked[-1]
    assert json.loads(typed)["primaryType"] == "FreezeConfirmation"
    assert RelayTransaction.objects.get(key__startswith="confirmation:").status == "wanted"
    shared_stage.work()
    confirmed, _until = shared_stage.break_glass.functions.freezeConfirmations(
        padded(entry.network),
        bytes.fromhex(entry.consensus_id),
        bytes.fromhex(json.loads(typed)["message"]["reasonHash"][2:]),
    ).call()
    assert confirmed == [guardian.address]


def test_another_account_than_the_guardians_is_not_asked_to_sign(
    shared_stage: Stage, entry: RegistryEntry, now: Callable[[], None], opened: Opened
) -> None:
    now()
    wallet = Wallet(GUARDIANS[1])
    screen = opened(shared_stage.officer(shared_stage.banks[0]))
    screen.page.context.expose_binding("wallet", wallet.answer)
    screen.page.context.add_init_script(PROVIDER)
    page = to_sign(screen, entry, GUARDIANS[0])
    page.get_by_role("button", name="Connect the wallet").click()
    expect(page.locator("[data-status]")).to_contain_text("this confirmation is for")
    expect(page.locator("[data-review]")).to_be_hidden()
    assert [method for method, _params in wallet.asked] == ["eth_requestAccounts"]
