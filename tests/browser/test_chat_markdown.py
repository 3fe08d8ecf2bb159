"""What a model says becomes text and a few plain elements, whatever it says; and it becomes that in time."""

from __future__ import annotations

import pytest
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_smoke import CHROMIUM, DESK, fast_passwords, signed_in, stage

__all__ = ["fast_passwords", "stage"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]

HARMLESS = frozenset(
    [
        "A",
        "BLOCKQUOTE",
        "BR",
        "BUTTON",
        "CODE",
        "DEL",
        "DIV",
        "EM",
        "FIGCAPTION",
        "FIGURE",
        "H3",
        "H4",
        "H5",
        "H6",
        "HR",
        "LI",
        "OL",
        "P",
        "PRE",
        "SPAN",
        "STRONG",
        "TABLE",
        "TBODY",
        "TD",
        "TH",
        "THEAD",
        "TR",
        "UL",
    ]
)
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](  javascript:alert(1) )",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:a)",
    "<javascript:alert(1)>",
    "[x](//evil.example)",
    '[x](https://a.example "onmouseover=alert(1)")',
    "`<b onclick=alert(1)>`",
    "```html\n<iframe src=javascript:alert(1)></iframe>\n```",
    '```"><script>alert(1)</script>\n\n```',
    "| <svg onload=alert(1)> | b |\n|---|---|\n| [x](javascript:alert(1)) | c |",
    "> > > - 1. <style>*{display:none}</style>",
    "[![x](javascript:a)](javascript:b)",
]
SLOW = ["*a " * 30_000, "[" * 50_000, "`" * 50_000, "_" * 50_000, "# " + " " * 50_000 + "a", "> " * 20_000]
SLOW += [
    "| " * 20_000 + "\n" + "|-" * 20_000,
    "- " * 20_000,
    "<https://" * 10_000,
    "**a" * 20_000,
    "\n" * 100_000,
]
PARTS = """
(text) => {
  const into = document.createElement("div");
  window.headgateChat.render(into, text);
  const inside = [...into.querySelectorAll("*")];
  return {
    elements: inside.map((each) => each.tagName),
    attributes: inside.flatMap((each) => each.getAttributeNames()),
    links: inside.filter((each) => each.href).map((each) => each.href),
    text: into.textContent,
  };
}
"""
SECONDS = "(text) => { const began = performance.now(); const into = document.createElement('div'); \
window.headgateChat.render(into, text); return (performance.now() - began) / 1000; }"
ATTRIBUTES = frozenset(["class", "href", "target", "rel", "type", "tabindex", "aria-label", "scope", "start"])


class TestWhatAModelSays:
    def test_becomes_harmless_elements(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/chat")
            shown = [page.evaluate(PARTS, text) for text in HOSTILE]

        for parts in shown:
            assert set(parts["elements"]) <= HARMLESS
            assert {name for name in parts["attributes"] if not name.startswith("data-copy")} <= ATTRIBUTES
            assert all(link.startswith(("https://", "http://", "mailto:")) for link in parts["links"])

    def test_loses_no_words(self, stage: LiveServer) -> None:
        text = "a < b && c > d\n\n1. one\n2. two\n\n    indented\n\n* star\n\n2 * 3 * 4 and snake_case_name"
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/chat")
            shown = page.evaluate(PARTS, text)["text"]

        for word in ("a < b && c > d", "one", "two", "indented", "star", "2 * 3 * 4", "snake_case_name"):
            assert word in shown

    def test_is_shown_in_time(self, stage: LiveServer) -> None:
        with signed_in(stage, viewport=DESK) as page:
            page.goto("/o/acme/chat")
            seconds = {text[:10]: page.evaluate(SECONDS, text) for text in SLOW}

        assert {text: took for text, took in seconds.items() if took > 2} == {}
