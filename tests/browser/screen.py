"""A page in the browser, which remembers everything that went wrong on it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Response, expect

LIMIT = 90_000  # milliseconds: generous, only something that never comes meets it


class Screen:
    """``complaints`` has console errors, uncaught exceptions, answers of 5xx, and CSP violations."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(LIMIT)
        self.page.on("console", self._message)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("response", self._answer)
        # The browser reports what the policy forbade as an error of the console.

    def _message(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{urlsplit(self.page.url).path}: {message.text}")

    def _answer(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def sign_in(self, name: str, password: str, wanted: str = "/admin/") -> None:
        self.open(wanted)
        self.page.locator("input[name=login]").fill(name)
        self.page.locator("input[name=password]").fill(password)
        self.page.locator("input[name=password]").press("Enter")
        self.page.wait_for_url(self.url + wanted)

    def button(self, name: str) -> Locator:
        """A button or link of ours by its words, icon left aside."""
        return self.page.locator(".console-button", has_text=name).first

    def press(self, name: str) -> None:
        self.button(name).click()

    def headline(self) -> Locator:
        return self.page.locator(".console-headline")

    def language(self, code: str) -> None:
        """Through the menu's own form, as its button would send it."""
        form = f"form:has(input[name=language][value={code}])"
        with self.page.expect_navigation():
            self.page.locator(form).first.evaluate("form => form.submit()")

    def sees(self, words: str) -> None:
        expect(self.page.locator("#main")).to_contain_text(words, timeout=LIMIT)

    def picture(self, path: Any) -> None:
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=path)
