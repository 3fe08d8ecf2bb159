"""The browsable page of the management API in a real browser, under the strict policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


def scroll_to(page: Page, text: str) -> None:
    """Go down the page until it shows the text: of so many operations it draws those that are near."""
    for _ in range(300):
        if page.get_by_text(text).first.is_visible():
            return
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(100)
    raise AssertionError(f"{text} is nowhere on the page")


class TestTheDocumentationPage:
    def test_shows_every_operation_and_breaks_no_rule_of_the_policy(self, live_server: LiveServer):
        complaints: list[str] = []
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
            page = browser.new_page()
            page.on(
                "console",
                lambda message: complaints.append(message.text) if message.type == "error" else None,
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(f"{live_server.url}/api/v1/docs")

            expect(page.get_by_text("/activity").first).to_be_visible(timeout=30_000)
            for path in ("/workspaces/{id}/budgets/{interval}", "/workspaces/{id}/members/add"):
                scroll_to(page, path)
            page.get_by_text("/workspaces/{id}/members/add").first.click()
            expect(page.get_by_text("user_ids").first).to_be_visible()
            browser.close()

        assert complaints == []
