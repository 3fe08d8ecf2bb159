"""A newcomer's way: from the first sign-in after `dev.py up` to a streamed answer with a key of his own."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_smoke import CHROMIUM, DESK, chromium
from tests.live_stack import LiveStack, clean_environment, running_stack

MOST_CLICKS = 6
ANNOUNCED = re.compile(r"sign in +\S+ +as +(?P<email>\S+)\n +password +(?P<password>\S+)")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


class Hand:
    """Counts what a person clicks; typing is not counted."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, place: Locator) -> None:
        """Click once."""
        self.clicks += 1
        place.click()


def copied_program(page: Page, hand: Hand, stack: LiveStack) -> str:
    """Sign in, make a key, and copy the Python lines that come with it."""
    found = ANNOUNCED.search(stack.terminal)
    assert found is not None, stack.terminal
    page.goto("/")
    page.get_by_label("Email").fill(found["email"])
    page.get_by_label("Password").fill(found["password"])
    hand.click(page.get_by_role("button", name="Sign in"))
    hand.click(page.get_by_role("link", name="Keys", exact=True))
    hand.click(page.get_by_role("link", name="Create a key"))
    page.get_by_label("Name", exact=True).fill("my first program")
    hand.click(page.get_by_role("button", name="Create", exact=True))
    hand.click(page.locator("#dialog").get_by_text("Python", exact=True))
    hand.click(page.get_by_role("button", name="Copy the Python lines"))
    expect(page.locator("#announcements")).to_have_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def answer_of(program: str) -> str:
    """Run it in a process of its own; what it has written."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def log_tells_of_a_stream(page: Page, stack: LiveStack) -> bool:
    """Whether the request that stands in the log, as soon as it does, was streamed."""
    page.goto(page.url.partition("/w/")[0] + "/logs")
    row = page.get_by_role("link", name="simulator/echo").first
    stack.wait(lambda: page.reload() and row.is_visible(), what="the request in the log")
    row.click()
    expect(page.locator("#drawer")).to_contain_text("To the first token")
    return '"is_streamed": true' in page.locator("#drawer").inner_html().replace("&quot;", '"')


class TestANewcomer:
    def test_has_a_streamed_answer_with_a_key_of_his_own_after_six_clicks(
        self, own_stack_folder: Path
    ) -> None:
        hand = Hand()
        with running_stack(own_stack_folder / "var") as stack, chromium() as browser:
            context = browser.new_context(base_url=stack.base_url, viewport=DESK)
            context.grant_permissions(["clipboard-read", "clipboard-write"])
            began = time.monotonic()
            page = context.new_page()
            answer = answer_of(copied_program(page, hand, stack))
            seconds = time.monotonic() - began
            is_streamed = log_tells_of_a_stream(page, stack)

        print(f"{hand.clicks} clicks, {seconds:.1f} s from the sign-in page to the end of the answer")
        assert answer == "Say hello in one sentence."
        assert is_streamed
        assert hand.clicks <= MOST_CLICKS
