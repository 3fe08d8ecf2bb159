"""/organization/privacy and /organization/settings."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import PrivacySettings, Revision, Version
from config.lib.scoping import tenant
from tests.cast import Acme, Cast
from tests.management_api import Api, data_of, error_of

PRIVACY = "/organization/privacy"
LISTS = ("allowed_models", "ignored_models", "allowed_providers", "ignored_providers")
UNRESTRICTED = {
    **dict.fromkeys(LISTS),
    "enable_paid_model_training": True,
    "enable_free_model_training": True,
    "enable_paid_model_publication": True,
    "enable_free_model_publication": True,
    "enforce_zdr_anthropic": False,
    "enforce_zdr_openai": False,
    "enforce_zdr_google": False,
    "enforce_zdr_xai": False,
    "enforce_zdr_other": False,
    "allow_safety_retention_google": True,
    "allow_safety_retention_other": True,
    "is_io_logging_allowed": True,
    "prompt_injection_allowlist": [],
    "updated_at": None,
}


@pytest.fixture
def api(acme: Acme) -> Api:
    """Acme's management API."""
    return Api(acme.management_key.secret)


class TestThePrivacySettings:
    def test_restrict_nothing_until_they_are_set(self, api: Api, acme: Acme):
        assert data_of(api.get(PRIVACY)) == UNRESTRICTED
        with tenant(acme.organization.pk):
            assert not PrivacySettings.objects.exists()

    def test_keep_what_is_left_out(self, api: Api):
        first = {"ignored_providers": ["deepseek"], "enforce_zdr_openai": True}
        second = {"enable_free_model_training": False, "allowed_models": ["openai/gpt-4o"]}

        for body in (first, second):
            api.patch(PRIVACY, body)

        shown = data_of(api.get(PRIVACY))
        assert shown.pop("updated_at").endswith("Z")
        assert shown == {
            name: value for name, value in (UNRESTRICTED | first | second).items() if name != "updated_at"
        }

    def test_are_one_row_with_a_revision_per_change(self, api: Api, acme: Acme):
        before = Version.objects.get(kind="organization", object_id=acme.organization.pk).value

        for is_on in (True, False):
            api.patch(PRIVACY, {"enforce_zdr_xai": is_on})

        with tenant(acme.organization.pk):
            assert PrivacySettings.objects.count() == 1
            rows = Revision.objects.filter(object_type="privacysettings").order_by("pk")
            assert list(rows.values_list("action", flat=True)) == ["create", "update"]
        assert Version.objects.get(kind="organization", object_id=acme.organization.pk).value == before + 2

    @pytest.mark.parametrize("field", LISTS)
    def test_lift_a_list_by_null_and_take_no_empty_one(self, api: Api, field: str):
        slugs = ["openai/gpt-4o"] if field.endswith("models") else ["openai"]
        api.patch(PRIVACY, {field: slugs})

        status, message = error_of(api.patch(PRIVACY, {field: []}))
        lifted = data_of(api.patch(PRIVACY, {field: None}))

        assert (status, message.partition(":")[0]) == (400, field)
        assert lifted[field] is None

    @pytest.mark.parametrize(
        "body",
        [
            {"allowed_models": ["gpt-4o"]},
            {"allowed_providers": ["open ai"]},
            {"ignored_providers": ["x" * 65_536]},
            {"enforce_zdr_openai": None},
            {"enforce_zdr_openai": "true"},
            {"enforce_zdr": True},
            {"updated_at": "2026-01-01T00:00:00Z"},
            {"prompt_injection_allowlist": None},
            {"prompt_injection_allowlist": ["phrase"]},
            {"prompt_injection_allowlist": [{"is_active": True}]},
            {"prompt_injection_allowlist": [{"phrase": " "}]},
            {"prompt_injection_allowlist": [{"phrase": "x", "note": "y"}]},
            [],
        ],
    )
    def test_refuse_what_they_cannot_hold(self, api: Api, body: Any):
        assert error_of(api.patch(PRIVACY, body))[0] == 400
        assert data_of(api.get(PRIVACY)) == UNRESTRICTED

    def test_are_each_organizations_own(self, cast: Cast, api: Api):
        api.patch(PRIVACY, {"enforce_zdr_openai": True})

        assert data_of(Api(cast.globex.management_key.secret).get(PRIVACY)) == UNRESTRICTED


