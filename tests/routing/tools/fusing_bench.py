"""A bench whose models say what a test has them say; slow ones take their time by the word, not by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from routing.plugins.bench import Failed
from routing.plugins.operator import NOTHING_SET_UP, Operator, Service
from routing.plugins.tasks import TASKS
from routing.tools.fusion import Fusion
from routing.tools.tool import Answered, Use
from tests.routing.make import NOW, make_catalog, make_endpoint, make_model

SEARCHING = Operator({"exa": Service("https://engine.example", "secret")})
QUESTION = {"role": "user", "content": "Is a carbon tax a good idea?"}
OUTER, ANALYST = "outer/model", "an/analyst"
PANEL = tuple(f"panel/m{number}" for number in range(8))
ANALYSIS = {
    "consensus": ["It is efficient."],
    "contradictions": [{"topic": "Fairness", "stances": [{"model": "panel/m0", "stance": "Unfair."}]}],
    "partial_coverage": [{"models": ["panel/m0", "panel/m1"], "point": "Borders."}],
    "unique_insights": [{"model": "panel/m1", "insight": "Dividends."}],
    "blind_spots": ["Methane."],
}
COMPARED = msgspec.json.encode(ANALYSIS).decode()

Said = Answered | Exception | Callable[[dict[str, Any]], Answered]


def says(text: str, *urls: str, reasoning: str = "") -> Answered:
    cited = [{"type": "url_citation", "url_citation": {"url": url, "title": f"About {url}"}} for url in urls]
    return Answered("", text, reasoning, cited, "stop")


def fails(error: str = "It broke.", status: int = 502) -> Answered:
    return Answered("", error=error, status=status)


@dataclass
class FusingBench:
    """Whoever is not scripted answers with his name; a list is said piece by piece, once for each time one asks."""

    script: dict[str, Said | list[Said]] = field(default_factory=dict)
    takes: dict[str, float] = field(default_factory=dict)
    operator: Operator = NOTHING_SET_UP
    request: dict[str, Any] = field(default_factory=lambda: {"model": OUTER, "messages": [QUESTION]})
    models: tuple[str, ...] = (OUTER,)
    catalog: Any = field(
        default_factory=lambda: make_catalog(*[make_model(s, make_endpoint()) for s in PANEL])
    )
    now: Any = NOW
    memory: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[dict[str, Any], float]] = field(default_factory=list)
    together: asyncio.Barrier | None = None
    """So many of the panel must be asked at the same time, or nobody ever answers."""

    def permitted(self):
        return self.catalog

    async def complete(self, body, *, seconds, told=None):
        self.asked.append((body, seconds))
        model = body["model"]
        if self.together is not None and "response_format" not in body:
            await self.together.wait()
        if self.takes.get(model, 0) > seconds:
            return fails("It took too long.", 504)
        said = self.script.get(model, says(COMPARED if "response_format" in body else f"I am {model}."))
        if isinstance(said, list):
            said = said.pop(0)
        if isinstance(said, Exception):
            raise said
        if told is not None and said.reasoning:
            told(said.reasoning, is_reasoning=True)
        if told is not None and said.text:
            told(said.text)
        return said

    async def work(self, task, data):
        try:
            return TASKS[task](data)
        except ValueError as error:
            raise Failed(str(error)) from error

    def tell(self, event, **fields):
        self.told.append((event, fields))

    def bodies(self, model):
        return [body for body, _ in self.asked if body["model"] == model]


def use_of(**parameters: Any) -> Use:
    config = Fusion().read_config(parameters)
    return Use("fusion", "openrouter:fusion", "openrouter_fusion", "tools[0]", config)


async def fuse(bench: FusingBench, arguments: dict[str, Any] | None = None, **parameters: Any) -> Any:
    given = {"analysis_models": list(PANEL), "model": ANALYST, **parameters}
    return await Fusion().run(arguments or {}, use_of(**given), bench)
