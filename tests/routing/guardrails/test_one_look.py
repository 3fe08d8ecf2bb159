"""One look at all texts of a request: it may fail to say that nothing is found, but never says so wrongly."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.patterns import PATTERNS
from routing.guardrails.one_look import one_look, plain_texts
from routing.guardrails.patterns import InvalidPattern, compile_pattern
from routing.guardrails.rules import Layer, Rules, merge
from routing.guardrails.scanning import Scanner
from routing.guardrails.texts import texts_of
from tests.routing.guardrails.test_pattern_set import PIECES

CLEAN = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]}
TEXT = st.text(alphabet='abkKxéÉ1 \n{}[]":\u212a', max_size=12)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "critic"])},
    optional={
        "content": TEXT
        | st.none()
        | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXT})),
        "name": TEXT,
        "id": TEXT,
    },
)
BODY = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, max_size=4)},
    optional={
        "model": TEXT,
        "temperature": st.floats(0, 2),
        "max_tokens": st.integers(1, 10**9),
        "stream": st.booleans(),
        "user": TEXT,
        "stop": TEXT | st.lists(TEXT, max_size=2),
        "tool_choice": st.sampled_from(["auto", "none", "a"]),
        "prompt": TEXT,
        "tools": st.just([{"type": "function", "function": {"name": "a", "description": "b"}}]),
        "provider": st.fixed_dictionaries({"order": st.lists(TEXT, max_size=1)}),
        "metadata": st.just(msgspec.Raw(b'{"a":"b"}')) | st.dictionaries(TEXT, TEXT, max_size=2),
    },
)


def scanner(*patterns: str, **settings: Any) -> Scanner:
    filters = [{"pattern": pattern, "action": "redact"} for pattern in patterns]
    return Scanner(merge([Rules.of(Layer("workspace"), {"content_filters": filters} | settings)]))


class TestPlainTexts:
    @settings(max_examples=500, deadline=None)
    @given(BODY)
    def test_are_all_that_there_are_or_are_not_told(self, body: dict[str, Any]):
        texts = plain_texts(body)

        assert texts is None or texts == [text.text for text in texts_of(body)]

    def test_are_told_of_most_requests(self):
        more = {"model": "a/b", "temperature": 0.5, "stream": True, "user": "u", "provider": {"order": ["a"]}}

        assert plain_texts(CLEAN | more) == ["Be brief.", "Hello"]


class TestOneLook:
    @settings(max_examples=500, deadline=None)
    @given(
        st.lists(
            st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), min_size=1, max_size=6
        ),
        BODY,
    )
    def test_never_misses_what_a_look_at_each_text_finds(self, patterns: list[str], body: dict[str, Any]):
        compiled = []
        for pattern in patterns:
            try:
                compiled.append(compile_pattern(pattern))
            except InvalidPattern:
                continue
        look = one_look(compiled)

        found = [
            pattern for pattern in compiled for text in texts_of(body) if pattern.search(text.text.encode())
        ]

        assert look is None or not (found and look.finds_nothing(body))

    def test_says_so_where_nothing_is_found(self):
        look = scanner(*PATTERNS)

        assert look.finds_nothing(CLEAN)
        assert look.scan(CLEAN).findings == ()

    @pytest.mark.parametrize("text", ["see PROJ-12345", "Confidentiality of this draft", "INTERNAL ONLY"])
    def test_leaves_to_the_scan_what_is_found(self, text):
        body = {"messages": [*CLEAN["messages"], {"role": "user", "content": text}]}
        look = scanner(*PATTERNS)

        assert not look.finds_nothing(body)
        assert look.scan(body).findings

    @pytest.mark.parametrize("pattern", ["^secret", "secret$", r"\Asecret", r"secret\z", "x*", "[^a]b"])
    def test_is_not_to_be_had_of_what_asks_for_the_ends_of_a_text_or_matches_nothing(self, pattern):
        assert one_look([compile_pattern(pattern)]) is None

    def test_takes_groups_of_the_same_name(self):
        assert one_look([compile_pattern(r"a(?P<n>\d)"), compile_pattern(r"b(?P<n>\d)")]) is not None

    def test_is_not_to_be_had_of_patterns_that_are_dear_together(self):
        patterns = [compile_pattern(rf"{letter}[a-h]{{9}}z") for letter in "abcdefgh"]

        assert one_look(patterns) is None

    def test_leaves_large_texts_to_the_scan(self):
        body = {"messages": [{"role": "user", "content": "word " * 20_000}]}

        assert not scanner(*PATTERNS).finds_nothing(body)

    def test_does_not_stand_for_checks_of_other_kinds(self):
        builtins = [{"slug": "email", "action": "redact"}]

        assert not scanner(*PATTERNS, content_filter_builtins=builtins).finds_nothing(CLEAN)
