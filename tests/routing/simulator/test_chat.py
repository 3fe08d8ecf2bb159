"""OpenAI's wire format in the raw; test_openai_client.py has it through the official client."""

import pytest

from tests.routing.simulator.asks import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    PLACE,
    chat,
    chat_deltas,
    completion,
    unpack,
)

TOOLS = [{"type": "function", "function": {"name": "find_place", "parameters": PLACE}}]


class TestEcho:
    def test_answers_with_the_last_user_message_verbatim(self, simulator):
        body = chat("echo")
        body["messages"] = [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "first question"},
            {"role": "assistant", "content": "first answer"},
            {"role": "user", "content": " second\n\n question — ünïcode \ud800 "},
        ]

        answer = simulator.post(CHAT, body)

        [choice] = answer.json()["choices"]
        assert choice["message"] == {
            "role": "assistant",
            "content": body["messages"][3]["content"],
            "refusal": None,
        }
        assert choice["finish_reason"] == "stop"

    def test_counts_the_words_of_all_text_parts(self, simulator):
        body = chat("echo")
        body["messages"] = [
            {"role": "system", "content": "be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                    {"type": "text", "text": "this"},
                ],
            },
        ]

        answer, call = simulator.recorded(CHAT, body)

        usage = answer.json()["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (5, 3, 8)
        assert (call.prompt_tokens, call.completion_tokens, call.outcome) == (5, 3, "done")

    def test_stops_at_max_tokens_as_every_provider_does(self, simulator):
        answer = simulator.post(CHAT, chat("echo", "one two three", max_completion_tokens=2))

        [choice] = answer.json()["choices"]
        assert choice["message"]["content"] == "one two "
        assert choice["finish_reason"] == "length"

    def test_answers_an_empty_message_with_no_token(self, simulator):
        answer = simulator.post(CHAT, chat("echo", ""))

        assert answer.json()["choices"][0]["message"]["content"] == ""
        assert answer.json()["usage"]["completion_tokens"] == 0

    @pytest.mark.parametrize("model", ["echo", "simulator/echo", "simulator/flat"])
    def test_is_found_with_and_without_the_prefix(self, simulator, model):
        answer = simulator.post(CHAT, chat("echo") | {"model": model})

        assert answer.json()["model"] == model
        assert answer.json()["choices"][0]["message"]["content"] == "one two three"


class TestStreaming:
    def test_sends_a_word_a_chunk_then_the_finish_then_done(self, simulator):
        answer = simulator.post(CHAT, chat("echo", "one two\nthree", stream=True))

        events = answer.events()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert [delta.get("content") for delta in chat_deltas(events)] == ["", "one ", "two\n", "three", None]
        assert events[-2]["choices"][0]["finish_reason"] == "stop"
        assert events[-1] == "[DONE]"
        assert not any("usage" in event for event in events[:-1])

    def test_ends_with_the_usage_when_asked(self, simulator):
        answer = simulator.post(CHAT, chat("echo", stream=True, stream_options={"include_usage": True}))

        *chunks, last, _ = answer.events()
        assert last["choices"] == []
        assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (3, 3)
        assert all(chunk["usage"] is None for chunk in chunks)

    def test_carries_lone_surrogates_escaped(self, simulator):
        answer = simulator.post(CHAT, chat("echo", "a \ud800b", stream=True))

        assert [delta.get("content") for delta in chat_deltas(answer.events())][1:-1] == ["a ", "\ud800b"]


class TestLorem:
    @pytest.mark.parametrize("count", [1, 250])
    @pytest.mark.parametrize("stream", [False, True])
    def test_makes_as_many_tokens_as_asked(self, simulator, count, stream):
        answer, call = simulator.recorded(CHAT, chat("lorem", max_tokens=count, stream=stream))

        assert answer.status == 200
        assert call.completion_tokens == count

    def test_makes_sixteen_when_not_asked(self, simulator):
        answer = simulator.post(CHAT, chat("lorem"))

        assert answer.json()["usage"]["completion_tokens"] == 16
        assert answer.json()["choices"][0]["finish_reason"] == "stop"

    @pytest.mark.parametrize("count", [0, -1, 10**12, "9", True, 1.5])
    def test_refuses_an_impossible_count(self, simulator, count):
        answer, call = simulator.recorded(CHAT, chat("lorem", max_tokens=count))

        assert answer.status == 400
        assert answer.json()["error"]["param"] == "max_tokens"
        assert call.outcome == "error"


class TestTools:
    def test_calls_the_first_tool_with_the_message_when_that_is_an_object(self, simulator):
        answer = simulator.post(CHAT, chat("tools", '{"city": "Rome", "days": 3}', tools=TOOLS))

        [choice] = answer.json()["choices"]
        [call] = choice["message"]["tool_calls"]
        assert call["function"] == {"name": "find_place", "arguments": '{"city": "Rome", "days": 3}'}
        assert (call["type"], choice["message"]["content"], choice["finish_reason"]) == (
            "function",
            None,
            "tool_calls",
        )

    @pytest.mark.parametrize("text", ["where is it?", "[1, 2]", "42", ""])
    def test_makes_the_arguments_from_the_schema_otherwise(self, simulator, text):
        answer = simulator.post(CHAT, chat("tools", text, tools=TOOLS))

        [call] = answer.json()["choices"][0]["message"]["tool_calls"]
        assert call["function"]["arguments"] == '{"city": "Oslo"}'

    def test_streams_the_arguments_in_fragments(self, simulator):
        body = chat("tools", '{"city": "Rome", "days": 3}', tools=TOOLS, stream=True)

        answer, call = simulator.recorded(CHAT, body)

        opening, *fragments, closing = chat_deltas(answer.events())
        first = opening["tool_calls"][0]
        assert (first["index"], first["function"]) == (0, {"name": "find_place", "arguments": ""})
        texts = [fragment["tool_calls"][0]["function"]["arguments"] for fragment in fragments]
        assert texts == ['{"city": ', '"Rome", ', '"days": ', "3}"]
        assert closing == {}
        assert answer.events()[-2]["choices"][0]["finish_reason"] == "tool_calls"
        assert call.completion_tokens == 4

    def test_answers_plainly_once_a_tool_result_is_there(self, simulator):
        body = chat("tools", "where is it?", tools=TOOLS)
        body["messages"] += [
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "tool", "tool_call_id": "call_1", "content": "59.9 north"},
        ]

        answer = simulator.post(CHAT, body)

        [choice] = answer.json()["choices"]
        assert choice["message"]["content"] == "The tool said: 59.9 north"
        assert choice["finish_reason"] == "stop"

    def test_calls_again_when_the_user_asks_again(self, simulator):
        body = chat("tools", "where is it?", tools=TOOLS)
        body["messages"] += [{"role": "tool", "content": "north"}, {"role": "user", "content": "and now?"}]

        answer = simulator.post(CHAT, body)

        assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"

    @pytest.mark.parametrize("more", [{}, {"tools": []}, {"tools": TOOLS, "tool_choice": "none"}])
    def test_answers_plainly_without_a_tool_to_call(self, simulator, more):
        answer = simulator.post(CHAT, chat("tools", **more))

        assert answer.json()["choices"][0]["message"]["content"] == "one two three"

    def test_makes_no_call_that_max_tokens_would_cut_in_half(self, simulator):
        answer = simulator.post(CHAT, chat("tools", '{"city": "Rome"}', tools=TOOLS, max_tokens=1))

        [choice] = answer.json()["choices"]
        assert choice["finish_reason"] == "length"
        assert answer.json()["usage"]["completion_tokens"] == 0


