"""A Chat Completions request in Gemini's words; what these lack is named and never left out in silence."""

from __future__ import annotations

import json

import pytest

from routing.providers import CannotAsk
from tests.routing.make import make_call, make_provider
from tests.routing.providers.geminis import GEMINI, build, endpoint_at

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}


def send(messages) -> bytes:
    call = make_call("a/b", body={"messages": messages})
    return GEMINI.build_request(call, endpoint_at(), generation_id="gen-1").body


def contents_of(*messages, **more):
    return build({"messages": list(messages)}, **more)[1]["contents"]


def config_of(body, model="gemini-2.5-flash", **more):
    return build(body, model, **more)[1].get("generationConfig", {})


class TestTheAddress:
    def test_is_the_models_with_the_key_in_a_header(self):
        request, sent = build({"user": "jane@example.com", "provider": {"sort": "price"}})

        assert request.url == (
            "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"
        )
        assert request.headers["x-goog-api-key"] == "AIza-1"
        assert "AIza" not in repr(request)
        assert "AIza" not in request.url
        assert (sent, request.dropped) == ({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, ())

    def test_of_a_stream_asks_for_events(self):
        request, sent = build({"stream": True, "stream_options": {"include_usage": True}})

        assert request.url.endswith("/models/gemini-2.5-flash:streamGenerateContent?alt=sse")
        assert request.headers["accept"] == "text/event-stream"
        assert sent.keys() == {"contents"}

    @pytest.mark.parametrize(
        ("model", "path"),
        [
            ("models/gemini-2.5-pro", "/models/gemini-2.5-pro:"),
            ("tunedModels/mine", "/tunedModels/mine:"),
            ("odd?x=1", "/models/odd%3Fx%3D1:"),
        ],
    )
    def test_takes_the_model_as_the_catalog_names_it(self, model, path):
        assert f"/v1beta{path}generateContent" in build({}, model)[0].url


class TestMessages:
    def test_of_the_system_stand_apart(self):
        _, sent = build(
            {
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
                    {"role": "user", "content": "Hi"},
                ]
            }
        )

        assert sent["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]}
        assert sent["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]

    def test_of_the_system_alone_are_the_users(self):
        assert contents_of({"role": "system", "content": "Go"}) == [
            {"role": "user", "parts": [{"text": "Go"}]}
        ]

    def test_in_a_row_are_one_turn(self):
        found = contents_of(
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c"},
            {"role": "assistant", "content": ""},
            {"role": "user", "content": "d"},
        )

        assert [(one["role"], [part["text"] for part in one["parts"]]) for one in found] == [
            ("user", ["a", "b"]),
            ("model", ["c"]),
            ("user", ["d"]),
        ]

    @pytest.mark.parametrize(
        "messages",
        [
            [],
            [{"role": "user", "content": ""}],
            [{"role": "oracle", "content": "x"}],
            [{"role": ["user"], "content": "x"}],
            [{"role": "user", "content": [{"type": "hologram"}]}],
            [{"role": "user", "content": [{"type": "text", "text": 7}]}],
            [{"role": "user", "content": [{"type": ["text"]}]}],
            [{"role": "tool", "tool_call_id": "unknown", "content": "x"}],
            [{"role": "assistant", "tool_calls": [{"type": "custom", "id": "x", "custom": {"name": "y"}}]}],
            [{"role": "assistant", "tool_calls": ["x"]}],
        ],
    )
    def test_that_cannot_be_said_are_refused_by_name(self, messages):
        with pytest.raises(CannotAsk) as refused:
            contents_of(*messages)

        failure = refused.value.failure
        assert (failure.error_type, failure.is_retryable) == ("invalid_request", True)
        assert "'messages'" in failure.message


class TestToolCalls:
    def test_and_their_results_find_each_other_by_id(self):
        found = contents_of(
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "call_2"}]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"sky":"blue"}'},
            {"role": "tool", "tool_call_id": "call_2", "content": "cloudy"},
            {"role": "user", "content": "Thanks"},
        )

        calls = [part["functionCall"] for part in found[1]["parts"]]
        results = [part["functionResponse"] for part in found[2]["parts"]]
        assert calls[0] == {"id": "call_1", "name": "weather", "args": {"city": "Ulm"}}
        assert results == [
            {"id": "call_1", "name": "weather", "response": {"sky": "blue"}},
            {"id": "call_2", "name": "weather", "response": {"output": "cloudy"}},
        ]
        assert [one["role"] for one in found] == ["user", "model", "user", "user"]

    @pytest.mark.parametrize(
        ("arguments", "args"),
        [
            ("", {}),
            (None, {}),
            ("{}", {}),
            ("[1]", {"arguments": "[1]"}),
            ("{broken", {"arguments": "{broken"}),
            ("[" * 5_000, {"arguments": "[" * 5_000}),
        ],
    )
    def test_with_arguments_that_are_no_object_do_not_end_the_conversation(self, arguments, args):
        call = {**CALL, "function": {"name": "weather", "arguments": arguments}}

        found = contents_of({"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]})

        assert found[1]["parts"][0]["functionCall"]["args"] == args

    def test_with_arguments_nested_as_deep_as_can_be_are_sent_or_refused(self):
        refusals = []
        for depth in range(850, 1010):
            arguments = '{"a":' * depth + "1" + "}" * depth
            call = {**CALL, "function": {"name": "weather", "arguments": arguments}}
            try:
                send([{"role": "user", "content": "x"}, {"role": "assistant", "tool_calls": [call]}])
            except CannotAsk as refused:
                refusals.append(refused.failure.message)

        assert set(refusals) <= {"'messages' are nested too deeply."}

    def test_may_return_pictures(self):
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        found = contents_of(
            {"role": "assistant", "tool_calls": [CALL]},
            {
                "role": "tool",
                "tool_call_id": "call_1",
                "content": [{"type": "text", "text": "See"}, picture],
            },
        )

        result = found[1]["parts"][0]["functionResponse"]
        assert result["response"] == {"output": "See"}
        assert result["parts"] == [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]


class TestThoughtSignatures:
    def said(self, *details, calls=(CALL,), model="gemini-3-pro-preview", content=None):
        message = {
            "role": "assistant",
            "content": content,
            "tool_calls": list(calls),
            "reasoning_details": list(details),
        }
        return contents_of({"role": "user", "content": "x"}, message, model=model)[1]["parts"]

    def detail(self, **more):
        return {
            "type": "reasoning.encrypted",
            "format": "google-gemini-v1",
            "data": "c2ln",
            "index": 0,
            **more,
        }

    def test_go_back_to_the_call_that_they_came_with(self):
        parts = self.said(
            self.detail(id="call_2"), calls=[CALL, {**CALL, "id": "call_2"}], model="gemini-2.5-pro"
        )

        assert [part.get("thoughtSignature") for part in parts] == [None, "c2ln"]

    def test_go_back_to_the_text_without_an_id(self):
        parts = self.said(self.detail(), calls=(), content="Hello")

        assert parts == [{"text": "Hello", "thoughtSignature": "c2ln"}]

    def test_go_back_without_any_text(self):
        assert self.said(self.detail(), calls=()) == [{"text": "", "thoughtSignature": "c2ln"}]

    def test_of_other_providers_are_none(self):
        parts = self.said(self.detail(format="anthropic-claude-v1", id="call_1"), model="gemini-2.5-pro")

        assert "thoughtSignature" not in parts[0]

    def test_are_replaced_where_another_model_made_the_call_and_gemini_would_refuse_it(self):
        parts = self.said(calls=[CALL, {**CALL, "id": "call_2"}])

        assert [part.get("thoughtSignature") for part in parts] == ["skip_thought_signature_validator", None]

    def test_go_back_to_pictures(self):
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        message = {
            "role": "assistant",
            "content": "Look",
            "images": [image],
            "reasoning_details": [self.detail(id="image-0")],
        }

        parts = contents_of({"role": "user", "content": "x"}, message)[1]["parts"]

        assert parts[1] == {
            "inlineData": {"mimeType": "image/png", "data": "AAAA"},
            "thoughtSignature": "c2ln",
        }


class TestTools:
    def test_are_function_declarations_with_json_schema(self):
        _, sent = build({"tools": [WEATHER], "tool_choice": "auto"})

        function = WEATHER["function"]
        assert sent["tools"] == [
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "description": "The weather",
                        "parametersJsonSchema": function["parameters"],
                    }
                ]
            }
        ]
        assert sent["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}

    @pytest.mark.parametrize(
        ("choice", "calling"),
        [
            ("none", {"mode": "NONE"}),
            ("required", {"mode": "ANY"}),
            (
                {"type": "function", "function": {"name": "weather"}},
                {"mode": "ANY", "allowedFunctionNames": ["weather"]},
            ),
            (
                {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [WEATHER]}},
                {"mode": "VALIDATED", "allowedFunctionNames": ["weather"]},
            ),
        ],
    )
    def test_are_chosen_as_the_caller_says(self, choice, calling):
        _, sent = build({"tools": [WEATHER], "tool_choice": choice})

        assert sent["toolConfig"]["functionCallingConfig"] == calling

    @pytest.mark.parametrize(
        "choice", ["whatever", {"type": "function"}, {"type": "openrouter:web_search"}, 7]
    )
    def test_are_refused_with_a_choice_that_is_none(self, choice):
        with pytest.raises(CannotAsk, match="tool_choice"):
            build({"tools": [WEATHER], "tool_choice": choice})

    @pytest.mark.parametrize(
        "tool", [{"type": "openrouter:web_search"}, {"type": "function"}, {"function": {}}]
    )
    def test_that_are_no_functions_are_refused(self, tool):
        with pytest.raises(CannotAsk, match="'tools'"):
            build({"tools": [tool]})

    def test_without_parameters_have_no_schema(self):
        _, sent = build({"tools": [{"type": "function", "function": {"name": "now", "parameters": {}}}]})

        assert sent["tools"] == [{"functionDeclarations": [{"name": "now"}]}]

    def test_name_what_is_promised_to_openai_only(self):
        strict = {"type": "function", "function": {"name": "now", "strict": True}}

        request, _ = build({"tools": [strict], "parallel_tool_calls": False})

        assert request.dropped == ("parallel_tool_calls", "tools.strict")


