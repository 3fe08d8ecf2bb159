"""The pages of a workspace's keys."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from accounts.models import Revision
from config.lib.keys import hash_of
from config.lib.scoping import tenant
from routing import guardrail_settings
from routing.models import Guardrail
from tests.browser.quality import MOST_QUERIES, queries_of
from tests.cast import STAGE, Acme, Cast, acting
from tests.dashboard_pages import HTMX, make_generation, text_of
from workspaces import api_keys, budgets
from workspaces.dashboard.key_guardrails import GuardrailChoice, held_to, key_held
from workspaces.models import ApiKey, ApiKeyUse, Workspace

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

KEYS = "/o/acme/w/default/keys"
SECRET = re.compile(r"sk-hg-v1-[0-9a-f]{64}")
NEW_KEY = {"name": "checkout bot", "limit_usd": "", "limit_reset": "t", "expires": "", "owner": "mine"}


def create(client: Client, **changes: str) -> HttpResponseBase:
    """Send the form for a new key, as the dialog does."""
    return client.post(f"{KEYS}/new", NEW_KEY | changes, headers=HTMX)


def change(client: Client, acme: Acme, **changes: str) -> HttpResponseBase:
    """Send the form of alice's key."""
    values = {"name": "alice's key", "limit_usd": "", "limit_reset": "t", "expires": ""} | changes
    return client.post(f"{KEYS}/{acme.alice_key.key.hash}/edit", values)


def a_guardrail(acme: Acme, workspace: Workspace, name: str = "strict") -> Guardrail:
    """A guardrail that keys of the workspace can be held to."""
    with tenant(acme.organization.pk):
        return guardrail_settings.create(workspace=workspace, name=name, by=STAGE)


def newest_key(acme: Acme) -> ApiKey:
    """The key that was made last."""
    with tenant(acme.organization.pk):
        key: ApiKey = ApiKey.objects.for_organization(acme.organization).order_by("-pk")[0]
        return key


def reread(key: ApiKey) -> ApiKey:
    """The key as the database has it."""
    with tenant(key.organization_id):
        found: ApiKey = ApiKey.objects.for_organization(key.organization_id).get(pk=key.pk)
        return found


