"""A preset lies under a request: what the request says wins, field by field, and tools are united by identity."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from routing.call import CACHE_MARKERS
from routing.gateway.client import RefusedError
from routing.gateway.dialects import DIALECTS
from routing.gateway.dialects.chat import CHECKS, read_models
from routing.gateway.dialects.parameters import check
from routing.gateway.dialects.preferences import read_preferences
from routing.gateway.preparing import Governing, prepared_with
from routing.gateway.presets import find_preset, identity_of, merge, preset_named, size_of, unite, with_preset
from routing.guardrails.rules import Layer, Rules
from routing.guardrails.rules import merge as merge_layers
from routing.policy import PresetContent, PresetEntry
from routing.preset_bodies import read_body
from routing.preset_config import checked
from tests.routing.test_preset_bodies import BODIES

HELLO = [{"role": "user", "content": "Hello"}]


def function(name: str, **more: object):
    return {"type": "function", "function": {"name": name, **more}}


def preset(config: dict | None = None, prompt: str | None = None, status: str = "active"):
    text = json.dumps(config or {}).encode()
    return PresetEntry("brief", "a-preset", status, PresetContent("a-version", 3, prompt, text))


def read(slug: str = "chat", **body: object):
    about = {"messages": HELLO, "max_tokens": 9} if slug in ("chat", "messages") else {}
    return DIALECTS[slug].read_call(json.dumps(about | body).encode(), {})


class TestAReference:
    @pytest.mark.parametrize(
        "body",
        [
            {"model": "@preset/brief"},
            {"model": "a/b@preset/brief"},
            {"model": "a/b", "preset": "brief"},
            {"models": ["a/b", "c/d@preset/brief"]},
            {"model": "@preset/brief", "models": ["a/b@preset/brief"], "preset": "brief"},
        ],
    )
    def test_is_a_field_a_model_or_follows_a_model(self, body):
        assert preset_named(read(**body)) == "brief"

    @pytest.mark.parametrize("body", [{"model": "a/b"}, {}, {"model": "a/b", "preset": None}])
    def test_is_made_by_few_requests(self, body):
        assert preset_named(read(**body)) is None

    def test_may_not_be_to_two_presets(self):
        with pytest.raises(RefusedError, match="more than one preset"):
            preset_named(read(model="@preset/brief", preset="long"))

    def test_to_none_of_the_workspaces_is_400_and_names_it(self):
        with pytest.raises(RefusedError, match="'brief' does not exist") as refused:
            find_preset({}, "brief")

        assert refused.value.refusal.status == 400

    @pytest.mark.parametrize("status", ["disabled", "archived"])
    def test_to_one_that_may_not_be_used_says_so(self, status):
        with pytest.raises(RefusedError, match=f"'brief' is {status}"):
            find_preset({"brief": PresetEntry("brief", "a-preset", status)}, "brief")


class TestParameters:
    def test_of_the_request_win_and_others_are_the_presets(self):
        merged = merge(
            {"temperature": 1, "top_p": 0.5, "messages": HELLO}, {"temperature": 0, "seed": 7}, None
        )

        assert merged == {"temperature": 1, "top_p": 0.5, "seed": 7, "messages": HELLO}

    def test_are_not_said_by_null(self):
        assert merge({"temperature": None}, {"temperature": 0}, None) == {"temperature": 0}

    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ({"max_completion_tokens": 5}, {"max_tokens": 900}),
            ({"max_tokens": 5}, {"max_completion_tokens": 900}),
            ({"reasoning_effort": "low"}, {"reasoning": {"effort": "high"}}),
        ],
    )
    def test_of_two_names_are_one(self, said, kept):
        assert merge(said, kept, None) == said

    def test_of_a_field_that_is_an_object_are_replaced_with_it(self):
        merged = merge(
            {"response_format": {"type": "text"}}, {"response_format": {"type": "json_object"}}, None
        )

        assert merged == {"response_format": {"type": "text"}}

    def test_about_caching_go_to_nobody(self):
        assert merge({}, {"cache_enabled": True, "cache_ttl_seconds": 9, "seed": 1}, None) == {"seed": 1}

    @pytest.mark.parametrize(
        ("dialect", "left_out"),
        [("completions", {"tools", "tool_choice"}), ("messages", {"n"}), ("responses", {"n"})],
    )
    def test_that_an_entrance_cannot_answer_are_left_out(self, dialect, left_out):
        config = {"tools": [function("a")], "tool_choice": "auto", "n": 2, "seed": 1}

        assert merge({"messages": HELLO}, config, None, dialect).keys() == config.keys() - left_out | {
            "messages"
        }

    def test_of_embeddings_are_models_and_routing_only(self):
        config = {"model": "a/b", "provider": {"zdr": True}, "temperature": 1, "tools": [function("a")]}

        assert merge({"input": "x"}, config, "Be brief.", "embeddings") == {
            "model": "a/b",
            "provider": {"zdr": True},
            "input": "x",
        }

    def test_leave_the_preset_and_the_request_as_they_were(self):
        body = {"messages": HELLO, "tools": [function("a")], "provider": {"sort": "price"}}
        config = {"tools": [function("b")], "provider": {"zdr": True}}
        before = json.dumps([body, config])

        merge(body, config, "Be brief.")

        assert json.dumps([body, config]) == before


class TestModels:
    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({"model": "@preset/brief"}, {"model": "a/b", "models": ["c/d"]}),
            ({"model": "x/y@preset/brief"}, {"model": "x/y", "models": ["c/d"]}),
            ({"model": "x/y", "preset": "brief"}, {"model": "x/y", "models": ["c/d"]}),
            ({"preset": "brief"}, {"model": "a/b", "models": ["c/d"]}),
            ({"model": "x/y", "models": ["@preset/brief"]}, {"model": "x/y", "models": ["a/b", "c/d"]}),
            ({"models": ["x/y@preset/brief", "z/z"]}, {"model": "a/b", "models": ["x/y", "z/z"]}),
        ],
    )
    def test_are_the_requests_where_it_names_any(self, said, expected):
        assert merge(said, {"model": "a/b", "models": ["c/d"]}, None) == expected

    def test_may_be_named_by_nobody(self):
        assert merge({"model": "@preset/brief"}, {}, None) == {}


class TestProviderPreferences:
    def test_are_merged_one_by_one(self):
        merged = merge(
            {"provider": {"sort": "latency", "only": None}},
            {"provider": {"sort": "price", "zdr": True, "only": ["alpha"]}},
            None,
        )

        assert merged["provider"] == {"sort": "latency", "zdr": True, "only": ["alpha"]}


class TestTools:
    def test_of_the_preset_come_first_and_are_overridden_in_their_place(self):
        kept = [function("a"), function("b"), {"type": "openrouter:web_search"}]
        said = [function("new"), function("b", strict=True)]

        assert unite(kept, said) == [
            function("a"),
            function("b", strict=True),
            {"type": "openrouter:web_search"},
            function("new"),
        ]

    def test_of_a_kind_with_instances_are_told_apart_by_name(self):
        ideas = {"type": "openrouter:subagent", "parameters": {"name": "ideas"}}
        mockups = {"type": "openrouter:subagent", "parameters": {"name": "mockups"}}
        other = {"type": "headgate:subagent", "parameters": {"name": "ideas", "model": "a/b"}}

        assert unite([ideas, mockups], [other]) == [other, mockups]

    def test_without_an_identity_are_all_kept(self):
        assert unite([{"type": "odd"}], [{"type": "odd"}]) == [{"type": "odd"}, {"type": "odd"}]

    def test_remain_where_the_request_has_none(self):
        assert merge({"tools": []}, {"tools": [function("a")]}, None)["tools"] == [function("a")]

    @pytest.mark.parametrize(
        "tool",
        [
            {},
            {"type": 7},
            {"type": "function", "function": 7},
            {"type": "openrouter:advisor", "parameters": 7},
        ],
    )
    def test_of_any_shape_are_the_providers_to_judge(self, tool):
        identity_of(tool)

    def test_chosen_by_a_preset_without_tools_are_not_insisted_on(self):
        assert merge({}, {"tool_choice": "auto"}, None) == {}

    def test_that_the_gateway_runs_come_as_in_a_body(self):
        tools = [{"type": "openrouter:web_search"}]

        assert with_preset(read(model="a/b"), preset({"tools": tools})).body["tools"] == tools


class TestTheSystemPrompt:
    @pytest.mark.parametrize(
        ("first", "expected"),
        [
            (None, {"role": "system", "content": "Be brief."}),
            (
                {"role": "system", "content": "Be kind."},
                {"role": "system", "content": "Be brief.\n\nBe kind."},
            ),
            (
                {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
                {
                    "role": "developer",
                    "content": [
                        {"type": "text", "text": "Be brief.\n\n"},
                        {"type": "text", "text": "Be kind."},
                    ],
                },
            ),
        ],
    )
    def test_is_in_front_of_all_others_in_one_message(self, first, expected):
        messages = ([first] if first else []) + HELLO

        assert merge({"messages": messages}, {}, "Be brief.")["messages"] == [expected, *HELLO]

    @pytest.mark.parametrize(
        ("slug", "body"),
        [
            ("messages", {"system": "Be kind."}),
            ("responses", {"instructions": "Be kind.", "input": "Hello"}),
            ("completions", {"prompt": "Hello"}),
        ],
    )
    def test_is_in_front_in_every_dialect(self, slug, body):
        call = with_preset(read(slug, model="@preset/brief", **body), preset({"model": "a/b"}, "Be brief."))

        assert call.dialect == slug
        assert call.body["messages"][0]["role"] == "system"
        assert str(call.body["messages"][0]["content"]).startswith("Be brief.")


class TestGuardrails:
    def test_look_at_the_presets_texts_too(self):
        banned = {"content_filters": [{"pattern": "brief", "action": "block", "label": "brevity"}]}
        rules = merge_layers([Rules.of(Layer("account"), banned)])
        preparation = prepared_with(Governing(rules, ()))

        assert preparation.prepare(read(model="a/b")).scan.block is None
        assert preparation.prepare(read(model="a/b"), preset({}, "Be brief.")).scan.block is not None


class TestTheMergedCall:
    def test_is_what_the_decision_sees(self):
        config = {
            "model": "a/b",
            "models": ["c/d"],
            "max_tokens": 77,
            "n": 2,
            "provider": {"zdr": True},
            "top_k": 3,
        }
        plain = DIALECTS["chat"].read_call(json.dumps({"preset": "brief", "messages": HELLO}).encode(), {})

        call = with_preset(plain, preset(config))

        assert (call.models, call.max_tokens, call.choices) == (("a/b", "c/d"), 77, 2)
        assert (call.preferences.zdr, call.parameters) == (True, {"max_tokens", "top_k"})
        assert "preset" not in call.body

    def test_holds_money_for_the_preset_too(self):
        call, entry = read(model="@preset/brief"), preset({"model": "a/b"}, "word " * 3000)

        assert with_preset(call, entry).prompt_tokens >= call.prompt_tokens + size_of(entry) // 3

    def test_says_which_version_it_was_merged_with(self):
        used = with_preset(read(model="a/b"), preset({"cache_enabled": True, "cache_ttl_seconds": 60})).preset

        assert (used.id, used.slug, used.version, used.version_id) == ("a-preset", "brief", 3, "a-version")
        assert (used.is_cached, used.cache_seconds) == (True, 60)

    def test_keeps_what_the_dialect_remembers(self):
        call = with_preset(
            read("messages", model="a/b", container="x", stop_sequences=["."]), preset({"seed": 1})
        )

        assert call.detail["messages"]["stop"] == ["."]
        assert {"container", "seed"} <= call.parameters

    def test_may_hold_cache_markers(self):
        tool = {**function("a"), "cache_control": {"type": "ephemeral"}}

        assert with_preset(read(model="a/b"), preset({"tools": [tool]})).detail[CACHE_MARKERS] is True

    @settings(max_examples=200, deadline=None)
    @given(body=BODIES, config=BODIES)
    def test_is_made_or_refused_whatever_is_merged(self, body, config):
        try:
            kept = checked(read_body("chat/completions", config))
            call = read(**{"model": "a/b", **body, "messages": HELLO})
        except RefusedError:
            return

        try:
            merged = with_preset(call, preset(kept.config, "Be brief."))
        except RefusedError:
            return

        assert merged.body["messages"][-1] == HELLO[0]
        check(merged.body, CHECKS)
        assert merged.models == read_models(merged.body)
        assert merged.preferences == read_preferences(merged.body)

    def test_leaves_the_preset_as_it_is(self):
        entry = preset({"model": "a/b", "provider": {"sort": "price"}, "tools": [function("a")]}, "Be brief.")

        with_preset(read(provider={"only": ["x"]}, tools=[function("b")]), entry)
        call = with_preset(read(), entry)

        assert (call.preferences.sort, call.preferences.only) == ("price", ())
        assert call.body["tools"] == [function("a")]