class TestASchema:
    def cleaned(self, schema):
        response_format = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        return config_of({"response_format": response_format})["responseJsonSchema"]

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"const": "a"}, {"enum": ["a"]}),
            (
                {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "string"},
                {"type": "string"},
            ),
            ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
            ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
            ({"anyOf": [{"const": 1}, {"type": "null"}]}, {"anyOf": [{"enum": [1]}, {"type": "null"}]}),
            (
                {"definitions": {"a": {"const": 1}}, "$ref": "#/definitions/a"},
                {"$defs": {"a": {"enum": [1]}}, "$ref": "#/$defs/a"},
            ),
            (
                {"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}},
                {"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}},
            ),
            ({"allOf": [{"type": "string"}], "title": "T"}, {"type": "string", "title": "T"}),
            (
                {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}, "required": ["b"]}]},
                {"properties": {"a": {}, "b": {}}, "required": ["b"]},
            ),
            (
                {"allOf": [{"type": "string"}, {"type": "integer"}]},
                {"allOf": [{"type": "string"}, {"type": "integer"}]},
            ),
            ({"properties": {"const": {"type": "string"}}}, {"properties": {"const": {"type": "string"}}}),
            (
                {"additionalProperties": False, "pattern": "a"},
                {"additionalProperties": False, "pattern": "a"},
            ),
            (True, True),
        ],
    )
    def test_is_said_in_the_keywords_that_gemini_heeds(self, given, said):
        assert self.cleaned(given) == said

    @pytest.mark.parametrize("depth", [100, 400])
    def test_that_is_nested_absurdly_deep_is_refused(self, depth):
        schema = {"type": "string"}
        for _ in range(depth):
            schema = {"type": "array", "items": schema}

        with pytest.raises(CannotAsk, match="nested too deeply"):
            self.cleaned(schema)


