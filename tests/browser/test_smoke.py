"""The dashboard in a real browser: one walk through it in every run, more of it with --browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.people import vouch_for_address
from tests.cast import Acme
from tests.dashboard_pages import make_generation
from tests.observability.said import keep

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "a gate of oak, and water"
PHONE, TABLET, DESK = ({"width": width, "height": 900} for width in (390, 1040, 1440))
LEAST_CONTRAST = 4.5

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]

CONTRASTS = """
() => {
  const canvas = document.createElement("canvas"), context = canvas.getContext("2d", {willReadFrequently: true});
  canvas.width = canvas.height = 1;
  const over = (colors) => {
    context.fillStyle = "#fff"; context.fillRect(0, 0, 1, 1);
    for (const color of colors) { context.fillStyle = color; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, text = node.textContent.trim();
    if (!text || !element.checkVisibility() || element.closest(".sr-only, .skip-link, :disabled, svg")) continue;
    const behind = [];
    for (let up = element; up; up = up.parentElement) behind.unshift(getComputedStyle(up).backgroundColor);
    const [back, front] = [light(over(behind)), light(over([...behind, getComputedStyle(element).color]))];
    const contrast = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
    found.push([Math.round(contrast * 100) / 100, text.slice(0, 40)]);
  }
  return found;
}
"""


@pytest.fixture
def fast_passwords(settings: Settings) -> None:
    """Hashing slowly is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def stage(acme: Acme, fast_passwords: None, live_server: LiveServer) -> LiveServer:
    """The dashboard, served, with a password for alice and a few requests in the log."""
    alice = acme.alice.user
    alice.set_password(PASSWORD)
    alice.save()
    vouch_for_address(alice)
    for age in range(60):
        make_generation(acme.alice_key.key, seconds_ago=5 + age * 40, cost_nano=age)
    return live_server


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser. The database is not touched meanwhile: playwright's loop runs in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def _is_fault(message: ConsoleMessage) -> bool:
    """Whether the browser complains; that a form was refused is no fault, and answered with 422 on purpose."""
    return message.type == "error" and "status of 422" not in message.text


@contextmanager
def signed_in(stage: LiveServer, **how: Any) -> Iterator[Page]:
    """A page of alice's browser; whatever it complains about fails the test, the content policy first."""
    complaints: list[str] = []
    with chromium() as browser:
        context = browser.new_context(base_url=stage.url, timezone_id="Asia/Tokyo", **how)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if _is_fault(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/")
        page.get_by_label("Email").fill("alice@acme.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/o/acme/w/default/")
        yield page
    assert complaints == []


class TestTheWalkOfANewcomer:
    def test_leads_from_the_door_to_a_key_and_to_the_log(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.get_by_role("link", name="Keys", exact=True).click()
            page.get_by_role("link", name="Create a key").click()
            page.get_by_label("Name", exact=True).fill("checkout bot")
            page.get_by_label("Spending limit").fill("25")
            page.get_by_role("button", name="Create", exact=True).click()
            secret = page.locator("#secret").inner_text()
            page.get_by_role("button", name="Copy the key").click()
            expect(page.locator("#announcements")).to_have_text("Copied")
            copied = page.evaluate("navigator.clipboard.readText()")
            page.get_by_role("link", name="I have saved it").click()
            expect(page.locator("tbody").get_by_text("checkout bot", exact=True).first).to_be_visible()
            expect(page.locator("#dialog")).to_be_hidden()
            shown_again = page.content().count(secret)
            page.get_by_role("link", name="Logs").click()
            page.get_by_role("link", name="simulator/echo").first.click()
            expect(page.locator("#drawer")).to_contain_text("To the first token")

        assert re.fullmatch(r"sk-hg-v1-[0-9a-f]{64}", secret)
        assert copied == secret
        assert shown_again == 0


@pytest.mark.browser
class TestPages:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("viewport", [PHONE, TABLET, DESK], ids=["phone", "tablet", "desk"])
    def test_are_readable_and_as_wide_as_the_screen(
        self, scheme: str, viewport: dict[str, int], stage: LiveServer
    ) -> None:
        faults: list[object] = []
        with signed_in(stage, viewport=viewport, color_scheme=scheme) as page:
            for path in (
                "w/default/",
                "w/default/keys",
                "w/default/keys/new",
                "w/default/destinations",
                "logs",
                "credits",
                "workspaces",
            ):
                page.goto(f"/o/acme/{path}")
                faults += [(path, *pair) for pair in page.evaluate(CONTRASTS) if pair[0] < LEAST_CONTRAST]
                overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                faults += [(path, "wider than the screen by", overflow)] if overflow > 0 else []

        assert faults == []

    def test_can_be_read_to_the_end_of_a_list(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/logs")
            page.get_by_role("link", name="Show older requests").click()
            expect(page.locator("tbody tr")).to_have_count(60)

    def test_write_times_in_the_viewers_zone_and_utc_on_hover(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/logs")
            time = page.locator("tbody time").first
            title, at = time.get_attribute("title"), time.get_attribute("datetime")
            shown = time.inner_text()
            expected = page.evaluate(
                """(at) => new Date(at).toLocaleTimeString(undefined,
                   {hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "Asia/Tokyo"})""",
                at,
            )

        assert shown == expected
        assert title is not None
        assert title.endswith(" UTC")

    def test_keep_the_chosen_look_without_a_flash(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK, color_scheme="light") as page:
            page.get_by_label("Account:").click()
            page.get_by_role("button", name="Dark").click()
            answer = page.goto("/o/acme/logs")
            sent = answer.text() if answer else ""

        assert '<html lang="en" data-theme="dark">' in sent


@pytest.mark.browser
class TestARequest:
    def test_shows_what_was_said_beside_the_log(self, acme: Acme, stage: LiveServer) -> None:
        keep(make_generation(acme.alice_key.key, seconds_ago=1))

        with signed_in(stage, viewport=PHONE) as page:
            page.goto("/o/acme/logs")
            page.locator(".row-link").first.click()
            page.get_by_role("link", name="Show what was said").click()
            expect(page.locator("#drawer")).to_contain_text("Hello")
            page.get_by_text("As curl, without a key").click()
            page.get_by_role("button", name="Copy as curl").click()
            expect(page.locator("#announcements")).to_have_text("Copied")
            copied = page.evaluate("navigator.clipboard.readText()")

        assert copied.startswith("curl http")
        assert "$HEADGATE_API_KEY" in copied


@pytest.mark.browser
class TestTheKeyboard:
    def test_reaches_the_content_first(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.locator("#main")).to_be_focused()

    def test_finds_a_workspace_in_the_picker(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.locator("#workspace-picker summary").focus()
            page.keyboard.press("Enter")
            expect(page.get_by_label("Find a workspace")).to_be_focused()
            page.keyboard.type("resea")
            expect(page.locator("#workspace-choices a")).to_have_text([re.compile("Research")])
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.wait_for_url("**/o/acme/w/research/")

    def test_opens_and_leaves_a_request(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/logs")
            page.locator(".row-link").nth(3).focus()
            page.keyboard.press("Enter")
            expect(page.locator("#drawer")).to_be_visible()
            page.wait_for_url("**/logs/gen-*")
            page.keyboard.press("Escape")
            page.wait_for_url("**/o/acme/logs")
            expect(page.locator("#drawer")).to_be_hidden()
            expect(page.locator(".row-link").nth(3)).to_be_focused()


@pytest.mark.browser
class TestWithoutAScript:
    def test_a_key_is_made_all_the_same(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK, java_script_enabled=False) as page:
            page.goto("/o/acme/w/default/keys")
            page.get_by_role("link", name="Create a key").click()
            page.get_by_label("Name", exact=True).fill("plain")
            page.get_by_role("button", name="Create", exact=True).click()
            secret = page.locator("#secret").inner_text()

        assert secret.startswith("sk-hg-v1-")
