"""A ballot signed with a wallet in a real browser: the page asks, the wallet signs, the ledger counts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from eth_account import Account
from eth_account.messages import encode_typed_data
from playwright.sync_api import Browser, BrowserContext, Page, expect

from consortium.core import clock
from governance.proposals.models import Ballot, Proposal
from tests.browser.screen import Screen
from tests.factories import UserFactory, voter_of
from tests.proposals.conftest import keys, own_ledger, shared_stage, web3
from tests.proposals.stage import FOR, Stage

__all__ = ["keys", "own_ledger", "shared_stage", "web3"]
pytestmark = [pytest.mark.browser, pytest.mark.transactional]

# EIP-1193: the page's only way to the wallet. The key stays on this side of the binding.
PROVIDER = """
window.ethereum = { request: (asked) => window.wallet(asked.method, JSON.stringify(asked.params || []))
  .then((answer) => { if (answer.error) throw answer.error; return answer.result; }) };
"""


class Wallet:
    """What a person carries in the browser: one account, and a mind of its own."""

    def __init__(self, key: Any) -> None:
        self.key = key
        self.account = key.address
        self.refuses = False
        self.asked: list[tuple[str, Any]] = []

    def answer(self, _source: Any, method: str, params: str) -> dict[str, Any]:
        self.asked.append((method, json.loads(params)))
        if self.refuses:
            return {"error": {"code": 4001, "message": "User rejected the request."}}
        if method == "eth_requestAccounts":
            return {"result": [self.account.lower()]}
        assert method == "eth_signTypedData_v4"
        who, typed = json.loads(params)
        assert who.lower() == self.account.lower()
        signable = encode_typed_data(full_message=json.loads(typed))
        return {"result": "0x" + bytes(self.key.sign_message(signable).signature).hex()}


@pytest.fixture
def vote(browser: Browser, shared_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Proposal:
    """Open by the ledger's clock, which these tests turn; the server's thread has to see the same."""
    bank = shared_stage.banks[0]
    UserFactory(institution=bank, username="zhou.lan", first_name="Lan", last_name="Zhou")
    proposal = shared_stage.voting()
    shared_stage.decide(bank, proposal, FOR)
    ahead = shared_stage.now - datetime.now(UTC) + timedelta(seconds=2)
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + ahead)
    return proposal


@pytest.fixture
def wallet(shared_stage: Stage) -> Wallet:
    return Wallet(voter_of(shared_stage.banks[0]))


@pytest.fixture
def screen(
    browser: Browser, live_server: Any, vote: Proposal, shared_stage: Stage, wallet: Wallet
) -> Iterator[Screen]:
    """zhou.lan's browser, signed in, with the wallet in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-US")
    context.expose_binding("wallet", wallet.answer)
    context.add_init_script(PROVIDER)
    signed_in(context, shared_stage, live_server.url)
    looking = Screen(context, live_server.url)
    looking.page.set_default_timeout(30_000)
    yield looking
    context.close()
    assert looking.complaints == []  # errors, and what the content security policy forbade


def signed_in(context: BrowserContext, stage: Stage, url: str) -> None:
    client = Client()
    client.force_login(stage.officer(stage.banks[0]))
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    cookies = {django_settings.SESSION_COOKIE_NAME: session, "django_language": "en"}
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])


def at_the_vote(screen: Screen, vote: Proposal) -> Page:
    screen.open(f"/proposals/{vote.pk}/")
    return screen.page


def test_the_wallet_signs_what_the_page_says_and_the_ledger_counts_it(
    screen: Screen, vote: Proposal, wallet: Wallet, shared_stage: Stage
) -> None:
    page = at_the_vote(screen, vote)
    page.get_by_role("button", name="Connect the wallet").click()
    review = page.locator("[data-review]")
    expect(review).to_be_visible()
    for words in ("for", f"#{vote.number}", wallet.account, "Grant a seat to", vote.chain_proposal_id):
        expect(review).to_contain_text(words)
    page.get_by_role("button", name="Sign “for” and hand in").click()
    expect(page.locator(".note.success")).to_contain_text("The ballot was taken in")
    method, (_account, typed) = wallet.asked[-1]
    signed = json.loads(typed)
    assert (method, signed["message"]["proposalId"]) == ("eth_signTypedData_v4", vote.chain_proposal_id)
    assert signed["domain"]["verifyingContract"] == shared_stage.governor.address
    assert Ballot.objects.get().voter == wallet.account
    pictures(page, vote, shared_stage)


def test_a_refusal_in_the_wallet_is_said_and_nothing_is_handed_in(
    screen: Screen, vote: Proposal, wallet: Wallet
) -> None:
    page = at_the_vote(screen, vote)
    page.get_by_role("button", name="Connect the wallet").click()
    sign = page.get_by_role("button", name="Sign “for” and hand in")
    expect(sign).to_be_visible()
    wallet.refuses = True
    sign.click()
    expect(page.locator("[data-status]")).to_have_text("You refused in the wallet. Nothing was signed.")
    assert not Ballot.objects.exists()


def test_another_account_than_the_seats_is_not_asked_to_sign(
    screen: Screen, vote: Proposal, wallet: Wallet
) -> None:
    wallet.account = Account.from_key("0x" + "77" * 32).address
    page = at_the_vote(screen, vote)
    page.get_by_role("button", name="Connect the wallet").click()
    expect(page.locator("[data-status]")).to_contain_text("your seat votes with")
    expect(page.locator("[data-review]")).to_be_hidden()
    assert [method for method, _params in wallet.asked] == ["eth_requestAccounts"]


def pictures(page: Page, vote: Proposal, stage: Stage) -> None:
    """For whoever wants to look (``PICTURES`` names a folder): no page is wider than its window."""
    folder = os.environ.get("PICTURES")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for path in (f"/proposals/{vote.pk}/", f"/institutions/{stage.banks[0].pk}/voting/"):
            page.goto(page.url.split("/proposals/")[0].split("/institutions/")[0] + path)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (width, path)
            if folder:
                name = path.strip("/").split("/")[0]
                page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
