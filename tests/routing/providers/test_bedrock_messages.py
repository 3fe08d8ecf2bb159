"""A conversation in Converse's words: who says what, in which kinds of parts, and what of it is cached."""

from __future__ import annotations

import base64

import pytest

from routing.providers.bedrock_request import converse_request
from routing.providers.wire_format import Unsupported
from tests.routing.make import make_endpoint
from tests.routing.providers.converse import (
    CALL,
    DEEPSEEK,
    HELLO,
    LLAMA,
    MARK,
    NOVA,
    POINT,
    SONNET_4,
    TOOL,
    body_of,
    translate,
)

PIXEL = base64.b64encode(b"pixel").decode()


def messages_of(*messages, model=SONNET_4):
    return body_of(model, messages=list(messages))["messages"]


def blocks_of(*parts, model=SONNET_4):
    (message,) = messages_of({"role": "user", "content": list(parts)}, model=model)
    return message["content"]


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


def file(data, name=None):
    return {"type": "file", "file": {"file_data": data} | ({"filename": name} if name else {})}


class TestTheConversation:
    def test_has_its_system_prompt_apart(self):
        found = translate(
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
                *HELLO,
            ]
        )

        assert found.body == {
            "system": [{"text": "Be brief."}, {"text": "Be kind."}],
            "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        }
        assert found.dropped == ()

    def test_has_one_message_where_a_role_speaks_twice(self):
        found = messages_of(
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c"},
            {"role": "assistant", "content": "d"},
        )

        assert found == [
            {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
            {"role": "assistant", "content": [{"text": "c"}, {"text": "d"}]},
        ]

    def test_has_tool_results_as_the_users(self):
        found = messages_of(
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "call_2"}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "Rain"},
            {"role": "tool", "tool_call_id": "call_2", "content": [image(f"data:image/png;base64,{PIXEL}")]},
            {"role": "user", "content": "And?"},
        )

        use = {"name": "weather", "input": {"city": "Oslo"}}
        picture = {"image": {"format": "png", "source": {"bytes": PIXEL}}}
        assert found[1:] == [
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": call, **use}} for call in ("call_1", "call_2")],
            },
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": "call_1", "content": [{"text": "Rain"}]}},
                    {"toolResult": {"toolUseId": "call_2", "content": [picture]}},
                    {"text": "And?"},
                ],
            },
        ]

    def test_leaves_out_blank_texts_which_the_provider_refuses(self):
        assert messages_of({"role": "user", "content": [{"type": "text", "text": " \n"}]}, *HELLO) == [
            {"role": "user", "content": [{"text": "Hello"}]}
        ]

    @pytest.mark.parametrize("given", ["call|1", "x" * 65, "", "ü", "\ud83d"])
    def test_renames_tool_calls_whose_ids_the_provider_refuses(self, given):
        found = messages_of(
            {"role": "assistant", "tool_calls": [{**CALL, "id": given}]},
            {"role": "tool", "tool_call_id": given, "content": "Rain"},
        )

        used = found[0]["content"][0]["toolUse"]["toolUseId"]
        assert used == found[1]["content"][0]["toolResult"]["toolUseId"] != given
        assert len(used) <= 64

    @pytest.mark.parametrize("arguments", ["", None, "{}"])
    def test_has_an_object_for_no_arguments(self, arguments):
        call = {**CALL, "function": {"name": "f", "arguments": arguments}}

        found = messages_of({"role": "assistant", "tool_calls": [call]})

        assert found[0]["content"][0]["toolUse"]["input"] == {}

    def test_keeps_a_refusal_as_what_was_said(self):
        assert messages_of({"role": "assistant", "content": None, "refusal": "No."})[0]["content"] == [
            {"text": "No."}
        ]

    @pytest.mark.parametrize(
        "message",
        [
            {"role": "function", "name": "f", "content": "x"},
            {"role": "owner", "content": "x"},
            {"content": "x"},
            {"role": "user", "content": 1},
            {"role": "user", "content": [1]},
            {"role": "user", "content": [{"type": "hologram"}]},
            {"role": "user", "content": [{"type": ["text"]}]},
            {"role": "user", "content": [{"type": "text", "text": 1}]},
            {"role": "system", "content": [image("data:image/png;base64,aGk=")]},
            {"role": "tool", "content": "x"},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "input_audio", "input_audio": {}}]},
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "assistant", "tool_calls": [{"type": "custom", "custom": {}}]},
            {"role": "assistant", "tool_calls": [1]},
            *[
                {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "f", "arguments": one}}]}
                for one in ("{", "[]", "1", "[" * 10_000, "\ud83d", 1)
            ],
        ],
    )
    def test_is_refused_where_it_would_be_another_one(self, message):
        with pytest.raises(Unsupported) as caught:
            translate(messages=[message])

        assert (caught.value.parameter, caught.value.failure.status) == ("messages", 400)
        assert caught.value.failure.is_retryable

    @pytest.mark.parametrize("messages", [None, "Hello", {"role": "user"}, [1]])
    def test_must_be_there(self, messages):
        with pytest.raises(Unsupported):
            converse_request({"messages": messages}, make_endpoint())


