"""Filter rules as rows of a form: groups of rules, of which one has to hold.

The rows travel as lists of equal length (`rule_group`, `rule_field`, `rule_operator`, `rule_value`). Adding and taking
away a row is a button `do`, whose answer is the same form with another row: that works without a script, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from config.lib.declared import NotValid
from observability.filter_rules import EXISTENCE, FIELDS, NUMBERS, OF_BOTH, OF_NUMBERS, OF_TEXT, Rules

WHERE = re.compile(r"filter_rules\.groups\[(\d+)\](?:\.rules\[(\d+)\])?")
DO = re.compile(r"(add_group|add_rule|remove_group|remove_rule):(\d{1,4})", re.ASCII)
ORDER = ("equals", "not_equals", "contains", "not_contains", "starts_with", "ends_with", "regex")
OPERATORS = (*ORDER, "gt", "gte", "lt", "lte", "exists", "not_exists")
WORDS = {
    "equals": "is",
    "not_equals": "is not",
    "not_contains": "does not contain",
    "regex": "matches the expression",
    "gt": "is more than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "not_exists": "does not exist",
}


@dataclass
class RuleRow:
    """One rule as it is typed; `number` counts through all groups."""

    field: str
    operator: str
    value: str
    number: int = 0
    fault: str = ""

    @property
    def operators(self) -> list[tuple[str, str]]:
        """What the field can be asked, and what is asked of it now."""
        allowed = OF_BOTH | (OF_NUMBERS if self.field in NUMBERS else OF_TEXT)
        return [(name, words_of(name)) for name in OPERATORS if name in allowed or name == self.operator]

    @property
    def needs_value(self) -> bool:
        """Whether there is anything to compare with."""
        return self.operator not in EXISTENCE


@dataclass
class GroupRow:
    """Rules that have to hold together (`and`), or of which one has to (`or`)."""

    logic: str = "and"
    rules: list[RuleRow] = field(default_factory=list)


class RulesForm:
    """The rules of a destination in a form."""

    fields = [(name, name.replace("_", " ").capitalize()) for name in sorted(FIELDS)]

    def __init__(self, groups: list[GroupRow], is_on: bool = True) -> None:
        self.groups, self.is_on, self.fault = groups, is_on, ""
        self._count()

    @classmethod
    def of(cls, rules: Rules | None) -> RulesForm:
        """The form filled in with rules that are kept."""
        groups = [
            GroupRow(
                group["logic"],
                [
                    RuleRow(rule["field"], rule["operator"], _text(rule.get("value")))
                    for rule in group["rules"]
                ],
            )
            for group in (rules or {}).get("groups", [])
        ]
        return cls(groups, (rules or {}).get("enabled", True))

    @classmethod
    def read(cls, data: QueryDict) -> RulesForm:
        """The form as it was sent."""
        groups = [GroupRow(logic) for logic in data.getlist("group_logic")]
        lists = (data.getlist(f"rule_{name}") for name in ("group", "field", "operator", "value"))
        for group, name, operator, value in zip(*lists, strict=False):
            if group.isdecimal() and len(group) < 4 and int(group) < len(groups):
                groups[int(group)].rules.append(RuleRow(name, operator, value.replace("\x00", "")))
        return cls(groups, "rules_on" in data)

    def do(self, what: str) -> None:
        """Add or take away what a button says; anything else leaves the rows as they are."""
        found = DO.fullmatch(what)
        if found is None:
            return
        action, number = found[1], int(found[2])
        if action == "add_group":
            self.groups.append(GroupRow(rules=[_new_rule()]))
            self.is_on = self.is_on or len(self.groups) == 1
        elif action == "remove_rule":
            for group in self.groups:
                group.rules = [rule for rule in group.rules if rule.number != number]
            self.groups = [group for group in self.groups if group.rules]
        elif number < len(self.groups):
            if action == "add_rule":
                self.groups[number].rules.append(_new_rule())
            else:
                del self.groups[number]
        self._count()

    def rules(self) -> Rules | None:
        """As the domain reads them; no group is none."""
        if not self.groups:
            return None
        return {
            "enabled": self.is_on,
            "groups": [
                {"logic": group.logic, "rules": [_rule(row) for row in group.rules]} for group in self.groups
            ],
        }

    def refuse(self, error: NotValid) -> None:
        """Say what is wrong beside the rule that it is about."""
        fault = error.fault[:1].upper() + error.fault[1:]
        found = WHERE.match(error.path)
        if found and found[2]:
            self.groups[int(found[1])].rules[int(found[2])].fault = fault
        else:
            self.fault = fault

    def _count(self) -> None:
        for number, rule in enumerate(rule for group in self.groups for rule in group.rules):
            rule.number = number


def words_of(operator: str) -> str:
    """An operator for people."""
    return WORDS.get(operator, operator.replace("_", " "))


def _new_rule() -> RuleRow:
    return RuleRow("model", "equals", "")


def _rule(row: RuleRow) -> dict[str, Any]:
    rule = {"field": row.field, "operator": row.operator}
    return rule | ({"value": row.value} if row.needs_value else {})


def _text(value: Any) -> str:  # a string or a number
    return "" if value is None else str(value)
