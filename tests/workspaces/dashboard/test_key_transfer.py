"""The page that gives keys away, moves or deletes them, all or none."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client

from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast, acting
from tests.dashboard_pages import text_of
from workspaces import api_keys, members
from workspaces.api_keys import IssuedKey
from workspaces.models import ApiKey

pytestmark = pytest.mark.django_db

PAGE = "/o/acme/w/production/keys/transfer"


@pytest.fixture
def second(acme: Acme) -> IssuedKey:
    """Another key of bob's in production."""
    with tenant(acme.organization.pk):
        return api_keys.issue(workspace=acme.production, name="second", owner=acme.bob, by=acting(acme.bob))


def reread(key: ApiKey) -> ApiKey:
    """The key as the database has it."""
    with tenant(key.organization_id):
        found: ApiKey = ApiKey.objects.select_related("owner", "workspace").get(pk=key.pk)
        return found


def of_bob(acme: Acme) -> str:
    """The page about bob's keys."""
    return f"{PAGE}?owner={acme.bob.user.public_id}"


def sent(client: Client, path: str, keys: list[IssuedKey], **choice: Any) -> HttpResponseBase:
    """The form as an administrator sends it."""
    return client.post(path, {"key": [issued.key.hash for issued in keys], "confirmation": ""} | choice)


class TestThePage:
    def test_lists_the_keys_that_keep_a_member_here(
        self, acme: Acme, second: IssuedKey, viewers: dict[str, Client]
    ):
        page = text_of(viewers["alice"].get(of_bob(acme)))

        labels = (acme.bob_key.key.label, second.key.label, acme.production_key.key.label)
        assert [label in page for label in labels] == [True, True, False]

    def test_lists_one_key_by_its_hash(self, acme: Acme, second: IssuedKey, viewers: dict[str, Client]):
        page = text_of(viewers["alice"].get(f"{PAGE}?key={second.key.hash}"))

        assert [label in page for label in (acme.bob_key.key.label, second.key.label)] == [False, True]

    @pytest.mark.parametrize("query", ["owner=user_999999", "owner=nonsense", "key=%00", "key=" + "0" * 64])
    def test_lists_nothing_for_whom_it_does_not_know(
        self, acme: Acme, viewers: dict[str, Client], query: str
    ):
        answer = viewers["alice"].get(f"{PAGE}?{query}")

        assert answer.status_code == 200
        assert "No such keys" in text_of(answer)


class TestGivingKeysAway:
    def test_lets_their_owner_be_removed(self, acme: Acme, second: IssuedKey, viewers: dict[str, Client]):
        keys = [acme.bob_key, second]

        sent(viewers["alice"], of_bob(acme), keys, action="give", owner="system")

        assert [reread(issued.key).owner for issued in keys] == [None, None]
        with tenant(acme.organization.pk):
            members.remove(workspace=acme.production, membership=acme.bob, by=STAGE)

    def test_goes_to_another_member(self, acme: Acme, viewers: dict[str, Client]):
        with tenant(acme.organization.pk):
            members.add(workspace=acme.production, membership=acme.carol, by=STAGE)

        sent(
            viewers["alice"],
            of_bob(acme),
            [acme.bob_key],
            action="give",
            owner=acme.carol.user.public_id,
        )

        assert reread(acme.bob_key.key).owner == acme.carol

    def test_goes_to_nobody_who_is_not_in_the_workspace(self, acme: Acme, viewers: dict[str, Client]):
        answer = sent(
            viewers["alice"],
            of_bob(acme),
            [acme.bob_key],
            action="give",
            owner=acme.carol.user.public_id,
        )

        assert answer.status_code == 422
        assert reread(acme.bob_key.key).owner == acme.bob


class TestRemovingTheirOwner:
    def test_leads_to_the_page_that_keeps_them(
        self, acme: Acme, second: IssuedKey, viewers: dict[str, Client]
    ):
        answer = text_of(viewers["alice"].get(f"/o/acme/members/{acme.bob.user.public_id}/remove"))

        assert f'href="{of_bob(acme)}">2 keys in Production<' in answer

    def test_says_nothing_of_keys_that_are_deleted(self, acme: Acme, viewers: dict[str, Client]):
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)

        answer = text_of(viewers["alice"].get(f"/o/acme/members/{acme.bob.user.public_id}/remove"))

        assert "These keys stop working" not in answer


class TestMovingKeys:
    def test_takes_them_to_a_workspace_of_their_owner(self, acme: Acme, viewers: dict[str, Client]):
        sent(viewers["alice"], of_bob(acme), [acme.bob_key], action="move", workspace="default")

        assert reread(acme.bob_key.key).workspace == acme.default

    @pytest.mark.parametrize(("action", "missing"), [("move", "workspace"), ("give", "owner")])
    def test_needs_somewhere_to_take_them(
        self, action: str, missing: str, acme: Acme, viewers: dict[str, Client]
    ):
        answer: Any = sent(viewers["alice"], of_bob(acme), [acme.bob_key], action=action)

        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [missing]
        assert (reread(acme.bob_key.key).owner, reread(acme.bob_key.key).workspace) == (
            acme.bob,
            acme.production,
        )

    def test_moves_all_or_none(self, acme: Acme, viewers: dict[str, Client]):
        answer = sent(
            viewers["alice"],
            PAGE,
            [acme.production_key, acme.bob_key],
            action="move",
            workspace="research",
        )

        assert answer.status_code == 422
        assert "not a member" in text_of(answer)
        assert reread(acme.production_key.key).workspace == acme.production


class TestDeletingKeys:
    def test_needs_the_word(self, acme: Acme, viewers: dict[str, Client]):
        answer = sent(viewers["alice"], of_bob(acme), [acme.bob_key], action="delete")

        assert answer.status_code == 422
        assert reread(acme.bob_key.key).deleted_at is None

    def test_deletes_those_that_were_chosen(self, acme: Acme, second: IssuedKey, viewers: dict[str, Client]):
        sent(viewers["alice"], of_bob(acme), [second], action="delete", confirmation="delete")

        assert reread(second.key).deleted_at is not None
        assert reread(acme.bob_key.key).deleted_at is None


class TestOthers:
    @pytest.mark.parametrize("who", ["bob", "carol", "mallory"])
    def test_are_told_of_no_such_page(self, acme: Acme, viewers: dict[str, Client], who: str):
        answer = sent(viewers[who], PAGE, [acme.bob_key], action="give", owner="system")

        assert answer.status_code == 404
        assert reread(acme.bob_key.key).owner == acme.bob

    def test_keys_of_theirs_cannot_be_chosen(self, cast: Cast, viewers: dict[str, Client]):
        answer = sent(
            viewers["alice"],
            PAGE,
            [cast.globex.default_key],
            action="delete",
            confirmation="delete",
        )

        assert answer.status_code == 422
        assert reread(cast.globex.default_key.key).deleted_at is None
