"""Every text of a canonical request (Chat Completions, legacy completions, embeddings), and the request with others.

A place is the path through the body. JSON inside a string (a tool call's arguments) is entered: the path goes on
behind INSIDE, so that what is put there keeps it JSON. Nothing is changed in place; what is not touched is shared.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import msgspec

Place = tuple[str | int, ...]

OPERATOR, USER, ASSISTANT, TOOL_RESULT, ATTACHMENT = (
    "operator",
    "user",
    "assistant",
    "tool_result",
    "attachment",
)
INSIDE = "()"
MOST_TEXTS = 50_000
LEAST_DIGITS = 7
"""Numbers inside JSON with fewer digits are nobody's telephone or card."""

_KIND_OF_ROLE = {
    "system": OPERATOR,
    "developer": OPERATOR,
    "assistant": ASSISTANT,
    "model": ASSISTANT,
    "tool": TOOL_RESULT,
    "function": TOOL_RESULT,
}
_BINARY = {"image_url", "input_audio", "video_url", "input_image", "input_video"}
_NO_TEXT = {"type", "id", "role", "call_id", "tool_call_id", "cache_control", "signature", "format", "index"}
_MOST_HAVE = {"role", "content"}
_QUOTED = {"text", "content", "title", "name"}
_SAID_IN_SCHEMAS = {"description", "title", "default", "examples", "enum", "const"}
_TEXT_FILES = ("data:text/", "data:application/json", "data:application/xml", "data:application/yaml")
_NO_PROMPT = {"data", "file_id", "file_url"}
_decode, _encode = msgspec.json.Decoder().decode, msgspec.json.encode


class TooManyTexts(ValueError):
    """The request is in more pieces than can be looked at."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, where it is, and who speaks it."""

    place: Place
    kind: str
    text: str


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
    if text.startswith("data:"):
        return _as_data_url(text, branches[_Leaf])
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
        yield from _under(_leaves((field,), OPERATOR, body.get(field)), _SAID_IN_SCHEMAS)


def _of_message(place: Place, message: Mapping[str, Any]) -> Iterator[Text]:
    kind = _KIND_OF_ROLE.get(str(message.get("role")), USER)
    yield from _of_content((*place, "content"), kind, message.get("content"))
    if not message.keys() <= _MOST_HAVE:
        yield from _beside_content(place, kind, message)


def _beside_content(place: Place, kind: str, message: Mapping[str, Any]) -> Iterator[Text]:
    for field in ("refusal", "reasoning", "reasoning_content", "name"):
        if isinstance(message.get(field), str):
            yield Text((*place, field), kind, message[field])
    yield from _of_content((*place, "reasoning_details"), kind, message.get("reasoning_details"))
    yield from _named(_leaves((*place, "annotations"), ATTACHMENT, message.get("annotations")), _QUOTED)
    for number, call in enumerate(_list(message.get("tool_calls"))):
        if isinstance(call, dict):
            yield from _of_call((*place, "tool_calls", number), call)
    yield from _arguments((*place, "function_call"), message.get("function_call"))


def _of_call(place: Place, call: Mapping[str, Any]) -> Iterator[Text]:
    yield from _arguments((*place, "function"), call.get("function"))
    custom = call.get("custom")
    if isinstance(custom, dict) and isinstance(custom.get("input"), str):
        yield from _with_inside((*place, "custom", "input"), ASSISTANT, custom["input"])


def _arguments(place: Place, function: Any) -> Iterator[Text]:
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if isinstance(arguments, str):
        yield from _with_inside((*place, "arguments"), ASSISTANT, arguments)
    else:
        yield from _leaves((*place, "arguments"), ASSISTANT, arguments)


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
        elif isinstance(part, dict) and part.get("type") == "file":
            yield from _of_file((*where, "file"), part.get("file"))
        elif isinstance(part, dict) and part.get("type") not in _BINARY:
            yield from _of_part(where, kind, part)


def _of_part(place: Place, kind: str, part: Mapping[str, Any]) -> Iterator[Text]:
    for name, value in part.items():
        if name in _NO_TEXT or name in _BINARY or name in _NO_PROMPT:
            continue
        if isinstance(value, str) and name == "text" and kind == TOOL_RESULT:
            yield from _with_inside((*place, name), kind, value)
        elif isinstance(value, str | dict | list):
            yield from _leaves((*place, name), kind, value)


def _of_file(place: Place, file: Any) -> Iterator[Text]:
    """A file's name, and its text where it is one; what a parser reads out of others is looked at by its plugin."""
    if not isinstance(file, dict):
        return
    if isinstance(file.get("filename"), str):
        yield Text((*place, "filename"), ATTACHMENT, file["filename"])
    text = _text_of_data_url(file.get("file_data"))
    if text is not None:
        yield Text((*place, "file_data", INSIDE), ATTACHMENT, text)


def _named(leaves: Iterable[Text], names: Set[str]) -> Iterator[Text]:
    """Of the strings at any depth those with one of these names."""
    return (leaf for leaf in leaves if leaf.place[-1] in names)


def _under(leaves: Iterable[Text], names: Set[str]) -> Iterator[Text]:
    """Of the strings at any depth those somewhere under one of these names: what is said, not how it is built."""
    return (leaf for leaf in leaves if not names.isdisjoint(leaf.place))


def _with_inside(place: Place, kind: str, text: str) -> Iterator[Text]:
    """A string, and where it is JSON the values inside it."""
    yield Text(place, kind, text)
    inside = _json_inside(text)
    if inside is not None:
        yield from _leaves((*place, INSIDE), kind, inside)


def _leaves(place: Place, kind: str, value: Any) -> Iterator[Text]:
    """The strings and long numbers at any depth; a stack of its own, because JSON may be deep."""
    waiting: list[tuple[Place, Any]] = [(place, value)]
    while waiting:
        where, value = waiting.pop()
        if isinstance(value, str):
            yield Text(where, kind, value)
        elif isinstance(value, dict):
            waiting += [((*where, name), value[name]) for name in reversed(value)]
        elif isinstance(value, list):
            waiting += [((*where, number), value[number]) for number in reversed(range(len(value)))]
        elif _is_long_number(value):
            yield Text(where, kind, str(value))


def _is_long_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(abs(value) >= 10 ** (LEAST_DIGITS - 1))


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


def _text_of_data_url(url: Any) -> str | None:
    if not isinstance(url, str) or not url.startswith(_TEXT_FILES):
        return None
    head, _, data = url.partition(",")
    if not head.endswith(";base64"):
        return unquote(data)
    try:
        return base64.b64decode(data, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _as_data_url(url: str, text: str) -> str:
    head = url.partition(",")[0]
    is_base64 = head.endswith(";base64")
    return (
        f"{head},{base64.b64encode(text.encode('utf-8', 'replace')).decode() if is_base64 else quote(text)}"
    )


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()