class TestAPart:
    @pytest.mark.parametrize(
        ("media", "kind"),
        [("image/png", "png"), ("IMAGE/JPEG", "jpeg"), ("image/jpg", "jpeg"), ("image/webp", "webp")],
    )
    def test_may_be_an_image(self, media, kind):
        assert blocks_of(image(f"data:{media};base64,{PIXEL}")) == [
            {"image": {"format": kind, "source": {"bytes": PIXEL}}}
        ]

    def test_may_be_a_video(self):
        part = {"type": "video_url", "video_url": {"url": f"data:video/quicktime;base64,{PIXEL}"}}

        assert blocks_of(part) == [{"video": {"format": "mov", "source": {"bytes": PIXEL}}}]

    def test_may_be_audio(self):
        part = {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "WAV"}}

        assert blocks_of(part) == [{"audio": {"format": "wav", "source": {"bytes": PIXEL}}}]

    @pytest.mark.parametrize(
        ("url", "name", "kind", "shown"),
        [
            ("data:application/pdf;base64,", "My report_v2.final.pdf", "pdf", "My report v2 final"),
            ("data:application/octet-stream;base64,", "table.XLSX", "xlsx", "table"),
            ("data:text/plain;charset=utf-8;base64,", None, "txt", "document"),
            ("data:application/pdf;base64,", "ö.pdf", "pdf", "document"),
            ("data:application/pdf;base64,", "x" * 999 + ".pdf", "pdf", "x" * 100),
        ],
    )
    def test_may_be_a_document(self, url, name, kind, shown):
        assert blocks_of(file(url + PIXEL, name)) == [
            {"document": {"format": kind, "name": shown, "source": {"bytes": PIXEL}}}
        ]

    def test_may_be_a_document_that_is_no_base64(self):
        (block,) = blocks_of(file("data:text/csv,a%2Cb\u00e9"))

        assert base64.b64decode(block["document"]["source"]["bytes"]).decode() == "a,bé"

    def test_gives_documents_of_one_name_numbers(self):
        blocks = blocks_of(*[file(f"data:application/pdf;base64,{PIXEL}", "a.pdf")] * 3)

        assert [block["document"]["name"] for block in blocks] == ["a", "a 2", "a 3"]

    @pytest.mark.parametrize(
        "part",
        [
            image("https://example.com/cat.png"),
            image("s3://somebody-elses-bucket/cat.png"),
            image("data:image/tiff;base64,aGk="),
            image("data:"),
            image(1),
            {"type": "image_url"},
            {"type": "video_url", "video_url": {"url": "s3://bucket/film.mp4"}},
            {"type": "video_url", "video_url": {"url": "data:video/unknown;base64,aGk="}},
            {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "aiff"}},
            {"type": "input_audio", "input_audio": {"data": PIXEL}},
            {"type": "file", "file": {"file_id": "file-1"}},
            file("https://example.com/a.pdf"),
            file("data:application/zip;base64,aGk="),
        ],
    )
    def test_is_refused_where_the_provider_could_not_read_it(self, part):
        with pytest.raises(Unsupported):
            blocks_of(part)

    def test_of_unknown_image_format_is_called_that(self):
        with pytest.raises(Unsupported) as caught:
            blocks_of(image("data:image/tiff;base64,aGk="))

        assert caught.value.failure.error_type == "unsupported_image_format"


