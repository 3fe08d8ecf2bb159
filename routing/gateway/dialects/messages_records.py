"""Server tools as blocks of a message: told as Anthropic tells of its own, and read back from a later request.

Anthropic's clients send `encrypted_content` back as it came: it holds what the model was given, and by which name it
had called. The blocks of pages and of advice hold all of that anyway.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

import msgspec

from routing.gateway.dialects.chunks import a_text, an_object, objects
from routing.gateway.dialects.dialect import ToolCalled
from routing.gateway.dialects.tool_records import Record, offered_function

USE = "server_tool_use"
RESULTS = {
    "web_search": "web_search_tool_result",
    "web_fetch": "web_fetch_tool_result",
    "advisor": "advisor_tool_result",
}
"""The tools that Anthropic's clients know, and their results."""
KINDS = frozenset(RESULTS.values())
SEALED = "headgate.result:"
DIRECT = {"type": "direct"}
CODES = {
    "max_uses_exceeded": ("this request may",),
    "too_many_requests": ("too many requests", "rate limit"),
    "invalid_tool_input": ("must be", "is missing", "needs a"),
}
"""Anthropic's codes of errors, and the words that stand for them; everything else is `unavailable`."""
OF_ADVISORS = frozenset({"max_uses_exceeded", "too_many_requests"})

Block = Mapping[str, Any]  # JSON of ours or the caller's


def told_of(tools: Sequence[ToolCalled]) -> list[ToolCalled]:
    """The calls that there are blocks for."""
    return [called for called in tools if called.slug in RESULTS]


def use_block(called: ToolCalled) -> dict[str, Any]:
    """The call."""
    return {
        "type": USE,
        "id": called.id,
        "name": called.slug,
        "input": _object(called.arguments),
        "caller": DIRECT,
    }


def result_block(called: ToolCalled) -> dict[str, Any]:
    """What came of it."""
    kind = RESULTS[called.slug]
    block = {"type": kind, "tool_use_id": called.id}
    if called.is_failed:
        return {**block, **_caller(called), "content": {"type": f"{kind}_error", "error_code": _code(called)}}
    content = {"web_search": _found, "web_fetch": _page, "advisor": _advice}[called.slug](called)
    return {**block, **_caller(called), "content": content}


def _caller(called: ToolCalled) -> dict[str, Any]:
    return {} if called.slug == "advisor" else {"caller": DIRECT}


def _code(called: ToolCalled) -> str:
    error = a_text(called.item, "error") or a_text(_object(called.result), "error")
    code = next(
        (code for code, words in CODES.items() if any(word in error.lower() for word in words)), "unavailable"
    )
    return code if called.slug != "advisor" or code in OF_ADVISORS else "unavailable"


def _found(called: ToolCalled) -> list[dict[str, Any]]:
    """The pages that were found; the first one's content is sealed with all that the model was given."""
    results = objects(_object(called.result), "results")
    pages = results or objects(an_object(called.item, "action"), "sources")
    found = [
        {
            "type": "web_search_result",
            "url": a_text(page, "url"),
            "title": a_text(page, "title") or a_text(page, "url"),
            "page_age": a_text(page, "page_age", "published_date") or None,
            "encrypted_content": "",
        }
        for page in pages
    ]
    if found:
        found[0]["encrypted_content"] = _seal({"function": called.function, "result": called.result})
    return found


def _page(called: ToolCalled) -> dict[str, Any]:
    told = {**_object(called.result), **called.item}
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": a_text(told, "content")},
        "title": a_text(told, "title") or None,
        "citations": None,
    }
    url = a_text(told, "url") or a_text(_object(called.arguments), "url")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"type": "web_fetch_result", "url": url, "retrieved_at": now, "content": document}


def _advice(called: ToolCalled) -> dict[str, Any]:
    advice = a_text(called.item, "advice") or a_text(_object(called.result), "advice")
    return {"type": "advisor_result", "text": advice}


def is_of_a_tool(block: Block) -> bool:
    """Whether a block tells of a server tool."""
    kind = block.get("type")
    return isinstance(kind, str) and (kind == USE or kind in KINDS)


def turns_of(
    blocks: Sequence[dict[str, Any]], offered: AbstractSet[str]
) -> Iterator[tuple[list[tuple[int, Block]], list[Record]]]:
    """What was said each time, with its place, and the calls whose results came then."""
    results = {a_text(block, "tool_use_id"): block for block in blocks if block.get("type") in KINDS}
    said: list[tuple[int, Block]] = []
    records: list[Record] = []
    is_answered = False
    for index, block in enumerate(blocks):
        if block.get("type") in KINDS:
            is_answered = True
            continue
        if is_answered and records:
            yield said, records
            said, records = [], []
        is_answered = False
        if block.get("type") != USE:
            said.append((index, block))
        elif record := _record(block, results.get(a_text(block, "id")), offered):
            records.append(record)
    yield said, records


def _record(use: Block, result: Block | None, offered: AbstractSet[str]) -> Record | None:
    """The call and its result; None where one of them is missing, or the tool."""
    if result is None or not a_text(use, "id"):
        return None
    sealed = _sealed(result)
    function = offered_function(a_text(sealed, "function") or a_text(use, "name"), offered)
    if function is None:
        return None
    arguments = use.get("input")
    asked = _json(arguments if isinstance(arguments, dict) else {})
    return Record(a_text(use, "id"), function, asked, a_text(sealed, "result") or _json(_told(result)))


def _told(result: Block) -> dict[str, Any]:
    """The result of a block that holds it openly, in the words of the tools."""
    content = result.get("content")
    if isinstance(content, list):
        named = [
            {name: a_text(page, name) for name in ("title", "url")} for page in objects(result, "content")
        ]
        return {"status": "ok", "results": named}
    told = an_object(result, "content")
    if code := a_text(told, "error_code"):
        return {"status": "error", "error": code}
    if "text" in told:
        return {"status": "ok", "advice": a_text(told, "text")}
    document = an_object(told, "content")
    about = {"url": a_text(told, "url"), "title": a_text(document, "title")}
    return {"status": "ok", **about, "content": a_text(an_object(document, "source"), "data")}


def _sealed(result: Block) -> dict[str, Any]:
    sealed = (a_text(page, "encrypted_content") for page in objects(result, "content"))
    ours = next((text for text in sealed if text.startswith(SEALED)), None)
    if ours is None:
        return {}
    try:
        return _object(base64.b64decode(ours.removeprefix(SEALED), validate=True))
    except binascii.Error:
        return {}


def _seal(value: Any) -> str:
    return SEALED + base64.b64encode(msgspec.json.encode(value)).decode()


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
