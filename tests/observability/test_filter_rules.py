"""Filter rules, held against a reference that is as plain as the rules are."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.lib.declared import NotValid
from observability.filter_rules import (
    FIELDS,
    LONGEST_TEXT,
    MOST_GROUPS,
    MOST_IN_ALL,
    MOST_REGEXES,
    MOST_RULES,
    NUMBERS,
    OF_BOTH,
    OF_NUMBERS,
    OF_TEXT,
    compile_rules,
    read_rules,
    text_of,
)

WORDS = st.sampled_from(["a", "b", "ab", "aB", "abc", "ä", "1", "10"])
AMOUNTS = st.sampled_from([0, 1, 2, 10, 0.5, -1])


def rules_of(field: str) -> st.SearchStrategy[dict[str, Any]]:
    """A rule for the field."""
    operators, values = (OF_NUMBERS, AMOUNTS) if field in NUMBERS else (OF_TEXT, WORDS)
    chosen = st.sampled_from(sorted(OF_BOTH | operators))
    return st.fixed_dictionaries({"field": st.just(field), "operator": chosen, "value": values})


RULE = st.sampled_from(sorted(FIELDS)).flatmap(rules_of)
GROUP = st.fixed_dictionaries({"logic": st.sampled_from(["and", "or"]), "rules": st.lists(RULE, max_size=3)})
RULES = st.fixed_dictionaries({"enabled": st.booleans(), "groups": st.lists(GROUP, max_size=3)})
FACTS = st.fixed_dictionaries(
    {field: st.none() | (AMOUNTS if field in NUMBERS else WORDS) for field in sorted(FIELDS)}
)


def expected(rules: dict[str, Any], facts: dict[str, Any]) -> bool:
    """What the documentation says."""
    if not rules["enabled"] or not rules["groups"]:
        return True
    verdicts = []
    for group in rules["groups"]:
        held = [holds(rule["operator"], facts[rule["field"]], rule["value"]) for rule in group["rules"]]
        verdicts.append(any(held) if group["logic"] == "or" else all(held))
    return any(verdicts)


def holds(operator: str, fact: Any, value: Any) -> bool:
    if operator in ("not_exists", "not_equals", "not_contains"):
        return not holds(operator.removeprefix("not_"), fact, value)
    if fact is None:
        return False
    return {
        "exists": lambda: True,
        "equals": lambda: fact == value,
        "contains": lambda: value in fact,
        "regex": lambda: bool(re.search(value, fact)),
        "starts_with": lambda: fact[: len(value)] == value,
        "ends_with": lambda: fact[-len(value) :] == value,
        "gt": lambda: fact > value,
        "gte": lambda: not fact < value,
        "lt": lambda: fact < value,
        "lte": lambda: not fact > value,
    }[operator]()


def passes(rules: Any, facts: dict[str, Any]) -> bool:
    """What ours says."""
    compiled = compile_rules(read_rules(rules))
    return compiled is None or compiled.passes(facts.__getitem__)


EXISTING = {"field": "model", "operator": "exists"}
SEARCHING = {"field": "model", "operator": "regex", "value": "a"}


class TestRules:
    @settings(
        suppress_health_check=[HealthCheck.too_slow]
    )  # the first rules take long to make on a busy machine
    @given(RULES, FACTS)
    def test_say_what_the_reference_says(self, rules: dict[str, Any], facts: dict[str, Any]):
        assert passes(rules, facts) == expected(rules, facts)

    @given(RULES)
    def test_are_the_same_when_they_are_read_again(self, rules: dict[str, Any]):
        once = read_rules(rules)

        assert read_rules(once) == once

    @given(RULES)
    def test_ask_for_content_only_where_a_rule_is_about_it(self, rules: dict[str, Any]):
        compiled = compile_rules(read_rules(rules))

        if compiled is not None and not compiled.wants_content:
            compiled.passes(dict.fromkeys(FIELDS - {"input", "output"}).__getitem__)

    def test_of_numbers_may_be_written_as_text_and_the_other_way_round(self):
        def kept(**rule: Any) -> Any:
            return read_rules({"groups": [{"rules": [rule]}]})["groups"][0]["rules"][0]["value"]  # type: ignore[index]

        assert kept(field="total_cost", operator="gt", value="0.5") == 0.5
        assert kept(field="total_tokens", operator="gt", value=Decimal("10.0")) == 10
        assert kept(field="user_id", operator="equals", value=7) == "7"


class TestWhatIsNoRule:
    @pytest.mark.parametrize(
        ("rule", "path"),
        [
            ({"field": "cost", "operator": "gt", "value": 1}, "field"),
            ({"field": "model", "operator": "gt", "value": 1}, "operator"),
            ({"field": "total_cost", "operator": "contains", "value": "1"}, "operator"),
            ({"field": "total_cost", "operator": "gt", "value": "much"}, "value"),
            ({"field": "total_cost", "operator": "gt", "value": "nan"}, "value"),
            ({"field": "total_cost", "operator": "gt", "value": 10**400}, "value"),
            ({"field": "total_cost", "operator": "gt", "value": True}, "value"),
            ({"field": "total_cost", "operator": "gt"}, "value"),
            ({"field": "model", "operator": "equals", "value": ""}, "value"),
            ({"field": "model", "operator": "equals", "value": ["a"]}, "value"),
            ({"field": "model", "operator": "equals", "value": "a" * 1001}, "value"),
            ({"field": "model", "operator": "regex", "value": "("}, "value"),
            ({"field": "model", "operator": "regex", "value": r"(a)\1"}, "value"),
            ({"field": "model", "operator": "regex", "value": "(?<=a)b"}, "value"),
            ({"field": "model", "operator": "regex", "value": "((a{1000}){1000}){1000}"}, "value"),
            ({"field": "input", "operator": "regex", "value": ".{1000}z"}, "value"),
            ({"field": "model", "operator": "is", "value": "a"}, "operator"),
            ({"field": ["model"], "operator": "equals", "value": "a"}, "field"),
            ({"field": "model", "operator": "equals", "value": "a", "case": 1}, "case"),
        ],
    )
    def test_is_refused_with_its_place(self, rule: dict[str, Any], path: str):
        with pytest.raises(NotValid) as refused:
            read_rules({"groups": [{"rules": []}, {"rules": [rule]}]})

        assert refused.value.path == f"groups[1].rules[0].{path}"

    @pytest.mark.parametrize(
        ("rules", "path"),
        [
            (7, ""),
            ({"groups": None}, "groups"),
            ({"groups": [{"rules": []}] * (MOST_GROUPS + 1)}, "groups"),
            ({"groups": [{"rules": [{}] * (MOST_RULES + 1)}]}, "groups[0].rules"),
            ({"groups": [{"rules": [EXISTING] * MOST_RULES}] * (MOST_IN_ALL // MOST_RULES + 1)}, "groups"),
            ({"groups": [{"rules": [SEARCHING] * (MOST_REGEXES // 2 + 1)}] * 2}, "groups"),
            ({"groups": [{"rules": {}}]}, "groups[0].rules"),
            ({"groups": [{"rules": [], "logic": "nor"}]}, "groups[0].logic"),
            ({"groups": [{}]}, "groups[0].rules"),
            ({"groups": [], "enabled": None}, "enabled"),
        ],
    )
    def test_nor_a_list_of_them(self, rules: Any, path: str):
        with pytest.raises(NotValid) as refused:
            read_rules(rules)

        assert refused.value.path == path


class TestTextsOfContent:
    def test_are_what_was_written_in_order(self):
        said = {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}]},
            ]
        }

        assert text_of(said) == "Be brief.\nHi"
        assert text_of({"prompt": ["one", "two"]}) == "one\ntwo"
        assert text_of({"completion": "Hello", "reasoning": "Think"}) == "Hello"

    @pytest.mark.parametrize(
        "said", [None, {}, [], 7, {"messages": [{"content": None}]}, {"completion": None}]
    )
    def test_are_nothing_where_nothing_was_written(self, said: Any):
        assert text_of(said) is None

    def test_end_where_rules_no_longer_look(self):
        assert len(text_of({"messages": [{"content": "x" * 1000}] * 1000}) or "") == LONGEST_TEXT

    def test_can_be_searched_whatever_they_hold(self):
        text = text_of({"prompt": "\ud800 a"})

        assert passes(
            {"groups": [{"rules": [{"field": "input", "operator": "regex", "value": "a$"}]}]}, {"input": text}
        )


class TestARegularExpression:
    def test_takes_time_that_grows_with_the_text_alone(self):
        rules = {"groups": [{"rules": [{"field": "input", "operator": "regex", "value": "(a|a)*(a|a)*b"}]}]}

        assert not passes(rules, {"input": "a" * LONGEST_TEXT})
