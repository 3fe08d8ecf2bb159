"""Guardrails and privacy settings in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from config.lib.scoping import tenant
from routing import explanations, guardrail_settings
from routing.guardrail_assignments import assign_keys, assign_members
from tests.browser.quality import LOOKS, Look, faults_of
from tests.browser.test_smoke import CHROMIUM, DESK, PHONE, fast_passwords, signed_in, stage
from tests.cast import STAGE, Acme
from tests.routing.gateway.stage import furnish

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]

GUARDRAILS = "/o/acme/w/default/guardrails"


@pytest.fixture
def furnished(stage: LiveServer) -> LiveServer:
    """The stage with a catalog."""
    furnish("http://127.0.0.1:9")
    explanations.catalog.forget()
    return stage


class TestMakingAGuardrail:
    def test_shows_what_remains_before_it_is_saved_and_goes_on_to_whom_it_governs(
        self, furnished: LiveServer
    ) -> None:
        with signed_in(furnished, viewport=DESK) as page:
            page.goto(GUARDRAILS)
            page.get_by_role("link", name="Create a guardrail").first.click()
            page.get_by_label("Name", exact=True).fill("interns")
            search = page.get_by_role("searchbox", name="Only these models: search the catalog")
            search.press_sequentially("lorem")
            page.get_by_role("checkbox", name="test/lorem").check()
            expect(page.locator("#preview")).to_contain_text(re.compile(r"^\s*1 of \d+ models remain"))
            search.press("Enter")  # looks for it, and sends nothing
            page.get_by_label("Email address").select_option("redact")
            page.get_by_label("A text as a user would write it").fill("write to a@b.example")
            page.get_by_role("button", name="Look at it").click()
            expect(page.locator("#tried pre")).to_have_text("write to [EMAIL]")
            page.get_by_label("Pattern 1", exact=True).fill(r"PRJ-\d+")
            page.get_by_label("Try the patterns on a text").fill("about PRJ-42")
            expect(page.locator("#patterns mark")).to_have_text("PRJ-42")
            page.get_by_role("button", name="Create", exact=True).first.click()

            page.get_by_role("checkbox", name="alice's key").check()
            page.get_by_role("button", name="Hold the chosen").click()
            expect(page.get_by_text("1 key is held to “interns” now.")).to_be_visible()
            page.goto(GUARDRAILS)
            expect(page.locator("tbody tr")).to_contain_text("1 key, 0 members")

    def test_works_without_a_script(self, furnished: LiveServer) -> None:
        with signed_in(furnished, viewport=PHONE, java_script_enabled=False) as page:
            page.goto(f"{GUARDRAILS}/new")
            page.get_by_label("Name", exact=True).fill("interns")
            page.get_by_label("Only these models: add slugs").fill("test/lorem")
            page.get_by_role("button", name="Look again").click()
            expect(page.get_by_role("checkbox", name="test/lorem")).to_be_checked()
            expect(page.locator("#preview")).to_contain_text("1 of")
            page.get_by_role("button", name="Create", exact=True).first.click()

            expect(page.get_by_role("heading", name="interns")).to_be_visible()


class TestTheirPages:
    @pytest.mark.parametrize("look", LOOKS, ids=str)
    def test_shut_nobody_out(self, look: Look, acme: Acme, furnished: LiveServer) -> None:
        with tenant(acme.organization.pk):
            made = guardrail_settings.create(
                workspace=acme.default,
                name="a-name-that-is-as-long-as-names-of-things-get-when-nobody-says-where-to-stop",
                by=STAGE,
                allowed_models=["test/lorem", "author/a-model-with-a-rather-long-name-of-its-own"],
                content_filters=[{"pattern": "x" * 200, "action": "block", "label": "y" * 100}],
                content_filter_builtins=[{"slug": "email", "action": "redact"}],
                limit_nano=10**10,
                limit_interval="d",
            )
            assign_keys(guardrail=made, keys=[acme.alice_key.key], by=STAGE)
            assign_members(guardrail=made, memberships=[acme.bob], by=STAGE)
        own = f"{GUARDRAILS}/{made.public_id}"
        faults: list[str] = []
        with signed_in(furnished, **look.context) as page:
            for path in (
                GUARDRAILS,
                own,
                f"{own}/keys",
                f"{own}/members",
                f"{own}/delete",
                "/o/acme/privacy",
            ):
                faults += faults_of(page, path)

        assert faults == []
