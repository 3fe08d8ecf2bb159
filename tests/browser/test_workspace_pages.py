"""A workspace's pages in a real browser: setting a budget, taking a member out, and a key beside its list."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.quality import barriers
from tests.browser.test_smoke import CHROMIUM, DESK, PHONE, fast_passwords, signed_in, stage

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


class TestBudgets:
    def test_are_refused_at_the_field_and_then_shown_as_bars(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=PHONE) as page:
            page.goto("/o/acme/w/production/settings")
            page.get_by_label("Weekly").fill("5")
            page.get_by_label("Daily").fill("9")
            page.get_by_role("button", name="Save the budgets").click()
            expect(page.get_by_text("The weekly budget ($5) must be larger")).to_be_visible()
            expect(page.get_by_label("Daily")).to_have_value("9")
            page.get_by_label("Daily").fill("2")
            page.get_by_role("button", name="Save the budgets").click()
            expect(page.get_by_label("Spent of the daily budget")).to_be_visible()
            page.goto("/o/acme/w/production/")
            expect(page.get_by_text("of $2.00")).to_be_visible()


class TestAMember:
    def test_is_taken_out_and_leaves_his_keys_to_the_workspace(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/w/production/members")
            page.get_by_role("link", name="Remove").click()
            expect(page.locator("#dialog")).to_contain_text("1 active key here belongs to this person")
            faults = barriers(page)
            page.get_by_label("The workspace keeps them").check()
            page.get_by_role("button", name="Remove", exact=True).click()
            expect(page.get_by_text("Nobody is listed here yet")).to_be_visible()
            page.goto("/o/acme/w/production/keys")
            expect(page.locator("tbody")).to_contain_text("bob's key")

        assert faults == []


class TestAKey:
    def test_opens_beside_the_list_and_is_edited_over_it(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/w/default/keys?sort=name")
            page.get_by_role("link", name="alice's key").first.click()
            expect(page.locator("#drawer")).to_contain_text("Limits that its requests must pass")
            page.locator("#drawer").get_by_role("link", name="Edit").click()
            page.locator("#dialog").get_by_label("Spending limit").fill("3")
            page.get_by_role("button", name="Save", exact=True).click()
            expect(page.locator("tbody")).to_contain_text("of $3.00")
