"""A Responses request with anything anywhere: refused by name, or answered so that clients understand it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy

import pytest

from routing.gateway.client import RefusedError
from tests.routing.gateway.dialects.responses_oracles import (
    CALLED,
    PATCH,
    RETURNED,
    SCHEMA,
    WEATHER,
    finish,
    messages,
    read,
    stream,
)
from tests.routing.providers.streams import text_stream

EVERYTHING = {
    "model": "a/b",
    "models": ["c/d"],
    "input": [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "hi", "cache_control": {"type": "ephemeral"}},
                {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "s"}],
            "content": [{"type": "reasoning_text", "text": "t"}],
            "encrypted_content": "x",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "y"}, {"type": "refusal", "refusal": "n"}],
        },
        CALLED,
        RETURNED,
    ],
    "instructions": "Be brief.",
    "tools": [WEATHER, PATCH],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "weather"}],
    },
    "text": {
        "format": {"type": "json_schema", "name": "p", "schema": SCHEMA, "strict": True},
        "verbosity": "low",
    },
    "reasoning": {"effort": "high", "summary": "auto", "max_tokens": 5, "enabled": True},
    "metadata": {"a": "b"},
    "include": ["reasoning.encrypted_content"],
    "max_output_tokens": 9,
    "max_tool_calls": 3,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_logprobs": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "parallel_tool_calls": True,
    "service_tier": "auto",
    "truncation": "disabled",
    "store": False,
    "background": False,
    "user": "u",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "modalities": ["text"],
    "provider": {"order": ["openai"]},
    "session_id": "s",
}
JUNK = [None, 7, -1.5, True, "", "x", "\u0000" * 70_000, [], [None], [["x"]], {}, {"type": {}}, {"a": [1]}]


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """The path to everything in a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def with_junk(path: tuple, junk: object) -> dict:
    body = deepcopy(EVERYTHING)
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = junk
    return body


class TestBrokenBodies:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"[]",
            b"{",
            b"\xff",
            b'{"model":"a/b","input":"\\ud800"}',
            b'{"input":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        ],
    )
    def test_are_refused(self, data):
        with pytest.raises(RefusedError) as caught:
            read(data)

        assert caught.value.refusal.status == 400

    @pytest.mark.parametrize("depth", range(50, 1_000, 50))
    def test_that_are_nested_deeply_are_refused_or_answered(self, depth):
        nested = b'{"a":' * depth + b"1" + b"}" * depth
        tool = b'{"type":"function","name":"f","parameters":%b}' % nested
        form = b'{"format":{"type":"json_schema","name":"x","schema":%b}}' % nested
        data = b'{"model":"a/b","input":"hi","tools":[%b],"text":%b}' % (tool, form)

        with suppress(RefusedError):
            call = read(data)

            assert stream(text_stream("Hi"), call=call)[-1]["response"]["tools"]

    def test_may_hold_nul(self):
        assert messages("a\u0000b")[0]["content"] == "a\u0000b"


class TestJunkAnywhere:
    @pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
    def test_is_refused_by_name_or_answered_so_that_clients_understand(self, junk):
        for path in places(EVERYTHING):
            try:
                call = read(with_junk(path, junk))
            except RefusedError as error:
                refusal = error.refusal
                if (refusal.status, "parameter" in refusal.metadata) != (400, True):
                    pytest.fail(f"{path}: {refusal}")
                continue
            finish({"content": "Hi"}, call=call)
