"""Every text of a canonical request (Chat Completions, legacy completions, embeddings), and the request with others.

A place is the path through the body. JSON inside a string (a tool call's arguments) is entered: the path goes on
behind INSIDE, so that what is put there keeps it JSON. Nothing is changed in place; what is not touched is shared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from routing.guardrails.fields import (
    BINARY,
    BUILT_OF,
    ELSEWHERE,
    MOST_HAVE,
    NO_PROMPT,
    NO_TEXT,
    OF_ANNOTATIONS,
    OF_CALLS,
    OF_MESSAGES,
    SAID_IN_SCHEMAS,
    STAYS_HERE,
)
from routing.guardrails.file_texts import as_data_url, of_file, of_medium
from routing.guardrails.leaves import (
    ASSISTANT,
    ATTACHMENT,
    INSIDE,
    OPERATOR,
    TOOL_RESULT,
    USER,
    WORDS,
    Place,
    Text,
    beside,
    leaves,
    said,
)

__all__ = [
    "ASSISTANT",
    "ATTACHMENT",
    "INSIDE",
    "OPERATOR",
    "TOOL_RESULT",
    "USER",
    "Place",
    "Text",
    "TooManyTexts",
    "replace",
    "texts_of",
]

MOST_TEXTS = 50_000
_KIND_OF_ROLE = {
    "system": OPERATOR,
    "developer": OPERATOR,
    "assistant": ASSISTANT,
    "model": ASSISTANT,
    "tool": TOOL_RESULT,
    "function": TOOL_RESULT,
}
_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.encode


class TooManyTexts(ValueError):
    """The request is in more pieces than can be looked at."""


def texts_of(body: Mapping[str, Any]) -> list[Text]:
    """Every text of the request, in its order; JSON in strings as it stands, then its values. Raises TooManyTexts."""
    found: list[Text] = []
    opened = {
        name: _decode(value) if isinstance(value, msgspec.Raw) else value for name, value in body.items()
    }
    for text in _texts(opened):
        if len(found) >= MOST_TEXTS:
            raise TooManyTexts(f"a request may have at most {MOST_TEXTS} texts")
        found.append(text)
    return found


def replace(body: Mapping[str, Any], texts: Mapping[Place, str]) -> dict[str, Any]:
    """The body with other texts in these places.

    A JSON string gets its values first, then itself; where that would leave no JSON, `{"redacted": text}`.
    """
    if not texts:
        return dict(body)
    branches: dict[Any, Any] = {}
    for place, text in texts.items():
        branch = branches
        for step in place:
            branch = branch.setdefault(step, {})
        branch[_Leaf] = text
    replaced: dict[str, Any] = _replaced(dict(body), branches)
    return replaced


class _Leaf:
    """The key under which a branch holds what its own place becomes."""


def _replaced(value: Any, branches: dict[Any, Any]) -> Any:
    if isinstance(value, msgspec.Raw):
        value = _decode(value)
    if isinstance(value, str) and INSIDE in branches:
        value = _with_json(value, branches[INSIDE])
    if _Leaf in branches:
        return _put(value, branches[_Leaf])
    if isinstance(value, str):
        return value
    copy = value.copy()
    for step in branches:
        copy[step] = _replaced(copy[step], branches[step])
    return copy


def _with_json(text: str, branches: dict[Any, Any]) -> str:
    if text[:5].lower() == "data:":
        return as_data_url(text, branches[_Leaf])
    return _as_json(_replaced(_json_inside(text), branches))


def _put(value: Any, text: str) -> str:
    """The text; where JSON was and the text is none, an object that holds it."""
    if not isinstance(value, str) or _json_inside(value) is None or _json_inside(text) is not None:
        return text
    return _as_json({"redacted": text})


def _texts(body: Mapping[str, Any]) -> Iterator[Text]:
    for number, message in enumerate(_list(body.get("messages"))):
        if isinstance(message, dict):
            yield from _of_message(("messages", number), message)
    for field in ("system", "instructions"):
        yield from _of_content((field,), OPERATOR, body.get(field))
    for field in ("prompt", "suffix", "input"):
        yield from _of_content((field,), USER, body.get(field))
    prediction = body.get("prediction")
    if isinstance(prediction, dict):
        yield from _of_content(("prediction", "content"), ASSISTANT, prediction.get("content"))
    for field in ("tools", "response_format"):
        yield from _said_in_schemas(leaves((field,), OPERATOR, body.get(field)))
    for field, value in body.items():
        if field not in ELSEWHERE and field not in STAYS_HERE:
            yield from _of_parameter(field, value)


def _of_parameter(field: str, value: Any) -> Iterator[Text]:
    """What a parameter says that nobody looks for texts in: to a provider it is passed on as it is."""
    if isinstance(value, dict | list) or (isinstance(value, str) and value not in WORDS):
        yield from said((field,), USER, value)


def _of_message(place: Place, message: Mapping[str, Any]) -> Iterator[Text]:
    kind = _KIND_OF_ROLE.get(str(message.get("role")), USER)
    yield from _of_content((*place, "content"), kind, message.get("content"))
    if not message.keys() <= MOST_HAVE:
        yield from _beside_content(place, kind, message)


def _beside_content(place: Place, kind: str, message: Mapping[str, Any]) -> Iterator[Text]:
    for field in ("refusal", "reasoning", "reasoning_content", "name"):
        if isinstance(message.get(field), str):
            yield Text((*place, field), kind, message[field])
    yield from _of_content((*place, "reasoning_details"), kind, message.get("reasoning_details"))
    annotations = leaves((*place, "annotations"), ATTACHMENT, message.get("annotations"))
    yield from (leaf for leaf in annotations if leaf.place[-1] not in OF_ANNOTATIONS)
    for number, call in enumerate(_list(message.get("tool_calls"))):
        if isinstance(call, dict):
            yield from _of_call((*place, "tool_calls", number), call)
    yield from _arguments((*place, "function_call"), message.get("function_call"))
    yield from beside(place, kind, message, OF_MESSAGES)


def _of_call(place: Place, call: Mapping[str, Any]) -> Iterator[Text]:
    yield from _arguments((*place, "function"), call.get("function"))
    custom = call.get("custom")
    if isinstance(custom, dict) and isinstance(custom.get("input"), str):
        yield from _with_inside((*place, "custom", "input"), ASSISTANT, custom["input"])
    yield from beside(place, ASSISTANT, call, OF_CALLS)


def _arguments(place: Place, function: Any) -> Iterator[Text]:
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if isinstance(arguments, str):
        yield from _with_inside((*place, "arguments"), ASSISTANT, arguments)
    else:
        yield from leaves((*place, "arguments"), ASSISTANT, arguments)


def _of_content(place: Place, kind: str, content: Any) -> Iterator[Text]:
    """The texts of a message's content: a string, or parts, whatever fields they keep them in."""
    if isinstance(content, str):
        yield from (
            _with_inside(place, kind, content) if kind == TOOL_RESULT else (Text(place, kind, content),)
        )
        return
    for number, part in enumerate(_list(content)):
        where = (*place, number)
        if isinstance(part, str):
            yield Text(where, kind, part)
        elif isinstance(part, dict):
            yield from _of_part(where, kind, part)


