"""What was said in a request, as passages for people to read, and the request as a command to send again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from observability.contents import Content
from observability.handling import object_in, objects_in, text_in
from observability.models import Generation

SHOWN_AT_ONCE: Final = 1_500
BEGINNING: Final = 160
CURL: Final = """\
curl {address} \\
  -H "Authorization: Bearer $HEADGATE_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d {body}"""


@dataclass(frozen=True)
class Passage:
    """Somebody's words; `text` is exactly what was kept, and never markup."""

    speaker: str
    text: str

    @property
    def is_long(self) -> bool:
        """Whether it is folded until somebody wants to read it."""
        return len(self.text) > SHOWN_AT_ONCE

    @property
    def beginning(self) -> str:
        """What a folded one shows of itself."""
        return self.text[:BEGINNING]


def asked_in(content: Content) -> list[Passage]:
    """What providers were asked."""
    given = object_in(content, "input")
    if prompt := text_in(given, "prompt"):
        return [Passage("input", prompt)]
    return [passage for message in objects_in(given, "messages") for passage in _of_message(message)]


def answered_in(content: Content) -> list[Passage]:
    """What came back: thoughts first, as they were; then what the caller was told instead of more."""
    told = object_in(content, "output")
    passages = [
        *_passage("reasoning", told.get("reasoning")),
        *_passage("completion", told.get("completion")),
        *_passage("tool calls", told.get("tool_calls")),
        *_passage("other choices", told.get("others")),
    ]
    return [*passages, *_passage("error", content.get("error"))]


def curl_of(generation: Generation, content: Content, *, base_url: str) -> str:
    """The request as providers were asked, for a shell; the key is a variable of whoever sends it."""
    body = body_of(generation, content)
    path = "chat/completions" if "messages" in body else "embeddings"
    address = f"{base_url.rstrip('/')}/api/v1/{path}"
    return CURL.format(address=shlex.quote(address), body=shlex.quote(_json(body, indent=None)))


def body_of(generation: Generation, content: Content) -> dict[str, Any]:
    """The request as providers were asked: a Chat Completions body, or without `messages` one of Embeddings."""
    given = object_in(content, "input")
    body: dict[str, Any] = {**object_in(content, "parameters"), "model": generation.model}
    return body | (given if "messages" in given else {"input": text_in(given, "prompt")})


def _of_message(message: dict[str, Any]) -> Iterator[Passage]:
    speaker = text_in(message, "role") or "message"
    yield from _passage(speaker, _plain(message.get("content")))
    yield from _passage(f"{speaker}, tool calls", message.get("tool_calls"))


def _plain(said: Any) -> Any:  # JSON
    """A list of nothing but texts as one text."""
    if not isinstance(said, list):
        return said
    texts = [_text_of(part) for part in said]
    known = [text for text in texts if text is not None]
    return "\n\n".join(known) if len(known) == len(texts) else said


def _text_of(part: Any) -> str | None:  # JSON
    is_text = isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
    return part["text"] if is_text else None


def _passage(speaker: str, said: Any) -> Iterator[Passage]:  # JSON
    if said not in (None, "", []):
        yield Passage(speaker, said if isinstance(said, str) else _json(said, indent=2))


def _json(value: Any, *, indent: int | None) -> str:  # JSON
    return json.dumps(value, indent=indent, ensure_ascii=False)
