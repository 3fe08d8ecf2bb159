"""What a chat request asks for at most, and what its prompt is worth when a provider never says."""

from __future__ import annotations

import json

import pytest

from routing.gateway.dialects.chat import count_tokens, read_call


def read(**more: object):
    body = {"model": "a/b", "messages": [{"role": "user", "content": "hi"}]} | more
    return read_call(json.dumps(body).encode(), {})


class TestTheBoundOfAnAnswer:
    @pytest.mark.parametrize(
        ("asked", "bound"),
        [
            ({}, None),
            ({"max_tokens": 7}, 7),
            ({"max_completion_tokens": 7}, 7),
            ({"max_completion_tokens": 1, "max_tokens": 90_000}, 90_000),
            ({"max_completion_tokens": 90_000, "max_tokens": 1}, 90_000),
        ],
    )
    def test_is_the_larger_of_the_two_because_providers_differ_in_which_they_heed(self, asked, bound):
        assert read(**asked).max_tokens == bound


class TestCountingWithoutATokenizer:
    def test_counts_the_words_of_prose(self):
        assert count_tokens("Seven words make up this short sentence.\n") == 7

    def test_does_not_take_a_prompt_without_spaces_for_one_word(self):
        assert count_tokens("x1_" * 8_000) == 3_000

    def test_does_not_count_blanks(self):
        assert count_tokens(" \n\t" * 8_000) == 0

    def test_counts_scripts_without_spaces(self):
        assert count_tokens("\u4f60\u597d" * 100) == 100
        assert count_tokens("\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23" * 100) == 100
