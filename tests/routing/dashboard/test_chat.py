"""The chat room's page and its tokens, as the control plane gives them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from config.lib import chat_tokens
from config.lib.scoping import tenant
from routing.preset_config import Content
from routing.presets import save_version
from tests.cast import STAGE, Acme
from tests.chat_tokens import ORIGIN, token_of
from tests.dashboard_pages import make_generation, text_of
from workspaces import api_keys, workspaces
from workspaces.models import ApiKey, Purse

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

ROOM = "/o/acme/chat"
TOKEN = "/o/acme/chat/token"


def room_of(client: Client) -> dict[str, Any]:
    """What the page tells its script."""
    found = re.search(r'data-room="([^"]*)"', client.get(ROOM).content.decode())
    assert found is not None
    room: dict[str, Any] = json.loads(found[1].replace("&quot;", '"'))
    return room


def ask(client: Client, **said: str) -> HttpResponse:
    """A token, as the page asks for it."""
    answer = client.post(TOKEN, said, headers={"Origin": ORIGIN})
    assert isinstance(answer, HttpResponse)
    return answer


class TestTheRoom:
    def test_opens_in_the_default_workspace(self, viewers: dict[str, Client]) -> None:
        assert room_of(viewers["bob"])["workspace"] == "default"

    def test_remembers_what_was_chosen_in_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        ask(viewers["bob"], workspace="production", chosen="yes")

        assert room_of(viewers["bob"])["workspace"] == "production"

    def test_is_not_moved_by_a_token_alone(self, viewers: dict[str, Client]) -> None:
        ask(viewers["bob"], workspace="production")

        assert room_of(viewers["bob"])["workspace"] == "default"

    def test_is_not_moved_by_looking_at_another_workspace(self, viewers: dict[str, Client]) -> None:
        viewers["bob"].get("/o/acme/w/production/keys")

        assert room_of(viewers["bob"])["workspace"] == "default"

    def test_goes_back_where_the_chosen_one_is_not_his_any_more(self, viewers: dict[str, Client]) -> None:
        ask(viewers["carol"], workspace="research", chosen="yes")
        cookie = next(name for name in viewers["carol"].cookies if name.startswith("headgate_chat_"))
        viewers["carol"].cookies[cookie] = "production"

        assert room_of(viewers["carol"])["workspace"] == "default"

    def test_lists_one_s_own_workspaces_only(self, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["bob"].get(ROOM))

        assert '<option value="production"' in page
        assert '<option value="research"' not in page

    def test_asks_for_one_where_the_default_one_is_gone(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            for key in ApiKey.objects.for_workspace(acme.default).active():
                api_keys.delete(key=key, by=STAGE)
            workspaces.delete(workspace=acme.default, by=STAGE, is_default_confirmed=True)

        assert room_of(viewers["bob"])["workspace"] == ""

    def test_is_in_the_navigation(self, viewers: dict[str, Client]) -> None:
        assert f'href="{ROOM}"' in text_of(viewers["bob"].get("/o/acme/w/production/"))

    def test_may_reach_no_other_origin(self, viewers: dict[str, Client]) -> None:
        policy = viewers["bob"].get(ROOM).headers["Content-Security-Policy"]

        assert "connect-src 'self';" in f"{policy};"


class TestAToken:
    def test_says_who_and_where_and_nothing_secret(self, acme: Acme, viewers: dict[str, Client]) -> None:
        token = token_of(viewers["bob"], acme.production)

        said = chat_tokens.read(token)
        assert (said.seat.membership_id, said.seat.workspace_id) == (acme.bob.pk, acme.production.pk)
        assert said.origin == ORIGIN
        assert viewers["bob"].session.session_key not in token

    def test_needs_the_page_s_origin(self, viewers: dict[str, Client]) -> None:
        assert viewers["bob"].post(TOKEN, {"workspace": "default"}).status_code == 400

    def test_is_refused_to_another_page(self, acme: Acme) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(acme.bob.user)

        for origin in ("https://evil.example", ORIGIN):
            answer = strict.post(TOKEN, {"workspace": "default"}, headers={"Origin": origin})
            assert answer.status_code == 403

    def test_is_not_read_by_an_address(self, viewers: dict[str, Client]) -> None:
        assert viewers["bob"].get(TOKEN).status_code == 405

    @pytest.mark.parametrize("slug", ["research", "nowhere", "", "a\x00b"])
    def test_is_not_there_for_a_workspace_of_others(self, slug: str, viewers: dict[str, Client]) -> None:
        assert ask(viewers["bob"], workspace=slug).status_code == 404

    def test_comes_with_the_workspace_s_presets_and_tools(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        with tenant(acme.organization.pk):
            save_version(
                workspace=acme.production, slug="terse", content=Content({"temperature": 0}), by=STAGE
            )

        offer = ask(viewers["bob"], workspace="production").json()

        assert [preset["slug"] for preset in offer["presets"]] == ["terse"]
        assert "datetime" in offer["tools"]
        assert "web_search" not in offer["tools"]  # no engine is set up
        assert offer["has_fusion"] is True

    def test_leaves_out_tools_that_the_workspace_does_not_want(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        with tenant(acme.organization.pk):
            workspaces.change(
                workspace=acme.production, by=STAGE, disabled_server_tools=["openrouter:datetime", "fusion"]
            )

        offer = ask(viewers["bob"], workspace="production").json()

        assert "datetime" not in offer["tools"]
        assert offer["has_fusion"] is False

    def test_leaves_no_key_behind(self, acme: Acme, viewers: dict[str, Client]) -> None:
        def counted() -> tuple[int, int]:
            with tenant(acme.organization.pk):
                keys = ApiKey.objects.for_organization(acme.organization).count()
                return keys, Purse.objects.for_organization(acme.organization).count()

        keys, purses = counted()

        for _ in range(2):
            token_of(viewers["bob"], acme.production)

        assert counted() == (keys, purses + 1)  # what he spends is counted from now on


class TestTheLog:
    def test_says_that_a_request_came_from_here(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.bob_key.key, api_key_id=None, member_id=acme.bob.pk)

        assert "Chat room" in text_of(viewers["bob"].get("/o/acme/logs"))
