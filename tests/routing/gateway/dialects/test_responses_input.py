"""The input of a Responses request as the messages of a chat request, and what it may not hold."""

from __future__ import annotations

import pytest

from tests.routing.gateway.dialects.responses_oracles import CALLED, RETURNED, finish, messages, read, refused


def said(text: str, role: str = "assistant") -> dict:
    return {"type": "message", "role": role, "content": text}


class TestTheInput:
    def test_as_a_string_is_what_the_user_says(self):
        assert messages("hi") == [{"role": "user", "content": "hi"}]

    def test_comes_after_the_instructions(self):
        assert messages("hi", instructions="Be brief.")[0] == {"role": "system", "content": "Be brief."}

    def test_may_leave_out_that_a_message_is_one(self):
        given = [{"role": role, "content": role} for role in ("system", "developer", "user", "assistant")]

        assert messages(given) == given

    def test_has_every_kind_of_part(self):
        parts = [
            {"type": "input_text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
            {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
            {"type": "input_file", "file_url": "https://a.example/c.pdf"},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "input_video", "video_url": "https://a.example/d.mp4"},
        ]

        (message,) = messages([{"role": "user", "content": parts}])

        assert message["content"] == [
            {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            {"type": "file", "file": {"file_data": "https://a.example/c.pdf"}},
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
            {"type": "video_url", "video_url": {"url": "https://a.example/d.mp4"}},
        ]

    def test_counts_its_images(self):
        image = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 90_000}

        call = read(input=[{"role": "user", "content": [image]}])

        assert call.image_count == 1
        assert call.prompt_tokens < 5_000

    def test_gives_what_the_assistant_said_as_a_string(self):
        parts = [{"type": "output_text", "text": text, "annotations": []} for text in ("Hel", "lo")]

        given = [said("hi", "user"), {**said(""), "id": "msg_1", "status": "completed", "content": parts}]

        assert messages(given)[1] == {"role": "assistant", "content": "Hello"}

    def test_keeps_a_refusal_of_the_assistant(self):
        part = {"type": "refusal", "refusal": "I won't."}

        assert messages([{"role": "assistant", "content": [part]}]) == [
            {"role": "assistant", "content": "", "refusal": "I won't."}
        ]

    def test_makes_one_message_of_a_turn_with_reasoning_text_and_calls(self):
        reasoning = {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Sum"}],
            "content": [{"type": "reasoning_text", "text": "Hm"}],
            "signature": "s",
            "encrypted_content": "xyz",
            "format": "openai-responses-v1",
        }
        given = [said("hi", "user"), reasoning, said("Let me see."), CALLED, {**CALLED, "call_id": "call_2"}]
        about = {"id": "rs_1", "format": "openai-responses-v1"}

        assert messages([*given, RETURNED, {**RETURNED, "call_id": "call_2"}])[1:] == [
            {
                "role": "assistant",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "Sum", **about, "index": 0},
                    {"type": "reasoning.text", "text": "Hm", "signature": "s", **about, "index": 1},
                    {"type": "reasoning.encrypted", "data": "xyz", **about, "index": 2},
                ],
                "content": "Let me see.",
                "tool_calls": [
                    {
                        "id": identifier,
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city":"Oslo"}'},
                    }
                    for identifier in ("call_1", "call_2")
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": "Rain"},
        ]

    def test_puts_no_message_between_a_call_and_its_output(self):
        found = messages([said("hi", "user"), CALLED, said("One moment."), RETURNED])

        assert [message["role"] for message in found] == ["user", "assistant", "tool"]
        assert found[1]["content"] == "One moment."

    def test_keeps_two_turns_of_the_assistant_apart(self):
        assert messages([said("One."), said("Two.")]) == [
            {"role": "assistant", "content": "One."},
            {"role": "assistant", "content": "Two."},
        ]

    def test_may_have_parts_as_the_output_of_a_tool(self):
        output = [
            {"type": "input_text", "text": "Here:"},
            {"type": "input_image", "image_url": "https://a.example/b.png"},
        ]

        found = messages([CALLED, {**RETURNED, "output": output}])[1]

        assert [part["type"] for part in found["content"]] == ["text", "image_url"]
        assert messages([CALLED, {**RETURNED, "output": output[:1]}])[1]["content"] == "Here:"

    def test_has_calls_of_custom_tools(self):
        custom = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "***"}

        assert messages([custom, {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"}]) == [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "patch", "input": "***"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "ok"},
        ]

    def test_takes_back_the_output_of_an_earlier_answer(self):
        details = [
            {"type": "reasoning.encrypted", "data": "xyz", "id": "rs_1", "format": "openai-responses-v1"}
        ]
        calls = [{"id": "call_1", "type": "function", "function": {"name": "a", "arguments": "{}"}}]
        answer = finish({"reasoning_details": details, "content": "Hm.", "tool_calls": calls}, "tool_calls")

        found = messages([said("hi", "user"), *answer["output"], RETURNED])[1]

        assert found["reasoning_details"] == [{**details[0], "index": 0}]
        assert (found["content"], found["tool_calls"]) == ("Hm.", calls)

    @pytest.mark.parametrize(
        ("item", "named"),
        [
            ({"type": "item_reference", "id": "msg_1"}, "input[0]"),
            ({"id": "msg_1"}, "input[0]"),
            ({"type": "web_search_call", "id": "ws_1", "status": "completed"}, "input[0].type"),
            ({"type": ["x"]}, "input[0].type"),
            ({"role": "tool", "content": "x"}, "input[0].role"),
            ({"role": ["user"], "content": "x"}, "input[0].role"),
            ({"role": "user", "content": 7}, "input[0].content"),
            ({"role": "user", "content": ["x"]}, "input[0].content"),
            ({"role": "user", "content": [{"text": "x"}]}, "input[0].content[0].type"),
            ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
            ({"role": "user", "content": [{"type": "computer"}]}, "input[0].content[0].type"),
            ({"role": "user", "content": [{"type": "refusal", "refusal": "x"}]}, "input[0].content[0].type"),
            ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url"),
            (
                {"role": "user", "content": [{"type": "input_image", "file_id": "f"}]},
                "input[0].content[0].file_id",
            ),
            (
                {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
                "input[0].content[0].file_id",
            ),
            (
                {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
                "input[0].content[0].input_audio.data",
            ),
            ({**CALLED, "arguments": {}}, "input[0].arguments"),
            ({**CALLED, "name": None}, "input[0].name"),
            ({**CALLED, "call_id": None}, "input[0].call_id"),
            ({**RETURNED, "call_id": 7}, "input[0].call_id"),
            ({**RETURNED, "output": None}, "input[0].output"),
            ({**RETURNED, "output": {}}, "input[0].output"),
            ({"type": "reasoning", "summary": "x"}, "input[0].summary"),
            ({"type": "reasoning", "summary": [{"text": 7}]}, "input[0].summary[0].text"),
            ({"type": "reasoning", "summary": [], "encrypted_content": 7}, "input[0].encrypted_content"),
        ],
    )
    def test_is_refused_where_it_cannot_be_passed_on(self, item, named):
        assert refused(input=[item]) == (named, "invalid_request")

    @pytest.mark.parametrize("given", [None, [], {}, 7, ["hi"]])
    def test_has_to_be_something(self, given):
        assert refused(input=given) == ("input", "invalid_request")
