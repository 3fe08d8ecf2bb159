"""/workspaces/{id}/routing: how requests are routed when they do not say."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Revision, Version
from config.lib.scoping import tenant
from routing.models import RoutingDefaults
from tests.cast import Acme
from tests.management_api import Api, data_of, error_of

pytestmark = pytest.mark.django_db

ROUTING = "/workspaces/production/routing"
PREFERENCES = {
    "sort": "throughput",
    "order": ["anthropic", "openai"],
    "only": ["anthropic", "openai", "azure"],
    "ignore": ["deepinfra"],
    "allow_fallbacks": False,
    "data_collection": "deny",
    "zdr": True,
    "quantizations": ["fp8", "bf16"],
    "max_price": {"prompt": 1.5, "completion": 2.0},
    "preferred_min_throughput": 50.0,
    "preferred_max_latency": {"p50": 1.0, "p99": 5.5},
}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


def version_of(acme: Acme) -> int:
    """How often production's settings changed."""
    return Version.objects.get(kind="workspace", object_id=acme.production.pk).value


class TestRouting:
    def test_says_nothing_at_first(self, api: Api, acme: Acme):
        assert data_of(api.get(ROUTING)) == {
            "workspace_id": str(acme.production.public_id),
            "provider": dict.fromkeys(PREFERENCES),
            "default_text_model": None,
            "default_image_model": None,
            "is_auto_exacto_enabled": True,
            "is_stickiness_enabled": True,
            "is_strict": False,
            "updated_at": None,
        }

    def test_keeps_every_preference(self, api: Api):
        changed = data_of(api.patch(ROUTING, {"provider": PREFERENCES}))

        assert changed["provider"] == PREFERENCES
        assert data_of(api.get(ROUTING)) == changed

    def test_shares_sort_and_models_with_the_workspace(self, api: Api):
        api.patch(ROUTING, {"provider": {"sort": "price"}, "default_text_model": "a/b", "is_strict": True})
        api.patch("/workspaces/production", {"default_image_model": "c/d"})

        workspace, routing = data_of(api.get("/workspaces/production")), data_of(api.get(ROUTING))

        assert (workspace["default_provider_sort"], workspace["default_text_model"]) == ("price", "a/b")
        assert (routing["default_image_model"], routing["is_strict"]) == ("c/d", True)

    def test_has_switches(self, api: Api):
        changed = data_of(
            api.patch(ROUTING, {"is_auto_exacto_enabled": False, "is_stickiness_enabled": False})
        )

        assert (changed["is_auto_exacto_enabled"], changed["is_stickiness_enabled"]) == (False, False)

    @pytest.mark.parametrize("name", list(PREFERENCES))
    def test_keeps_a_preference_that_is_left_out_and_clears_one_that_is_null(self, api: Api, name: str):
        api.patch(ROUTING, {"provider": PREFERENCES})

        kept = data_of(api.patch(ROUTING, {"provider": {}}))["provider"]
        cleared = data_of(api.patch(ROUTING, {"provider": {name: None}}))["provider"]

        assert kept == PREFERENCES
        assert cleared == PREFERENCES | {name: None}

    @pytest.mark.parametrize("name", ["order", "only", "ignore", "quantizations"])
    def test_takes_an_empty_list_for_nothing(self, api: Api, name: str):
        api.patch(ROUTING, {"provider": PREFERENCES})

        assert data_of(api.patch(ROUTING, {"provider": {name: []}}))["provider"][name] is None

    def test_clears_all_preferences_with_null(self, api: Api):
        api.patch(ROUTING, {"provider": PREFERENCES, "default_text_model": "a/b"})

        changed = data_of(api.patch(ROUTING, {"provider": None, "default_text_model": None}))

        assert set(changed["provider"].values()) == {None}
        assert changed["default_text_model"] is None

    def test_takes_prices_as_strings_as_requests_may(self, api: Api):
        changed = data_of(api.patch(ROUTING, {"provider": {"max_price": {"prompt": "0.25"}}}))

        assert changed["provider"]["max_price"] == {"prompt": 0.25}

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"provider": []}, "provider"),
            ({"provider": "openai"}, "provider"),
            ({"provider": {"sort": "best"}}, "provider.sort"),
            ({"provider": {"sort": {"by": "price"}}}, "provider.sort"),
            ({"provider": {"order": "openai"}}, "provider.order"),
            ({"provider": {"order": [None]}}, "provider.order"),
            ({"provider": {"only": [""]}}, "provider.only"),
            ({"provider": {"ignore": ["x" * 201]}}, "provider.ignore"),
            ({"provider": {"allow_fallbacks": "no"}}, "provider.allow_fallbacks"),
            ({"provider": {"data_collection": "maybe"}}, "provider.data_collection"),
            ({"provider": {"zdr": 1}}, "provider.zdr"),
            ({"provider": {"quantizations": ["int3"]}}, "provider.quantizations"),
            ({"provider": {"max_price": 1}}, "provider.max_price"),
            ({"provider": {"max_price": {"prompt": -1}}}, "provider.max_price.prompt"),
            ({"provider": {"max_price": {"prompt": "1e5"}}}, "provider.max_price.prompt"),
            ({"provider": {"max_price": {"soul": 1}}}, "provider.max_price.soul"),
            ({"provider": {"preferred_min_throughput": "fast"}}, "provider.preferred_min_throughput"),
            ({"provider": {"preferred_max_latency": {"p42": 1}}}, "provider.preferred_max_latency.p42"),
            ({"provider": {"preferred_max_latency": {"p50": []}}}, "provider.preferred_max_latency.p50"),
            ({"provider": {"nonsense": None}}, "provider.nonsense"),
            ({"is_strict": None}, "is_strict"),
            ({"is_auto_exacto_enabled": None}, "is_auto_exacto_enabled"),
            ({"is_stickiness_enabled": "on"}, "is_stickiness_enabled"),
            ({"default_text_model": ""}, "default_text_model"),
            ({"default_image_model": 1}, "default_image_model"),
            ({"workspace_id": "x"}, "workspace_id"),
        ],
    )
    def test_refuses_what_cannot_be_set(self, api: Api, body: dict[str, Any], named: str):
        before = data_of(api.get(ROUTING))

        status, message = error_of(api.patch(ROUTING, {"default_text_model": "a/b", **body}))

        assert (status, message.partition(":")[0]) == (400, named)
        assert data_of(api.get(ROUTING)) == before

    @pytest.mark.parametrize("number", [b"1e400", b"1" * 65, b"-0.1", b"NaN"])
    def test_refuses_numbers_that_are_none(self, api: Api, number: bytes):
        body = b'{"provider": {"max_price": {"prompt": %s}}}' % number

        assert error_of(api.send("patch", ROUTING, body))[0] == 400

    def test_is_recorded_and_moves_the_workspaces_version(self, api: Api, acme: Acme):
        before = version_of(acme)

        api.patch(ROUTING, {"provider": {"zdr": True}})
        api.patch(ROUTING, {"provider": {"zdr": False}})

        with tenant(acme.organization.pk):
            revisions = Revision.objects.filter(object_type="routingdefaults").order_by("pk")
            assert [row.action for row in revisions] == ["create", "update"]
            assert revisions[1].before["zdr"] is True
        assert version_of(acme) == before + 2

    def test_of_the_workspace_alone_makes_no_row(self, api: Api, acme: Acme):
        api.patch(ROUTING, {"is_strict": True})

        with tenant(acme.organization.pk):
            assert not RoutingDefaults.objects.exists()
