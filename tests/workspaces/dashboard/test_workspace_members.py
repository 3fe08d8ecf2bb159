"""The page of a workspace's members: who is in it, adding somebody, taking somebody out with his keys."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Membership, User
from accounts.organizations import add_member
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, Cast
from tests.dashboard_pages import text_of
from workspaces import members
from workspaces.models import ApiKey, WorkspaceMember

pytestmark = pytest.mark.django_db

PAGE = "/o/acme/w/production/members"


def of_bob(acme: Acme) -> str:
    """The page that takes bob out of production."""
    return f"{PAGE}/{acme.bob.user.public_id}/remove"


def is_in_production(acme: Acme, membership: Membership) -> bool:
    """Whether he is listed there."""
    with tenant(acme.organization.pk):
        return WorkspaceMember.objects.for_workspace(acme.production).filter(membership=membership).exists()


def bobs_key(acme: Acme) -> ApiKey:
    """His key as the database has it."""
    with tenant(acme.organization.pk):
        found: ApiKey = ApiKey.objects.for_organization(acme.organization).get(pk=acme.bob_key.key.pk)
        return found


def listed(client: Client, path: str = PAGE, **query: str) -> list[str]:
    """Whom the page shows, in its order."""
    answer = client.get(path, query)
    return [seat.membership.user.email.partition("@")[0] for seat in answer.context["seats"]]


class TestTheList:
    def test_shows_who_was_added(self, viewers: dict[str, Client]) -> None:
        assert listed(viewers["alice"]) == ["bob"]

    def test_shows_everybody_in_the_default_workspace(self, viewers: dict[str, Client]) -> None:
        assert listed(viewers["bob"], "/o/acme/w/default/members") == ["alice", "bob", "carol"]

    def test_is_turned_round(self, viewers: dict[str, Client]) -> None:
        names = listed(viewers["bob"], "/o/acme/w/default/members", sort="-name")

        assert names == ["carol", "bob", "alice"]

    def test_finds_by_name_and_address(self, viewers: dict[str, Client]) -> None:
        found = [listed(viewers["bob"], "/o/acme/w/default/members", q=text) for text in ("CARO", "bob@acme")]

        assert found == [["carol"], ["bob"]]

    def test_shows_the_role_that_somebody_has_in_the_organization(self, viewers: dict[str, Client]) -> None:
        answer = viewers["bob"].get("/o/acme/w/default/members")

        assert [seat.role for seat in answer.context["seats"]] == ["admin", "member", "member"]

    def test_counts_keys_for_administrators_only(self, viewers: dict[str, Client]) -> None:
        counts = [
            [seat.key_count for seat in viewers[who].get(PAGE).context["seats"]] for who in ("alice", "bob")
        ]

        assert counts == [[1], [None]]

    def test_offers_a_member_nothing_to_change(self, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["bob"].get(PAGE))

        assert "Remove…" not in page
        assert "Add members" not in page


class TestAdding:
    def test_offers_those_who_are_not_here(self, acme: Acme, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["alice"].get(f"{PAGE}/add"))

        assert acme.carol.user.public_id in page
        assert acme.bob.user.public_id not in page

    def test_puts_them_in(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(f"{PAGE}/add", {"members": [acme.carol.user.public_id]})

        assert is_in_production(acme, acme.carol)

    def test_knows_nobody_of_another_organization(self, cast: Cast, viewers: dict[str, Client]) -> None:
        both = [cast.acme.carol.user.public_id, cast.globex.mallory.user.public_id]

        answer = viewers["alice"].post(f"{PAGE}/add", {"members": both})

        assert answer.status_code == 422
        assert not is_in_production(cast.acme, cast.acme.carol)

    def test_finds_somebody_among_many(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            dora = User.objects.create_user("dora@acme.example", None, name="Dora")
            add_member(organization=acme.organization, user=dora, role=Membership.MEMBER, by=STAGE)

        page = text_of(viewers["alice"].get(f"{PAGE}/add", {"q": "dor"}))

        assert dora.public_id in page
        assert acme.carol.user.public_id not in page


class TestTakingSomebodyOut:
    def test_names_the_keys_that_are_his(self, acme: Acme, viewers: dict[str, Client]) -> None:
        page = text_of(viewers["alice"].get(of_bob(acme)))

        assert "bob's key" in page
        assert f"keys/transfer?owner={acme.bob.user.public_id}" in page

    def test_leaves_his_keys_to_the_workspace(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(of_bob(acme), {"keys": "workspace"})

        assert not is_in_production(acme, acme.bob)
        assert (bobs_key(acme).owner_id, bobs_key(acme).deleted_at) == (None, None)

    def test_gives_his_keys_to_the_administrator(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(of_bob(acme), {"keys": acme.alice.user.public_id})

        assert bobs_key(acme).owner_id == acme.alice.pk

    def test_deletes_his_keys(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].post(of_bob(acme), {"keys": "delete"})

        assert not is_in_production(acme, acme.bob)
        assert bobs_key(acme).deleted_at is not None

    def test_does_nothing_before_it_is_said_what_becomes_of_them(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(of_bob(acme), {})

        assert answer.status_code == 422
        assert is_in_production(acme, acme.bob)

    def test_asks_nothing_where_he_has_no_keys(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            members.add(workspace=acme.production, membership=acme.carol, by=STAGE)

        viewers["alice"].post(f"{PAGE}/{acme.carol.user.public_id}/remove")

        assert not is_in_production(acme, acme.carol)
