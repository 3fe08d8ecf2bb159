"""Which requests ask for their answer to be cached, for how long, and which of them are the same one."""

from __future__ import annotations

import json

import pytest

from routing.call import PresetUse, ProviderPreferences
from routing.decision import Attempt, Decision
from routing.gateway.caching import key_of, seconds_of, with_caching
from routing.gateway.dialects import DIALECTS
from routing.guardrails.rules import Layer, Rules, merge
from routing.policy import Principal, RoutingDefaults
from tests.routing.make import make_endpoint, make_policy

ON, OFF = {b"x-openrouter-cache": b"true"}, {b"x-openrouter-cache": b"false"}
POLICY = make_policy()
DECISION = Decision(None, (Attempt(make_endpoint(model="a/b"), 1, 1),))


def preset(is_cached: bool | None = None, seconds: int | None = None) -> PresetUse:
    return PresetUse("id", "brief", 1, "version", is_cached, seconds)


def read(slug: str = "chat", **body: object):
    about = {"model": "a/b", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}
    return DIALECTS[slug].read_call(json.dumps(about | body).encode(), {})


class TestAsking:
    @pytest.mark.parametrize(
        ("headers", "used", "seconds"),
        [
            ({}, None, None),
            ({}, preset(), None),
            (ON, None, 300),
            (ON, preset(), 300),
            ({b"x-headgate-cache": b" True "}, None, 300),
            ({b"x-openrouter-cache": b"yes"}, None, None),
            (OFF, None, None),
            ({}, preset(True), 300),
            ({}, preset(True, 600), 600),
            (OFF, preset(True, 600), None),
            (ON, preset(False, 600), None),
            (ON, preset(None, 600), 600),
        ],
    )
    def test_is_done_by_a_header_or_a_preset_as_documented(self, headers, used, seconds):
        assert seconds_of(headers, used) == seconds

    @pytest.mark.parametrize(
        ("given", "seconds"),
        [
            (b"60", 60),
            (b"60abc", 60),
            (b"1.5", 1),
            (b"0", 1),
            (b"99999999", 86_400),
            (b"999999999999999999999", 86_400),
            (b"abc", 600),
            (b"-5", 600),
            (b"", 600),
            ("\u0663".encode(), 600),
        ],
    )
    def test_may_say_for_how_long(self, given, seconds):
        for name in (b"x-openrouter-cache-ttl", b"x-headgate-cache-ttl"):
            assert seconds_of({**ON, name: given}, preset(True, 600)) == seconds

    def test_is_not_done_by_the_header_of_how_long(self):
        assert seconds_of({b"x-openrouter-cache-ttl": b"60"}, None) is None

    def test_costs_a_request_that_does_not_nothing(self):
        call = read()

        assert with_caching(call, {b"x-title": b"App"}, POLICY, DECISION) is call

    def test_may_be_for_a_fresh_answer(self):
        headers = {**ON, b"x-openrouter-cache-clear": b"true"}

        assert with_caching(read(), headers, POLICY, DECISION).caching.is_cleared
        assert not with_caching(read(), ON, POLICY, DECISION).caching.is_cleared


class TestZeroDataRetention:
    def test_of_the_request_is_not_cached(self):
        assert with_caching(read(provider={"zdr": True}), ON, POLICY, DECISION).caching is None

    def test_of_the_workspace_is_not_cached(self):
        policy = make_policy(routing=RoutingDefaults(ProviderPreferences(zdr=True)))

        assert with_caching(read(), ON, policy, DECISION).caching is None

    @pytest.mark.parametrize("layer", ["account", "workspace", "member", "api-key"])
    def test_of_any_layer_is_not_cached(self, layer):
        policy = make_policy(rules=merge([Rules.of(Layer(layer), {"enforce_zdr": True})]))

        assert with_caching(read(), ON, policy, DECISION).caching is None

    def test_of_other_models_is_cached(self):
        policy = make_policy(rules=merge([Rules.of(Layer("account"), {"enforce_zdr_anthropic": True})]))

        assert with_caching(read(), ON, policy, DECISION).caching is not None


class TestTheSameRequest:
    def test_is_the_same_whatever_blanks_it_was_sent_with(self):
        spaced = DIALECTS["chat"].read_call(json.dumps(read().body, indent=4).encode(), {})

        assert key_of(spaced, POLICY) == key_of(read(), POLICY)

    def test_is_another_one_for_each_key_entrance_and_kind_of_answer(self):
        other = make_policy(principal=Principal("api_key", 1, 2, 4, key_hash="e" * 64))
        rotated = make_policy(principal=Principal("api_key", 1, 2, 3, key_hash="e" * 64))
        calls = [read(), read("messages"), read(stream=True), read(model="c/d"), read(temperature=1.0)]

        keys = {key_of(call, POLICY) for call in calls} | {key_of(read(), one) for one in (other, rotated)}

        assert len(keys) == 7

    def test_is_another_one_with_its_parameters_in_another_order(self):
        body = read().body
        turned = dict(reversed(body.items()))

        assert key_of(read(), POLICY) != key_of(
            DIALECTS["chat"].read_call(json.dumps(turned).encode(), {}), POLICY
        )

    def test_is_the_same_with_another_application(self):
        call = DIALECTS["chat"].read_call(json.dumps(read().body).encode(), {b"x-title": b"App"})

        assert key_of(call, POLICY) == key_of(read(), POLICY)

    def test_is_another_one_where_answers_are_looked_at(self):
        filters = {"content_filters": [{"pattern": "a", "action": "redact"}], "is_filtering_outputs": True}

        assert key_of(read(), make_policy(rules=merge([Rules.of(Layer("account"), filters)]))) != key_of(
            read(), POLICY
        )

    @pytest.mark.parametrize(
        "settings",
        [
            {"content_filters": [{"pattern": "a", "action": "block"}]},
            {"content_filter_builtins": [{"slug": "email", "action": "block"}]},
        ],
    )
    def test_is_another_one_where_what_plugins_read_would_not_pass_any_more(self, settings):
        stricter = make_policy(rules=merge([Rules.of(Layer("account"), settings)]))

        assert key_of(read(), stricter) != key_of(read(), POLICY)

    def test_is_another_one_where_the_answer_repeats_something_else(self):
        one, other = ({"metadata": {"n": name}, "input": "x", "messages": None} for name in "ab")

        assert key_of(read("responses", **one), POLICY) != key_of(read("responses", **other), POLICY)
