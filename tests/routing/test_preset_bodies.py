"""Whatever JSON comes as the body of an inference request: a preset keeps it or refuses it by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.gateway.client import RefusedError
from routing.preset_bodies import MESSAGES_CHECKS, READERS, RESPONSES_CHECKS, read_body
from routing.preset_config import PARAMETERS, checked

NAMES = sorted(PARAMETERS.keys() | MESSAGES_CHECKS.keys() | RESPONSES_CHECKS.keys() | {"system", "input"})
WORDS = st.sampled_from(
    ["type", "name", "function", "auto", "tool", "text", "format", "json_schema", "by", "content", "role"]
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), WORDS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(WORDS, st.text(max_size=3)), inner, max_size=4)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)


class TestAnyBody:
    @pytest.mark.parametrize("dialect", list(READERS))
    @settings(max_examples=300, deadline=None)
    @given(body=BODIES)
    def test_is_kept_as_json_or_refused(self, dialect: str, body: dict):
        try:
            content = checked(read_body(dialect, body))
        except RefusedError:
            return

        assert content.config.keys() <= PARAMETERS.keys()
        assert json.loads(json.dumps(content.config, allow_nan=False)) == content.config
        assert checked(content) == content
