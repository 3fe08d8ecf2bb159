"""Put what plugins know beside the answer: citations and parsed files, as `annotations` of its message."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from routing.call import Call


def annotate(call: Call, body: dict[str, Any]) -> None:
    """Add the call's annotations to each choice of a whole Chat Completions answer, in place."""
    for choice in body.get("choices") or ():
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict):
            text = message.get("content")
            known = message.get("annotations")
            ours = [_placed(one, text if isinstance(text, str) else "") for one in call.annotations]
            message["annotations"] = [*(known if isinstance(known, list) else []), *ours]


def event(call: Call, *, generation_id: str, model: str, provider: str) -> bytes:
    """The Chat Completions event that brings the annotations to a stream."""
    delta = {"role": "assistant", "content": "", "annotations": list(call.annotations)}
    chunk = {
        "id": generation_id,
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "provider": provider,
        "choices": [{"index": 0, "delta": delta, "finish_reason": None, "native_finish_reason": None}],
    }
    return b"data: %b\n\n" % msgspec.json.encode(chunk)


def files_of(call: Call) -> list[Any]:
    """The annotations that spare the caller another reading of his files."""
    return [one for one in call.annotations if one["type"] == "file"]


def _placed(annotation: Any, text: str) -> Any:
    """A citation with the place of its link in the text, where it is there."""
    cited = annotation.get("url_citation")
    at = text.find(cited["url"]) if cited else -1
    if at < 0:
        return annotation
    return {**annotation, "url_citation": {**cited, "start_index": at, "end_index": at + len(cited["url"])}}
