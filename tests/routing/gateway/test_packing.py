"""What is kept of what was said: texts within bounds, a word on each medium, and no more of the request than that."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from observability.content_sealing import MOST_BYTES
from routing.gateway.dialects.chunks import encode_event
from routing.gateway.packing import content_of_request, packed, read_and_pack, without_media
from routing.gateway.said import FOLD_BYTES, MOST_CHARACTERS, Transcript, output_of

HI = {"role": "user", "content": "Hi"}


def event(delta: Any, index: int = 0) -> bytes:
    return encode_event({"choices": [{"index": index, "delta": delta}]})


def kept(body: dict[str, Any]) -> dict[str, Any]:
    return json.loads(packed(content_of_request(body, None, None, None)))


class TestAMedium:
    @pytest.mark.parametrize(
        ("part", "word"),
        [
            (
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png?token=1"}},
                "[at an address]",
            ),
            (
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                "[image/png, 19 bytes]",
            ),
            ({"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}, "[wav, 3 bytes]"),
            (
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
                },
                "[application/pdf, 24 bytes]",
            ),
            ({"type": "video_url", "video_url": None}, "[data, 6 bytes]"),
        ],
    )
    def test_is_named_with_its_size(self, part, word):
        assert without_media([part]) == [{"type": part["type"], "omitted": word}]

    @pytest.mark.parametrize(
        "value",
        [
            "data: a, b",
            {"type": "text", "text": "https://x.example/"},
            {"type": "function", "function": {"name": "mail"}},
            {"type": "json_schema", "json_schema": {"name": "image"}},
            {"image_url": 1, "file": None},
        ],
    )
    def test_is_nothing_else(self, value):
        assert without_media(value) == value

    def test_may_be_nested_without_end(self):
        value: Any = "x"
        for _ in range(900):
            value = [value]

        assert "…" in json.dumps(without_media(value), ensure_ascii=False)


class TestAnInput:
    def test_keeps_of_the_rest_what_says_how_to_answer(self):
        content = kept(
            {
                "model": "a/b",
                "messages": [HI],
                "temperature": 0.5,
                "stop": ["x"],
                "user": "ann",
                "plugins": [{"id": "web", "key": "sk-1"}],
                "provider": {"order": ["x"]},
                "tools": [
                    {"type": "mcp", "authorization": "sk-2"},
                    {"type": "function", "function": {"name": "f"}},
                ],
            }
        )

        assert content["input"] == {"messages": [HI]}
        assert content["parameters"] == {
            "model": "a/b",
            "temperature": 0.5,
            "stop": ["x"],
            "tools": [{"type": "function", "function": {"name": "f"}}],
        }

    @pytest.mark.parametrize("messages", ["text", None, [1, "x", HI], {}])
    def test_of_any_shape_is_kept(self, messages):
        assert kept({"messages": messages})["input"]["messages"] in ([], [HI])

    @pytest.mark.parametrize("given", [None, 5, [], [1, 2], [[1]], {"a": 1}])
    def test_for_embeddings_is_always_a_text(self, given):
        assert isinstance(kept({"input": given})["input"]["prompt"], str)

    def test_that_another_process_left_as_text_is_read(self):
        body = {"model": "a/b", "messages": msgspec.Raw(json.dumps([HI]).encode())}

        assert json.loads(read_and_pack(body, None, "stop", None))["input"]["messages"] == [HI]


class TestWhatIsTooLong:
    @pytest.mark.parametrize(
        "messages",
        [
            [{"role": "user", "content": "x" * 2_000_000}],
            [{"role": "user", "content": "\u0001" * 400_000}],
            [{"role": "user", "content": "é" * 2_000}] * 2_000,
            [HI] * 100_000,
            [{"role": "user", "content": [{"type": "text", "text": "x"}] * 100_000}],
            [{"role": "user", "content": "x", "n" * 2_000_000: 1}],
        ],
    )
    def test_fits_in_the_end_and_says_so(self, messages):
        data = packed(content_of_request({"messages": messages}, output_of({}), "stop", None))

        content = json.loads(data)
        assert len(data) <= MOST_BYTES
        assert content["is_truncated"] is True
        assert content["output"]["finish_reason"] == "stop"

    def test_keeps_the_beginning_of_a_text(self):
        content = kept({"messages": [{"role": "user", "content": "x" * 2_000_000}, HI]})

        assert content["input"]["messages"] == [
            {"role": "user", "content": "x" * 32_768 + "…truncated"},
            HI,
        ]


class TestATranscript:
    def test_is_what_a_stream_said(self):
        transcript = Transcript()
        for delta in (
            {"role": "assistant", "reasoning": "Hm"},
            {"content": "It "},
            {"content": "is"},
            {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a'}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": '":1}'}}]},
        ):
            transcript.feed(event(delta))

        function = {"name": "f", "arguments": '{"a":1}'}
        assert transcript.output() == {
            "completion": "It is",
            "reasoning": "Hm",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        }

    def test_has_the_other_choices_too(self):
        transcript = Transcript()
        for index in (1, 0):
            transcript.feed(event({"content": f"number {index}"}, index))

        output = transcript.output()
        assert output["completion"] == "number 0"
        assert [other["completion"] for other in output["others"]] == ["number 1"]

    def test_is_of_bounded_size(self):
        transcript = Transcript()
        for _ in range(3 * MOST_CHARACTERS // 10_000):
            transcript.feed(event({"content": "x" * 10_000}))

        output = transcript.output()
        assert len(output["completion"]) == MOST_CHARACTERS
        assert output["is_truncated"] is True

    @pytest.mark.parametrize(
        "delta",
        [None, "x", {"content": 5}, {"content": ["x"]}, {"tool_calls": {"a": 1}}, {"tool_calls": [None, {}]}],
    )
    def test_of_nonsense_is_empty(self, delta):
        transcript = Transcript()
        transcript.feed(event(delta, index="x"))  # type: ignore[arg-type]  # nonsense
        transcript.feed(b'data: {"choices": 5}\n\n' + b"x" * FOLD_BYTES)

        assert transcript.output()["completion"] is None

    def test_survives_what_is_no_json(self):
        transcript = Transcript()
        transcript.feed(event({"content": "so far"}))
        transcript.output()
        transcript.feed(b"data: {nonsense\n\n")

        assert transcript.output() == {
            "completion": "so far",
            "reasoning": None,
            "tool_calls": None,
            "is_truncated": True,
        }


class TestAWholeAnswer:
    @pytest.mark.parametrize(
        "body",
        [{}, {"choices": None}, {"choices": [None]}, {"choices": [{}]}, {"choices": [{"message": "x"}]}],
    )
    def test_of_nonsense_is_empty(self, body):
        assert output_of(body) == {"completion": None, "reasoning": None, "tool_calls": None}

    def test_in_parts_is_their_text(self):
        parts = [{"type": "text", "text": "It "}, {"type": "text", "text": "is"}]

        body = {"choices": [{"message": {"content": parts, "reasoning_content": "Hm"}}]}

        assert output_of(body) == {"completion": "It is", "reasoning": "Hm", "tool_calls": None}
