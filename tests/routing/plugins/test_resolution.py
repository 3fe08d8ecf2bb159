"""Which plugins run: what the request asks for, over what its workspace says."""

from __future__ import annotations

import msgspec
import pytest

from routing.gateway.client import RefusedError
from routing.plugins.resolution import plugins_of
from routing.policy import PluginDefault
from tests.routing.make import make_call

HI = [{"role": "user", "content": "Hi"}]
FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}


def resolved(defaults=(), **body):
    call = make_call("a/b", body={"messages": HI, **body})
    return plugins_of(call, dict(defaults))


def default(config=(), *, is_enabled=True, is_override_prevented=False):
    return PluginDefault(is_enabled, is_override_prevented, dict(config))


class TestARequest:
    def test_that_says_nothing_runs_nothing(self):
        assert resolved() == {}

    def test_turns_plugins_on_with_their_configuration(self):
        assert resolved(plugins=[{"id": "web", "max_results": 3}]) == {"web": {"max_results": 3}}

    def test_turns_plugins_off(self):
        assert resolved(plugins=[{"id": "web", "enabled": False}]) == {"web": None}

    def test_is_read_where_its_lists_came_back_as_text_from_the_other_process(self):
        said = {
            "plugins": [{"id": "web"}],
            "transforms": ["middle-out"],
            "messages": [{"role": "user", "content": [FILE]}],
        }
        raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in said.items()}
        call = make_call("a/b", body=raw, media_tokens=9)

        assert plugins_of(call, {}) == {"web": {}, "context-compression": {}, "file-parser": {}}

    def test_takes_null_for_nothing_said(self):
        entry = {"id": "web", "enabled": None, "max_results": None, "user_location": None}

        assert resolved(plugins=[entry]) == {"web": {}}
        assert resolved(plugins=None) == {}

    def test_adds_up_the_entries_of_one_plugin(self):
        entries = [{"id": "web", "max_results": 3, "mode": "fast"}, {"id": "web", "max_results": 4}]

        assert resolved(plugins=entries) == {"web": {"max_results": 4, "mode": "fast"}}

    def test_compresses_by_the_older_word_too(self):
        assert resolved(transforms=["middle-out"]) == {"context-compression": {}}
        assert resolved(transforms=[]) == {"context-compression": None}

    def test_with_a_file_has_it_parsed(self):
        call = make_call("a/b", body={"messages": [{"role": "user", "content": [FILE]}]}, media_tokens=1)

        assert plugins_of(call, {}) == {"file-parser": {}}
        assert plugins_of(call, {"file-parser": default(is_enabled=False)}) == {"file-parser": None}

    def test_for_embeddings_runs_nothing(self):
        call = make_call("a/b", body={"input": "x", "plugins": [{"id": "web"}]}, dialect="embeddings")

        assert plugins_of(call, {"web": default()}) == {}


class TestAWorkspace:
    def test_is_heeded_where_the_request_says_nothing(self):
        defaults = {"web": default({"max_results": 1}), "moderation": default(is_enabled=False)}

        assert resolved(defaults) == {"web": {"max_results": 1}, "moderation": None}

    def test_gives_way_field_by_field(self):
        defaults = {"web": default({"max_results": 1, "mode": "fast"})}

        assert resolved(defaults, plugins=[{"id": "web", "max_results": 2}]) == {
            "web": {"max_results": 2, "mode": "fast"}
        }
        assert resolved(defaults, plugins=[{"id": "web", "enabled": False}]) == {"web": None}

    def test_lends_its_configuration_to_a_request_that_turns_a_plugin_on(self):
        defaults = {"web": default({"max_results": 1}, is_enabled=False)}

        assert resolved(defaults, plugins=[{"id": "web"}]) == {"web": {"max_results": 1}}

    @pytest.mark.parametrize(
        "entry", [{"id": "web", "enabled": False}, {"id": "web", "max_results": 2}, {"id": "web"}]
    )
    def test_that_prevents_overrides_is_heeded_whatever_the_request_says(self, entry):
        on = {"web": default({"max_results": 1}, is_override_prevented=True)}
        off = {"web": default(is_enabled=False, is_override_prevented=True)}

        assert resolved(on, plugins=[entry]) == {"web": {"max_results": 1}}
        assert resolved(off, plugins=[entry]) == {"web": None}

    def test_that_prevents_overrides_of_compression_is_heeded_by_the_older_word_too(self):
        off = {"context-compression": default(is_enabled=False, is_override_prevented=True)}

        assert resolved(off, transforms=["middle-out"]) == {"context-compression": None}


class TestNonsense:
    @pytest.mark.parametrize(
        ("entry", "parameter"),
        [
            ({"id": "web-fetch"}, "plugins[0].id"),
            ({"id": "fusion", "preset": "general-low"}, "plugins[0].preset"),
            ({"id": "fusion", "analysis_models": ["openrouter/fusion"]}, "plugins[0].analysis_models"),
            ({"id": "fusion", "tools": [{"type": "openrouter:fusion"}]}, "plugins[0].tools[0].type"),
            ({"id": None}, "plugins[0].id"),
            ({"id": "web", "user_location": {"town": "x"}}, "plugins[0].user_location.town"),
            ({"id": "moderation", "strict": True}, "plugins[0].strict"),
            ({"id": "auto-router", "cost_tier": "huge"}, "plugins[0].cost_tier"),
            ({"id": "context-compression", "engine": "inside-out"}, "plugins[0].engine"),
        ],
    )
    def test_is_refused_by_its_name(self, entry, parameter):
        with pytest.raises(RefusedError) as refused:
            resolved(plugins=[entry])

        assert refused.value.refusal.status == 400
        assert refused.value.refusal.metadata["parameter"] == parameter

    def test_is_refused_even_where_overrides_are_prevented(self):
        with pytest.raises(RefusedError):
            resolved({"web": default(is_override_prevented=True)}, plugins=[{"id": "web", "x": 1}])
