"""Every page, on a phone and a desk, light and dark: axe finds nothing serious, and it is light and quick."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests.browser.pages import ORGANIZATION_PAGES, PAGES, WORKSPACE_PAGES
from tests.browser.quality import (
    LOOKS,
    MOST_KILOBYTES,
    MOST_QUERIES,
    Look,
    barriers,
    faults_of,
    kilobytes_of,
    queries_of,
)
from tests.browser.test_smoke import CHROMIUM, DESK, fast_passwords, signed_in, stage
from tests.cast import Acme
from tests.observability.usage_rows import book

__all__ = ["fast_passwords", "stage"]

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
in_a_browser = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")


@pytest.fixture
def busy_stage(acme: Acme, stage: LiveServer) -> LiveServer:
    """The stage, with requests that activity counts."""
    at = datetime.now(UTC) - timedelta(hours=2)
    for number in range(10):
        book(acme.alice_key.key, at, model=f"author/model-{number}", cost=10**7 * (number + 1))
    return stage


@pytest.mark.browser
@in_a_browser
class TestEveryPage:
    @pytest.mark.parametrize("look", LOOKS, ids=str)
    def test_shuts_nobody_out(self, look: Look, busy_stage: LiveServer) -> None:
        faults: list[str] = []
        with signed_in(busy_stage, **look.context) as page:
            for path in PAGES:
                faults += faults_of(page, path)

        assert faults == []

    def test_is_light_on_the_first_visit(self, busy_stage: LiveServer) -> None:
        with signed_in(busy_stage, viewport=DESK) as page:
            weights = {path: round(kilobytes_of(page, path)) for path in PAGES}

        assert {path: weight for path, weight in weights.items() if weight >= MOST_KILOBYTES} == {}


@pytest.mark.browser
@in_a_browser
class TestWhatOpensOverAPage:
    @pytest.mark.parametrize("look", LOOKS, ids=str)
    def test_shuts_nobody_out(self, look: Look, stage: LiveServer) -> None:
        faults: list[str] = []
        with signed_in(stage, **look.context) as page:
            for keys in ("Control+k", "?"):
                page.goto("/o/acme/w/default/keys")
                page.keyboard.press(keys)
                page.locator("dialog[open]").wait_for()
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(250)  # the dialog's colours are still mixed while it appears
                faults += barriers(page)

        assert faults == []


class TestQueries:
    @pytest.mark.parametrize("path", [*WORKSPACE_PAGES, *ORGANIZATION_PAGES])
    def test_are_few(self, path: str, acme: Acme, viewers: dict[str, Client]) -> None:
        assert len(queries_of(viewers["alice"], path)) <= MOST_QUERIES
