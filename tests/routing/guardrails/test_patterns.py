"""Custom patterns: what is taken, what is refused, and what it matches."""

from __future__ import annotations

import contextlib
import time

import pytest

from routing.guardrails.patterns import InvalidPattern, compile_pattern


class TestAPattern:
    @pytest.mark.parametrize(
        "pattern",
        [
            r"\b(sk-[a-zA-Z0-9]{48})\b",
            r"AKIA[0-9A-Z]{16}",
            r"https?://internal\.company\.com\S*",
            r"(?:\d{1,3}\.){3}\d{1,3}",
            r"(foo|bar)+",
            r"(?<year>\d{4})-(?P<month>\d\d)",
            r"^(?i:secret)$",
            r"[[:alpha:]]+\p{L}*",
            r"(a+){3}(a+)?",
            r"[(]a+[)]+\(a+\)+",
            r"((a)|(b))+",
            r"x*?y+?z{2,}?",
            "a" * 100_000,
        ],
    )
    def test_is_taken_as_the_contract_says(self, pattern: str):
        compile_pattern(pattern)

    @pytest.mark.parametrize(
        ("pattern", "why"),
        [
            (r"(?=a)b", "look-ahead"),
            (r"(?!a)b", "look-ahead"),
            (r"(?<=a)b", "look-behind"),
            (r"(?<!a)b", "look-behind"),
            (r"(a)\1", "back-references"),
            (r"(?<n>a)\k<n>", "back-references"),
            (r"(a+)+", "nested quantifiers"),
            (r"(a*)*", "nested quantifiers"),
            (r"(?:(?:x|y+)z)*", "nested quantifiers"),
            (r"([a-z]+){2,}", "nested quantifiers"),
            (r"(a|a)*", "nested quantifiers"),
            (r"[a-z", "missing ]"),
            (r"(a", "missing )"),
            (r"a)", "unexpected )"),
            (r"a**", "bad repetition"),
            (r"a++", "bad repetition"),
            (r"a{1001}", "repetition size"),
            (r"\ud83d", "surrogate"),
            (r"\Qa\E", "escape"),
            ("", "1 to 100000"),
            ("a" * 100_001, "1 to 100000"),
            (".{1000}" * 1_000, "too large"),
            ("(" * 50_000, "nested"),
            ("\\", "trailing"),
        ],
    )
    def test_is_refused_with_its_reason(self, pattern: str, why: str):
        with pytest.raises(InvalidPattern) as refusal:
            compile_pattern(pattern)

        assert why in str(refusal.value)

    @pytest.mark.parametrize(
        "pattern", ["[a" * 50_000, "[[:a" * 25_000, "(?<)" * 25_000, "(?<a" * 25_000, "a|" * 49_999 + "b"]
    )
    def test_is_judged_in_time_linear_in_its_length(self, pattern: str):
        begun = time.process_time()

        with contextlib.suppress(InvalidPattern):
            compile_pattern(pattern)

        assert time.process_time() - begun < 5


class TestWhatJavaScriptWrites:
    @pytest.mark.parametrize(
        ("pattern", "text"),
        [
            (r"caf\u00e9", "café"),
            (r"[\u00e0-\u00ff]", "é"),
            (r"\u{1F600}", "\U0001f600"),
            (r"\ud83d\ude00", "\U0001f600"),
            (r"a\sb", "a\u00a0b"),
            (r"[\s-.]$", "-"),
            (r"[\S]", "\u3000é"),
            (r"\cJ", "\n"),
            (r"a\é", "aé"),
            (r"[\b]", "\x08"),
        ],
    )
    def test_means_the_same(self, pattern: str, text: str):
        assert compile_pattern(pattern).search(text)

    def test_knows_its_spaces(self):
        assert not compile_pattern(r"\S").search("\u00a0\u2003\ufeff\t")
