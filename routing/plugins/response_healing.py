"""`response-healing`: JSON that a model got almost right is repaired."""

from __future__ import annotations

from typing import Any

import msgspec

from routing.call import Call
from routing.plugins.bench import Bench, Failed, with_stage
from routing.plugins.plugin import Config, Plugin

KINDS = ("json_schema", "json_object")
REPAIR = "json"
LONGEST = 1 << 20
"""Bytes of an answer that is worth a repair."""


class ResponseHealing(Plugin):
    """Repair of structured outputs."""

    slug = "response-healing"
    name = "Response healing"
    about = "Repairs broken JSON in answers that are not streamed and were to be JSON."

    async def after(self, call: Call, config: Config, body: dict[str, Any], bench: Bench) -> Call:
        """Repair each choice that was to be JSON and is not; what cannot be repaired stays as it is."""
        kind = _kind(call)
        if kind is None:
            return call
        for message in _messages(body):
            call = await self._heal(call, kind, message, bench)
        return call

    async def _heal(self, call: Call, kind: str, message: dict[str, Any], bench: Bench) -> Call:
        text = message["content"]
        if _is_json(text):
            return call
        try:
            healed = await _repaired(text, bench)
        except Failed:
            healed = None
        if healed is not None:
            message["content"] = healed
        return with_stage(
            call,
            "response_healing",
            self.slug,
            "Repaired the answer's JSON" if healed is not None else "The answer's JSON could not be repaired",
            mode=kind,
            healed=healed is not None,
            original_length=len(text),
            healed_length=len(text if healed is None else healed),
        )


async def _repaired(text: str, bench: Bench) -> str | None:
    """The object or list that is in the text; None where none is to be found."""
    data = text.encode("utf-8", "replace")
    if len(data) > LONGEST:
        return None
    healed = await bench.work(REPAIR, data)
    return healed if isinstance(healed, str) and _is_json(healed) else None


def _kind(call: Call) -> str | None:
    form = call.body.get("response_format")
    if isinstance(form, msgspec.Raw):  # a large schema, which is only passed on
        form = msgspec.json.decode(form)
    kind = form.get("type") if isinstance(form, dict) else None
    return kind if kind in KINDS else None


def _messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The choices' messages that have text."""
    messages = [choice.get("message") for choice in body.get("choices") or () if isinstance(choice, dict)]
    return [
        message
        for message in messages
        if isinstance(message, dict) and isinstance(message.get("content"), str) and message["content"]
    ]


def _is_json(text: str) -> bool:
    """Whether it is an object or a list as both kinds ask for."""
    try:
        return isinstance(msgspec.json.decode(text.encode("utf-8", "replace")), dict | list)
    except (msgspec.DecodeError, RecursionError):
        return False
