"""Preferences: how the dashboard looks and behaves in one browser."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.dashboard_pages import text_of

pytestmark = pytest.mark.django_db

PAGE = "/o/acme/preferences"
CHOSEN = {"theme": "dark", "times": "utc", "shortcuts": "off", "opens": "production"}


class TestPreferences:
    def test_are_kept_in_the_browser_and_read_by_every_page(self, viewers: dict[str, Client]) -> None:
        answer = viewers["bob"].post(PAGE, CHOSEN, follow=True)

        page = text_of(answer)
        assert '<html lang="en" data-theme="dark" data-times="utc" data-shortcuts="off">' in page
        assert "Saved in this browser." in page
        assert answer.context["form"].initial == CHOSEN

    def test_open_the_chosen_workspace_first_wherever_one_was_last(self, viewers: dict[str, Client]) -> None:
        viewers["bob"].post(PAGE, CHOSEN)
        viewers["bob"].get("/o/acme/w/default/keys")

        answer = viewers["bob"].get("/", follow=True)

        assert answer.redirect_chain[-1][0] == "/o/acme/w/production/"

    def test_can_be_taken_back(self, viewers: dict[str, Client]) -> None:
        viewers["bob"].post(PAGE, CHOSEN)
        viewers["bob"].post(PAGE, {"theme": "system", "times": "local", "shortcuts": "on", "opens": ""})

        assert '<html lang="en">' in text_of(viewers["bob"].get(PAGE))

    def test_offer_only_ones_own_workspaces(self, viewers: dict[str, Client]) -> None:
        assert viewers["bob"].post(PAGE, CHOSEN | {"opens": "research"}).status_code == 422
        assert "Research" not in text_of(viewers["bob"].get(PAGE))

    @pytest.mark.parametrize("slug", ["research", "nowhere", "\x00", "x" * 3000, "../../"])
    def test_that_somebody_made_up_are_ignored(self, slug: str, viewers: dict[str, Client]) -> None:
        viewers["bob"].cookies["headgate_opens"] = slug

        answer = viewers["bob"].get("/o/acme/", follow=True)

        assert answer.redirect_chain[-1][0] == "/o/acme/w/default/"

    def test_are_not_there_for_strangers(self, viewers: dict[str, Client]) -> None:
        assert viewers["mallory"].get(PAGE).status_code == 404
