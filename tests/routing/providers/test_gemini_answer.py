"""Gemini's whole answers and errors in the words of Chat Completions."""

from __future__ import annotations

import json

import pytest
from openai.types.chat import ChatCompletion
from openrouter.components import ChatResult

from routing.pricing import Usage, usage_from_provider
from routing.provider_failures import ProviderFailure
from routing.providers import Answer
from tests.routing.make import make_call
from tests.routing.providers.geminis import GEMINI, PIXEL, USAGE, build, candidate, response


def read(answer) -> Answer | ProviderFailure:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return GEMINI.parse_response(body, call=make_call("google/x"))


def parse(*candidates, **more) -> Answer:
    """The answer, which the official clients must be able to read."""
    found = read(response(*candidates, **more))
    assert isinstance(found, Answer)
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    shown = {"id": "gen-1", "model": "google/x", "provider": "Google", "usage": usage, **found.body}
    for choice in shown["choices"]:
        assert choice["finish_reason"] in ("stop", "length", "tool_calls", "content_filter", "error")
    ChatResult.model_validate(shown)
    if all(choice["finish_reason"] != "error" for choice in shown["choices"]):
        ChatCompletion.model_validate(shown)
    return found


def message_of(*parts, **more):
    return parse(candidate(*parts, **more)).body["choices"][0]["message"]


def usage_of(metadata):
    found = parse(candidate({"text": "x"}), usage=metadata)
    return usage_from_provider(found.usage, Usage(prompt=77, completion=88))


