"""Gemini's wire format."""

import pytest

from tests.routing.simulator.asks import PLACE, gemini, generate, stream_generate

TOOLS = [{"functionDeclarations": [{"name": "find_place", "parameters": PLACE}]}]


class TestGenerating:
    def test_echoes_with_usage(self, simulator):
        body = gemini(systemInstruction={"parts": [{"text": "be brief"}]})

        answer, call = simulator.recorded(generate("echo"), body)

        [candidate] = answer.json()["candidates"]
        assert candidate["content"] == {"parts": [{"text": "one two three"}], "role": "model"}
        assert candidate["finishReason"] == "STOP"
        usage = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 8}
        assert answer.json()["usageMetadata"] == usage
        assert (call.model, call.prompt_tokens, call.completion_tokens) == ("simulator/echo", 5, 3)

    def test_stops_at_max_output_tokens(self, simulator):
        answer = simulator.post(generate("lorem"), gemini(generationConfig={"maxOutputTokens": 4}))

        assert answer.json()["candidates"][0]["finishReason"] == "MAX_TOKENS"
        assert answer.json()["usageMetadata"]["candidatesTokenCount"] == 4

    def test_finds_the_model_without_its_prefix(self, simulator):
        answer = simulator.post("/v1beta/models/echo:generateContent", gemini())

        assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": "one two three"}]

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/models/echo",
            "/v1/publishers/google/models/echo",
            "/simulator-fast/v1beta1/projects/p-1/locations/global/publishers/google/models/simulator/echo",
        ],
    )
    def test_answers_at_vertex_ais_addresses_too(self, simulator, path):
        answer = simulator.post(f"{path}:generateContent", gemini())

        assert answer.json()["candidates"][0]["content"]["parts"] == [{"text": "one two three"}]


class TestStreaming:
    def test_sends_a_word_a_chunk_with_the_usage_so_far(self, simulator):
        events = simulator.post(stream_generate("echo"), gemini()).events()

        texts = [event["candidates"][0]["content"]["parts"][0]["text"] for event in events]
        counts = [event["usageMetadata"]["candidatesTokenCount"] for event in events]
        assert texts == ["one ", "two ", "three", ""]
        assert counts == [1, 2, 3, 3]
        assert [event["candidates"][0].get("finishReason") for event in events] == [None, None, None, "STOP"]

    def test_is_not_offered_but_as_server_sent_events(self, simulator):
        answer = simulator.post(stream_generate("echo").partition("?")[0], gemini())

        assert answer.status == 404
        assert answer.json()["error"]["status"] == "NOT_FOUND"


class TestTools:
    def test_are_called_with_arguments_from_the_schema(self, simulator):
        answer = simulator.post(generate("tools"), gemini(tools=TOOLS))

        [part] = answer.json()["candidates"][0]["content"]["parts"]
        assert part == {"functionCall": {"name": "find_place", "args": {"city": "Oslo"}}}

    def test_come_whole_in_one_chunk_of_a_stream(self, simulator):
        events = simulator.post(stream_generate("tools"), gemini('{"city": "Rome"}', tools=TOOLS)).events()

        [part] = events[0]["candidates"][0]["content"]["parts"]
        assert part == {"functionCall": {"name": "find_place", "args": {"city": "Rome"}}}
        assert events[-1]["usageMetadata"]["candidatesTokenCount"] == 2

    def test_are_not_called_again_once_a_result_is_there(self, simulator):
        body = gemini(tools=TOOLS)
        response = {"functionResponse": {"name": "find_place", "response": {"place": "north"}}}
        body["contents"].append({"role": "user", "parts": [response]})

        answer = simulator.post(generate("tools"), body)

        parts = answer.json()["candidates"][0]["content"]["parts"]
        assert parts == [{"text": 'The tool said: {"place": "north"}'}]
