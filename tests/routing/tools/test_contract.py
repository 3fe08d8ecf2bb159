"""What these tools take and tell is what the official SDK knows of them."""

from __future__ import annotations

import jsonschema
import pytest
from openrouter import components

from routing.tools import TOOLS
from tests.routing.make import make_catalog, make_endpoint, make_model
from tests.routing.tools.asking_bench import AskingBench, answer, use_of

CONFIGS = {
    "advisor": components.AdvisorServerToolConfig,
    "subagent": components.SubagentServerToolConfig,
    "search_models": components.SearchModelsServerToolConfig,
}
ITEMS = {
    "advisor": components.OutputAdvisorServerToolItem,
    "subagent": components.OutputSubagentServerToolItem,
    "search_models": components.OutputSearchModelsServerToolItem,
}
TYPES = {
    "advisor": "openrouter:advisor",
    "subagent": "openrouter:subagent",
    "search_models": "openrouter:experimental__search_models",
}
ARGUMENTS = {
    "advisor": {"prompt": "Hm?"},
    "subagent": {"task_name": "sum-up", "task_description": "Sum up: a b c."},
    "search_models": {"query": "a"},
}
CATALOG = make_catalog(make_model("a/b", make_endpoint()))


@pytest.mark.parametrize("slug", CONFIGS)
class TestTheSdk:
    def test_has_no_parameter_that_is_unknown_here(self, slug):
        declared = {field.name for field in TOOLS[slug].fields}

        assert set(CONFIGS[slug].model_fields) <= declared

    async def test_knows_every_field_of_what_was_done(self, slug):
        bench = AskingBench(answer(), catalog=CATALOG)

        ran = await TOOLS[slug].run(ARGUMENTS[slug], use_of(TOOLS[slug]), bench)

        item = {"type": TYPES[slug], "status": "completed", **ran.item}
        assert item.keys() <= ITEMS[slug].model_fields.keys()
        assert ITEMS[slug].model_validate(item).model_dump(mode="json", exclude_none=True) == item

    async def test_knows_every_field_of_what_failed(self, slug):
        ran = await TOOLS[slug].run(dict.fromkeys(ARGUMENTS[slug], 1), use_of(TOOLS[slug]), AskingBench())

        item = {"type": TYPES[slug], "status": "failed", **ran.item}
        assert ran.is_failed
        assert ITEMS[slug].model_validate(item).model_dump(mode="json", exclude_none=True) == item


@pytest.mark.parametrize("slug", CONFIGS)
class TestTheFunction:
    def test_has_a_schema_that_is_one_and_takes_what_is_documented(self, slug):
        schema = TOOLS[slug].function(use_of(TOOLS[slug]))["parameters"]

        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(ARGUMENTS[slug], schema)
