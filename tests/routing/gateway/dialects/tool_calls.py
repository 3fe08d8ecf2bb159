"""Calls of server tools as the loop tells dialects of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from routing.gateway.dialects.dialect import DialectEvents, Step, ToolCalled
from tests.routing.providers.streams import DONE, chunk, event, open_stream

FOUND = {"query": "oslo", "results": [{"title": "Oslo", "url": "https://oslo.example/", "content": "Rain."}]}
ACTION = {"type": "search", "query": "oslo", "sources": [{"type": "url", "url": "https://oslo.example/"}]}
CITED = {
    "type": "url_citation",
    "url_citation": {"url": "https://oslo.example/", "title": "Oslo", "start_index": 0, "end_index": 0},
}
THOUGHT = {"type": "reasoning.text", "text": "Hm", "index": 0}
USED = {
    "tool_calls_requested": 2,
    "tool_calls_executed": 2,
    "web_search_requests": 1,
    "web_fetch_requests": 1,
}


def called(slug: str, identifier: str = "call_1", arguments: Any = None, **more: Any) -> ToolCalled:
    """A call that has not run yet."""
    instance = more.get("instance", 0)
    function = f"openrouter_{slug}__{instance}" if instance else f"openrouter_{slug}"
    return ToolCalled(identifier, slug, function, instance, json.dumps(arguments or {}), more.get("item", {}))


def ran(call: ToolCalled, result: Any, item: Any = None, *, is_failed: bool = False) -> ToolCalled:
    """The same when it has run."""
    told = {**call.item, **(result if item is None else item)}
    return call._replace(item=told, result=json.dumps(result), is_failed=is_failed)


SEARCHING = called(
    "web_search", "call_1", {"query": "oslo"}, item={"action": {"type": "search", "query": "oslo"}}
)
SEARCHED = ran(SEARCHING, FOUND, {"action": ACTION})
FETCHING = called("web_fetch", "call_2", {"url": "https://oslo.example/"})
FETCHED = ran(
    FETCHING,
    {"status": "ok", "url": "https://oslo.example/", "title": "Oslo", "content": "Rain.", "httpStatus": 200},
)
ADVISING = called("advisor", "call_3", {"prompt": "Walk?"}, item={"prompt": "Walk?"})
ADVISED = ran(
    ADVISING, {"status": "ok", "model": "acme/wise", "advice": "No."}, {"model": "acme/wise", "advice": "No."}
)
ASKING = called("datetime", "call_4")
ASKED = ran(ASKING, {"datetime": "2026-11-24T15:00:00.000+00:00", "timezone": "UTC"})
BROKEN = ran(
    called("web_search", "call_5", {"query": "x"}),
    {"status": "error", "error": "This request may search 2 times, and has done so."},
    {"error": "This request may search 2 times, and has done so."},
    is_failed=True,
)
PAIRS = [(SEARCHING, SEARCHED), (FETCHING, FETCHED), (ADVISING, ADVISED), (ASKING, ASKED)]

OWN_CALL = {"id": "call_9", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


def piece(*deltas: Any, finish: str | None = None) -> bytes:
    """Chunks of one step."""
    events = [event(chunk(delta)) for delta in deltas]
    return b"".join(events) + (event(chunk({}, finish)) if finish else b"")


def play(events: DialectEvents, script: Iterable[Any], usage: Any) -> bytes:
    """What a caller reads of a script: bytes are fed, calls of methods made."""
    source = open_stream()
    sent = []
    for part in script:
        if isinstance(part, bytes):
            sent.append(events.feed(source.feed(part)))
        else:
            name, *arguments = part
            sent.append(getattr(events, name)(*arguments))
    sent += [events.feed(source.feed(DONE)), events.finish(source.final_chunk(usage), usage)]
    return b"".join(sent)


SCRIPT = [
    piece({"reasoning": "Hm", "reasoning_details": [THOUGHT]}, {"content": "Let me see. "}),
    ("begin_tool", SEARCHING),
    ("begin_tool", FETCHING),
    ("end_tool", FETCHED),
    ("end_tool", SEARCHED),
    piece({"reasoning_details": [THOUGHT]}),
    ("begin_tool", ADVISING),
    ("end_tool", ADVISED),
    ("begin_tool", ASKING),
    ("end_tool", ASKED),
    piece({"content": "It rains."}, {"annotations": [CITED]}, finish="stop"),
]
STEPS = [
    Step({"content": "Let me see. ", "reasoning_details": [THOUGHT]}, (SEARCHED, FETCHED)),
    Step({"content": None, "reasoning_details": [THOUGHT]}, (ADVISED, ASKED)),
    Step({"content": "It rains."}),
]
MERGED = {"role": "assistant", "content": "Let me see. It rains.", "annotations": [CITED]}
