"""The panel of a fusion: up to eight models that answer the same question at the same time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from routing.plugins.bench import Failed
from routing.tools.fusion_config import SECONDS
from routing.tools.fusion_question import inner_body, with_tools
from routing.tools.tool import Answered, Bench, Told

Json = dict[str, Any]  # a JSON object
Config = Mapping[str, Any]  # what the tool declares

NO_CREDITS, TOO_MANY = 402, 429
OK = 200
UNEXPECTED = "An unexpected error interrupted this model."

logger = logging.getLogger(__name__)


class Member(NamedTuple):
    """What one model of the panel came to: its answer, or why it has none and with which status, if any."""

    model: str
    content: str = ""
    annotations: Sequence[Json] = ()
    error: str | None = None
    status: int | None = None

    @property
    def failure(self) -> Json:
        """An entry of `failed_models`."""
        told: Json = {"model": self.model, "error": self.error}
        return told if self.status is None else {**told, "status_code": self.status}


async def ask_panel(panel: Sequence[str], question: list[Json], config: Config, bench: Bench) -> list[Member]:
    """What each model says, in the panel's order; one that fails leaves the others alone."""
    return list(await asyncio.gather(*[_ask(model, question, config, bench) for model in panel]))


async def answer_of(body: Json, bench: Bench, *, seconds: float, told: Told | None = None) -> Answered:
    """A model's answer; whatever keeps it from answering is in there.

    A fault of ours in one of fusion's models shall cost the caller that model, and not what the others have said.
    """
    try:
        return await bench.complete(body, seconds=seconds, told=told)
    except Failed as fault:
        return Answered(body["model"], error=str(fault))
    except Exception:
        logger.exception("A model of a fusion could not be asked")
        return Answered(body["model"], error=UNEXPECTED)


async def _ask(model: str, question: list[Json], config: Config, bench: Bench) -> Member:
    def told(text: str, *, is_reasoning: bool = False) -> None:
        event = "reasoning.delta" if is_reasoning else "delta"
        bench.tell(f"fusion_call.panel.{event}", model=model, delta=text)

    bench.tell("fusion_call.panel.added", model=model)
    body = with_tools(inner_body(model, question, bench.request, config), config, bench.operator)
    if "temperature" in config:
        body["temperature"] = config["temperature"]
    seconds = config.get("timeout_seconds", SECONDS)
    member = _member(model, await answer_of(body, bench, seconds=seconds, told=told))
    if member.error is None:
        bench.tell("fusion_call.panel.completed", model=model, content=member.content)
    else:
        bench.tell("fusion_call.panel.failed", **member.failure)
    return member


def _member(model: str, answered: Answered) -> Member:
    if answered.error is not None:
        status = None if answered.status == OK else answered.status
        return Member(model, error=answered.error, status=status, annotations=answered.annotations)
    if not answered.text.strip():
        return Member(model, error="The model answered without any text.", annotations=answered.annotations)
    return Member(model, answered.text, answered.annotations)


def failure_of(members: Sequence[Member]) -> tuple[str, str]:
    """Why a panel of which nobody answered came to nothing: the contract's word, and what it means."""
    statuses = {member.status for member in members}
    if NO_CREDITS in statuses:
        return "insufficient_credits", "all panel models failed, at least one for lack of credits"
    if TOO_MANY in statuses:
        return "rate_limited", "all panel models failed, at least one because of a rate limit"
    if all(member.error == UNEXPECTED for member in members):
        return "unexpected_error", "an unexpected error interrupted the panel"
    return "all_panels_failed", "all panel models failed"
