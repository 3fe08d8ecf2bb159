"""What a candidate of Gemini's says in Chat Completions' words: for whole answers and for the chunks of a stream.

(ai.google.dev/api/generate-content#Candidate)
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from routing.providers.gemini_citations import citations_of
from routing.providers.gemini_messages import FORMAT, image_id
from routing.providers.openai import encode
from routing.providers.openai_stream import tokens_of_piece

Json = dict[str, Any]  # JSON may be anything

MAX_TEXT_BYTES = 1 << 20
"""How much text of an answer is remembered for its citations' places."""

_FILTERED = (
    "SAFETY RECITATION LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT"
    " IMAGE_RECITATION MODEL_ARMOR ESCALATION PUP_LIMITED_DISABLED JAILBREAK"
)
_FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(_FILTERED.split(), "content_filter"),
}
UNSPECIFIED = ("FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED")
MAX_NAME = 100
_CITED = frozenset({"groundingMetadata", "citationMetadata"})


def finish_of(native: str, *, has_calls: bool) -> str:
    """A finish reason in the contract's words; what is neither an end nor a bound nor a filter is an error."""
    finish = _FINISH.get(native, "error")
    return "tool_calls" if has_calls and finish == "stop" else finish


def blocked(answer: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Why the prompt was not answered at all, and Google's words for it."""
    feedback = answer.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if not isinstance(reason, str) or not reason or reason in UNSPECIFIED:
        return None
    message = feedback.get("blockReasonMessage") if isinstance(feedback, dict) else None
    return reason[:MAX_NAME], message if isinstance(message, str) else None


class Choice:
    """One choice of an answer, as far as it has come; `take` turns the next candidate of it into a delta."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.native: str | None = None
        self.counted_tokens = 0
        self.has_output = False
        self._is_blocked = False
        self._calls = 0
        self._images = 0
        self._text = bytearray()
        self._starts: list[int] = []
        self._details = 0
        self._is_thinking = False

    @property
    def finish(self) -> str | None:
        """The finish reason in the contract's words, once there is one."""
        if self._is_blocked:
            return "content_filter"
        return None if self.native is None else finish_of(self.native, has_calls=self._calls > 0)

    def block(self, reason: str) -> None:
        """The prompt was not answered at all."""
        self._is_blocked, self.native = True, reason

    def take(self, candidate: Json) -> Json:
        """The fields of a message that the candidate adds; empty where it adds none."""
        native = candidate.get("finishReason")
        if isinstance(native, str) and native and native not in UNSPECIFIED:
            self.native = native[:MAX_NAME]
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        delta: Json = {}
        self._starts = []
        for part in parts if isinstance(parts, list) else ():
            self._starts.append(len(self._text))
            if isinstance(part, dict):
                self._part(part, delta)
        if _CITED & candidate.keys():
            annotations = list(citations_of(candidate, bytes(self._text), self._starts))
            delta |= {"annotations": annotations} if annotations else {}
        return delta

    def _part(self, part: Json, delta: Json) -> None:
        text, call, blob = part.get("text"), part.get("functionCall"), part.get("inlineData")
        owner: str | None = None
        if part.get("thought") is True:
            self._thought(text, delta)
        elif isinstance(text, str):
            self._say(text, delta)
        elif isinstance(call, dict):
            owner = self._call(call, delta)
        elif isinstance(blob, dict):
            owner = self._image(blob, delta)
        signature = part.get("thoughtSignature")
        if isinstance(signature, str) and signature:
            self._sign(signature, owner, delta)

    def _thought(self, text: Any, delta: Json) -> None:
        if isinstance(text, str) and text:
            self._count(text)
            delta["reasoning"] = delta.get("reasoning", "") + text
            self._think(text, delta)

    def _think(self, text: str, delta: Json) -> None:
        """What belongs together has one index, within a delta and across the deltas of a stream."""
        details = delta.setdefault("reasoning_details", [])
        if not self._is_thinking:
            self._is_thinking, self._details = True, self._details + 1
        elif details:
            details[-1]["text"] += text
            return
        index = self._details - 1
        details.append({"type": "reasoning.text", "text": text, "format": FORMAT, "index": index})

    def _sign(self, signature: str, owner: str | None, delta: Json) -> None:
        detail = {"type": "reasoning.encrypted", "data": signature, "format": FORMAT, "index": self._details}
        delta.setdefault("reasoning_details", []).append(detail | ({"id": owner} if owner else {}))
        self._is_thinking, self._details = False, self._details + 1

    def _say(self, text: str, delta: Json) -> None:
        if not text:
            return
        self._count(text)
        delta["content"] = delta.get("content", "") + text
        if len(self._text) < MAX_TEXT_BYTES:
            self._text += text.encode("utf-8", "replace")

    def _call(self, call: Json, delta: Json) -> str:
        given, name, found = call.get("id"), call.get("name"), call.get("args")
        identifier = given if isinstance(given, str) and given else f"call_{secrets.token_hex(12)}"
        arguments = encode(found if isinstance(found, dict) else {}).decode()
        function = {"name": name if isinstance(name, str) else "", "arguments": arguments}
        shown = {"index": self._calls, "id": identifier[:200], "type": "function", "function": function}
        delta.setdefault("tool_calls", []).append(shown)
        self._calls += 1
        self._count(function["name"] + arguments)
        return identifier[:200]

    def _image(self, blob: Json, delta: Json) -> str | None:
        mime, data = blob.get("mimeType"), blob.get("data")
        if not isinstance(mime, str) or not isinstance(data, str) or not mime.startswith("image/"):
            return None
        image = {"type": "image_url", "image_url": {"url": f"data:{mime};base64,{data}"}}
        delta.setdefault("images", []).append({"index": self._images, **image})
        self._images += 1
        self.has_output = True
        return image_id(self._images - 1)

    def _count(self, text: str) -> None:
        self.has_output = True
        if not text.isspace():
            self.counted_tokens += tokens_of_piece(len(text.encode("utf-8", "replace")))


def logprobs_of(candidate: Json) -> Json | None:
    """The log probabilities of the tokens, as Chat Completions shows them."""
    result = candidate.get("logprobsResult")
    chosen = result.get("chosenCandidates") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(chosen, list):
        return None
    tops = result.get("topCandidates")
    tops = tops if isinstance(tops, list) else []
    content = []
    for number, one in enumerate(chosen):
        top = (
            tops[number].get("candidates") if number < len(tops) and isinstance(tops[number], dict) else None
        )
        others = [_token(other) for other in top] if isinstance(top, list) else []
        content.append(_token(one) | {"top_logprobs": others})
    return {"content": content, "refusal": None}


def _token(found: Any) -> Json:
    fields = found if isinstance(found, dict) else {}
    token, logprob = fields.get("token"), fields.get("logProbability")
    token = token if isinstance(token, str) else ""
    is_number = isinstance(logprob, int | float) and not isinstance(logprob, bool)
    return {
        "token": token,
        "logprob": logprob if is_number else 0.0,
        "bytes": list(token.encode("utf-8", "replace")),
    }
