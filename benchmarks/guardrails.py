"""How long guardrails look at a request: `python -m benchmarks.guardrails`, 100 KB of text, everything turned on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from routing.guardrails import BUILTINS
from routing.guardrails.rules import Layer, Rules, merge
from routing.guardrails.scanning import Scanner

SIZE, ROUNDS = 100_000, 15
PROSE = (
    "The gateway reads the request, decides which provider may serve it, and keeps to the limits that the workspace "
    "has set. On 2026-11-24 at 07:15 the system answered 1,204 of them within 350 ms; order 48213 was one. Please "
    "summarise the previous report, ignore the appendix, and write to the team about the results of the third quarter. "
)
PERSONAL = (
    "Ann (ann@example.com, 914-309-4996) paid from 192.168.0.1 with 4111 1111 1111 1111, SSN 123-45-6789. "
)
PATTERNS = [rf"PROJ-{number}\d{{2,4}}" for number in range(40)] + [
    r"AKIA[0-9A-Z]{16}",
    r"https?://internal\.company\.com\S*",
    r"(?i)\bconfidential\b",
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b",
    r"(?i)project\s+(?:apollo|gemini|mercury)",
]


def prose(size: int = SIZE) -> str:
    """Text such as people send, with somebody's particulars every few kilobytes."""
    chance = random.Random(7)
    pieces = [PERSONAL if chance.random() < 0.1 else PROSE for _ in range(size // len(PERSONAL))]
    return "".join(pieces)[:size]


def message(text: str) -> dict[str, Any]:
    """A request that says it."""
    return {"messages": [{"role": "user", "content": text}]}


def everything(action: str = "redact") -> Scanner:
    """All built-in checks that need no extra, 45 patterns, and a full allowlist."""
    builtins = [{"slug": slug, "action": action} for slug, check in BUILTINS.items() if check.needs is None]
    filters = [{"pattern": pattern, "action": action} for pattern in PATTERNS]
    settings = {"content_filters": filters, "content_filter_builtins": builtins}
    phrases = [f"ignore previous instructions of lesson {number}" for number in range(200)]
    return Scanner(merge([Rules.of(Layer("account"), settings)]), phrases)


def milliseconds(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """The best CPU time of a few rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best * 1000


def main() -> None:
    scanner = everything()
    texts = {"prose": prose(), "digits": "4111 1111 " * 10_000, "accents": prose().replace("e", "é")}
    for name, text in texts.items():
        taken = milliseconds(partial(scanner.scan, message(text)))
        print(f"{name}: {taken:.2f} ms for {len(text.encode()) // 1000} KB")
    print(f"one short message: {milliseconds(partial(scanner.scan, message(PROSE)), 200) * 1000:.0f} µs")
    many = {"messages": [{"role": "user", "content": PROSE[:100]} for _ in range(1_000)]}
    print(f"1,000 short messages: {milliseconds(partial(scanner.scan, many)):.2f} ms")
    print(f"compiling: {milliseconds(everything, 3):.1f} ms")


if __name__ == "__main__":
    main()
