"""/workspaces and /workspaces/{id}."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from accounts.models import Revision
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast
from tests.management_api import Api, data_of, error_of
from workspaces import api_keys
from workspaces.models import Purse, Workspace, WorkspaceBudget

DEEP = b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}"


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


class TestListingWorkspaces:
    def test_shows_the_organizations_own_in_a_stable_order(self, api: Api):
        body = json.loads(api.get("/workspaces").content)

        assert [row["slug"] for row in body["data"]] == ["default", "production", "research"]
        assert body["total_count"] == 3

    def test_pages_by_offset_and_limit(self, api: Api):
        body = json.loads(api.get("/workspaces", offset=1, limit=1).content)

        assert [row["slug"] for row in body["data"]] == ["production"]
        assert body["total_count"] == 3

    @pytest.mark.parametrize(
        "query",
        [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"offset": -1}, {"offset": "9" * 40}, {"limit": "٣"}],
    )
    def test_refuses_pages_that_make_no_sense(self, api: Api, query: dict[str, Any]):
        status, message = error_of(api.get("/workspaces", **query))

        assert status == 400
        assert message.startswith(f"{next(iter(query))}:")

    def test_works_with_a_slash_at_the_end(self, api: Api):
        assert api.get("/workspaces/").status_code == 200


class TestCreatingAWorkspace:
    def test_gives_everything_the_contract_names_with_its_defaults(self, api: Api):
        created = data_of(api.post("/workspaces", {"name": "Staging", "slug": "staging"}), status=201)

        assert uuid.UUID(created.pop("id"))
        assert uuid.UUID(created.pop("default_guardrail_id"))
        assert created.pop("created_at").endswith("Z")
        assert created == {
            "name": "Staging",
            "slug": "staging",
            "description": None,
            "default_text_model": None,
            "default_image_model": None,
            "default_provider_sort": None,
            "disabled_server_tools": None,
            "is_observability_io_logging_enabled": False,
            "is_observability_broadcast_enabled": False,
            "is_data_discount_logging_enabled": True,
            "io_logging_sampling_rate": 1,
            "io_logging_api_key_ids": None,
            "include_byok_in_budgets": False,
            "updated_at": None,
            "requests_per_minute": None,
            "tokens_per_minute": None,
            "concurrent_requests": None,
            "created_by": None,
        }

    def test_takes_every_setting(self, acme: Acme, api: Api):
        settings = {
            "description": "Before production",
            "default_text_model": "simulator/echo",
            "default_image_model": "simulator/image",
            "default_provider_sort": "price",
            "disabled_server_tools": ["openrouter:web_search"],
            "is_observability_io_logging_enabled": True,
            "is_observability_broadcast_enabled": True,
            "is_data_discount_logging_enabled": False,
            "io_logging_sampling_rate": 0.0001,
            "io_logging_api_key_ids": [acme.bob_key.key.pk],
        }

        created = data_of(api.post("/workspaces", {"name": "S", "slug": "s", **settings}), status=201)

        assert {name: created[name] for name in settings} == settings

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"slug": "s"}, "name"),
            ({"name": "S"}, "slug"),
            ({"name": "", "slug": "s"}, "name"),
            ({"name": "x" * 101, "slug": "s"}, "name"),
            ({"name": 5, "slug": "s"}, "name"),
            ({"name": None, "slug": "s"}, "name"),
            ({"name": "S", "slug": "Not-Lower"}, "slug"),
            ({"name": "S", "slug": "-s"}, "slug"),
            ({"name": "S", "slug": "a--b"}, "slug"),
            ({"name": "S", "slug": "s\n"}, "slug"),
            ({"name": "S", "slug": "x" * 51}, "slug"),
            ({"name": "S", "slug": "s", "description": "x" * 501}, "description"),
            ({"name": "S", "slug": "s", "default_provider_sort": "luck"}, "default_provider_sort"),
            ({"name": "S", "slug": "s", "disabled_server_tools": ["rm"]}, "disabled_server_tools"),
            ({"name": "S", "slug": "s", "io_logging_sampling_rate": 0}, "io_logging_sampling_rate"),
            ({"name": "S", "slug": "s", "io_logging_sampling_rate": "1"}, "io_logging_sampling_rate"),
            ({"name": "S", "slug": "s", "io_logging_sampling_rate": 1.1}, "io_logging_sampling_rate"),
            ({"name": "S", "slug": "s", "io_logging_api_key_ids": [0]}, "io_logging_api_key_ids"),
            (
                {"name": "S", "slug": "s", "io_logging_api_key_ids": list(range(70_000))},
                "io_logging_api_key_ids",
            ),
            ({"name": "S", "slug": "s", "io_logging_api_key_ids": [2**63]}, "io_logging_api_key_ids"),
            ({"name": "S", "slug": "s", "io_logging_api_key_ids": ["1"]}, "io_logging_api_key_ids"),
            ({"name": "S", "slug": "s", "is_observability_io_logging_enabled": "yes"}, "is_observability_io"),
            ({"name": "S", "slug": "s", "id": str(uuid.uuid4())}, "id"),
            ({"name": "S", "slug": "s", "include_byok_in_budgets": True}, "include_byok_in_budgets"),
            ({"name": "S", "slug": "s", "is_default": True}, "is_default"),
            ({"name": "S\x00", "slug": "s"}, "name"),
            ({"name": "S", "slug": "s", "description": "\ud800"}, "description"),
        ],
    )
    def test_refuses_naming_the_field(self, api: Api, body: dict[str, Any], field: str):
        status, message = error_of(api.post("/workspaces", body))

        assert status == 400
        assert message.startswith(field), message

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"name": NaN}', b'{"name":"a","name":"b"}', DEEP],
    )
    def test_refuses_what_is_no_sensible_json(self, api: Api, body: bytes):
        assert error_of(api.send("post", "/workspaces", body))[0] == 400

    def test_refuses_a_body_that_is_too_large(self, api: Api):
        assert error_of(api.send("post", "/workspaces", b" " * (1024 * 1024 + 1)))[0] == 413

    def test_refuses_a_slug_that_is_taken(self, api: Api):
        assert error_of(api.post("/workspaces", {"name": "P", "slug": "production"}))[0] == 400

    def test_takes_a_slug_that_another_organization_has(self, cast: Cast):
        response = Api(cast.globex.management_key.secret).post(
            "/workspaces", {"name": "P", "slug": "production"}
        )

        assert response.status_code == 201

    def test_refuses_another_organizations_key_as_an_unknown_one(self, cast: Cast, api: Api):
        foreign, unknown = cast.globex.default_key.key.pk, 2**40

        answers = [
            error_of(api.post("/workspaces", {"name": "S", "slug": "s", "io_logging_api_key_ids": [pk]}))
            for pk in (foreign, unknown)
        ]

        assert answers == [(400, f"io_logging_api_key_ids: no such key: {pk}.") for pk in (foreign, unknown)]


class TestChangingAWorkspace:
    def test_changes_what_is_named_and_nothing_else(self, acme: Acme, api: Api):
        before = data_of(api.get("/workspaces/production"))

        after = data_of(api.patch("/workspaces/production", {"description": "Live"}))

        assert after.pop("updated_at") is not None
        del before["updated_at"]
        assert after == before | {"description": "Live"}

    def test_tells_null_from_left_out(self, api: Api):
        api.patch("/workspaces/production", {"description": "Live", "default_text_model": "simulator/echo"})

        after = data_of(api.patch("/workspaces/production", {"description": None}))

        assert (after["description"], after["default_text_model"]) == (None, "simulator/echo")

    @pytest.mark.parametrize(
        "field", ["name", "slug", "io_logging_sampling_rate", "is_data_discount_logging_enabled"]
    )
    def test_refuses_null_where_there_must_be_a_value(self, api: Api, field: str):
        assert error_of(api.patch("/workspaces/production", {field: None}))[0] == 400

    def test_is_recorded_with_the_management_key(self, acme: Acme, api: Api):
        api.patch("/workspaces/production", {"name": "Live"})

        with tenant(acme.organization.pk):
            revision = Revision.objects.order_by("-pk")[0]
        assert (revision.door, revision.management_key_id) == ("api", acme.management_key.key.pk)
        assert revision.address == "127.0.0.1"

    @pytest.mark.parametrize("address", ["PRODUCTION", "%00", "no such", "a%2Fb", "٣", "x" * 300])
    def test_answers_404_for_addresses_that_name_none(self, api: Api, address: str):
        assert error_of(api.get(f"/workspaces/{address}")) == (404, "Resource not found")


class TestDeletingAWorkspace:
    def test_is_refused_while_it_has_keys_naming_them(self, api: Api):
        status, message = error_of(api.delete("/workspaces/production"))

        assert status == 400
        assert "bob's key" in message

    def test_takes_its_budgets_along_and_leaves_its_purse_counting(self, acme: Acme, api: Api):
        api.put("/workspaces/research/budgets/daily", {"limit_usd": 1})
        with tenant(acme.organization.pk):
            for key in (acme.carol_key.key, acme.research_key.key):
                api_keys.delete(key=key, by=STAGE)

        response = api.delete("/workspaces/research")

        assert json.loads(response.content) == {"deleted": True}
        assert api.get("/workspaces/research").status_code == 404
        with tenant(acme.organization.pk):
            assert not WorkspaceBudget.objects.exists()
            assert Purse.objects.get(interval="d").limit_nano is None
            assert Workspace.objects.get(pk=acme.research.pk).deleted_at is not None

    def test_of_the_default_one_needs_a_confirmation(self, cast: Cast, api: Api):
        with tenant(cast.acme.organization.pk):
            for key in (cast.acme.alice_key.key, cast.acme.default_key.key):
                api_keys.delete(key=key, by=STAGE)

        refused = api.delete("/workspaces/default")
        confirmed = api.delete("/workspaces/default", confirm_default_workspace_deletion="true")

        assert error_of(refused)[0] == 400
        assert confirmed.status_code == 200
        assert error_of(api.post("/keys", {"name": "New"}))[1].startswith("workspace_id: must be given")
        assert error_of(api.get("/keys"))[0] == 400
