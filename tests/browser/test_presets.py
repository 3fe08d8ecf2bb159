"""Presets, plugins and explanations in a real browser: the ways that people go."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.quality import LOOKS, Look, barriers, blockers, overflow
from tests.browser.test_smoke import CHROMIUM, DESK, fast_passwords, signed_in, stage

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]
PLACE = "/o/acme/w/default"


class TestAPreset:
    def test_is_made_changed_compared_and_rolled_back(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.get_by_role("link", name="Presets", exact=True).click()
            page.get_by_role("link", name="Create the first preset").click()
            page.get_by_label("Slug").fill("support")
            page.get_by_label("System prompt").fill("Be kind.")
            page.get_by_label("Temperature").fill("0.5")
            page.get_by_role("button", name="Create", exact=True).click()
            expect(page.get_by_role("heading", name="support")).to_be_visible()
            page.get_by_role("button", name="All as JSON").click()
            expect(page.get_by_label("Parameters")).to_have_value('{\n  "temperature": 0.5\n}')
            page.get_by_label("Parameters").fill('{"temperature": 1}')
            page.get_by_role("button", name="Save a new version").click()
            page.get_by_role("link", name="Versions", exact=True).click()
            page.get_by_role("link", name="Compare version 2 with the one before").click()
            expect(page.get_by_role("group", name="Lines of temperature")).to_contain_text("0.5")
            page.get_by_role("button", name="Go back to version 1").click()
            expect(page.get_by_role("row", name="1 in use")).to_be_visible()

    @pytest.mark.parametrize("look", LOOKS, ids=str)
    def test_shuts_nobody_out_on_any_of_its_pages(self, look: Look, stage: LiveServer) -> None:
        faults: list[str] = []
        with signed_in(stage, **look.context) as page:
            page.goto(f"{PLACE}/presets/new")
            for prompt in ("Be kind.\nBe brief.", "Be kind.\nBe very brief, " + "please " * 60):
                if page.get_by_label("Slug").is_visible():
                    page.get_by_label("Slug").fill("support-" + "x" * 80)
                page.get_by_label("System prompt").fill(prompt)
                page.locator("button.button-main").click()
                expect(page.get_by_label("System prompt")).to_have_value(prompt)
            own = page.url
            for path in (own, f"{own}/versions", f"{own}/versions/compare", f"{own}/try", f"{PLACE}/presets"):
                page.goto(path)
                faults += [f"{path}: {one}" for one in (*barriers(page), *blockers(page), *overflow(page))]

        assert faults == []


class TestAPlugin:
    def test_is_turned_on_in_a_drawer(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto(f"{PLACE}/plugins")
            page.get_by_role("link", name="Configure Response healing").click()
            page.get_by_label("On by default").check()
            page.locator("#drawer").get_by_role("button", name="Save").click()
            expect(page.get_by_text("Runs, unless a request says otherwise.").last).to_be_visible()


class TestAnExplanation:
    @pytest.mark.parametrize("look", LOOKS, ids=str)
    def test_shuts_nobody_out(self, look: Look, stage: LiveServer) -> None:
        with signed_in(stage, **look.context) as page:
            page.goto(f"{PLACE}/explain")
            page.get_by_role("button", name="Explain").click()
            expect(page.get_by_role("status").first).to_contain_text("It would be refused with")
            faults = [*barriers(page), *blockers(page), *overflow(page)]

        assert faults == []
