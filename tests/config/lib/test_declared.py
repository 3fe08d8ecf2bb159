"""Declared configuration: what each kind of field takes, and how it says what is wrong."""

from __future__ import annotations

import pytest

from config.lib.declared import NotValid, Number, Objects, Text, Unread, read, schema_of

ENTRIES = Objects(name="tools", most=2, fields=(Text(name="type", most=9), Unread(name="parameters")))


def fault(field, value):
    with pytest.raises(NotValid) as refused:
        read((field,), {field.name: value}, within="parameters")
    return refused.value.path, refused.value.fault


class TestObjects:
    def test_are_read_each_by_its_fields(self):
        entries = [{"type": "a", "parameters": {"b": [None]}}, {"type": "c", "parameters": None}]

        assert read((ENTRIES,), {"tools": entries}) == {
            "tools": [{"type": "a", "parameters": {"b": [None]}}, {"type": "c"}]
        }

    @pytest.mark.parametrize(
        ("given", "path"),
        [
            ("a", "parameters.tools"),
            ([{}] * 3, "parameters.tools"),
            ([{"type": "a"}, "a"], "parameters.tools[1]"),
            ([{"type": "a"}, {"type": 1}], "parameters.tools[1].type"),
            ([{"else": 1}], "parameters.tools[0].else"),
            ([{"parameters": []}], "parameters.tools[0].parameters"),
        ],
    )
    def test_name_the_place_of_what_is_wrong(self, given, path):
        assert fault(ENTRIES, given)[0] == path

    def test_are_described_in_the_schema(self):
        described = schema_of((ENTRIES,))["properties"]["tools"]

        assert described["type"] == "array"
        assert described["items"]["properties"]["parameters"]["type"] == "object"


class TestANumber:
    def test_may_have_a_maximum(self):
        field = Number(name="temperature", maximum=2)

        assert read((field,), {"temperature": 2}) == {"temperature": 2.0}
        assert fault(field, 2.01) == ("parameters.temperature", "must be a number from 0 to 2.")
        assert field.schema == {"type": "number", "minimum": 0, "maximum": 2}

    @pytest.mark.parametrize("value", [-1, float("inf"), float("nan"), 10**400, True, "1"])
    def test_without_one_is_any_that_is_not_negative(self, value):
        field = Number(name="price")

        assert fault(field, value) == ("parameters.price", "must be a number that is not negative.")
        assert field.schema == {"type": "number", "minimum": 0}
