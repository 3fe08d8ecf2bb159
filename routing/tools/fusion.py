"""`fusion`: a panel of models answers, an analyst compares, and the model that called writes the answer (SPEC §8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from routing.plugins.operator import Missing, Operator
from routing.tools.fusion_analysis import Analyzed, analyze
from routing.tools.fusion_config import SLUG, TOOL_FIELDS
from routing.tools.fusion_panel import Member, ask_panel, failure_of
from routing.tools.fusion_presets import QUALITY, concrete, resolved
from routing.tools.fusion_question import WEB_TOOLS, default_tools, missing_tool, question_of
from routing.tools.tool import Bench, Config, Json, Ran, ServerTool, Use, failed

LONGEST_PROMPT = 100_000
MOST_SOURCES = 200
CAPPED = "fusion_invocation_capped"
UNEXPECTED = "unexpected_error"
ABOUT = (
    "Ask a panel of several models the user's question at the same time, and get a structured comparison of their "
    "answers: what they agree on, where they contradict each other, what only some or one of them say, and what all of "
    "them miss. It is slow and costs several times an ordinary answer. Call it, once at most, where that is worth it: "
    "for research, expert critique, comparisons, and wherever being wrong is expensive. Do not call it for simple or "
    "tactical tasks. The panel sees the conversation. Write the final answer yourself from what comes back; if that is "
    "an error, answer without it."
)
ABOUT_PROMPT = (
    "What the panel is to answer, if the conversation alone does not say it well; usually to be left out."
)


class Fusion(ServerTool):
    """Deliberation of several models."""

    slug = SLUG
    name = "Fusion"
    about = "Asks a panel of models and compares their answers."
    fields = TOOL_FIELDS

    def without(self, config: Config, disabled: frozenset[str], operator: Operator) -> Config:
        """The web's tools as far as they are not disabled, unless the entry names its own."""
        if "tools" in config or disabled.isdisjoint(WEB_TOOLS):
            return config
        return {**config, "tools": default_tools(operator, disabled)}

    def missing(self, config: Config, operator: Operator) -> Missing | None:
        """A search engine, where one is asked for; else the panel goes without a search."""
        return missing_tool(config, operator)

    def models_of(self, use: Use, bench: Bench) -> Iterator[tuple[str, str]]:
        """The panel, and the analyst where he is not whom the request asks anyway."""
        place = f"{use.where}.parameters"
        named = use.config.get("analysis_models")
        for number, slug in enumerate(named or panel_of(use, bench)):
            yield slug, f"{place}.analysis_models[{number}]" if named else use.where
        if "model" in use.config:
            yield use.config["model"], f"{place}.model"

    def function(self, use: Use) -> Json:
        """A function that can be called without arguments."""
        return {
            "description": ABOUT,
            "parameters": {
                "type": "object",
                "properties": {"prompt": {"type": "string", "description": ABOUT_PROMPT}},
                "additionalProperties": False,
            },
        }

    async def run(self, arguments: Json, use: Use, bench: Bench) -> Ran:
        """Ask the panel and then the analyst; only a panel of which nobody answers comes to nothing."""
        mark = f"{use.function}.has_run"
        if bench.memory.get(mark):
            return _nothing(CAPPED, "fusion was already invoked in this turn")
        bench.memory[mark] = True
        bench.tell("fusion_call.in_progress")
        ran = await _run(_prompt(arguments), use, bench)
        bench.tell("fusion_call.completed")
        return ran


def panel_of(use: Use, bench: Bench) -> tuple[str, ...]:
    """The models of the panel, each once: those that are named, or of the best preset; aliases are resolved."""
    named = use.config.get("analysis_models")
    if named is None:
        return resolved(QUALITY, bench.permitted(), bench.now).panel
    return tuple(dict.fromkeys([concrete(slug, bench.catalog) for slug in named]))


async def _run(prompt: str, use: Use, bench: Bench) -> Ran:
    panel, question = panel_of(use, bench), question_of(bench.request, prompt)
    if not panel or not question:
        return _nothing(UNEXPECTED, "there is no model to ask" if question else "there is nothing to ask")
    members = await ask_panel(panel, question, use.config, bench)
    answered = [member for member in members if member.error is None]
    if not answered:
        reason, error = failure_of(members)
        return _nothing(reason, error, failed_models=[member.failure for member in members])
    models = _analysts(use, bench) or panel[:1]
    bench.tell("fusion_call.analysis.in_progress", analyst_model=models[0], judge_model=models[0])
    analyzed = await analyze(models, question, answered, use.config, bench)
    if analyzed.analysis is not None:
        bench.tell("fusion_call.analysis.completed", analysis=analyzed.analysis)
    return _ran(members, analyzed)


def _analysts(use: Use, bench: Bench) -> tuple[str, ...]:
    """The analyst and whom to fall back on: who is named, or whom the outer request asks."""
    if "model" in use.config:
        return (concrete(use.config["model"], bench.catalog),)
    return bench.models


def _ran(members: Sequence[Member], analyzed: Analyzed) -> Ran:
    """What the model is given, and what the caller's item has: there also why there is no analysis, and the sources."""
    responses = [{"model": one.model, "content": one.content} for one in members if one.error is None]
    failures = [one.failure for one in members if one.error is not None]
    told: Json = {"responses": responses}
    if analyzed.analysis is not None:
        told = {"analysis": analyzed.analysis, **told}
    if failures:
        told["failed_models"] = failures
    item = dict(told)
    if analyzed.analysis is None:
        item |= {"error": analyzed.error, "failure_reason": analyzed.reason}
    sources = _sources([*[note for one in members for note in one.annotations], *analyzed.annotations])
    if sources:
        item["sources"] = sources
    return Ran({"status": "ok", **told}, item, annotations=[_citation(source) for source in sources])


def _nothing(reason: str, error: str, **fields: Any) -> Ran:
    """A run of no use, with the contract's word for why."""
    ran = failed(error, failure_reason=reason, **fields)
    return ran._replace(item={**ran.item, "failure_reason": reason, **fields})


def _sources(annotations: Sequence[Json]) -> list[Json]:
    """The pages that were cited, each once."""
    found: dict[str, str] = {}
    for annotation in annotations:
        cited = annotation.get("url_citation")
        url, title = (cited.get("url"), cited.get("title")) if isinstance(cited, dict) else (None, None)
        if isinstance(url, str) and url and len(found) < MOST_SOURCES:
            found.setdefault(url, title if isinstance(title, str) and title else url)
    return [{"title": title, "url": url} for url, title in found.items()]


def _citation(source: Json) -> Json:
    return {"type": "url_citation", "url_citation": {**source, "start_index": 0, "end_index": 0}}


def _prompt(arguments: Json) -> str:
    prompt = arguments.get("prompt")
    return prompt.strip()[:LONGEST_PROMPT] if isinstance(prompt, str) else ""
