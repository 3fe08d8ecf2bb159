"""Many patterns at once: none that matches is ever left out."""

from __future__ import annotations

import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.guardrails.pattern_set import PatternSet
from routing.guardrails.patterns import InvalidPattern, compile_pattern

PIECES = [
    "a",
    "b",
    "ab",
    "[ab]",
    ".",
    r"\d",
    "a*",
    "(?:a|b)",
    "(?i)K",
    "é",
    r"\s",
    "^",
    "$",
    r"\b",
    "x?",
    "[^a]",
    "k{2}",
]


class TestCandidates:
    @settings(max_examples=500, deadline=None)
    @given(
        st.lists(
            st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join), min_size=3, max_size=8
        ),
        st.text(alphabet="abkKxéÉ1 \n\u212a", max_size=12),
    )
    def test_are_all_that_match(self, patterns: list[str], text: str):
        compiled = []
        for pattern in patterns:
            try:
                compiled.append((compile_pattern(pattern), len(compiled)))
            except InvalidPattern:
                continue

        candidates = {label for _, label in PatternSet(compiled).candidates(text.encode())}

        assert {label for pattern, label in compiled if pattern.search(text.encode())} <= candidates

    def test_are_few_of_many(self):
        patterns = [(re2.compile(rf"secret-{number}-\w+"), number) for number in range(500)]

        assert [label for _, label in PatternSet(patterns).candidates(b"secret-77-x secret-8")] == [77]
