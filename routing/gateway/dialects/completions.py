"""Legacy completions: a prompt is a conversation of one message, and its answer the text (SPEC §9).

Hardly any provider still serves completions of its own, and every one of them chat. What a chat cannot do (several
prompts at once, tokens instead of text, text after the gap, the best of several) is refused by name.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from routing.call import Call
from routing.errors import Refusal, encode_envelope, error_object
from routing.gateway.dialects.chat import call_of, read_json
from routing.gateway.dialects.chat_steps import reported
from routing.gateway.dialects.chunks import a_text, an_object, chunks_of, content_of, encode_event, objects
from routing.gateway.dialects.dialect import DONE, DialectEvents, ToolCalled
from routing.gateway.dialects.parameters import Check, check, is_count, is_flag, is_integer, is_text, refused
from routing.gateway.dialects.server_tools import refuse_server_tools

SLUG = "completions"
ECHO = "completions_echo"
MOST_LOGPROBS = 20
CHECKS: dict[str, Check] = {"echo": is_flag, "best_of": is_count, "logprobs": is_integer, "suffix": is_text}
REWRITTEN = frozenset({"prompt", "messages", "logprobs", "top_logprobs", *CHECKS})

Body = Mapping[str, Any]  # the caller's or the provider's JSON


class Completions:
    """The dialect of text completions."""

    slug = SLUG
    path = "/api/v1/completions"

    def read_call(self, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
        """The prompt as a conversation. Raises RefusedError naming the parameter that is wrong."""
        given = read_json(data)
        check(given, CHECKS)
        prompt = _read_prompt(given)
        refuse_server_tools(given)
        if given.get("tools"):
            raise refused("tools", "are not supported: a completion has no place for a call")
        if given.get("suffix"):
            raise refused("suffix", "is not supported: models are asked in a conversation")
        if (given.get("best_of") or 1) > (given.get("n") or 1):
            raise refused("best_of", "above 'n' is not supported")
        body = {name: value for name, value in given.items() if name not in REWRITTEN}
        body["messages"] = [{"role": "user", "content": prompt}]
        body |= _read_logprobs(given.get("logprobs"))
        call = call_of(body, len(data), headers, SLUG)
        return replace(call, detail={ECHO: prompt}) if given.get("echo") else call

    def finish_answer(
        self,
        call: Call,
        body: dict[str, Any],
        *,
        generation_id: str,
        model: str,
        provider: str,
        usage: Mapping[str, Any],
    ) -> bytes:
        """The answer's texts as choices."""
        echo: str = call.detail.get(ECHO, "")
        choices = [_choice(choice, "message", echo, len(echo)) for choice in objects(body, "choices")]
        shown = {
            "id": generation_id,
            "object": "text_completion",
            "created": body.get("created", int(time.time())),
            "model": model,
            "provider": provider,
            "system_fingerprint": body.get("system_fingerprint"),
            "choices": choices,
            "usage": reported(usage),
        }
        return msgspec.json.encode(shown)

    def open_events(self, call: Call, *, generation_id: str, model: str, provider: str) -> DialectEvents:
        """A writer of text completion chunks."""
        return CompletionEvents(call, generation_id, model, provider)

    def refuse(self, refusal: Refusal, *, generation_id: str | None) -> bytes:
        """The documented envelope."""
        return encode_envelope(refusal, dialect=SLUG, generation_id=generation_id)


