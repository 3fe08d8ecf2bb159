"""Takes the pictures of docs/gallery anew, of a small organization that has been at work: `--gallery`."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from accounts.credits import deposit
from accounts.models import LedgerEntry
from config.lib.scoping import tenant
from tests.browser.pages import PAGES
from tests.browser.quality import Look
from tests.browser.test_smoke import CHROMIUM, fast_passwords, signed_in, stage
from tests.cast import STAGE, Acme
from tests.observability.usage_rows import book

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
    pytest.mark.gallery,
]

DOCS = Path(__file__).resolve().parents[2] / "docs"
DESK, PHONE = Look(1440, "light"), Look(390, "dark")
MOST_BYTES = 80 * 1024
QUALITIES = (70, 50, 30, 10)
MODELS = ("author/large", "author/small", "other/vision", "simulator/echo")


@pytest.fixture
def busy_stage(acme: Acme, stage: LiveServer) -> LiveServer:
    """Two weeks of requests to four models, and credits to pay them."""
    with tenant(acme.organization.pk):
        deposit(
            organization=acme.organization,
            amount_nano=50 * 10**9,
            kind=LedgerEntry.PURCHASE,
            description="",
            by=STAGE,
        )
    now = datetime.now(UTC)
    for day in range(14):
        for number, model in enumerate(MODELS):
            cost = (3 + (day * 7 + number * 5) % 11) * 10**8
            book(acme.alice_key.key, now - timedelta(days=day, hours=2), model=model, cost=cost)
    return stage


class TestTheGallery:
    def test_shows_every_page(self, busy_stage: LiveServer) -> None:
        folder = DOCS / "gallery"
        folder.mkdir(exist_ok=True)
        for look in (DESK, PHONE):
            with signed_in(busy_stage, **look.context) as page:
                for path in PAGES:
                    page.goto(path)
                    (folder / f"{name_of(path)}-{look}.webp").write_bytes(picture(page))
                if look is DESK:
                    page.goto(PAGES[0])
                    page.keyboard.press("Control+k")
                    page.locator("#palette-results [aria-selected=true]").wait_for()
                    (folder / f"palette-{look}.webp").write_bytes(picture(page))
        (DOCS / "gallery.md").write_text(document())

        assert all(taken.stat().st_size <= MOST_BYTES for taken in folder.iterdir())


def picture(page: Page) -> bytes:
    """What is on the screen as WebP, in the best quality that is small enough."""
    session = page.context.new_cdp_session(page)
    taken = b""
    for quality in QUALITIES:
        answer = session.send("Page.captureScreenshot", {"format": "webp", "quality": quality})
        taken = base64.b64decode(answer["data"])
        if len(taken) <= MOST_BYTES:
            break
    session.detach()
    return taken


def name_of(path: str) -> str:
    """`/o/acme/w/default/keys` as `workspace-keys`."""
    name = path.removeprefix("/o/acme").replace("/w/default/", "/workspace/").strip("/").replace("/", "-")
    return "workspace-home" if name == "workspace" else name


def document() -> str:
    """The page that shows them all."""
    lines = [
        "# Gallery",
        "",
        "Every page on a desk (light) and on a phone (dark), as the tests' cast sees it. Made by",
        "`python dev.py test tests/browser/test_gallery.py --gallery`.",
        "",
        "## The palette",
        "",
        f"![The palette](gallery/palette-{DESK}.webp)",
        "",
    ]
    for path in PAGES:
        name = name_of(path)
        lines += [f"## {name.replace('-', ' ').capitalize()}", "", f"`{path}`", ""]
        lines += [f"![On a desk](gallery/{name}-{DESK}.webp) ![On a phone](gallery/{name}-{PHONE}.webp)", ""]
    return "\n".join(lines)