def _of_part(place: Place, kind: str, part: Mapping[str, Any]) -> Iterator[Text]:
    for name, value in part.items():
        if name in NO_TEXT or name in NO_PROMPT:
            continue
        if name in BINARY:
            yield from of_medium((*place, name), value)
        elif name == "file" and part.get("type") == "file":
            yield from of_file((*place, name), value)
        elif isinstance(value, str) and name == "text" and kind == TOOL_RESULT:
            yield from _with_inside((*place, name), kind, value)
        elif isinstance(value, str | dict | list):
            yield from leaves((*place, name), kind, value)


def _said_in_schemas(leaves: Iterable[Text]) -> Iterator[Text]:
    """Of the strings at any depth those that are said, and those that nobody builds schemas of."""
    for leaf in leaves:
        if not SAID_IN_SCHEMAS.isdisjoint(leaf.place) or BUILT_OF.isdisjoint(leaf.place):
            yield leaf


def _with_inside(place: Place, kind: str, text: str) -> Iterator[Text]:
    """A string, and where it is JSON the values inside it."""
    yield Text(place, kind, text)
    inside = _json_inside(text)
    if inside is not None:
        yield from leaves((*place, INSIDE), kind, inside)


def _json_inside(text: str) -> Any:
    """The object or list that a string holds; None where it is no JSON, or nested too deep to be read."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    for decode in (
        _decode,
        json.loads,
    ):  # The second one takes half surrogates, behind which texts could hide.
        try:
            return decode(text)
        except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError):
            continue
    return None


def _as_json(value: Any) -> str:
    try:
        return str(_encode(value), "utf-8")
    except (msgspec.MsgspecError, UnicodeError, ValueError):
        return json.dumps(value)


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