class CompletionEvents:
    """Chat Completions chunks as text completion chunks."""

    def __init__(self, call: Call, generation_id: str, model: str, provider: str) -> None:
        self._id, self._model, self._provider = generation_id, model, provider
        self._created = int(time.time())
        self._echo: str = call.detail.get(ECHO, "")
        self._lengths: dict[Any, int] = {}

    def feed(self, data: bytes) -> bytes:
        """A chunk for each chunk that says something."""
        return b"".join([self._chunk(chunk) for chunk in chunks_of(data)])

    def _chunk(self, chunk: Body) -> bytes:
        told = [shown for one in objects(chunk, "choices") if _says_something(shown := self._choice(one))]
        return self._event({"choices": told}) if told else b""

    def _choice(self, choice: Body) -> dict[str, Any]:
        index = choice["index"] if isinstance(choice.get("index"), int) else 0
        echo = "" if index in self._lengths else self._echo
        shown = _choice(choice, "delta", echo, self._lengths.get(index, len(echo)))
        self._lengths[index] = self._lengths.get(index, 0) + len(shown["text"])
        return shown

    def _event(self, said: Body) -> bytes:
        about = {"id": self._id, "object": "text_completion", "created": self._created}
        return encode_event({**about, "model": self._model, "provider": self._provider, **said})

    def begin_tool(self, called: ToolCalled) -> bytes:
        """Nothing, as in all three: a completion has no place for a call."""
        return b""

    def tell_tool(self, called: ToolCalled, event: str, fields: Mapping[str, Any]) -> bytes:
        """Nothing."""
        return b""

    def end_tool(self, called: ToolCalled) -> bytes:
        """Nothing."""
        return b""

    def finish(self, final_chunk: bytes, usage: Mapping[str, Any]) -> bytes:
        """The chunk with the usage, and the end."""
        return self._event({"choices": [], "usage": reported(usage)}) + DONE

    def fail(self, refusal: Refusal) -> bytes:
        """A chunk with the error, and the end."""
        choice = {"index": 0, "text": "", "logprobs": None, "finish_reason": "error"}
        return self._event({"error": error_object(refusal), "choices": [choice]}) + DONE


def _read_prompt(given: Body) -> str:
    """The one prompt. Raises RefusedError."""
    prompt = given.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if isinstance(prompt, str) and prompt:
        return prompt
    if isinstance(prompt, list) and prompt:
        if all(isinstance(one, str) for one in prompt):
            raise refused("prompt", "may hold one text: several prompts take several requests")
        raise refused("prompt", "must be text: tokens are not supported")
    raise refused("prompt", "must be a text that is not empty")


def _read_logprobs(wanted: int | None) -> dict[str, Any]:
    if wanted is None:
        return {}
    if not 0 <= wanted <= MOST_LOGPROBS:
        raise refused("logprobs", f"must be from 0 to {MOST_LOGPROBS}")
    return {"logprobs": True, "top_logprobs": wanted} if wanted else {"logprobs": True}


def _choice(choice: Body, holder: str, echo: str, offset: int) -> dict[str, Any]:
    """A choice as a completion's; its text begins with the echo, its tokens stand from the offset on."""
    message = an_object(choice, holder)
    shown = {
        "index": choice.get("index", 0),
        "text": echo + (content_of(message) or a_text(message, "refusal")),
        "logprobs": _logprobs(choice, offset),
        "finish_reason": choice.get("finish_reason"),
        "native_finish_reason": choice.get("native_finish_reason"),
    }
    reasoning = a_text(message, "reasoning", "reasoning_content")
    return {**shown, "reasoning": reasoning} if reasoning else shown


def _says_something(choice: Body) -> bool:
    named = ("text", "logprobs", "finish_reason", "reasoning")
    return any(choice.get(name) for name in named)


def _logprobs(choice: Body, offset: int) -> dict[str, Any] | None:
    """The log probabilities of a chat as those of a completion: lists side by side."""
    tokens = objects(an_object(choice, "logprobs"), "content")
    if not tokens:
        return None
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(a_text(token, "token"))
    return {
        "tokens": [a_text(token, "token") for token in tokens],
        "token_logprobs": [token.get("logprob") for token in tokens],
        "top_logprobs": [
            {a_text(top, "token"): top.get("logprob") for top in objects(token, "top_logprobs")}
            for token in tokens
        ],
        "text_offset": offsets,
    }
