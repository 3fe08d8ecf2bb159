"""The page that makes a workspace."""

from __future__ import annotations

import pytest
from django.test import Client

from config.lib.scoping import tenant
from tests.cast import Acme
from tests.dashboard_pages import text_of
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db
NEW = "/o/acme/workspaces/new"


class TestANewWorkspace:
    def test_is_made_by_an_administrator_who_is_led_there(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(NEW, {"name": "Night_Shift & Sons", "description": "At night"})

        assert answer["Location"] == "/o/acme/w/night-shift-sons/"
        assert viewers["alice"].get(answer["Location"]).status_code == 200
        with tenant(acme.organization.pk):
            made = Workspace.objects.for_organization(acme.organization).get(slug="night-shift-sons")
        assert (made.name, made.description, made.created_by) == (
            "Night_Shift & Sons",
            "At night",
            acme.alice.user,
        )

    def test_takes_an_address_that_is_given(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post(NEW, {"name": "Night", "slug": "after-dark"})

        assert answer["Location"] == "/o/acme/w/after-dark/"

    @pytest.mark.parametrize("slug", ["production", "a b", "-a", "A", "é", "a" * 51])
    def test_says_which_address_it_cannot_have_and_keeps_what_was_typed(
        self, slug: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(NEW, {"name": "Night", "slug": slug})

        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == ["slug"]
        assert 'value="Night"' in text_of(answer)

    def test_says_which_address_is_taken_when_it_followed_from_the_name(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(NEW, {"name": "Production"})

        assert answer.context["form"].errors == {"slug": ["Another workspace has the address “production”."]}

    @pytest.mark.parametrize("name", ["", "☃", "Production", "x" * 101])
    def test_needs_a_name_that_makes_an_address(
        self, name: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        assert viewers["alice"].post(NEW, {"name": name}).status_code == 422

    def test_is_offered_to_administrators_alone(self, acme: Acme, viewers: dict[str, Client]) -> None:
        offered = {
            who: f'href="{NEW}"' in text_of(viewers[who].get("/o/acme/workspaces"))
            for who in ("alice", "bob")
        }

        assert offered == {"alice": True, "bob": False}
