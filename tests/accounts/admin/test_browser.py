"""The Django admin in a real browser: it works under its content security policy, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from accounts.models import Revision
from observability.models import Generation
from tests.admin_pages import Doors, page
from tests.cast import Cast
from workspaces.models import ApiKey, Workspace

CHROMIUM = Path("/usr/bin/chromium")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


@contextmanager
def signed_in(server: LiveServer, doors: Doors, **how: Any) -> Iterator[Page]:
    """A page of alice's browser; whatever it complains about fails the test, the content policy first."""
    complaints: list[str] = []
    name = django_settings.SESSION_COOKIE_NAME
    session = doors["alice"].cookies[name].value
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        context = browser.new_context(base_url=server.url, **how)
        context.add_cookies([{"name": name, "value": session, "url": server.url}])
        shown = context.new_page()
        shown.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        yield shown
        browser.close()
    assert complaints == []


class TestIssuingAKey:
    def test_completes_the_workspace_and_shows_the_secret(
        self, cast: Cast, doors: Doors, live_server: LiveServer
    ) -> None:
        with signed_in(live_server, doors, viewport=DESK) as shown:
            shown.goto(page(ApiKey, "add"))
            shown.locator("#id_workspace + .select2").click()
            shown.locator(".select2-search__field").fill("Prod")
            shown.locator(".select2-results__option", has_text="Production").click()
            shown.get_by_label("Name").fill("from the browser")
            shown.get_by_role("button", name="Save", exact=True).click()
            secret = shown.get_by_label("Key", exact=True).input_value()
            shown.get_by_role("link", name="I saved it").click()
            expect(shown.get_by_role("link", name="from the browser")).to_be_visible()
            shown_again = shown.content().count(secret)

        assert re.fullmatch(r"sk-hg-v1-[0-9a-f]{64}", secret)
        assert shown_again == 0


class TestPages:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
    def test_are_as_wide_as_the_screen_and_complain_of_nothing(
        self, scheme: str, viewport: dict[str, int], cast: Cast, doors: Doors, live_server: LiveServer
    ) -> None:
        key = cast.acme.bob_key.key.pk
        paths = (
            "/admin/",
            page(ApiKey, "changelist"),
            page(ApiKey, "change", key),
            page(ApiKey, "history", key),
            page(ApiKey, "delete", key),
            page(Workspace, "add"),
            page(Revision, "changelist"),
            page(Generation, "changelist"),
        )
        too_wide = []
        with signed_in(live_server, doors, viewport=viewport, color_scheme=scheme) as shown:
            for path in paths:
                shown.goto(path, wait_until="networkidle")
                if shown.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    too_wide.append(path)

        assert too_wide == []
