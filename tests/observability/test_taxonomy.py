"""What a classifier sorts by is read strictly, put to a model, and read from its answer."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from config.lib.declared import NotValid
from observability.taxonomy import (
    LONGEST_TURN,
    NoTags,
    answer_schema,
    question,
    read_taxonomy,
    tags_of,
    transcript,
)

PLAIN: list[dict[str, Any]] = [{"name": "topic", "labels": [{"label": "billing"}, {"label": "other"}]}]
FULL = [
    {
        "name": "topic",
        "description": "",
        "labels": [{"label": "billing", "description": ""}, {"label": "other", "description": ""}],
    }
]


def with_(path: str, value: Any) -> Any:
    """The plain taxonomy with one thing in it changed."""
    changed: Any = copy.deepcopy(PLAIN)
    *places, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    target = changed
    for step in places:
        target = target[step]
    target[last] = value
    return changed


class TestATaxonomy:
    def test_is_kept_in_full(self):
        assert read_taxonomy(PLAIN) == FULL
        assert read_taxonomy(FULL) == FULL

    @pytest.mark.parametrize(
        ("given", "path"),
        [
            (None, "taxonomy"),
            ([], "taxonomy"),
            ({}, "taxonomy"),
            (PLAIN * 2, "taxonomy"),
            (PLAIN * 9, "taxonomy"),
            ([5], "taxonomy.0"),
            (with_("0.name", "Topic"), "taxonomy.0.name"),
            (with_("0.name", "t" * 65), "taxonomy.0.name"),
            (with_("0.name", {}), "taxonomy.0.name"),
            (with_("0.more", 1), "taxonomy.0.more"),
            (with_("0.description", 1), "taxonomy.0.description"),
            (with_("0.description", "\0"), "taxonomy.0.description"),
            (with_("0.labels", [{"label": "one"}]), "taxonomy.0.labels"),
            (with_("0.labels", [{"label": str(number)} for number in range(51)]), "taxonomy.0.labels"),
            (with_("0.labels.1", {"label": "billing"}), "taxonomy.0.labels"),
            (with_("0.labels.1.label", " "), "taxonomy.0.labels.1.label"),
            (with_("0.labels.1.label", "\ud800"), "taxonomy.0.labels.1.label"),
            (with_("0.labels.1.label", "x" * 101), "taxonomy.0.labels.1.label"),
        ],
    )
    def test_is_refused_by_the_name_of_what_is_wrong(self, given, path):
        with pytest.raises(NotValid) as refused:
            read_taxonomy(given)

        assert refused.value.path == path


class TestTheQuestion:
    def test_names_dimensions_and_labels(self):
        asked = question([{**FULL[0], "description": "About what"}], "Be strict.")

        assert "Be strict." in asked
        assert "topic: About what\n- billing\n- other" in asked

    def test_leaves_no_choice_but_the_labels(self):
        assert answer_schema(FULL) == {
            "type": "object",
            "properties": {"topic": {"type": "string", "enum": ["billing", "other"]}},
            "required": ["topic"],
            "additionalProperties": False,
        }


class TestTheAnswer:
    def test_is_a_label_of_each_dimension(self):
        assert tags_of(FULL, '{"topic": "other", "more": 1}') == {"topic": "other"}

    @pytest.mark.parametrize(
        "said", [None, "", "billing", "[]", "{}", '{"topic": "tea"}', '{"topic": ["other"]}', "[" * 10_000, 7]
    )
    def test_is_nothing_otherwise(self, said):
        with pytest.raises(NoTags):
            tags_of(FULL, said)


class TestATranscript:
    def test_is_one_text_of_all_turns(self):
        messages = [
            {"role": "system", "content": "Be kind"},
            {"role": "user", "content": [{"type": "text", "text": "Look"}, {"type": "image_url"}]},
            {"role": "assistant", "tool_calls": [{"function": {"name": "find", "arguments": '{"a": 1}'}}]},
            {"role": "tool", "content": "found"},
        ]
        tools = [{"function": {"name": "find", "parameters": {}}}]

        assert transcript({"input": {"messages": messages}, "parameters": {"tools": tools}}) == (
            'TOOLS: find\nSYSTEM: Be kind\nUSER: Look\n[image_url]\nTOOL_CALL find: {"a": 1}\nTOOL_RESULT: found'
        )

    def test_is_cut_where_a_turn_is_long(self):
        said = transcript({"input": {"prompt": "x" * 2 * LONGEST_TURN}})

        assert said == "USER: " + "x" * LONGEST_TURN + "...[truncated]"

    @pytest.mark.parametrize(
        "content",
        [
            {},
            {"input": 5},
            {"input": {"messages": 5}},
            {"input": {"messages": [5, {"role": 5, "content": {}}]}},
        ],
    )
    def test_is_made_of_anything(self, content):
        assert json.dumps(transcript(content))