class TestTheFormatOfTheAnswer:
    def test_may_be_json(self):
        config = config_of({"response_format": {"type": "json_object"}})

        assert config == {"responseMimeType": "application/json"}

    def test_may_be_text(self):
        assert config_of({"response_format": {"type": "text"}}) == {}

    @pytest.mark.parametrize("kind", ["grammar", "python", ["x"]])
    def test_that_gemini_does_not_know_is_refused(self, kind):
        with pytest.raises(CannotAsk, match="response_format"):
            build({"response_format": {"type": kind}})


class TestSampling:
    def test_has_its_places(self):
        config = config_of(
            {
                "temperature": 0,
                "top_p": 0.5,
                "top_k": 4,
                "max_tokens": 7,
                "stop": "END",
                "seed": 1,
                "presence_penalty": 0.1,
                "frequency_penalty": 0.2,
                "n": 2,
                "logprobs": True,
                "top_logprobs": 3,
            }
        )

        assert config == {
            "temperature": 0,
            "topP": 0.5,
            "topK": 4,
            "maxOutputTokens": 7,
            "stopSequences": ["END"],
            "seed": 1,
            "presencePenalty": 0.1,
            "frequencyPenalty": 0.2,
            "candidateCount": 2,
            "responseLogprobs": True,
            "logprobs": 3,
        }

    def test_prefers_the_newer_bound(self):
        assert config_of({"max_tokens": 1, "max_completion_tokens": 2, "stop": ["a", "b"]}) == {
            "maxOutputTokens": 2,
            "stopSequences": ["a", "b"],
        }

    def test_names_what_gemini_has_no_words_for(self):
        request, sent = build(
            {
                "min_p": 0.1,
                "top_a": 0.1,
                "repetition_penalty": 1.1,
                "logit_bias": {"1": 1},
                "verbosity": "low",
                "prediction": {"type": "content"},
                "web_search_options": {},
                "service_tier": "flex",
                "metadata": {"a": "b"},
                "cache_control": {"type": "ephemeral"},
                "something_new": 1,
                "unset": None,
                "structured_outputs": True,
                "session_id": "s",
            }
        )

        assert sent.keys() == {"contents"}
        assert request.dropped == (
            "cache_control",
            "logit_bias",
            "metadata",
            "min_p",
            "prediction",
            "repetition_penalty",
            "service_tier",
            "something_new",
            "top_a",
            "verbosity",
            "web_search_options",
        )

    def test_tells_the_simulator_how_long_to_wait_and_nobody_else(self):
        wish = {"simulator": {"first_delay_ms": 1}}
        simulator = make_provider("simulator", is_simulator=True)

        assert "simulator" not in build(wish)[1]
        assert build(wish, provider=simulator)[1]["simulator"] == {"first_delay_ms": 1}


