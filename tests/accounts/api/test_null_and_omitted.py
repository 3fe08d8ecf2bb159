"""Null, an empty list and left out are three things, on every field of every change (a property test)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.accounts.api.test_malformed import fields_of
from tests.accounts.api.test_somebody_elses import ROWS, Row, named
from tests.api_objects import acme_home, filled, furnish
from tests.cast import Cast
from tests.management_api import Api, operation_of, our_document

CHANGES = [row for row in ROWS if row[0] == "patch"]
CLEARED_BY_AN_EMPTY_LIST = frozenset({"disabled_server_tools"})
"""Where the contract says that an empty list and null are the same."""
REQUIRED = {"/private-endpoints/{private}": frozenset({"upstream_model_id"})}
"""What the contract wants in every change of an object."""
LATER = frozenset({"updated_at"})
"""What may differ although nobody named it."""


def state_of(api: Api, path: str) -> dict[str, Any]:
    """The object as it is now, without what every change moves."""
    data = json.loads(api.get(path).content)["data"]
    return {name: value for name, value in data.items() if name not in LATER}


@st.composite
def changes(draw: st.DrawFn, fields: list[str]) -> dict[str, Any]:
    """Some of the fields, each null or an empty list; the rest is left out."""
    chosen = draw(st.sets(st.sampled_from(fields), max_size=4))
    return {name: draw(st.sampled_from([None, []])) for name in sorted(chosen)}


def reads_as(name: str, shown: Any, sent: Any) -> bool:
    """Whether a field reads as it was sent; an object that was set to null has nothing in it."""
    if name in CLEARED_BY_AN_EMPTY_LIST and sent == []:
        return shown is None
    if sent is None and isinstance(shown, dict):
        return all(value is None for value in shown.values())
    return bool(shown == sent)


class TestAChange:
    @pytest.mark.parametrize("row", CHANGES, ids=named)
    def test_touches_what_it_names_as_it_says_or_nothing(self, cast: Cast, row: Row):
        api, world = (
            Api(cast.acme.management_key.secret),
            furnish(acme_home(cast.acme)),
        )
        path = filled(row[1], world)
        fields = list(fields_of(operation_of(our_document(), "patch", path) or {}))
        required = REQUIRED.get(row[1], frozenset())

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(change=changes(fields))
        def holds(change: dict[str, Any]) -> None:
            before = state_of(api, path)
            answer = api.patch(path, change)
            after = state_of(api, path)

            untouched = before.keys() - change.keys() if answer.status_code == 200 else before.keys()
            assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
            if answer.status_code == 200:
                shown = change.keys() & after.keys()
                assert all(reads_as(name, after[name], change[name]) for name in shown), (change, after)
            else:
                assert answer.status_code == 400
                # What is missing is named too: a field that the contract requires.
                message = json.loads(answer.content)["error"]["message"]
                assert any(name in message for name in {*change, *required} or fields)

        holds()
