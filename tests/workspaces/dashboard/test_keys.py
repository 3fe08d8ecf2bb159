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
from tests.cast import Acme, Cast, acting
from tests.dashboard_pages import HTMX, text_of
from workspaces import api_keys
from workspaces.models import ApiKey

pytestmark = pytest.mark.django_db

KEYS = "/o/acme/w/default/keys"
SECRET = re.compile(r"sk-hg-v1-[0-9a-f]{64}")
NEW_KEY = {"name": "checkout bot", "limit_usd": "", "limit_reset": "t", "expires": "", "owner": "mine"}


def create(client: Client, **changes: str) -> HttpResponseBase:
    """Send the form for a new key, as the dialog does."""
    return client.post(f"{KEYS}/new", NEW_KEY | changes, headers=HTMX)


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

    def test_goes_on_after_the_last_key_shown(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            for number in range(55):
                api_keys.issue(workspace=acme.default, name=f"numbered {number:02}", by=acting(acme.alice))

        first = viewers["alice"].get(KEYS)
        rest = viewers["alice"].get(KEYS, {"before": first.context["next_cursor"]}, headers=HTMX)

        names = [status.key.name for page in (first, rest) for status in page.context["statuses"]]
        assert names[:55] == [f"numbered {number:02}" for number in reversed(range(55))]
        assert "<html" not in text_of(rest)

    @pytest.mark.parametrize("cursor", ["x", "1-", "-1-1", "9" * 40 + "-1", "1-" + "9" * 40, "%00"])
    def test_has_no_page_behind_a_cursor_of_nobodys_making(
        self, cursor: str, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].get(KEYS, {"before": cursor})

        assert answer.status_code == 404

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
            f"{KEYS}/{acme.alice_key.key.hash}",
            {"name": "renamed", "limit_usd": "3", "limit_reset": "d"},
        )

        key = reread(acme.alice_key.key)
        assert (key.name, key.limit_nano, key.limit_interval) == ("renamed", 3_000_000_000, "d")

    def test_shows_the_limit_it_has_exactly(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.alice_key.key, by=acting(acme.alice), limit_nano=1)

        answer = text_of(viewers["alice"].get(f"{KEYS}/{acme.alice_key.key.hash}"))

        assert 'value="0.000000001"' in answer


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
