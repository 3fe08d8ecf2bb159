import json

import jsonschema
import pytest

from routing.simulator.arguments import make_arguments

ADDRESS = {
    "type": "object",
    "properties": {
        "street": {"type": "string", "minLength": 12},
        "number": {"type": "integer", "minimum": 7},
    },
    "required": ["street", "number"],
}
SCHEMAS = {
    "nothing": {"type": "object", "properties": {}},
    "types": {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 3},
            "low": {"type": "number", "exclusiveMaximum": -4},
            "flag": {"type": "boolean"},
            "nothing": {"type": "null"},
            "maybe": {"type": ["null", "integer"]},
        },
        "required": ["text", "count", "share", "low", "flag", "nothing", "maybe"],
    },
    "values": {
        "type": "object",
        "properties": {
            "unit": {"enum": ["celsius", "kelvin"]},
            "version": {"const": 3},
            "size": {"type": "integer", "default": 20, "minimum": 10},
        },
        "required": ["unit", "version", "size"],
    },
    "formats": {
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "moment": {"type": "string", "format": "date-time"},
            "mail": {"type": "string", "format": "email"},
            "short": {"type": "string", "maxLength": 2},
        },
        "required": ["day", "moment", "mail", "short"],
    },
    "lists": {
        "type": "object",
        "properties": {
            "many": {"type": "array", "items": {"type": "integer"}, "minItems": 3},
            "none": {"type": "array", "items": {"type": "string"}, "maxItems": 0},
        },
        "required": ["many", "none"],
    },
    "references": {
        "type": "object",
        "properties": {"home": {"$ref": "#/$defs/address"}, "work": {"anyOf": [{"$ref": "#/$defs/address"}]}},
        "required": ["home", "work"],
        "$defs": {"address": ADDRESS},
    },
    "all of": {"allOf": [ADDRESS, {"required": ["zip"], "properties": {"zip": {"type": "string"}}}]},
    "recursion": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "left": {"$ref": "#"}, "right": {"$ref": "#"}},
    },
}


class TestMakingArguments:
    @pytest.mark.parametrize("name", SCHEMAS)
    def test_satisfies_the_schema(self, name):
        arguments = json.loads(make_arguments(SCHEMAS[name]))

        jsonschema.validate(arguments, SCHEMAS[name], format_checker=jsonschema.FormatChecker())

    def test_understands_geminis_capital_types(self):
        schema = {"type": "OBJECT", "properties": {"count": {"type": "INTEGER"}}, "required": ["count"]}

        assert json.loads(make_arguments(schema)) == {"count": 1}

    @pytest.mark.parametrize(
        "schema", [None, True, "text", [], {"type": "array"}, {"$ref": "#"}, {"$ref": "#/$defs/no"}]
    )
    def test_gives_an_empty_object_where_no_object_is_described(self, schema):
        assert make_arguments(schema) == "{}"
