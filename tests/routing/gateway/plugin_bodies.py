"""Requests that ask for plugins, in every dialect, and what the log says of them."""

from __future__ import annotations

from tests.routing.gateway.positions import MODEL
from tests.routing.gateway.process import CHAT

MESSAGES, RESPONSES, COMPLETIONS = "/api/v1/messages", "/api/v1/responses", "/api/v1/completions"
PATHS = [CHAT, MESSAGES, RESPONSES, COMPLETIONS]
WEB = {"plugins": [{"id": "web"}]}


def body(path, question="Who won?", **more):
    """A question to the mirror in the dialect of a path."""
    said = {
        CHAT: {"messages": [{"role": "user", "content": question}]},
        MESSAGES: {"messages": [{"role": "user", "content": question}], "max_tokens": 50},
        RESPONSES: {"input": question},
        COMPLETIONS: {"prompt": question},
    }[path]
    return {"model": MODEL, **said, **more}


def with_file(path, data, **more):
    """A question about a file in the dialect of a path."""
    parts = {
        CHAT: {"type": "file", "file": {"filename": "a.pdf", "file_data": data}},
        MESSAGES: {
            "type": "document",
            "title": "a.pdf",
            "source": {"type": "url", "url": data}
            if data.startswith("http")
            else {"type": "base64", "media_type": "application/pdf", "data": data.partition(",")[2]},
        },
        RESPONSES: {"type": "input_file", "filename": "a.pdf", "file_data": data},
    }
    asked = body(path, **more)
    content = [parts[path]]
    if path == RESPONSES:
        return {**asked, "input": [{"role": "user", "content": content}]}
    return {**asked, "messages": [{"role": "user", "content": content}]}


def stages(gateway, answer):
    """What the log says of the pipeline."""
    return gateway.end_of(answer.headers["x-generation-id"]).detail["pipeline"]
