"""Which tool calls count as wrong; the schema's reading is compared with the jsonschema library."""

from __future__ import annotations

import json
import time

import jsonschema
import msgspec
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from routing.json_schema import satisfies
from routing.tool_calls import StreamedCalls, are_wrong, calls_of

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
FREE = {"type": "function", "function": {"name": "free"}}


def call(arguments, name="weather"):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


class TestACall:
    @pytest.mark.parametrize(
        ("made", "is_wrong"),
        [
            (call('{"city": "Bern"}'), False),
            (call('{"city": "Bern", "days": 2}'), False),
            (call('{"city": "Bern", "days": 0}'), True),
            (call('{"days": 2}'), True),
            (call('{"city": "Bern", "land": "CH"}'), True),
            (call('{"city": '), True),
            (call(None), True),
            (call("{}", name="unheard_of"), True),
            (call('{"anything": [1]}', name="free"), False),
            (call("not JSON", name="free"), True),
        ],
    )
    def test_is_wrong_that_does_not_fit_the_callers_tools(self, made, is_wrong):
        assert are_wrong([made], [WEATHER, FREE]) is is_wrong

    def test_is_judged_together_with_the_others_of_its_answer(self):
        assert are_wrong([call('{"city": "Bern"}'), call("{}")], [WEATHER]) is True

    @pytest.mark.parametrize(
        ("calls", "tools"),
        [
            ([], [WEATHER]),
            ([{"type": "custom", "custom": {}}], [WEATHER]),
            ([call("{}")], None),
            ([None], [WEATHER]),
        ],
    )
    def test_is_not_judged_where_there_is_nothing_to_judge(self, calls, tools):
        assert are_wrong(calls, tools) is None

    def test_is_judged_by_tools_that_were_read_in_another_process(self):
        raw = msgspec.Raw(json.dumps([WEATHER]).encode())

        assert are_wrong([call('{"city": "Bern"}')], raw) is False

    def test_is_never_judged_by_a_schema_that_makes_no_sense(self):
        odd = {"type": "function", "function": {"name": "odd", "parameters": {"type": 7, "required": "x"}}}

        assert are_wrong([call("{}", name="odd")], [odd]) is False


class TestJudging:
    """It is done between other people's requests: no schema and no arguments may make it long."""

    SECONDS = 0.5

    @pytest.mark.parametrize(
        ("items", "values"),
        [
            ({"enum": list(range(40_000))}, [39_999] * 4_000),
            ({"type": ["object"] * 20_000}, [1] * 4_000),
            ({"required": ["a"] * 20_000}, [{"a": 1}] * 4_000),
            ({"$ref": "#" + "/a" * 20_000}, [1] * 4_000),
            ({"const": [1] * 20_000}, [[1] * 20_000] * 4),
        ],
    )
    def test_goes_only_so_far_through_lists_of_the_schema(self, items, values):
        parameters = {"type": "object", "properties": {"x": {"type": "array", "items": items}}}
        tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
        began = time.process_time()

        assert are_wrong([call(json.dumps({"x": values}), "f")] * 32, [tool]) is False

        assert time.process_time() - began < self.SECONDS


class TestCallsOfAnAnswer:
    def test_are_found_in_every_choice(self):
        message = {"role": "assistant", "tool_calls": [call("{}")]}

        assert calls_of({"choices": [{"message": message}, {"message": {"content": "x"}}, None]}) == [
            call("{}")
        ]

    def test_are_put_together_from_the_pieces_of_a_stream(self):
        collected = StreamedCalls()
        for piece in (
            {"name": "weather", "arguments": '{"ci'},
            {"arguments": 'ty": "Be'},
            {"arguments": 'rn"}'},
        ):
            delta = {"tool_calls": [{"index": 0, "function": piece}]}
            chunk = {"choices": [{"index": 0, "delta": delta}]}
            collected.feed(b"data: " + msgspec.json.encode(chunk) + b"\n\n")
        collected.feed(b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n')

        assert collected.calls() == [call('{"city": "Bern"}')]

    def test_of_a_stream_are_let_go_when_they_are_too_large(self):
        collected = StreamedCalls()
        for _ in range(3):
            collected.feed(b'data: {"tool_calls": "' + b"x" * 100_000 + b'"}\n\n')

        assert collected.calls() == []

    def test_of_a_stream_that_makes_no_sense_are_none(self):
        collected = StreamedCalls()
        collected.feed(b'data: {"tool_calls": \n\ndata: {"choices": [{"delta": {"tool_calls": [7]}}]}\n\n')

        assert collected.calls() == []


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.5, 1.0])
    | st.sampled_from(["", "a", "abc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)
TYPES = st.sampled_from(["string", "number", "integer", "boolean", "null", "array", "object"])
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
        "enum": st.lists(VALUES, min_size=1, max_size=3),
        "const": VALUES,
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "minLength": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "maxProperties": st.integers(0, 2),
        "required": st.lists(st.sampled_from("ab"), max_size=2, unique=True),
    },
)
SCHEMAS = st.recursive(
    LEAVES | st.booleans(),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "additionalProperties": inner,
            "items": inner | st.lists(inner, min_size=1, max_size=2),
            "additionalItems": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
        },
    ),
    max_leaves=5,
)


class TestASchema:
    @given(VALUES, SCHEMAS)
    def test_is_read_as_draft_7_says(self, value, schema):
        try:
            expected = jsonschema.Draft7Validator(schema).is_valid(value)
        except TypeError:  # the library stumbles over `additionalItems` beside `items` that are a boolean
            reject()

        assert satisfies(value, schema) is expected

    @pytest.mark.parametrize(("value", "is_valid"), [({"child": {"child": {}}}, True), ({"child": 1}, False)])
    def test_may_refer_to_itself(self, value, is_valid):
        schema = {
            "definitions": {
                "node": {"type": "object", "properties": {"child": {"$ref": "#/definitions/node"}}}
            },
            "$ref": "#/definitions/node",
        }

        assert satisfies(value, schema) is is_valid

    @pytest.mark.parametrize(
        "schema",
        [
            {"$ref": "#"},
            {"$ref": "https://example.com/schema"},
            {"pattern": "(a+)+$"},
            {"allOf": [{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}] * 50},
        ],
    )
    def test_that_has_no_end_or_no_reading_demands_nothing(self, schema):
        assert satisfies("a" * 50 + "!", schema) is True