class TestAnAnswer:
    def test_is_a_chat_completion(self):
        found = parse(candidate({"text": "Hel"}, {"text": "lo"}))

        (choice,) = found.body["choices"]
        assert choice["message"] == {
            "role": "assistant",
            "content": "Hello",
            "refusal": None,
            "reasoning": None,
        }
        assert (choice["index"], choice["finish_reason"], choice["native_finish_reason"]) == (
            0,
            "stop",
            "STOP",
        )
        assert (found.finish_reason, found.native_finish_reason) == ("stop", "STOP")
        assert (found.upstream_id, found.counted_tokens) == ("resp-1", 2)
        assert found.body.keys() == {"object", "created", "system_fingerprint", "choices"}

    def test_shows_thoughts_apart(self):
        message = message_of({"text": "Hm", "thought": True}, {"text": "Yes"})

        assert (message["content"], message["reasoning"]) == ("Yes", "Hm")
        assert message["reasoning_details"] == [
            {"type": "reasoning.text", "text": "Hm", "format": "google-gemini-v1", "index": 0}
        ]

    def test_numbers_what_it_thought_and_signed(self):
        message = message_of(
            {"text": "a", "thought": True},
            {"text": "b", "thought": True},
            {"text": "Yes", "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "own", "name": "now"}, "thoughtSignature": "bW9yZQ=="},
        )

        shown = [
            (one["index"], one.get("text") or one.get("data"), one.get("id"))
            for one in message["reasoning_details"]
        ]
        assert shown == [(0, "ab", None), (1, "c2ln", None), (2, "bW9yZQ==", "own")]

    def test_sent_back_has_its_signatures_where_they_were(self):
        parts = [
            {"text": "Look", "thoughtSignature": "c2ln"},
            {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": "cGlj"},
            {"functionCall": {"id": "own", "name": "now", "args": {"a": 1}}, "thoughtSignature": "bW9yZQ=="},
            {"functionCall": {"id": "own-2", "name": "now", "args": {}}},
        ]

        message = message_of({"text": "Hm", "thought": True}, *parts)
        _, sent = build({"messages": [{"role": "user", "content": "x"}, message]}, "gemini-3-pro-preview")

        assert sent["contents"][1] == {"role": "model", "parts": parts}

    def test_may_be_several(self):
        found = parse(candidate({"text": "a"}), candidate({"text": "b"}, finish="MAX_TOKENS", index=1))

        assert [(one["index"], one["message"]["content"]) for one in found.body["choices"]] == [
            (0, "a"),
            (1, "b"),
        ]
        assert found.body["choices"][1]["finish_reason"] == "length"

    def test_may_be_pictures(self):
        message = message_of(
            {"text": "Look"},
            {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": "c2ln"},
            {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thought": True},
        )

        assert message["images"] == [
            {"index": 0, "type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
        ]
        assert message["reasoning_details"][0]["id"] == "image-0"

    def test_may_be_log_probabilities(self):
        result = {
            "chosenCandidates": [{"token": "é", "logProbability": -0.5, "tokenId": 7}],
            "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5}]}],
        }

        found = parse(candidate({"text": "é"}, logprobsResult=result))

        token = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
        assert found.body["choices"][0]["logprobs"] == {
            "content": [token | {"top_logprobs": [token]}],
            "refusal": None,
        }

    def test_may_have_spent_all_of_its_tokens_on_thinking(self):
        found = parse({"finishReason": "MAX_TOKENS", "index": 0})

        assert found.body["choices"][0]["message"]["content"] is None
        assert found.finish_reason == "length"


class TestToolCalls:
    def test_are_calls_of_functions_with_an_id(self):
        message = message_of(
            {"functionCall": {"name": "weather", "args": {"city": "Köln"}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "own-1", "name": "now"}},
        )

        first, second = message["tool_calls"]
        assert first["function"] == {"name": "weather", "arguments": '{"city":"Köln"}'}
        assert first["id"].startswith("call_")
        assert second == {"id": "own-1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
        assert message["reasoning_details"] == [
            {
                "type": "reasoning.encrypted",
                "data": "c2ln",
                "id": first["id"],
                "format": "google-gemini-v1",
                "index": 0,
            }
        ]

    def test_are_the_reason_to_stop(self):
        found = parse(candidate({"functionCall": {"name": "now"}}))

        assert (found.finish_reason, found.native_finish_reason) == ("tool_calls", "STOP")


class TestTheFinishReason:
    @pytest.mark.parametrize(
        ("native", "finish"),
        [
            ("STOP", "stop"),
            ("MAX_TOKENS", "length"),
            ("SAFETY", "content_filter"),
            ("RECITATION", "content_filter"),
            ("BLOCKLIST", "content_filter"),
            ("PROHIBITED_CONTENT", "content_filter"),
            ("SPII", "content_filter"),
            ("IMAGE_SAFETY", "content_filter"),
            ("MODEL_ARMOR", "content_filter"),
            ("MALFORMED_FUNCTION_CALL", "error"),
            ("UNEXPECTED_TOOL_CALL", "error"),
            ("OTHER", "error"),
        ],
    )
    def test_is_put_in_the_contracts_words_beside_googles_own(self, native, finish):
        found = parse(candidate({"text": "x"}, finish=native))

        assert (found.finish_reason, found.native_finish_reason) == (finish, native)

    @pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "JAILBREAK", "OTHER"])
    def test_of_a_prompt_that_is_blocked_says_so(self, reason):
        feedback = {"blockReason": reason, "blockReasonMessage": "No."}

        found = parse(promptFeedback=feedback)

        (choice,) = found.body["choices"]
        assert (found.finish_reason, found.native_finish_reason) == ("content_filter", reason)
        assert (choice["message"]["content"], choice["message"]["refusal"]) == (None, "No.")
        assert found.counted_tokens == 0


class TestCitations:
    def test_are_annotations_with_places_in_characters(self):
        grounding = {
            "groundingChunks": [
                {"web": {"uri": "https://a.test/", "title": "A"}},
                {"web": {"uri": "https://b.test/"}},
            ],
            "groundingSupports": [
                {
                    "segment": {"startIndex": 3, "endIndex": 8, "text": "höre"},
                    "groundingChunkIndices": [0, 1, 9],
                }
            ],
            "webSearchQueries": ["x"],
        }

        message = message_of({"text": "Ja höre"}, groundingMetadata=grounding)

        assert message["annotations"] == [
            {
                "type": "url_citation",
                "url_citation": {"url": "https://a.test/", "title": "A", "start_index": 3, "end_index": 7},
            },
            {
                "type": "url_citation",
                "url_citation": {"url": "https://b.test/", "title": "", "start_index": 3, "end_index": 7},
            },
        ]

    def test_without_a_place_are_the_whole_answers(self):
        grounding = {"groundingChunks": [{"web": {"uri": "https://a.test/", "title": "A"}}]}

        (found,) = message_of({"text": "x"}, groundingMetadata=grounding)["annotations"]

        assert found["url_citation"]["start_index"] == found["url_citation"]["end_index"] == 0

    def test_count_within_their_part(self):
        grounding = {
            "groundingChunks": [{"web": {"uri": "https://a.test/"}}],
            "groundingSupports": [
                {"segment": {"partIndex": 1, "startIndex": 1, "endIndex": 3}, "groundingChunkIndices": [0]}
            ],
        }

        (found,) = message_of({"text": "ä"}, {"text": "bcd"}, groundingMetadata=grounding)["annotations"]

        assert (found["url_citation"]["start_index"], found["url_citation"]["end_index"]) == (2, 4)

    def test_may_be_of_what_was_recited(self):
        cited = {"citations": [{"uri": "https://a.test/", "startIndex": 0, "endIndex": 4}]}

        (found,) = message_of({"text": "text"}, citationMetadata=cited)["annotations"]

        assert found["url_citation"] == {
            "url": "https://a.test/",
            "title": "",
            "start_index": 0,
            "end_index": 4,
        }


class TestUsage:
    def test_counts_thoughts_with_the_completion(self):
        usage, is_estimated = usage_of(USAGE)

        assert (usage.prompt, usage.completion, usage.reasoning, is_estimated) == (10, 25, 20, False)

    def test_tells_what_was_cached_and_what_was_sound(self):
        usage, _ = usage_of(
            {
                "promptTokenCount": 100,
                "candidatesTokenCount": 5,
                "cachedContentTokenCount": 40,
                "toolUsePromptTokenCount": 7,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 50},
                    {"modality": "AUDIO", "tokenCount": 50},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}],
            }
        )

        assert (usage.prompt, usage.cached, usage.audio) == (107, 40, 20)

    @pytest.mark.parametrize(
        ("metadata", "completion"),
        [
            ({"promptTokenCount": 10, "totalTokenCount": 30, "thoughtsTokenCount": 20}, 20),
            ({"promptTokenCount": 10, "totalTokenCount": 14}, 4),
        ],
    )
    def test_is_read_although_google_leaves_out_zeros(self, metadata, completion):
        usage, is_estimated = usage_of(metadata)

        assert (usage.prompt, usage.completion, is_estimated) == (10, completion, False)

    @pytest.mark.parametrize(
        "absurd",
        [
            None,
            {},
            [1],
            "many",
            {"promptTokenCount": -1, "candidatesTokenCount": 10**12},
            {"promptTokenCount": True, "candidatesTokenCount": [1], "thoughtsTokenCount": 4},
            {"promptTokenCount": "x", "candidatesTokenCount": {"a": 1}, "totalTokenCount": 3},
            {"promptTokenCount": 10**12, "candidatesTokenCount": 3, "thoughtsTokenCount": -(10**12)},
            {"promptTokenCount": 1.5, "totalTokenCount": 9},
        ],
    )
    def test_that_is_absurd_is_not_believed(self, absurd):
        found = read({"candidates": [candidate({"text": "x"})], "usageMetadata": absurd})

        usage, is_estimated = usage_from_provider(found.usage, Usage(prompt=77, completion=88))

        assert (usage.prompt, usage.completion, is_estimated) == (77, 88, True)

    def test_may_be_written_as_text(self):
        found = read(
            {
                "candidates": [candidate({"text": "x"})],
                "usageMetadata": {
                    "promptTokenCount": "4",
                    "candidatesTokenCount": "2",
                    "thoughtsTokenCount": "3",
                },
            }
        )

        usage, is_estimated = usage_from_provider(found.usage, Usage())

        assert (usage.prompt, usage.completion, usage.reasoning, is_estimated) == (4, 5, 3, False)


class TestAnAnswerThatIsNone:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"{}",
            b'{"candidates":[]}',
            b'{"candidates":[1]}',
            b'{"candidates":"x"}',
            b'{"candidates":[{}]}',
            b'{"candidates":[{"content":{"parts":[7,{"text":7},{"functionCall":7},{"inlineData":7}]}}]}',
            b'{"promptFeedback":{"blockReason":"BLOCKED_REASON_UNSPECIFIED"}}',
            b'{"promptFeedback":[]}',
            b"\xff",
            b"[" * 100_000,
        ],
    )
    def test_is_a_failure_that_another_provider_may_mend(self, body):
        failure = read(body)

        assert isinstance(failure, ProviderFailure)
        assert (failure.error_type, failure.is_retryable) == ("provider_unavailable", True)

    def test_may_hold_an_error(self):
        failure = read({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}})

        assert (failure.error_type, failure.provider_code) == ("provider_overloaded", "UNAVAILABLE")

    @pytest.mark.parametrize(
        "broken",
        [
            {"content": {"parts": [{"text": "x", "thoughtSignature": 7}], "role": 7}, "finishReason": 7},
            {
                "content": {"parts": [{"text": "x"}]},
                "groundingMetadata": {"groundingChunks": 1, "groundingSupports": 1},
            },
            {
                "content": {"parts": [{"text": "x"}]},
                "groundingMetadata": {"groundingChunks": [1, {"web": 1}]},
            },
            {
                "content": {"parts": [{"text": "x"}]},
                "groundingMetadata": {
                    "groundingChunks": [{"web": {"uri": "u"}}],
                    "groundingSupports": [{"segment": 7, "groundingChunkIndices": [0, "x", -1, True]}],
                },
            },
            {"content": {"parts": [{"text": "x"}]}, "citationMetadata": {"citations": [7, {"uri": 7}]}},
            {
                "content": {"parts": [{"text": "x"}]},
                "logprobsResult": {"chosenCandidates": [7], "topCandidates": [7]},
            },
            {
                "content": {"parts": [{"text": "x"}, {"functionCall": {"name": 7, "args": 7, "id": 7}}]},
                "index": "x",
            },
        ],
    )
    def test_has_to_be_worse_than_a_field_of_another_kind(self, broken):
        found = read({"candidates": [broken], "responseId": 7})

        assert isinstance(found, Answer)
        assert found.body["choices"][0]["message"]["content"] == "x"


