"""Where the addresses lead, and a workspace's home."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.credits import deposit
from accounts.models import LedgerEntry, User
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme
from tests.dashboard_pages import HTMX, make_generation, text_of
from workspaces import budgets
from workspaces.workspaces import change

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


class TestTheRootAddress:
    def test_leads_to_the_default_workspace_at_first(self, viewers: dict[str, Client]) -> None:
        answer = viewers["bob"].get("/", follow=True)

        assert answer.redirect_chain[-1][0] == "/o/acme/w/default/"

    def test_leads_to_the_workspace_that_was_open_last(self, viewers: dict[str, Client]) -> None:
        viewers["bob"].get("/o/acme/w/production/keys")

        answer = viewers["bob"].get("/", follow=True)

        assert answer.redirect_chain[-1][0] == "/o/acme/w/production/"

    def test_says_so_when_somebody_is_in_no_organization(self, db: None) -> None:
        client = Client()
        client.force_login(User.objects.create_user("nobody@example.com"))

        answer = client.get("/")

        assert "You are in no organization yet" in text_of(answer)

    def test_leads_to_the_login_page_for_nobody_and_back_again(self, viewers: dict[str, Client]) -> None:
        answer = viewers["anonymous"].get("/o/acme/logs?status=error")

        assert answer["Location"] == "/accounts/login/?next=/o/acme/logs%3Fstatus%3Derror"

    def test_sends_the_whole_window_to_the_login_page_when_a_part_is_asked_for(
        self, viewers: dict[str, Client]
    ) -> None:
        shown = HTMX | {"HX-Current-URL": "http://testserver/o/acme/logs"}

        answer = viewers["anonymous"].get("/o/acme/w/default/keys/new", headers=shown)

        assert answer["HX-Redirect"] == "/accounts/login/?next=/o/acme/logs"


class TestThePicker:
    def test_lists_the_workspaces_of_the_person(self, viewers: dict[str, Client]) -> None:
        answer = viewers["bob"].get("/o/acme/workspaces", headers=HTMX)

        assert [workspace.slug for workspace in answer.context["workspaces"]] == ["default", "production"]
        assert "<html" not in text_of(answer)

    def test_finds_by_name(self, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get("/o/acme/workspaces", {"q": "RESE"}, headers=HTMX)

        assert [workspace.slug for workspace in answer.context["workspaces"]] == ["research"]

    def test_lists_the_organizations_of_the_person_and_no_others(self, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get("/o/acme/workspaces")

        assert [row.organization.slug for row in answer.context["memberships"]] == ["acme"]


class TestAWorkspacesHome:
    def test_tells_an_administrator_what_is_left(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            deposit(
                organization=acme.organization,
                kind=LedgerEntry.PURCHASE,
                amount_nano=10_000_000_001,
                description="",
                by=STAGE,
            )

        answer = viewers["alice"].get("/o/acme/w/default/")

        figures = {figure.label: (figure.value, figure.title) for figure in answer.context["figures"]}
        assert figures["Credits left"] == ("$10.00", "$10.000000001")

    def test_tells_a_member_nothing_of_credits(self, viewers: dict[str, Client]) -> None:
        answer = viewers["bob"].get("/o/acme/w/default/")

        labels = [figure.label for figure in answer.context["figures"]]
        assert labels == ["Spent today", "Requests today", "Error rate", "First token"]
        assert "Credits" not in text_of(answer)

    def test_lists_what_is_left_to_do(self, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get("/o/acme/w/research/")

        assert {step.title: step.is_done for step in answer.context["steps"]} == {
            "Have credits": False,
            "Create an API key": True,
            "Set a budget": False,
            "Add a member": True,
            "Send the first request": False,
            "Add a destination": False,
            "Set a guardrail": False,
        }

    def test_asks_a_member_for_what_he_may_do(self, viewers: dict[str, Client]) -> None:
        answer = viewers["bob"].get("/o/acme/w/production/")

        steps = [step.title for step in answer.context["steps"]]
        assert steps == ["Create an API key", "Send the first request"]

    def test_leads_to_where_it_is_done(self, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get("/o/acme/w/research/")

        links = {step.title: step.href for step in answer.context["steps"]}
        assert links["Set a budget"] == "/o/acme/w/research/settings"
        assert links["Add a member"] == "/o/acme/w/research/members/add"
        assert links["Have credits"] == "/o/acme/credits"

    def test_hides_the_list_when_all_is_done(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.bob_key.key)

        page = text_of(viewers["bob"].get("/o/acme/w/production/"))

        assert "Set up this workspace" not in page

    def test_hides_the_list_from_who_does_not_want_it(self, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].post("/o/acme/w/research/set-up/hide")

        page = text_of(viewers["alice"].get("/o/acme/w/research/"))
        assert "Set up this workspace" not in page
        assert answer.cookies["headgate_setup"]["path"] == "/o/acme/w/research/"

    def test_shows_budgets_with_what_is_spent_of_them(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            budgets.set_budget(workspace=acme.production, interval="d", limit_nano=3 * 10**9, by=STAGE)

        page = text_of(viewers["bob"].get("/o/acme/w/production/"))

        assert "of $3.00" in page

    def test_has_a_curl_command_for_the_workspaces_own_model(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        with tenant(acme.organization.pk):
            change(workspace=acme.default, by=STAGE, default_text_model="author/model")

        answer = text_of(viewers["alice"].get("/o/acme/w/default/"))

        assert "curl http://testserver/api/v1/chat/completions" in answer
        assert '"model": "author/model"' in answer


class TestTheWayIntoTheAdministration:
    def test_is_shown_to_whom_it_lets_in(self, viewers: dict[str, Client]) -> None:
        shown = {
            who: 'href="/admin/"' in text_of(viewers[who].get(f"/o/{place}/logs"))
            for who, place in (("alice", "acme"), ("bob", "acme"), ("mallory", "globex"))
        }
        admitted = {who: viewers[who].get("/admin/").status_code == 200 for who in shown}

        assert shown == admitted == {"alice": True, "bob": False, "mallory": True}
