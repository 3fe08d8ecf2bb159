"""The frame by keyboard and by thumb: palette, shortcuts, drawer, messages, charts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_smoke import CHROMIUM, DESK, PHONE, fast_passwords, signed_in, stage
from tests.cast import Acme
from tests.observability.usage_rows import book

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
    pytest.mark.browser,
]


class TestThePalette:
    def test_leads_anywhere_without_a_mouse(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.keyboard.press("Control+k")
            expect(page.locator("#palette-input")).to_be_focused()
            page.keyboard.type("resea")
            expect(page.locator("#palette-results [aria-selected=true]")).to_contain_text("Research")
            page.keyboard.press("Enter")
            page.wait_for_url("**/o/acme/w/research/")

    def test_chooses_with_the_arrows_round_and_round(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.keyboard.press("Control+k")
            options = page.locator("#palette-results [role=option]")
            expect(options.first).to_have_attribute("aria-selected", "true")
            page.keyboard.press("ArrowUp")
            expect(options.last).to_have_attribute("aria-selected", "true")
            page.keyboard.press("ArrowDown")
            page.keyboard.press("ArrowDown")
            named = page.locator("#palette-input").get_attribute("aria-activedescendant")
            expect(options.nth(1)).to_have_id(named or "")

    def test_gives_the_focus_back(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            opener = page.locator("[data-opens-palette]")
            opener.focus()
            page.keyboard.press("Enter")
            expect(page.locator("#palette")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.locator("#palette")).to_be_hidden()
            expect(opener).to_be_focused()

    def test_says_so_when_there_is_nothing(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=PHONE) as page:
            page.locator("[data-opens-palette]").click()
            page.keyboard.type("zzzz")
            expect(page.locator("#palette-results")).to_contain_text("Nothing is called “zzzz”")


class TestShortcuts:
    def test_go_to_pages_and_are_listed(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.keyboard.press("?")
            expect(page.locator("#shortcuts")).to_contain_text("Logs")
            page.keyboard.press("Escape")
            page.keyboard.press("g")
            page.keyboard.press("l")
            page.wait_for_url("**/o/acme/logs")

    def test_are_letters_where_somebody_types(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/w/default/keys")
            page.keyboard.press("/")
            page.keyboard.type("gl?")
            expect(page.get_by_label("Find a key by its name")).to_have_value("gl?")
            expect(page.locator("#shortcuts")).to_be_hidden()

    def test_can_be_turned_off_while_the_palette_stays(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/preferences")
            page.get_by_role("combobox", name="Keyboard shortcuts").select_option("off")
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_text("Saved in this browser.")).to_be_visible()
            page.locator("body").press("?")
            expect(page.locator("#shortcuts")).to_be_hidden()
            page.keyboard.press("Control+k")
            expect(page.locator("#palette")).to_be_visible()


class TestOnAPhone:
    def test_the_navigation_is_a_drawer(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=PHONE) as page:
            drawer = page.get_by_role("navigation", name="Pages")
            expect(drawer).to_be_hidden()
            page.get_by_role("button", name="Navigation").click()
            drawer.get_by_role("link", name="Logs").click()
            page.wait_for_url("**/o/acme/logs")

    def test_a_workspace_is_made_from_the_picker(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=PHONE) as page:
            page.locator("#workspace-picker summary").click()
            page.get_by_role("link", name="Create a workspace").click()
            dialog = page.locator("#dialog")
            dialog.get_by_label("Name").fill("Night shift")
            dialog.get_by_label("Description").fill("What runs while we sleep")
            dialog.get_by_role("button", name="Create it").click()
            page.wait_for_url("**/o/acme/w/night-shift/")
            expect(page.get_by_role("status").get_by_text("“Night shift” is ready")).to_be_visible()


class TestTimes:
    def test_are_utc_for_whoever_prefers_it(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.context.add_cookies([{"name": "headgate_times", "value": "utc", "url": stage.url}])
            page.goto("/o/acme/logs")
            time = page.locator("tbody time").first
            shown, title = time.inner_text(), time.get_attribute("title")

        assert shown.endswith(" UTC")
        assert title
        assert "GMT+9" in title


class TestMessages:
    def test_of_an_answer_to_htmx_are_told_and_can_be_sent_away(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.evaluate(
                """() => htmx.trigger(document.body, "toasts", {toasts: [{text: "Saved.", is_lasting: true}]})"""
            )
            note = page.locator("[data-toasts]").get_by_text("Saved.")
            expect(note).to_be_visible()
            page.get_by_role("button", name="Dismiss").click()
            expect(note).to_be_hidden()


class TestAChart:
    def test_tells_its_columns_to_the_mouse_and_to_the_arrow_keys(
        self, acme: Acme, stage: LiveServer
    ) -> None:
        book(acme.alice_key.key, datetime.now(UTC) - timedelta(hours=2), model="author/model", cost=5 * 10**9)
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/activity?range=7d")
            plot = page.get_by_label("Chart: arrow keys")
            plot.focus()
            page.keyboard.press("End")
            page.keyboard.press("Home")
            expect(page.locator(".chart-tip")).to_contain_text("$0.00")
            for _ in range(6):
                page.keyboard.press("ArrowRight")
            expect(page.locator(".chart-tip")).to_be_visible()
            page.get_by_text("Numbers as a table").click()
            expect(page.get_by_role("table").first).to_contain_text("$5.00")