def fail(status, error, headers=None):
    return GEMINI.read_failure(status, headers or {}, json.dumps({"error": error}).encode())


class TestAFailure:
    @pytest.mark.parametrize(
        ("status", "word", "kind", "is_retryable"),
        [
            (400, "INVALID_ARGUMENT", "invalid_request", False),
            (401, "UNAUTHENTICATED", "provider_unavailable", True),
            (403, "PERMISSION_DENIED", "permission_denied", True),
            (404, "NOT_FOUND", "not_found", True),
            (429, "RESOURCE_EXHAUSTED", "rate_limit_exceeded", True),
            (500, "INTERNAL", "provider_unavailable", True),
            (503, "UNAVAILABLE", "provider_overloaded", True),
            (504, "DEADLINE_EXCEEDED", "timeout", True),
        ],
    )
    def test_is_known_by_its_status(self, status, word, kind, is_retryable):
        failure = fail(status, {"code": status, "message": "Why", "status": word})

        assert (failure.error_type, failure.is_retryable) == (kind, is_retryable)
        assert (failure.provider_status, failure.provider_code) == (status, word)

    @pytest.mark.parametrize(
        ("delay", "seconds"),
        [("34s", 34), ("0.250s", 1), ("999999999s", 3600), ("soon", None), (7, None), ("-3s", None)],
    )
    def test_says_when_to_come_back(self, delay, seconds):
        details = [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
        ]

        failure = fail(
            429, {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": details}
        )

        assert failure.retry_after == seconds

    def test_believes_the_header_first(self):
        details = [{"retryDelay": "34s"}]

        assert fail(429, {"message": "Quota", "details": details}, {"retry-after": "5"}).retry_after == 5

    @pytest.mark.parametrize(
        "error",
        [
            {"message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"},
            {"message": "Bad AIza-1", "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]},
        ],
    )
    def test_of_our_key_is_not_the_callers_and_quotes_nothing(self, error):
        failure = fail(400, {"code": 400, **error})

        assert (failure.error_type, failure.is_retryable) == ("provider_unavailable", True)
        assert failure.provider_status == 400
        assert "AIza" not in repr(failure)
        assert "API key not valid" not in repr(failure)

    def test_of_a_prompt_that_is_too_long_may_be_mended_elsewhere(self):
        message = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."

        failure = fail(400, {"code": 400, "message": message, "status": "INVALID_ARGUMENT"})

        assert (failure.error_type, failure.is_retryable) == ("context_length_exceeded", True)

    def test_of_where_we_are_may_be_mended_elsewhere(self):
        message = "User location is not supported for the API use."

        failure = fail(400, {"code": 400, "message": message, "status": "FAILED_PRECONDITION"})

        assert (failure.error_type, failure.is_retryable) == ("provider_unavailable", True)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"[[]]",
            b'{"error":7}',
            b'{"error":{"details":7,"status":7}}',
            b"[" * 100_000,
        ],
    )
    def test_may_be_of_any_form(self, body):
        assert GEMINI.read_failure(500, {}, body).error_type == "provider_unavailable"

    def test_may_come_in_a_list(self):
        body = b'[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}}]'

        failure = GEMINI.read_failure(429, {}, body)

        assert (failure.message, failure.provider_code) == ("Quota", "RESOURCE_EXHAUSTED")
