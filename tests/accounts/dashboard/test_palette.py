"""The palette and the navigation: everything that the viewer may go to, and nothing else."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.dashboard.navigation import ACTIONS, GROUPS, Entry, Group, Reader
from tests.browser.quality import MOST_QUERIES, queries_of
from tests.cast import Acme, Cast
from tests.dashboard_pages import HTMX, text_of

pytestmark = pytest.mark.django_db

FIND = "/o/acme/find"


def titles(client: Client, text: str = "", **query: str) -> dict[str, list[str]]:
    """What is found, by kind."""
    answer = client.get(FIND, {"q": text, **query}, headers=HTMX)
    assert answer.status_code == 200
    return {group.title: [item.title for item in group.items] for group in answer.context["groups"]}


def addresses(client: Client, text: str, **query: str) -> list[str]:
    """Where what is found leads."""
    answer = client.get(FIND, {"q": text, **query}, headers=HTMX)
    return [item.href for group in answer.context["groups"] for item in group.items]


class TestThePalette:
    def test_finds_pages_by_their_name_and_by_what_they_are_about(self, viewers: dict[str, Client]) -> None:
        assert titles(viewers["alice"], "audit")["Pages"] == ["Audit log"]
        assert titles(viewers["alice"], "invoices")["Pages"] == ["Credits"]
        assert titles(viewers["alice"], "MANAGEMENT ke")["Pages"] == ["Management keys"]

    def test_leads_to_pages_of_the_workspace_that_the_address_names(self, viewers: dict[str, Client]) -> None:
        assert addresses(viewers["bob"], "keys", w="production")[0] == "/o/acme/w/production/keys"

    def test_takes_no_word_for_a_workspace_that_the_viewer_is_not_in(
        self, viewers: dict[str, Client]
    ) -> None:
        assert addresses(viewers["bob"], "keys", w="research")[0] == "/o/acme/w/default/keys"
        assert addresses(viewers["bob"], "keys", w="\x00")[0] == "/o/acme/w/default/keys"

    def test_offers_what_the_viewer_may_do(self, viewers: dict[str, Client]) -> None:
        assert "Create a workspace" in titles(viewers["alice"], "create")["Actions"]
        assert "Create a workspace" not in titles(viewers["bob"], "create")["Actions"]
        assert "Create a key" in titles(viewers["bob"], "create")["Actions"]

    def test_finds_only_workspaces_that_the_viewer_is_in(self, viewers: dict[str, Client]) -> None:
        assert titles(viewers["alice"], "research")["Workspaces"] == ["Research"]
        assert titles(viewers["carol"], "research")["Workspaces"] == ["Research"]
        assert "Workspaces" not in titles(viewers["bob"], "research")

    def test_finds_everybodys_keys_for_an_administrator_and_ones_own_for_a_member(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        bobs, carols = acme.bob_key.key.name, acme.carol_key.key.name

        assert bobs in titles(viewers["alice"], bobs)["Keys"]
        assert bobs in titles(viewers["bob"], bobs)["Keys"]
        assert carols not in titles(viewers["bob"], carols).get("Keys", [])

    def test_finds_no_key_that_is_deleted(self, acme: Acme, viewers: dict[str, Client]) -> None:
        key = acme.bob_key.key
        viewers["alice"].post(f"/o/acme/w/production/keys/{key.hash}/delete", {"name": key.name})

        assert key.name not in titles(viewers["alice"], key.name).get("Keys", [])

    def test_is_not_there_for_strangers(self, viewers: dict[str, Client]) -> None:
        assert viewers["mallory"].get(FIND).status_code == 404
        assert viewers["anonymous"].get(FIND)["Location"] == "/accounts/login/?next=/o/acme/find"

    def test_says_so_when_nothing_is_called_that(self, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get(FIND, {"q": "zzz <b>"}, headers=HTMX)

        assert "Nothing is called “zzz <b>”" in text_of(answer)
        assert b"<b>" not in answer.content

    @pytest.mark.parametrize("text", ["\x00", "%", "_", "'; --", "x" * 70_000, "🙂", "\\"])
    def test_takes_any_text(self, text: str, viewers: dict[str, Client]) -> None:
        assert viewers["alice"].get(FIND, {"q": text}, headers=HTMX).status_code == 200

    @pytest.mark.parametrize("name", ["alice", "bob"])
    def test_costs_as_many_queries_however_much_is_found(self, name: str, viewers: dict[str, Client]) -> None:
        assert len(queries_of(viewers[name], f"{FIND}?q=e")) <= MOST_QUERIES

    def test_is_a_page_of_its_own_without_a_script(self, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["alice"].get(FIND, {"q": "logs"}))

        assert "<h1" in page
        assert 'href="/o/acme/logs"' in page


class TestTheNavigation:
    def test_marks_the_page_that_is_open(self, viewers: dict[str, Client]) -> None:
        groups = viewers["alice"].get("/o/acme/w/default/keys").context["navigation"]

        assert [link.entry.label for group in groups for link in group.links if link.is_current] == ["Keys"]

    def test_shows_members_only_what_they_may_open(self, viewers: dict[str, Client]) -> None:
        groups = viewers["bob"].get("/o/acme/logs").context["navigation"]

        shown = {link.entry.name for group in groups for link in group.links}
        assert {"home", "keys", "logs", "activity", "preferences"} <= shown
        assert not shown & {"destinations", "credits", "audit_log", "members", "management_keys"}

    def test_leads_only_to_pages_that_answer(self, cast: Cast, viewers: dict[str, Client]) -> None:
        for name in ("alice", "bob", "carol"):
            groups = viewers[name].get("/o/acme/logs").context["navigation"]
            for link in (link for group in groups for link in group.links):
                assert viewers[name].get(link.href).status_code == 200, (name, link.href)

    def test_leaves_out_pages_that_do_not_exist(self) -> None:
        there_is_none = Group("Later", (Entry("no_such_page", "No such page", "home"),))
        reader = Reader("acme", "default", lambda _: True, lambda _: True)

        assert reader.links([there_is_none]) == []

    def test_gives_no_key_twice(self) -> None:
        keys = [entry.key for group in (*GROUPS, *ACTIONS) for entry in group.entries if entry.key]

        assert len(keys) == len(set(keys))