class TestCaching:
    def test_is_marked_after_the_part(self):
        found = body_of(
            messages=[
                {"role": "system", "content": [{"type": "text", "text": "Long", **MARK}]},
                {"role": "user", "content": [{"type": "text", "text": "Longer", **MARK}]},
            ],
            tools=[{**TOOL, **MARK}],
        )

        assert found["system"] == [{"text": "Long"}, POINT]
        assert found["messages"][0]["content"] == [{"text": "Longer"}, POINT]
        assert found["toolConfig"]["tools"][1] == POINT

    def test_may_last_an_hour(self):
        hour = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}

        assert blocks_of({"type": "text", "text": "a", **hour})[1]["cachePoint"]["ttl"] == "1h"
        assert blocks_of({"type": "text", "text": "a", **hour}, model=NOVA)[1] == POINT

    def test_is_marked_after_a_tools_result(self):
        result = {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "b", **MARK}]}

        (message,) = messages_of(result)

        assert message["content"] == [
            {"toolResult": {"toolUseId": "a", "content": [{"text": "b"}]}},
            POINT,
        ]

    def test_may_be_asked_for_the_whole_request(self):
        assert body_of(**MARK)["messages"][0]["content"] == [{"text": "Hello"}, POINT]

    def test_understands_openais_mark(self):
        assert blocks_of({"type": "text", "text": "a", "prompt_cache_breakpoint": {}} | MARK)[1] == POINT
        assert blocks_of({"type": "text", "text": "a", "prompt_cache_breakpoint": {"ttl": "30m"}})[1] == POINT

    def test_is_reported_where_the_model_has_none(self):
        found = translate(
            LLAMA, messages=[{"role": "user", "content": [{"type": "text", "text": "a", **MARK}]}]
        )

        assert found.body["messages"][0]["content"] == [{"text": "a"}]
        assert found.dropped == ("cache_control",)


class TestEarlierReasoning:
    TEXT = {"type": "reasoning.text", "text": "Hm.", "signature": "sig", "format": "anthropic-claude-v1"}

    def blocks(self, *details, model=SONNET_4, **more):
        message = {"role": "assistant", "content": "Yes", "reasoning_details": list(details), **more}
        found = translate(model, messages=[*HELLO, message])
        return found.body["messages"][1]["content"][:-1], found.dropped

    def test_is_handed_back_with_its_signature(self):
        assert self.blocks(self.TEXT) == (
            [{"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig"}}}],
            (),
        )

    def test_is_put_together_from_the_pieces_of_a_stream(self):
        pieces = [
            {"type": "reasoning.text", "text": "H", "index": 0},
            {"type": "reasoning.text", "text": "m.", "index": 0},
            {"type": "reasoning.text", "signature": "sig", "index": 0},
            {"type": "reasoning.text", "text": "So", "signature": "2", "index": 1},
        ]

        blocks, _ = self.blocks(*pieces)

        assert [block["reasoningContent"]["reasoningText"] for block in blocks] == [
            {"text": "Hm.", "signature": "sig"},
            {"text": "So", "signature": "2"},
        ]

    def test_may_be_sealed(self):
        sealed = {"type": "reasoning.encrypted", "data": PIXEL}

        assert self.blocks(sealed)[0] == [{"reasoningContent": {"redactedContent": PIXEL}}]

    @pytest.mark.parametrize(
        "detail",
        [
            {**TEXT, "format": "openai-responses-v1"},
            {**TEXT, "signature": None},
            {**TEXT, "text": None},
            {"type": "reasoning.summary", "summary": "Hm."},
            {"type": "reasoning.encrypted", "data": "not base64"},
            {"type": "reasoning.encrypted", "data": 1},
        ],
    )
    def test_that_claude_would_not_take_is_reported(self, detail):
        assert self.blocks(detail) == ([], ("messages.reasoning_details",))

    def test_of_other_models_needs_no_signature(self):
        text = [{"reasoningContent": {"reasoningText": {"text": "Hm."}}}]

        assert self.blocks({**self.TEXT, "signature": None}, model=DEEPSEEK) == (text, ())
        assert self.blocks(reasoning="Hm.", model=DEEPSEEK) == (text, ())
        assert self.blocks(reasoning="Hm.") == ([], ("messages.reasoning",))
