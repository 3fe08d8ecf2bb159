"""Patterns that take long are told from those that do not, whatever their size."""

from __future__ import annotations

import time

import pytest

from routing.guardrails.dearness import MOST_SECONDS, weight_of
from routing.guardrails.patterns import compile_pattern


def dear(*patterns: str) -> int:
    return weight_of([compile_pattern(pattern) for pattern in patterns]).dear


class TestAPattern:
    @pytest.mark.parametrize(
        "pattern", ["a[ab]{40}c", "a[ab]{280}c", "a" + "[ab]" * 40 + "c", "a(?:a|b){40}c", r"x[xyz]{100}!"]
    )
    def test_is_dear_whose_automaton_explodes(self, pattern: str):
        assert dear(pattern) == compile_pattern(pattern).programsize

    def test_may_be_dear_that_is_large(self):
        pattern = compile_pattern("|".join(f"{number**5:x}word" for number in range(2, 82)))

        assert weight_of([pattern]) == (pattern.programsize, 0)

    @pytest.mark.parametrize(
        "pattern",
        [
            "word",
            r"\b\d{16}\b",
            r"\b\d{3}[- ]?\d{2}[- ]?\d{4}\b",
            r"(?i)\b(project|secret)\s+\w+\b",
            r"[\w.+-]+@[\w-]+\.[\w.]{2,12}",
            r"sk-[A-Za-z0-9]{48}",
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            r"eyJ[\w-]*\.[\w-]+\.[\w-]+",
        ],
    )
    def test_is_not_that_is_of_every_day(self, pattern: str):
        assert dear(pattern) == 0

    def test_of_many_that_might_be_is_taken_for_dear_rather_than_tried_for_long(self):
        patterns = [compile_pattern(f"a[ab]{{40}}c{number}") for number in range(500)]
        began = time.thread_time()

        assert weight_of(patterns).dear == sum(pattern.programsize for pattern in patterns)

        assert time.thread_time() - began < 4 * MOST_SECONDS
