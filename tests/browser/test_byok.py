"""Provider keys in a browser: added in a dialog, dragged, and moved without a mouse."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from config.lib.scoping import tenant
from routing import byok
from tests.browser.quality import barriers
from tests.browser.test_smoke import CHROMIUM, DESK, PHONE, fast_passwords, signed_in, stage
from tests.cast import STAGE, Acme

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
    pytest.mark.browser,
]
BYOK = "/o/acme/w/default/byok"


@pytest.fixture
def keys(acme: Acme, stage: LiveServer) -> LiveServer:
    """The stage, with three keys before our endpoints."""
    with tenant(acme.organization.pk):
        for name in ("one", "two", "three"):
            byok.create(
                organization=acme.organization,
                workspace=acme.default,
                provider="groq",
                secret="sk-0123456789abcdef",
                name=name,
                by=STAGE,
            )
    return stage


def names_in(page: Page, section: str) -> list[str]:
    """The names of a section's keys, in their order."""
    return page.locator(
        f"[data-section={section}] [data-reorder-item] .font-medium.truncate"
    ).all_inner_texts()


class TestAddingAKey:
    def test_is_done_in_a_dialog_with_the_providers_own_form(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto(BYOK)
            page.locator("main").get_by_role("link", name="Add a provider key").first.click()
            page.get_by_label("Provider", exact=True).select_option("amazon-bedrock")
            page.get_by_role("link", name="AWS access key").click()
            page.get_by_label("Access key ID").fill("AKIAIOSFODNN7EXAMPLE")
            page.get_by_label("Secret access key").fill("NeverToBeSeenAgain")
            page.get_by_label("Region").fill("eu-west-1")
            faults = barriers(page)
            page.get_by_role("button", name="Add the key").click()
            expect(page.locator("[data-reorder]")).to_contain_text("AKI...MPLE")
            shown = page.content()

        assert faults == []
        assert "NeverToBeSeenAgain" not in shown


class TestTheOrder:
    @pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
    def test_is_changed_with_the_pointer(self, viewport: dict[str, int], keys: LiveServer) -> None:
        with signed_in(keys, viewport=viewport) as page:
            page.goto(BYOK)
            handle = page.get_by_role("button", name="Move three").bounding_box()
            first = page.get_by_role("button", name="Move one").bounding_box()
            assert handle
            assert first
            page.mouse.move(handle["x"] + 8, handle["y"] + 8)
            page.mouse.down()
            page.mouse.move(first["x"] + 8, first["y"] + 2, steps=5)
            expect(page.locator(".reorder-line")).to_be_visible()
            page.mouse.up()
            expect(page.locator("[data-reorder-status]")).to_have_text(
                "three: number 1, before our endpoints."
            )
            page.reload()
            names = names_in(page, "before")

        assert names == ["three", "one", "two"]

    def test_is_changed_with_the_arrow_keys_which_keep_the_focus(self, keys: LiveServer) -> None:
        with signed_in(keys, viewport=DESK) as page:
            page.goto(BYOK)
            page.get_by_role("button", name="Move three").focus()
            page.keyboard.press("ArrowUp")
            expect(page.locator("[data-reorder-status]")).to_have_text(
                "three: number 2, before our endpoints."
            )
            expect(page.get_by_role("button", name="Move three")).to_be_focused()
            page.keyboard.press("ArrowDown")
            expect(page.locator("[data-reorder-status]")).to_have_text(
                "three: number 3, before our endpoints."
            )
            page.keyboard.press("ArrowDown")
            expect(page.locator("[data-reorder-status]")).to_have_text(
                "three: number 1, after our endpoints."
            )
            sections = names_in(page, "before"), names_in(page, "after")

        assert sections == (["one", "two"], ["three"])

    def test_is_changed_by_buttons_without_a_script(self, keys: LiveServer) -> None:
        with signed_in(keys, viewport=DESK, java_script_enabled=False) as page:
            page.goto(BYOK)
            page.locator("summary[aria-label='More about two']").click()
            page.get_by_role("button", name="Try it after our endpoints").locator("visible=true").click()
            sections = names_in(page, "before"), names_in(page, "after")

        assert sections == (["one", "three"], ["two"])
