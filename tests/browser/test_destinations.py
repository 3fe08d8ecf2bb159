"""Adding a destination in a real browser: rules get rows without a page's load, and a test is told in place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from config.lib.environment import environment
from tests.browser.quality import barriers, overflow
from tests.browser.test_smoke import CHROMIUM, DESK, PHONE, fast_passwords, signed_in, stage
from tests.observability.receiver import receiving

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
    pytest.mark.browser,
]


@pytest.fixture
def open_house(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Connections to this machine are allowed."""
    monkeypatch.setenv("HEADGATE_OUTBOUND_ALLOW", "127.0.0.1/32")
    environment.cache_clear()
    yield
    monkeypatch.undo()
    environment.cache_clear()


def settled(page: Page) -> None:
    """Wait until what was swapped in listens."""
    expect(page.locator(".htmx-added, .htmx-settling, .htmx-request")).to_have_count(0)


def fill_in(page: Page, url: str) -> None:
    """From the list to a form that is filled in, with two rules."""
    page.goto("/o/acme/w/default/destinations")
    page.get_by_role("link", name="Webhook").click()
    page.get_by_label("Name", exact=True).fill("Our collector")
    page.get_by_label("URL", exact=True).fill(url)
    page.get_by_role("button", name="Add a rule").click()
    page.get_by_label("What rule 1 looks at").wait_for()
    settled(page)
    page.get_by_label("What rule 1 looks at").select_option("total_cost")
    expect(page.get_by_label("How rule 1 compares").locator("option[value=gte]")).to_have_count(1)
    page.get_by_label("How rule 1 compares").select_option("gte")
    page.get_by_label("With what rule 1 compares").fill("0.5")
    page.get_by_role("button", name="Another rule").click()
    page.get_by_label("What rule 2 looks at").wait_for()
    settled(page)
    page.get_by_label("With what rule 2 compares").fill("author/model")


class TestAddingADestination:
    @pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
    def test_tries_it_first_and_keeps_everything_that_was_typed(
        self, viewport: dict[str, int], stage: LiveServer, open_house: None
    ) -> None:
        with receiving() as vendor, signed_in(stage, viewport=viewport) as page:
            fill_in(page, f"{vendor.url}/traces")
            page.get_by_role("button", name="Test the connection").click()
            expect(page.locator("#trial")).to_contain_text("The connection works.")
            faults = [*barriers(page), *overflow(page)]
            page.get_by_role("button", name="Add the destination").last.click()
            page.get_by_role("heading", name="Our collector").wait_for()
            page.locator("main").get_by_role("link", name="Settings", exact=True).first.click()
            kept = page.get_by_label("With what rule 1 compares").input_value()

        assert faults == []
        assert kept == "0.5"
        assert [request[1] for request in vendor.requests] == ["/traces"]
