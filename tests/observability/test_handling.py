"""What a generation's detail tells of its way, whatever is in it."""

from __future__ import annotations

from typing import Any

import pytest

from observability.handling import Handling, guardrail_findings

NOTHING = Handling("global", None, None, None, None, None, None, None, None)


class TestADetail:
    @pytest.mark.parametrize(
        "detail",
        [
            None,
            [],
            "text",
            {},
            {"is_truncated": True},
            {"region": 5, "service_tier": {}, "user_agent": [], "preset": "brief"},
            {"preset": {"id": 7}, "response_cache_source_id": None, "pipeline": {"type": "plugin"}},
            {"pipeline": [5, {}, {"type": "plugin"}, {"type": "plugin", "name": "web-search", "data": 3}]},
            {"pipeline": [{"type": "plugin", "name": "web-search", "data": {"engine": 1, "results": True}}]},
            {"pipeline": [{"type": "guardrail", "name": "auto-router", "data": {"router": "a/b"}}]},
        ],
    )
    def test_that_tells_nothing_or_nonsense_leaves_all_unknown(self, detail: Any):
        assert Handling.of(detail) == NOTHING
        assert guardrail_findings(detail) == []

    def test_of_a_search_by_the_provider_names_no_number(self):
        stage = {"type": "plugin", "name": "web-search", "data": {"engine": "native"}}

        handling = Handling.of({"pipeline": [stage]})

        assert (handling.search_engine, handling.search_results) == ("native", None)


class TestGuardrailFindings:
    def test_are_the_stages_that_found_something(self):
        passed = {"type": "guardrail", "data": {"detected": False}}
        found = {"type": "guardrail", "data": {"detected": True, "patterns": ["dan"]}}

        assert guardrail_findings({"pipeline": [passed, found, {"type": "guardrail"}]}) == [found]