class TestCreatingAKey:
    def test_shows_the_secret_in_this_answer_and_nowhere_else(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = text_of(create(viewers["alice"]))

        [secret] = set(SECRET.findall(answer))
        assert newest_key(acme).hash == hash_of(secret)
        assert "curl " in answer
        assert not SECRET.search(text_of(viewers["alice"].get(KEYS)))

    def test_is_never_cached(self, viewers: dict[str, Client]) -> None:
        answer = create(viewers["alice"])

        assert "no-store" in answer["Cache-Control"]

    def test_makes_it_the_creators_own(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["bob"], owner="")

        assert newest_key(acme).owner_id == acme.bob.pk

    def test_makes_a_system_key_for_an_administrator(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"], owner="system")

        assert newest_key(acme).owner_id is None

    def test_makes_no_system_key_for_a_member_who_asks_for_one(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        create(viewers["bob"], owner="system")

        assert newest_key(acme).owner_id == acme.bob.pk

    def test_sets_the_limit_and_the_end(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"], limit_usd="12.5", limit_reset="m", expires="7")

        key = newest_key(acme)
        assert (key.limit_nano, key.limit_interval) == (12_500_000_000, "m")
        assert key.expires_at is not None
        assert abs(key.expires_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=5)

    def test_accepts_a_limit_of_nothing(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"], limit_usd="0")

        assert newest_key(acme).limit_nano == 0

    @pytest.mark.parametrize("limit", ["-1", "0.0000000001", "NaN", "Infinity", "1e400", "a lot"])
    def test_shows_the_form_again_for_a_limit_that_is_none(
        self, limit: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        before = newest_key(acme)

        answer = create(viewers["alice"], limit_usd=limit)

        assert answer.status_code == 422
        assert newest_key(acme) == before

    def test_keeps_what_was_typed_when_something_is_wrong(self, viewers: dict[str, Client]) -> None:
        answer = create(viewers["alice"], name="", limit_usd="7.25")

        assert 'value="7.25"' in text_of(answer)

    def test_refuses_a_name_with_a_nul(self, viewers: dict[str, Client]) -> None:
        answer = create(viewers["alice"], name="a\x00b")

        assert answer.status_code == 422

    def test_is_recorded_as_done_at_the_dashboard(self, acme: Acme, viewers: dict[str, Client]) -> None:
        create(viewers["alice"])

        with tenant(acme.organization.pk):
            revision = Revision.objects.for_organization(acme.organization).order_by("-pk")[0]
        assert (revision.door, revision.user_id, revision.action) == (
            "dashboard",
            acme.alice.user_id,
            "create",
        )

    def test_needs_the_token_of_our_own_form(self, cast: Cast) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(cast.acme.alice.user)

        answer = strict.post(f"{KEYS}/new", NEW_KEY)

        assert answer.status_code == 403


class TestTheList:
    def test_shows_an_administrator_everybodys_keys(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = text_of(viewers["alice"].get("/o/acme/w/production/keys"))

        assert "bob's key" in answer
        assert "production system key" in answer

    def test_shows_a_member_his_own(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = text_of(viewers["bob"].get("/o/acme/w/production/keys"))

        assert "bob's key" in answer
        assert "production system key" not in answer

    def test_teaches_with_a_curl_command_when_it_is_empty(self, viewers: dict[str, Client]) -> None:
        answer = text_of(viewers["carol"].get(KEYS))

        assert "No keys yet" in answer
        assert "curl http://testserver/api/v1/chat/completions" in answer

    def test_finds_by_name(self, viewers: dict[str, Client]) -> None:
        answer = text_of(viewers["alice"].get(KEYS, {"q": "SYSTEM"}))

        assert "default system key" in answer
        assert "alice's key" not in answer

    def test_has_a_page_of_fifty_after_another(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            for number in range(55):
                api_keys.issue(workspace=acme.default, name=f"numbered {number:02}", by=acting(acme.alice))

        pages = [viewers["alice"].get(KEYS, {"page": number}) for number in ("", "2")]

        names = [status.key.name for page in pages for status in page.context["statuses"]]
        assert names[:55] == [f"numbered {number:02}" for number in reversed(range(55))]
        assert len(names) == 57

    @pytest.mark.parametrize("page", ["x", "-1", "9" * 40, "%00"])
    def test_shows_some_page_for_a_number_of_nobodys_making(
        self, page: str, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].get(KEYS, {"page": page})

        assert "alice's key" in text_of(answer)

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("name", ["alice's key", "default system key"]),
            ("-name", ["default system key", "alice's key"]),
            ("created", ["alice's key", "default system key"]),
            ("-used", ["default system key", "alice's key"]),
            ("used", ["default system key", "alice's key"]),
            ("no such column", ["default system key", "alice's key"]),
        ],
    )
    def test_is_sorted_by_what_the_address_says(
        self, sort: str, expected: list[str], acme: Acme, viewers: dict[str, Client]
    ) -> None:
        owned = ApiKeyUse.objects.using("owner")
        owned.create(
            api_key_id=acme.default_key.key.pk,
            organization_id=acme.organization.pk,
            last_used_at=timezone.now(),
        )

        answer = viewers["alice"].get(KEYS, {"sort": sort})

        assert [status.key.name for status in answer.context["statuses"]] == expected

    @pytest.mark.parametrize(
        ("narrowed", "expected"),
        [
            ({"state": "disabled"}, ["alice's key"]),
            ({"state": "active"}, ["default system key"]),
            ({"state": "expired"}, []),
            ({"owner": "mine"}, ["alice's key"]),
            ({"owner": "workspace"}, ["default system key"]),
            ({"owner": "others"}, []),
            ({"owner": "workspace", "state": "disabled"}, []),
        ],
    )
    def test_is_narrowed_by_state_and_owner(
        self, narrowed: dict[str, str], expected: list[str], acme: Acme, viewers: dict[str, Client]
    ) -> None:
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.alice_key.key, by=acting(acme.alice), is_disabled=True)

        answer = viewers["alice"].get(KEYS, narrowed)

        assert [status.key.name for status in answer.context["statuses"]] == expected

    def test_asks_as_little_of_the_database_for_many_keys_as_for_two(
        self, acme: Acme, viewers: dict[str, Client], django_assert_max_num_queries
    ) -> None:
        with tenant(acme.organization.pk):
            for number in range(30):
                api_keys.issue(workspace=acme.default, name=f"key {number}", by=acting(acme.alice))

        with django_assert_max_num_queries(30):
            answer = viewers["alice"].get(KEYS)

        assert answer.status_code == 200


class TestSwitchingAKeyOff:
    def test_disables_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(f"{KEYS}/{acme.alice_key.key.hash}/disable")

        assert reread(acme.alice_key.key).is_disabled

    def test_is_undone_by_enabling_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(f"{KEYS}/{acme.alice_key.key.hash}/disable")

        viewers["alice"].post(f"{KEYS}/{acme.alice_key.key.hash}/enable")

        assert not reread(acme.alice_key.key).is_disabled

    def test_is_not_done_by_following_a_link(self, acme: Acme, viewers: dict[str, Client]) -> None:
        answer = viewers["alice"].get(f"{KEYS}/{acme.alice_key.key.hash}/disable")

        assert answer.status_code == 405
        assert not reread(acme.alice_key.key).is_disabled


class TestChangingAKey:
    def test_sets_name_and_limit(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(
            f"{KEYS}/{acme.alice_key.key.hash}/edit",
            {"name": "renamed", "limit_usd": "3", "limit_reset": "d"},
        )

        key = reread(acme.alice_key.key)
        assert (key.name, key.limit_nano, key.limit_interval) == ("renamed", 3_000_000_000, "d")

    def test_shows_the_limit_it_has_exactly(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.alice_key.key, by=acting(acme.alice), limit_nano=1)

        answer = text_of(viewers["alice"].get(f"{KEYS}/{acme.alice_key.key.hash}/edit"))

        assert 'value="0.000000001"' in answer

    def test_sets_rates_and_what_counts(self, acme: Acme, viewers: dict[str, Client]) -> None:
        change(viewers["alice"], acme, requests_per_minute="60", is_byok_in_limit="on")

        key = reread(acme.alice_key.key)
        assert (key.requests_per_minute, key.tokens_per_minute, key.is_byok_in_limit) == (60, None, True)

    @pytest.mark.parametrize(("chosen", "is_kept"), [("", True), ("never", False), ("30", False)])
    def test_gives_it_another_end_only_when_one_is_chosen(
        self, chosen: str, is_kept: bool, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        end = timezone.now() + timedelta(days=3)
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.alice_key.key, by=acting(acme.alice), expires_at=end)

        change(viewers["alice"], acme, expires=chosen)

        assert (reread(acme.alice_key.key).expires_at == end) is is_kept


class TestTheGuardrailOfAKey:
    def test_is_chosen_when_the_key_is_made(self, acme: Acme, viewers: dict[str, Client]) -> None:
        strict = a_guardrail(acme, acme.default)

        create(viewers["alice"], guardrail=str(strict.public_id))

        with tenant(acme.organization.pk):
            assert held_to(newest_key(acme)) == GuardrailChoice(str(strict.public_id), "strict")

    def test_is_taken_away_by_choosing_none(self, acme: Acme, viewers: dict[str, Client]) -> None:
        strict = a_guardrail(acme, acme.default)
        change(viewers["alice"], acme, guardrail=str(strict.public_id))

        change(viewers["alice"], acme, guardrail="")

        with tenant(acme.organization.pk):
            assert held_to(acme.alice_key.key) is None

    def test_may_be_another_workspaces_and_stays_so(self, acme: Acme, viewers: dict[str, Client]) -> None:
        elsewhere = a_guardrail(acme, acme.research)
        with tenant(acme.organization.pk):
            key_held(acme.alice_key.key, str(elsewhere.public_id), acting(acme.alice))
        a_guardrail(acme, acme.default, "another")

        change(viewers["alice"], acme, guardrail=str(elsewhere.public_id))

        with tenant(acme.organization.pk):
            assert held_to(acme.alice_key.key) == GuardrailChoice(str(elsewhere.public_id), "strict")

    def test_is_none_of_another_workspace_that_somebody_asks_for(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        a_guardrail(acme, acme.default, "another")
        elsewhere = a_guardrail(acme, acme.research)

        answer = create(viewers["alice"], guardrail=str(elsewhere.public_id))

        assert answer.status_code == 422

    def test_is_no_choice_of_a_plain_member(self, acme: Acme, viewers: dict[str, Client]) -> None:
        strict = a_guardrail(acme, acme.default)

        form = text_of(viewers["bob"].get(f"{KEYS}/new"))
        create(viewers["bob"], owner="", guardrail=str(strict.public_id))

        assert "strict" not in form
        with tenant(acme.organization.pk):
            assert held_to(newest_key(acme)) is None


class TestTheKeysPage:
    def test_tells_its_limits_who_made_it_and_its_latest_requests(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.alice_key.key, by=acting(acme.alice), limit_nano=10**9)
            budgets.set_budget(workspace=acme.default, interval="d", limit_nano=2 * 10**9, by=STAGE)
        generation = make_generation(acme.alice_key.key, model="author/of-this-key")

        page = text_of(viewers["alice"].get(f"{KEYS}/{acme.alice_key.key.hash}"))

        assert "Key’s own limit" in page
        assert "Workspace’s budget a day" in page
        assert "Made by" in page
        assert "author/of-this-key" in page
        assert generation.public_id in page

    def test_shows_no_request_of_another_key(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.default_key.key, model="author/of-another-key")

        page = text_of(viewers["alice"].get(f"{KEYS}/{acme.alice_key.key.hash}"))

        assert "author/of-another-key" not in page

    def test_asks_the_database_few_things(self, acme: Acme, viewers: dict[str, Client]) -> None:
        assert len(queries_of(viewers["alice"], f"{KEYS}/{acme.alice_key.key.hash}")) <= MOST_QUERIES


class TestDeletingAKey:
    def test_needs_its_name(self, acme: Acme, viewers: dict[str, Client]) -> None:
        key = acme.alice_key.key

        wrong = viewers["alice"].post(f"{KEYS}/{key.hash}/delete", {"name": "another"})
        still_there = reread(key).deleted_at is None
        right = viewers["alice"].post(f"{KEYS}/{key.hash}/delete", {"name": key.name})

        assert (wrong.status_code, still_there) == (422, True)
        assert right.status_code == 302
        assert reread(key).deleted_at is not None

    def test_leaves_no_page_of_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        key = acme.alice_key.key

        viewers["alice"].post(f"{KEYS}/{key.hash}/delete", {"name": key.name})

        assert viewers["alice"].get(f"{KEYS}/{key.hash}").status_code == 404
        assert key.label not in text_of(viewers["alice"].get(KEYS))
