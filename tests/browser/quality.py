"""What every page of the dashboard keeps: few queries, little weight, nothing that blocks, nobody shut out.

    @pytest.mark.parametrize("look", LOOKS, ids=str)
    def test_my_page(look, stage):
        with signed_in(stage, **look.context) as page:
            assert faults_of(page, "/o/acme/my-page") == []

Queries are counted with Django's client, as the browser's are made in another thread:

    assert len(queries_of(viewers["alice"], "/o/acme/my-page")) <= MOST_QUERIES
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Browser, Page, Response

MOST_QUERIES = 12
MOST_KILOBYTES = 120
GRAVE = frozenset({"serious", "critical"})
BLOCKING = """
() => [...document.querySelectorAll("script")]
  .filter((script) => !script.src || !(script.defer || script.async || script.type === "module"))
  .map((script) => script.src || "a script inside the page")
"""
STYLED = """() => document.querySelectorAll("[style]:not(.chart-tip), style").length"""
OVERFLOW = "() => document.documentElement.scrollWidth - innerWidth"
HOUSEKEEPING = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SELECT set_config", "SET ")
AXE = Axe()


@dataclass(frozen=True)
class Look:
    """A screen and a colour scheme."""

    width: int
    scheme: str

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"

    @property
    def context(self) -> dict[str, Any]:
        """What a browser is told."""
        return {"viewport": {"width": self.width, "height": 900}, "color_scheme": self.scheme}


LOOKS = [Look(width, scheme) for width in (390, 1440) for scheme in ("light", "dark")]


def faults_of(page: Page, path: str) -> list[str]:
    """Go there; answer with all that is wrong with what axe, a narrow screen and the content policy see."""
    page.goto(path)
    return [f"{path}: {fault}" for fault in (*barriers(page), *blockers(page), *overflow(page))]


def barriers(page: Page) -> list[str]:
    """What axe calls serious or critical on what is shown now, dialogs included."""
    found = AXE.run(page).response["violations"]
    return [
        f"{violation['id']} at {node['target']}: {node['failureSummary']}"
        for violation in found
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]


def blockers(page: Page) -> list[str]:
    """Scripts that hold up the first paint, and styles that the content policy would refuse."""
    styled = page.evaluate(STYLED)
    blocking = [f"blocks the first paint: {script}" for script in page.evaluate(BLOCKING)]
    return [*blocking, *([f"{styled} inline styles"] if styled else [])]


def overflow(page: Page) -> list[str]:
    """Whether the page is wider than the screen."""
    by = page.evaluate(OVERFLOW)
    return [f"wider than the screen by {by}px"] if by > 0 else []


def kilobytes_of(page: Page, path: str) -> float:
    """What a first visit carries, as a compressing server sends it: the page and all that it loads."""
    answers: list[Response] = []
    browser: Browser | None = page.context.browser
    assert browser is not None
    cookies: Any = page.context.cookies()
    origin = page.evaluate("location.origin")
    context = browser.new_context(base_url=origin)
    context.add_cookies(cookies)
    fresh = context.new_page()
    fresh.on("response", lambda answer: answers.append(answer))
    fresh.goto(path)
    weight = sum(len(_compressed(answer)) for answer in answers if answer.status == 200)
    context.close()
    return weight / 1024


def queries_of(client: Client, path: str) -> list[str]:
    """What one view of a page asks the database; the transaction and its scope are every page's."""
    client.get(path)  # what is read once per process is not the page's
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    assert answer.status_code == 200, path
    statements = [query["sql"] for query in captured.captured_queries]
    return [sql for sql in statements if not sql.startswith(HOUSEKEEPING)]


def _compressed(answer: Response) -> bytes:
    body = answer.body()
    return body if answer.url.endswith(".woff2") else gzip.compress(body)
