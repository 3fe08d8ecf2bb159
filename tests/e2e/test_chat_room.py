"""The chat room in a real browser, against a whole stack: sending, stopping, switching, Fusion, history."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.browser.quality import LOOKS, barriers, overflow
from tests.browser.test_smoke import CHROMIUM
from tests.e2e.test_unlogged import files_with
from tests.live_stack import LiveStack
from tests.routing.gateway.test_server_tool_loop import call, script

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]

ASKS_THE_PANEL = script({"calls": [call("openrouter_fusion")]}, {"say": "The panel was asked."})[-1][
    "content"
]


@pytest.fixture(scope="module")
def visitor(live_stack: LiveStack) -> Iterator[BrowserContext]:
    """alice's browser, signed in."""
    alice = live_stack.demo["users"][0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        context = browser.new_context(base_url=live_stack.base_url, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Email").fill(alice["email"])
        page.get_by_label("Password").fill(alice["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/o/acme/**")
        page.close()
        yield context
        browser.close()


@pytest.fixture
def page(visitor: BrowserContext) -> Iterator[Page]:
    """The room, in the Default workspace; whatever the browser complains about fails the test."""
    complaints: list[str] = []
    page = visitor.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    enter(page)
    page.locator("#chat-workspace").select_option("default")
    yield page
    page.close()
    assert complaints == []


def enter(page: Page) -> None:
    page.goto("/o/acme/chat")
    page.locator("#chat[data-ready]").wait_for()


def choose(page: Page, model: str) -> None:
    page.locator("[data-pick]").click()
    page.get_by_label("Find a model").fill(model)
    page.locator("#chat-model-list").get_by_role("button").first.click()


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Enter")


def finished(page: Page, number: int = 1) -> None:
    expect(page.locator('.chat-answer[aria-busy="false"]')).to_have_count(number, timeout=30_000)


class TestAnAnswer:
    def test_is_streamed_shown_as_markdown_and_priced(self, page: Page) -> None:
        choose(page, "simulator/echo")
        say(page, "**bold** <b>text</b> [link](https://a.example) [bad](javascript:alert(1))")
        finished(page)

        answer = page.locator(".chat-prose")
        expect(answer.locator("strong")).to_have_text("bold")
        expect(answer).to_contain_text("<b>text</b>")
        expect(answer.locator("a")).to_have_count(1)
        expect(page.locator("[data-figures]")).to_contain_text(re.compile(r"\$\d.* tokens in, \d+ out"))

    def test_leads_to_its_generation_in_the_log(self, page: Page) -> None:
        choose(page, "simulator/echo")
        say(page, "hello")
        finished(page)

        page.wait_for_timeout(1500)  # until it is booked
        page.locator("[data-figures]").get_by_role("link", name="Log").click()

        expect(page.locator("main")).to_contain_text("simulator/echo")

    def test_is_stopped_by_escape(self, page: Page) -> None:
        choose(page, "simulator/slow")
        say(page, "one two three")
        page.get_by_role("button", name="Stop").wait_for()

        page.keyboard.press("Escape")

        finished(page)
        expect(page.locator("[data-figures]")).to_contain_text("Stopped")

    def test_says_why_there_is_none_and_what_to_do(self, visitor: BrowserContext) -> None:
        page = visitor.new_page()  # a refusal is an error in the browser's console
        enter(page)
        choose(page, "simulator/error-400")
        say(page, "hello")
        finished(page)

        expect(page.locator("[data-error]")).to_contain_text("Choose another model")
        page.close()

    def test_is_made_again_and_edited(self, page: Page) -> None:
        choose(page, "simulator/echo")
        say(page, "first words")
        finished(page)
        page.get_by_role("button", name="Answer again").click()
        finished(page)

        page.get_by_role("button", name="Edit and send again").click()
        say(page, "other words")
        finished(page)

        expect(page.locator(".chat-prose")).to_contain_text("other words")
        expect(page.locator(".chat-mine")).to_have_count(1)


class TestTheWorkspace:
    def test_is_remembered_and_is_not_moved_by_looking_elsewhere(self, page: Page) -> None:
        page.locator("#chat-workspace").select_option("research")
        expect(page.locator("#announcements")).to_contain_text("Research")
        page.goto("/o/acme/w/production/keys")

        enter(page)

        expect(page.locator("#chat-workspace")).to_have_value("research")

    def test_asks_before_it_stops_an_answer(self, page: Page) -> None:
        choose(page, "simulator/slow")
        say(page, "one two three")
        page.get_by_role("button", name="Stop").wait_for()

        page.locator("#chat-workspace").select_option("production")
        page.get_by_role("button", name="Stay here").click()
        expect(page.locator("#chat-workspace")).to_have_value("default")
        expect(page.locator('.chat-answer[aria-busy="true"]')).to_have_count(1)

        page.locator("#chat-workspace").select_option("production")
        page.get_by_role("button", name="Stop it and switch").click()

        finished(page)
        expect(page.locator("[data-figures]")).to_contain_text("Stopped")
        expect(page.locator("[data-figures]")).to_contain_text("in Default")


class TestFusion:
    def test_shows_the_panel_and_goes_on_where_it_began(self, page: Page) -> None:
        choose(page, "simulator/script")
        page.get_by_role("button", name="Fusion").click()
        page.get_by_label("Settings of this conversation").click()
        page.get_by_label("Or these models").fill("simulator/panel-1, simulator/slow")
        page.get_by_role("button", name="Done").click()
        say(page, ASKS_THE_PANEL)
        expect(page.locator(".chat-steps")).to_contain_text("panel-1")

        page.locator("#chat-workspace").select_option("production")

        finished(page)
        expect(page.locator(".chat-steps")).to_contain_text("Analysis by")
        expect(page.locator("[data-figures]")).to_contain_text("in Default")
        expect(page.locator("[data-error]")).to_be_hidden()


class TestHistory:
    def test_survives_in_the_browser_and_is_nowhere_on_the_server(
        self, page: Page, live_stack: LiveStack
    ) -> None:
        word = f"sentinel-{secrets.token_hex(8)}"
        choose(page, "simulator/echo")
        say(page, f"remember {word}")
        finished(page)
        page.wait_for_timeout(1500)  # until it is booked

        enter(page)
        page.get_by_role("button", name=f"remember {word}", exact=True).click()

        expect(page.locator(".chat-prose")).to_contain_text(word)
        assert files_with(live_stack.data, word.encode()) == []

    def test_is_searched_renamed_and_deleted(self, page: Page) -> None:
        choose(page, "simulator/echo")
        say(page, "a very rare question")
        finished(page)
        page.get_by_label("Find a conversation").fill("very rare")
        expect(page.locator("[data-list] li")).to_have_count(1)

        page.locator("[data-list] li").hover()
        page.get_by_role("button", name="Rename a very rare question").click()
        page.get_by_label("Name", exact=True).fill("Soup")
        page.get_by_role("button", name="Rename", exact=True).click()
        page.get_by_role("button", name="Soup", exact=True).hover()
        page.get_by_role("button", name="Delete Soup").click()
        page.get_by_role("button", name="Delete", exact=True).click()

        expect(page.locator("[data-list] li")).to_have_count(0)


class TestTheBooks:
    def test_are_right_about_what_was_asked_without_a_key(self, page: Page, live_stack: LiveStack) -> None:
        choose(page, "simulator/echo")
        say(page, "what does this cost?")
        finished(page)

        live_stack.manage("reconcile")


class TestEveryLook:
    @pytest.mark.parametrize("look", LOOKS, ids=str)
    def test_shuts_nobody_out(self, look, page: Page) -> None:
        page.set_viewport_size({"width": look.width, "height": 900})
        page.emulate_media(color_scheme=look.scheme)
        faults = []
        choose(page, "simulator/echo")
        say(page, "# A\n\n- `b`\n\n```js\nlet c = 1\n```\n\n| d | e |\n|---|---|\n| 1 | 2 |")
        finished(page)
        faults += [*barriers(page), *overflow(page)]
        for opener in ("[data-pick]", "[data-opens='#chat-settings']"):
            page.locator(opener).click()
            page.wait_for_timeout(250)  # the dialog's colours are still mixed while it appears
            faults += barriers(page)
            page.keyboard.press("Escape")

        assert faults == []
