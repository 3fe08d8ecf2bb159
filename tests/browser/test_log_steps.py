"""A request that ran server tools, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from observability.models import Generation
from tests.browser.test_smoke import (
    CHROMIUM,
    CONTRASTS,
    DESK,
    LEAST_CONTRAST,
    PHONE,
    fast_passwords,
    signed_in,
    stage,
)
from tests.cast import Acme
from tests.dashboard_pages import make_generation

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


@pytest.fixture
def asked(acme: Acme, stage: LiveServer) -> Generation:
    """A request with a search, an advisor that failed, and a second model step."""
    key = acme.alice_key.key
    outer = make_generation(
        key, seconds_ago=4, model="anthropic/claude-sonnet-4.5", latency_ms=300, generation_ms=400
    )
    of = {"request_id": outer.id}
    search = {"model": "openrouter/web_search", "provider": "exa", "cost_nano": 5_000_000}
    make_generation(key, seconds_ago=3.2, tool="web_search", latency_ms=900, **search, **of)
    advisor = {"model": "a-very-long-author-name/a-model-of-many-words-and-numbers-2026-11-24:free"}
    make_generation(key, seconds_ago=2.2, tool="advisor", status="error", **advisor, **of)
    make_generation(
        key, seconds_ago=2, model="anthropic/claude-sonnet-4.5", latency_ms=300, generation_ms=1600, **of
    )
    return outer


def faults_of(page: Page) -> list[object]:
    """What cannot be read, and whether the page is wider than the screen."""
    dim = [pair for pair in page.evaluate(CONTRASTS) if pair[0] < LEAST_CONTRAST]
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return [*dim, *(["wider than the screen"] if overflow > 0 else [])]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
class TestARequestOfSeveralSteps:
    def test_is_readable_in_the_log_and_in_its_drawer(
        self, scheme: str, viewport: dict[str, int], stage: LiveServer, asked: Generation
    ) -> None:
        faults: list[object] = []
        with signed_in(stage, viewport=viewport, color_scheme=scheme) as page:
            page.goto("/o/acme/logs?inner=false")
            faults += faults_of(page)
            page.get_by_role("link", name="anthropic/claude-sonnet-4.5").first.click()
            expect(page.locator("#drawer")).to_contain_text("4 steps")
            faults += faults_of(page)
            page.locator("#drawer").get_by_role("link", name="openrouter/web_search").click()
            expect(page.locator("#drawer")).to_contain_text("Work of the tool")
            faults += faults_of(page)
            page.locator("#drawer").get_by_role("link", name=asked.public_id).first.click()
            expect(page.locator("#drawer")).to_contain_text("4 steps")

        assert faults == []