class TestTheAllowlist:
    def allow(self, api: Api, *phrases: Any) -> Any:
        return api.patch(PRIVACY, {"prompt_injection_allowlist": list(phrases)})

    def test_keeps_phrases_as_they_are_active_unless_it_is_said(self, api: Api):
        shown = data_of(self.allow(api, {"phrase": " Ignore me "}, {"phrase": "b", "is_active": False}))

        assert shown["prompt_injection_allowlist"] == [
            {"phrase": " Ignore me ", "is_active": True},
            {"phrase": "b", "is_active": False},
        ]

    def test_takes_200_active_phrases_and_no_more(self, api: Api):
        active = [{"phrase": str(number)} for number in range(200)]
        passive = [{"phrase": f"off {number}", "is_active": False} for number in range(5)]

        assert self.allow(api, *active, *passive).status_code == 200
        assert "200 active" in error_of(self.allow(api, *active, {"phrase": "one more"}))[1]

    def test_counts_a_phrases_bytes(self, api: Api):
        assert self.allow(api, {"phrase": "é" * 500}).status_code == 200
        assert "1000 bytes" in error_of(self.allow(api, {"phrase": "é" * 500 + "x"}))[1]

    def test_takes_no_phrase_twice_in_whatever_case(self, api: Api):
        status, message = error_of(self.allow(api, {"phrase": "Ignore"}, {"phrase": "iGNORE"}))

        assert (status, message.partition(":")[0]) == (400, "prompt_injection_allowlist[1].phrase")


class TestIoLogging:
    LOGGED = {"is_observability_io_logging_enabled": True}

    def test_cannot_be_turned_on_below_a_ceiling_that_forbids_it(self, api: Api):
        api.patch(PRIVACY, {"is_io_logging_allowed": False})

        changed = error_of(api.patch("/workspaces/production", self.LOGGED))
        created = error_of(api.post("/workspaces", {"name": "New", "slug": "new"} | self.LOGGED))

        assert changed == created == (400, "The account's privacy settings do not allow I/O logging.")
        assert data_of(api.get("/workspaces/production"))["is_observability_io_logging_enabled"] is False

    def test_stays_as_it_was_set_when_the_ceiling_comes_down(self, api: Api):
        api.patch("/workspaces/production", self.LOGGED)

        api.patch(PRIVACY, {"is_io_logging_allowed": False})
        renamed = data_of(api.patch("/workspaces/production", {"name": "Renamed"} | self.LOGGED))

        assert renamed["is_observability_io_logging_enabled"] is True

    def test_is_free_under_a_ceiling_that_allows_it(self, api: Api):
        assert api.patch("/workspaces/production", self.LOGGED).status_code == 200


class TestTheOrganizationsSettings:
    def test_are_read_and_changed(self, api: Api, acme: Acme):
        shown = data_of(api.get("/organization/settings"))
        changed = data_of(api.patch("/organization/settings", {"is_filtered_model_catalog_enabled": True}))

        assert shown == {
            "id": str(acme.organization.public_id),
            "is_filtered_model_catalog_enabled": False,
            "requests_per_minute": None,
            "tokens_per_minute": None,
            "concurrent_requests": None,
        }
        assert (
            changed
            == data_of(api.get("/organization/settings"))
            == shown | {"is_filtered_model_catalog_enabled": True}
        )

    def test_are_rates_too(self, api: Api):
        changed = data_of(api.patch("/organization/settings", {"requests_per_minute": 600}))

        assert (changed["requests_per_minute"], changed["is_filtered_model_catalog_enabled"]) == (600, False)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"requests_per_minute": -1},
            {"is_filtered_model_catalog_enabled": None},
            {"is_filtered_model_catalog_enabled": "true"},
            {"is_filtered_model_catalog_enabled": True, "id": "x"},
        ],
    )
    def test_refuse_anything_else(self, api: Api, body: dict[str, Any]):
        assert error_of(api.patch("/organization/settings", body))[0] == 400