class TestTextCompletions:
    def test_answer_the_prompt(self, simulator):
        answer = simulator.post(COMPLETIONS, completion("echo"))

        [choice] = answer.json()["choices"]
        assert (choice["text"], choice["finish_reason"]) == ("one two three", "stop")
        assert answer.json()["usage"]["total_tokens"] == 6

    def test_stream(self, simulator):
        body = completion("echo", stream=True, stream_options={"include_usage": True})

        *chunks, last, done = simulator.post(COMPLETIONS, body).events()

        assert [chunk["choices"][0]["text"] for chunk in chunks] == ["one ", "two ", "three", ""]
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        assert (last["choices"], last["usage"]["completion_tokens"], done) == ([], 3, "[DONE]")

    @pytest.mark.parametrize("prompt", [None, 7, [], ["one", 2]])
    def test_refuse_a_prompt_that_is_no_text(self, simulator, prompt):
        assert simulator.post(COMPLETIONS, completion("echo") | {"prompt": prompt}).status == 400


class TestEmbeddings:
    def test_are_the_same_unit_vector_for_the_same_text(self, simulator):
        body = {"model": "simulator/embed", "input": ["one two", "three", "one two"]}

        answer, call = simulator.recorded(EMBEDDINGS, body)

        first, second, third = (item["embedding"] for item in answer.json()["data"])
        assert first == third != second
        assert sum(number * number for number in first) == pytest.approx(1)
        assert answer.json()["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
        assert (call.prompt_tokens, call.completion_tokens, call.outcome) == (5, 0, "done")

    def test_come_as_base64_and_in_the_dimensions_asked(self, simulator):
        body = {"model": "embed", "input": "one", "dimensions": 8}

        plain = simulator.post(EMBEDDINGS, body).json()["data"][0]["embedding"]
        packed = simulator.post(EMBEDDINGS, body | {"encoding_format": "base64"}).json()["data"][0][
            "embedding"
        ]

        assert len(plain) == 8
        assert unpack(packed) == pytest.approx(plain)

    @pytest.mark.parametrize(("tokens", "count"), [([1, 2, 3], 3), ([[1, 2], [3]], 3)])
    def test_count_token_arrays_by_their_length(self, simulator, tokens, count):
        answer = simulator.post(EMBEDDINGS, {"model": "embed", "input": tokens})

        assert answer.json()["usage"]["prompt_tokens"] == count

    @pytest.mark.parametrize(
        "wrong", [{"input": []}, {"input": [1, "a"]}, {"dimensions": 0}, {"encoding_format": "x"}]
    )
    def test_refuse_what_they_cannot_embed(self, simulator, wrong):
        assert simulator.post(EMBEDDINGS, {"model": "embed", "input": "one"} | wrong).status == 400

    def test_are_not_made_by_a_model_that_writes_text(self, simulator):
        assert simulator.post(EMBEDDINGS, {"model": "echo", "input": "one"}).status == 400
        assert simulator.post(CHAT, chat("embed")).status == 400


class TestListingModels:
    @pytest.mark.parametrize("prefix", ["", "/simulator", "/simulator-fast", "/simulator-zdr"])
    def test_names_every_behaviour(self, simulator, prefix):
        answer = simulator.get(f"{prefix}/v1/models")

        names = {model["id"] for model in answer.json()["data"]}
        expected = "echo lorem slow flaky cut garbage tools broken-json silent flat embed error-429 error-503"
        expected += " script calls-all panel-1 panel-8"
        assert names >= {f"simulator/{name}" for name in expected.split()}


class TestAStructuredOutput:
    FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE}}

    def test_satisfies_its_schema(self, simulator):
        answer = simulator.post(CHAT, chat("echo", response_format=self.FORMAT))

        assert answer.json()["choices"][0]["message"]["content"] == '{"city": "Oslo"}'

    def test_is_what_was_said_when_that_is_an_object(self, simulator):
        answer = simulator.post(CHAT, chat("echo", '{"city": "Rome"}', response_format=self.FORMAT))

        assert answer.json()["choices"][0]["message"]["content"] == '{"city": "Rome"}'

    def test_is_any_object_in_json_mode(self, simulator):
        answer = simulator.post(CHAT, chat("echo", response_format={"type": "json_object"}))

        assert answer.json()["choices"][0]["message"]["content"] == "{}"

    def test_follows_a_tools_result(self, simulator):
        body = chat("tools", tools=TOOLS, response_format=self.FORMAT)
        body["messages"].append({"role": "tool", "tool_call_id": "call_1", "content": "sunny"})

        answer = simulator.post(CHAT, body)

        assert answer.json()["choices"][0]["message"]["content"] == '{"city": "Oslo"}'