class TestReasoning:
    @pytest.mark.parametrize(
        ("wish", "config"),
        [
            ({"reasoning": {"effort": "low"}}, {"thinkingBudget": 1024, "includeThoughts": True}),
            ({"reasoning_effort": "high"}, {"thinkingBudget": 24576, "includeThoughts": True}),
            (
                {"reasoning": {"effort": "high"}, "max_tokens": 10_000},
                {"thinkingBudget": 8000, "includeThoughts": True},
            ),
            ({"reasoning": {"enabled": True}}, {"thinkingBudget": 8192, "includeThoughts": True}),
            ({"reasoning": {"enabled": False}}, {"thinkingBudget": 0}),
            ({"reasoning": {"effort": "none"}}, {"thinkingBudget": 0}),
            (
                {"reasoning": {"max_tokens": 300, "exclude": True}},
                {"thinkingBudget": 300, "includeThoughts": False},
            ),
            ({"include_reasoning": True}, {"includeThoughts": True}),
            ({"include_reasoning": False}, None),
            ({"reasoning": {}}, None),
            ({}, None),
        ],
    )
    def test_is_a_budget_up_to_the_second_generation(self, wish, config):
        assert config_of(wish).get("thinkingConfig") == config

    @pytest.mark.parametrize("model", ["gemini-3-pro-preview", "gemini-3.5-flash", "gemini-flash-latest"])
    @pytest.mark.parametrize(
        ("effort", "level"),
        [
            ("none", "MINIMAL"),
            ("minimal", "MINIMAL"),
            ("low", "LOW"),
            ("medium", "MEDIUM"),
            ("xhigh", "HIGH"),
        ],
    )
    def test_is_a_level_from_the_third_on(self, model, effort, level):
        config = config_of({"reasoning": {"effort": effort}}, model)["thinkingConfig"]

        assert config == {"thinkingLevel": level, "includeThoughts": True}

    def test_is_shown_unasked_by_models_that_reason(self):
        thinker = frozenset({"reasoning"})

        shown = config_of({}, supported_parameters=thinker)
        hidden = config_of({"reasoning": {"exclude": True}}, supported_parameters=thinker)

        assert (shown, hidden) == ({"thinkingConfig": {"includeThoughts": True}}, {})

    def test_names_what_cannot_be_said(self):
        request, _ = build({"reasoning": {"effort": "gigantic", "summary": "detailed"}})

        assert request.dropped == ("reasoning.effort", "reasoning.summary")


class TestOutputModalities:
    def test_may_be_images(self):
        request, sent = build(
            {
                "modalities": ["image", "text"],
                "image_config": {"aspect_ratio": "16:9", "image_size": "2K", "quality": "high"},
            }
        )

        assert sent["generationConfig"] == {
            "responseModalities": ["IMAGE", "TEXT"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
        }
        assert request.dropped == ("image_config.quality",)

    def test_of_text_go_without_saying(self):
        assert config_of({"modalities": ["text"]}) == {}

    def test_of_sound_are_refused(self):
        with pytest.raises(CannotAsk, match="modalities"):
            build({"modalities": ["text", "audio"]})


class TestText:
    @pytest.mark.parametrize("text", ["a\x00b", "\ud800", "😀", '"\\'])
    def test_of_any_kind_is_carried(self, text):
        sent = json.loads(send([{"role": "user", "content": text}]))

        assert sent["contents"][0]["parts"][0]["text"] == text
