"""The page of a workspace's settings: name, budgets, how strictly they are held, and its end."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Revision
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of
from workspaces import api_keys, budgets
from workspaces.budgets import budgets_of
from workspaces.models import ApiKey, Workspace

pytestmark = pytest.mark.django_db

PAGE = "/o/acme/w/production/settings"
GENERAL = {"name": "Production", "slug": "production", "description": ""}
DOLLAR = 10**9


def reread(workspace: Workspace) -> Workspace:
    """The workspace as the database has it."""
    with tenant(workspace.organization_id):
        found: Workspace = Workspace.objects.for_organization(workspace.organization_id).get(pk=workspace.pk)
        return found


def limits(workspace: Workspace) -> dict[str, int]:
    """Its budgets in dollars."""
    with tenant(workspace.organization_id):
        return {row.interval: row.limit_nano // DOLLAR for row in budgets_of(workspace)}


class TestTheName:
    def test_is_changed_with_its_address_and_models(self, acme: Acme, viewers: dict[str, Client]) -> None:
        values = {"name": "Live", "slug": "live", "description": "Shop", "default_text_model": "a/b"}

        answer = viewers["alice"].post(PAGE, values)

        changed = reread(acme.production)
        assert (changed.name, changed.slug, changed.description) == ("Live", "live", "Shop")
        assert (changed.default_text_model, changed.default_image_model) == ("a/b", None)
        assert answer["Location"] == "/o/acme/w/live/settings"

    def test_keeps_the_address_of_another_workspace_out(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(PAGE, GENERAL | {"name": "New", "slug": "research"})

        assert answer.status_code == 422
        assert "Another workspace has the address “research”." in text_of(answer)
        assert 'value="New"' in text_of(answer)
        assert reread(acme.production).name == "Production"

    def test_is_recorded_as_done_at_the_dashboard(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(PAGE, GENERAL | {"name": "Live"})

        with tenant(acme.organization.pk):
            revision = Revision.objects.for_organization(acme.organization).order_by("-pk")[0]
        assert (revision.door, revision.object_type, revision.action) == ("dashboard", "workspace", "update")


class TestBudgets:
    def test_are_set_raised_lowered_and_removed_at_once(self, acme: Acme, viewers: dict[str, Client]) -> None:
        seen = []
        for values in ({"d": "1", "m": "20"}, {"d": "30", "m": "200"}, {"d": "2", "m": "3"}, {"t": "4"}):
            viewers["alice"].post(f"{PAGE}/budgets", values)
            seen.append(limits(acme.production))

        assert seen == [{"m": 20, "d": 1}, {"m": 200, "d": 30}, {"m": 3, "d": 2}, {"t": 4}]

    def test_say_at_the_field_that_a_longer_interval_needs_more(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(f"{PAGE}/budgets", {"d": "5", "w": "5"})

        assert answer.status_code == 422
        assert answer.context["budgets"].errors["w"] == [
            "The weekly budget ($5) must be larger than the daily one ($5)."
        ]
        assert limits(acme.production) == {}

    @pytest.mark.parametrize("limit", ["0", "-1", "NaN", "1e400", "a lot", "0.0000000001"])
    def test_are_amounts(self, limit: str, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(f"{PAGE}/budgets", {"d": limit})

        assert answer.status_code == 422

    def test_count_byok_if_that_is_said(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(f"{PAGE}/budgets", {"d": "5", "is_byok_included": "on"})

        assert reread(acme.production).is_byok_in_budgets

    def test_record_nothing_of_an_interval_that_stays(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(f"{PAGE}/budgets", {"d": "5"})
        with tenant(acme.organization.pk):
            before = Revision.objects.for_organization(acme.organization).count()

        viewers["alice"].post(f"{PAGE}/budgets", {"d": "5"})

        with tenant(acme.organization.pk):
            assert Revision.objects.for_organization(acme.organization).count() == before

    def test_are_shown_to_members_who_may_not_set_them(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            budgets.set_budget(workspace=acme.production, interval="m", limit_nano=7 * DOLLAR, by=STAGE)

        page = text_of(viewers["bob"].get(PAGE))

        assert "of $7.00" in page
        assert "Save the budgets" not in page


class TestEnforcement:
    def test_is_strict_and_has_rates(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(f"{PAGE}/enforcement", {"is_strict": "on", "requests_per_minute": "90"})

        changed = reread(acme.production)
        assert (changed.is_strict, changed.requests_per_minute, changed.tokens_per_minute) == (True, 90, None)

    @pytest.mark.parametrize("rate", ["0", "-1", "2147483648", "many"])
    def test_has_rates_that_are_numbers(self, rate: str, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(f"{PAGE}/enforcement", {"tokens_per_minute": rate})

        assert answer.status_code == 422


class TestDeleting:
    def test_is_not_offered_while_there_are_keys(self, acme: Acme, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["alice"].get(f"{PAGE}/delete"))

        assert "cannot be deleted yet" in page
        assert "production system key" in page
        assert "/o/acme/w/production/keys/transfer" in page

    def test_is_refused_while_there_are_keys(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(f"{PAGE}/delete", {"name": "Production"})

        assert answer.status_code == 422
        assert reread(acme.production).deleted_at is None

    def test_needs_the_name(self, acme: Acme, viewers: dict[str, Client]) -> None:
        delete_keys(acme.production)

        wrong = viewers["alice"].post(f"{PAGE}/delete", {"name": "another"})
        still_there = reread(acme.production).deleted_at is None
        right = viewers["alice"].post(f"{PAGE}/delete", {"name": "Production"})

        assert (wrong.status_code, still_there) == (422, True)
        assert right["Location"] == "/o/acme/workspaces"
        assert reread(acme.production).deleted_at is not None

    def test_warns_of_the_default_one(self, acme: Acme, viewers: dict[str, Client]) -> None:
        delete_keys(acme.default)

        page = text_of(viewers["alice"].get("/o/acme/w/default/settings/delete"))
        viewers["alice"].post("/o/acme/w/default/settings/delete", {"name": "Default"})

        assert "This is the Default workspace" in page
        assert reread(acme.default).deleted_at is not None


def delete_keys(workspace: Workspace) -> None:
    """Delete all keys of a workspace."""
    with tenant(workspace.organization_id):
        for key in ApiKey.objects.for_workspace(workspace).active():
            api_keys.delete(key=key, by=STAGE)
