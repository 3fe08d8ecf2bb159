"""Declared configuration: what each kind of field takes, and how it says what is wrong."""

from __future__ import annotations

import pytest

from config.lib.declared import NotValid, Number, Objects, read, schema_of

ENTRIES = Objects(name="tools", most=2)


def fault(field, value):
    with pytest.raises(NotValid) as refused:
        read((field,), {field.name: value}, within="parameters")
    return refused.value.path, refused.value.fault


class TestObjects:
    def test_are_kept_as_they_are(self):
        given = [{"type": "a", "parameters": {"b": [None]}}, {}]

        assert read((ENTRIES,), {"tools": given}) == {"tools": given}

    @pytest.mark.parametrize("given", ["a", {"type": "a"}, [{}] * 3, [{}, "a"], [None]])
    def test_are_a_list_of_objects_that_is_not_too_long(self, given):
        assert fault(ENTRIES, given)[0] == "parameters.tools"

    def test_are_described_in_the_schema(self):
        described = schema_of((ENTRIES,))["properties"]["tools"]

        assert described["items"] == {"type": "object"}
        assert described["maxItems"] == 2


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


class TestALabel:
    @pytest.mark.parametrize(
        ("name", "label"),
        [
            ("max_results", "Max results"),
            ("apiKey", "API key"),
            ("baseUrl", "Base URL"),
            ("otlpEndpoint", "OTLP endpoint"),
            ("serviceAccountKeyJson", "Service account key JSON"),
            ("dsn", "DSN"),
        ],
    )
    def test_is_the_name_in_words(self, name: str, label: str) -> None:
        assert Number(name=name).label == label
