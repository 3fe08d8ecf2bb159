"""A conversation as Gemini's `systemInstruction` and `contents`.

Thought signatures travel in `reasoning_details` as `reasoning.encrypted`: with a tool call's id they belong to that
call, with `image-<n>` to that image, and without an id to the text (ai.google.dev/gemini-api/docs/thought-signatures).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from routing.providers.gemini_parts import media_part, parts_of, text_part
from routing.providers.wire_format import Unsupported

FORMAT = "google-gemini-v1"
UNSIGNED = "skip_thought_signature_validator"
"""What Google's documentation gives as the signature of a call that another model or nobody made."""

Json = dict[str, Any]  # JSON may be anything

_KINDS = {"user": "user", "assistant": "model", "tool": "tool", "function": "tool"}
_SYSTEM = ("system", "developer")


def image_id(number: int) -> str:
    """The name under which an image's signature travels."""
    return f"image-{number}"


class Conversation:
    """Reads the messages of one request; `must_sign`: the model refuses calls without a signature."""

    def __init__(self, messages: Any, *, needs_type: bool, must_sign: bool) -> None:
        self._needs_type = needs_type
        self._must_sign = must_sign
        self._names: dict[str, str] = {}
        self._system: list[Json] = []
        self._contents: list[Json] = []
        self._kind = ""
        for message in messages if isinstance(messages, list) else ():
            self._add(message)

    def fields(self) -> Json:
        """The fields of the request; system messages alone count as the user's. Raises Unsupported."""
        if not self._contents and not self._system:
            raise Unsupported("messages", "must hold something to answer to")
        if not self._contents:
            return {"contents": [{"role": "user", "parts": self._system}]}
        system = {"systemInstruction": {"parts": self._system}} if self._system else {}
        return {**system, "contents": self._contents}

    def _add(self, message: Any) -> None:
        role = message.get("role") if isinstance(message, dict) else None
        if role in _SYSTEM:
            self._system += parts_of(message.get("content"), needs_type=self._needs_type)
            return
        kind = _KINDS.get(role) if isinstance(role, str) else None
        if kind is None:
            raise Unsupported("messages", "has a role that this provider does not know")
        read = {"user": self._user, "model": self._model, "tool": self._tool}[kind]
        parts = list(read(message))
        if not parts:
            return
        if (
            kind == self._kind
        ):  # turns have to alternate; but results of tools stay apart from what is said then
            self._contents[-1]["parts"] += parts
        else:
            self._contents.append({"role": "model" if kind == "model" else "user", "parts": parts})
        self._kind = kind

    def _user(self, message: Json) -> Iterator[Json]:
        return parts_of(message.get("content"), needs_type=self._needs_type)

    def _model(self, message: Json) -> Iterator[Json]:
        signatures = _signatures(message.get("reasoning_details"))
        parts = list(parts_of(message.get("content"), needs_type=self._needs_type))
        parts += _images(message.get("images"), signatures)
        signature = signatures.get("")
        if signature:
            texts = [part for part in parts if "text" in part] or [text_part("")]
            texts[-1]["thoughtSignature"] = signature
            parts = parts if texts[-1] in parts else [*parts, texts[-1]]
        yield from parts
        yield from self._calls(message.get("tool_calls"), signatures)

    def _calls(self, calls: Any, signatures: dict[str, str]) -> Iterator[Json]:
        for number, call in enumerate(calls if isinstance(calls, list) else ()):
            found = call.get("function") if isinstance(call, dict) else None
            function: Json = found if isinstance(found, dict) else {}
            name = function.get("name")
            if not isinstance(name, str) or not name:
                raise Unsupported("messages", "has a tool call that is none of a function")
            shown: Json = {"name": name, "args": _arguments(function.get("arguments"))}
            identifier = call.get("id")
            if isinstance(identifier, str) and identifier:
                self._names[identifier] = name
                shown["id"] = identifier
            part: Json = {"functionCall": shown}
            signature = signatures.get(identifier) if isinstance(identifier, str) else None
            if (
                signature is None and number == 0 and self._must_sign
            ):  # of parallel calls only the first is signed
                signature = UNSIGNED
            yield part | ({"thoughtSignature": signature} if signature else {})

    def _tool(self, message: Json) -> Iterator[Json]:
        identifier = message.get("tool_call_id")
        name = self._names.get(identifier) if isinstance(identifier, str) else None
        name = name or message.get("name")
        if not isinstance(name, str) or not name:
            raise Unsupported(
                "messages", "has a tool's result whose tool_call_id is none of a call before it"
            )
        parts = list(parts_of(message.get("content"), needs_type=self._needs_type))
        response: Json = {"name": name, "response": _result(parts)}
        if isinstance(identifier, str) and identifier:
            response["id"] = identifier
        media = [part for part in parts if "text" not in part]
        yield {"functionResponse": response | ({"parts": media} if media else {})}


def _signatures(details: Any) -> dict[str, str]:
    """The signatures that are Gemini's own, by what they belong to."""
    found: dict[str, str] = {}
    for detail in details if isinstance(details, list) else ():
        if not isinstance(detail, dict) or detail.get("format") != FORMAT:
            continue
        signature, owner = detail.get("data") or detail.get("signature"), detail.get("id")
        if isinstance(signature, str) and signature:
            found[owner if isinstance(owner, str) else ""] = signature
    return found


def _images(images: Any, signatures: dict[str, str]) -> Iterator[Json]:
    """The images that the model made before."""
    for number, image in enumerate(images if isinstance(images, list) else ()):
        holder = image.get("image_url") if isinstance(image, dict) else None
        part = media_part(holder.get("url") if isinstance(holder, dict) else None, "images", needs_type=True)
        signature = signatures.get(image_id(number))
        yield part | ({"thoughtSignature": signature} if signature else {})


def _arguments(given: Any) -> Json:
    """A call's arguments; what is no JSON object is handed on as text, so that the conversation can go on."""
    if isinstance(given, dict):
        return given
    if not isinstance(given, str) or not given.strip():
        return {}
    found = _json(given)
    return found if isinstance(found, dict) else {"arguments": given}


def _result(parts: list[Json]) -> Json:
    text = "\n".join(part["text"] for part in parts if "text" in part)
    found = _json(text) if text.lstrip().startswith("{") else None
    return found if isinstance(found, dict) else {"output": text}


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
