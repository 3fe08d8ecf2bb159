"""The pages of an organization's people, settings and management keys: who gets what, and what they do."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.invitations import invite
from accounts.models import Invitation, ManagementKey, Membership, Organization
from accounts.organizations import change_role
from accounts.personal import found_personal
from config.lib.keys import hash_of
from config.lib.scoping import tenant, unscoped
from tests.cast import STAGE, Acme, Cast
from tests.dashboard_pages import text_of
from tests.management_api import Api

pytestmark = pytest.mark.django_db

# alice, bob, mallory, anonymous
ADMINISTRATORS = (200, 403, 404, 302)
MEMBERS = (200, 200, 404, 302)
PAGES = {
    "members": ADMINISTRATORS,
    "members/invite": ADMINISTRATORS,
    "members/{bob}/remove": ADMINISTRATORS,
    "management-keys": ADMINISTRATORS,
    "management-keys/new": ADMINISTRATORS,
    "management-keys/{key}/revoke": ADMINISTRATORS,
    "settings": MEMBERS,
    "leave": MEMBERS,
}
ACTIONS = {
    "members/invite": {"email": "d@x.example", "role": "member"},
    "members/{bob}/role": {"role": "admin"},
    "members/{bob}/remove": {"name": "bob@acme.example"},
    "invitations/{invitation}/resend": {},
    "invitations/{invitation}/revoke": {},
    "management-keys/new": {"name": "new"},
    "management-keys/{key}/revoke": {"name": "acme management"},
    "settings": {"name": "Mine", "slug": "mine"},
}


@pytest.fixture
def invitation(acme: Acme) -> Invitation:
    """Dora was invited an hour ago."""
    with tenant(acme.organization.pk):
        made = invite(organization=acme.organization, email="dora@x.example", role="member", by=STAGE)
        Invitation.objects.filter(pk=made.pk).update(sent_at=made.sent_at - timedelta(hours=1))
    return made


def filled(path: str, acme: Acme, invitation: Invitation) -> str:
    """The path with the cast's ids."""
    path = path.replace("{bob}", acme.bob.user.public_id).replace("{key}", acme.management_key.key.hash)
    return f"/o/acme/{path}".replace("{invitation}", str(invitation.public_id))


def members(acme: Acme) -> dict[str, str]:
    """Who belongs to acme, with roles."""
    with tenant(acme.organization.pk):
        return dict(Membership.objects.live().values_list("user__email", "role"))


class TestEveryPage:
    @pytest.mark.parametrize("path", PAGES)
    def test_answers_everybody_as_the_table_says(
        self, path: str, acme: Acme, invitation: Invitation, viewers: dict[str, Client]
    ):
        answers = tuple(
            viewers[name].get(filled(path, acme, invitation)).status_code
            for name in ("alice", "bob", "mallory", "anonymous")
        )

        assert answers == PAGES[path]

    @pytest.mark.parametrize("path", ACTIONS)
    def test_changes_nothing_for_those_who_may_not(
        self, path: str, acme: Acme, invitation: Invitation, viewers: dict[str, Client]
    ):
        answers = tuple(
            viewers[name].post(filled(path, acme, invitation), ACTIONS[path]).status_code
            for name in ("bob", "mallory", "anonymous")
        )

        assert answers == (403, 404, 302)
        assert members(acme)["bob@acme.example"] == "member"
        assert Api(acme.management_key.secret).get("/credits").status_code == 200
        assert len(mail.outbox) == 1

    @pytest.mark.parametrize("path", [path for path in ACTIONS if "{" in path])
    def test_of_another_organization_finds_none_of_ours(
        self, path: str, acme: Acme, invitation: Invitation, viewers: dict[str, Client]
    ):
        address = filled(path, acme, invitation).replace("/o/acme/", "/o/globex/")

        assert viewers["mallory"].post(address, ACTIONS[path]).status_code == 404

    def test_is_in_the_navigation_of_those_who_may_open_it(self, acme: Acme, viewers: dict[str, Client]):
        pages = {name: text_of(viewers[name].get("/o/acme/logs")) for name in ("alice", "bob")}

        assert ['href="/o/acme/members"' in page for page in pages.values()] == [True, False]

    @pytest.mark.parametrize("user", ["999999999", "9" * 40])
    def test_about_nobody_is_not_found(self, user: str, acme: Acme, viewers: dict[str, Client]):
        assert viewers["alice"].get(f"/o/acme/members/user_{user}/remove").status_code == 404


class TestTheListOfMembers:
    def test_is_found_by_name_and_address(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].get("/o/acme/members", {"q": "CAROL@"})

        assert [row.user.email for row in answer.context["page"].rows] == ["carol@acme.example"]

    def test_takes_as_many_queries_for_many_as_for_one(
        self, acme: Acme, invitation: Invitation, viewers: dict[str, Client]
    ):
        def queries(**asked: str) -> int:
            with CaptureQueriesContext(connection) as captured:
                viewers["alice"].get("/o/acme/members", asked)
            return len(captured)

        assert queries() == queries(q="carol@")


class TestInviting:
    def test_sends_a_mail_and_lists_the_address(self, acme: Acme, viewers: dict[str, Client]):
        form = {"email": "dora@x.example", "role": "admin", "workspaces": [str(acme.production.public_id)]}

        page = text_of(viewers["alice"].post("/o/acme/members/invite", form, follow=True))

        assert "dora@x.example" in page
        [message] = mail.outbox
        assert "Alice invites you to join Acme on Headgate as an administrator" in str(message.body)
        assert re.search(r"https?://[^/]+/invitations/\S{40,}", str(message.body))

    @pytest.mark.parametrize(
        "form",
        [
            {"email": "bob@acme.example", "role": "member"},
            {"email": "dora@x.example", "role": "member"},
            {"email": "new@x.example", "role": "owner"},
            {
                "email": "new@x.example",
                "role": "member",
                "workspaces": ["b2d8b2a4-8a0e-4f62-9f5b-000000000000"],
            },
            {"email": "", "role": "member"},
            {"email": "a@x.example\x00", "role": "member"},
        ],
    )
    def test_says_what_is_wrong(
        self, form: dict[str, object], invitation: Invitation, viewers: dict[str, Client]
    ):
        answer = viewers["alice"].post("/o/acme/members/invite", form)

        assert answer.status_code == 422
        assert answer.context["form"].errors
        assert len(mail.outbox) == 1

    def test_does_not_offer_other_organizations_workspaces(self, cast: Cast, viewers: dict[str, Client]):
        page = text_of(viewers["mallory"].get("/o/globex/members/invite"))

        assert "Production" not in page

    def test_says_so_when_the_mail_server_is_away_and_keeps_nothing(
        self, acme: Acme, viewers: dict[str, Client], settings
    ):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

        answer = viewers["alice"].post("/o/acme/members/invite", {"email": "d@x.example", "role": "member"})

        assert "could not be sent" in text_of(answer)
        with tenant(acme.organization.pk):
            assert not Invitation.objects.exists()

    def test_into_ones_personal_organization_is_not_offered(self, acme: Acme, viewers: dict[str, Client]):
        own = found_personal(user=acme.alice.user, by=STAGE)

        page = viewers["alice"].get(f"/o/{own.slug}/members")
        answer = viewers["alice"].post(
            f"/o/{own.slug}/members/invite", {"email": "d@x.example", "role": "member"}
        )

        assert "members/invite" not in text_of(page)
        assert answer.status_code == 422

    def test_can_be_repeated_and_taken_back(
        self, acme: Acme, invitation: Invitation, viewers: dict[str, Client]
    ):
        viewers["alice"].post(f"/o/acme/invitations/{invitation.public_id}/resend")
        viewers["alice"].post(f"/o/acme/invitations/{invitation.public_id}/revoke")

        assert len(mail.outbox) == 2
        with tenant(acme.organization.pk):
            assert Invitation.objects.get(pk=invitation.pk).state == "revoked"


class TestRoles:
    def test_are_given_and_taken(self, acme: Acme, viewers: dict[str, Client]):
        path = f"/o/acme/members/{acme.bob.user.public_id}/role"

        viewers["alice"].post(path, {"role": "admin"})
        as_admin = (
            viewers["bob"].get("/o/acme/members").status_code,
            viewers["bob"].get("/admin/").status_code,
        )
        viewers["alice"].post(path, {"role": "member"})
        as_member = (
            viewers["bob"].get("/o/acme/members").status_code,
            viewers["bob"].get("/admin/").status_code,
        )

        assert (as_admin, as_member) == ((200, 200), (403, 403))

    def test_of_the_last_administrator_stay(self, acme: Acme, viewers: dict[str, Client]):
        path = f"/o/acme/members/{acme.alice.user.public_id}/role"

        page = text_of(viewers["alice"].post(path, {"role": "member"}, follow=True))

        assert "at least one administrator" in page
        assert members(acme)["alice@acme.example"] == "admin"

    def test_that_one_gives_up_oneself_lead_home(self, acme: Acme, viewers: dict[str, Client]):
        with tenant(acme.organization.pk):
            change_role(membership=acme.bob, role="admin", by=STAGE)

        answer = viewers["alice"].post(
            f"/o/acme/members/{acme.alice.user.public_id}/role", {"role": "member"}, follow=True
        )

        assert answer.status_code == 200


class TestRemovingAndLeaving:
    def test_asks_for_the_address(self, acme: Acme, viewers: dict[str, Client]):
        path = f"/o/acme/members/{acme.bob.user.public_id}/remove"

        wrong = viewers["alice"].post(path, {"name": "bob"}).status_code
        viewers["alice"].post(path, {"name": "bob@acme.example"})

        assert wrong == 422
        assert "bob@acme.example" not in members(acme)
        assert viewers["bob"].get("/o/acme/logs").status_code == 404
        assert Api(acme.bob_key.secret).get("/key").status_code == 401

    def test_the_last_administrator_cannot_leave(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].post("/o/acme/leave", {"name": "Acme"})

        assert "at least one administrator" in text_of(answer)
        assert "alice@acme.example" in members(acme)

    def test_a_member_may_leave_and_stays_signed_in(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["bob"].post("/o/acme/leave", {"name": "Acme"}, follow=True)

        assert answer.status_code == 200
        assert "in no organization" in text_of(answer)
        assert "bob@acme.example" not in members(acme)
        assert Api(acme.bob_key.secret).get("/key").status_code == 401


class TestAnOrganization:
    def test_is_renamed_with_its_address(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["alice"].post("/o/acme/settings", {"name": "Acme Inc.", "slug": "acme-inc"})

        assert answer["Location"] == "/o/acme-inc/settings"
        assert viewers["alice"].get("/o/acme/settings").status_code == 404

    @pytest.mark.parametrize("slug", ["globex", "GLOBEX", "a b", "-a", "é", "a" * 51, ""])
    def test_takes_no_address_that_is_taken_or_none(self, slug: str, cast: Cast, viewers: dict[str, Client]):
        answer = viewers["alice"].post("/o/acme/settings", {"name": "Acme", "slug": slug})

        assert answer.status_code == 422
        assert "slug" in answer.context["form"].errors

    def test_is_founded_by_anybody_who_administers_it_then(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["bob"].post("/organizations/new", {"name": "Bob & Sons"})

        assert answer["Location"] == "/o/bob-sons/members"
        assert viewers["bob"].get("/o/bob-sons/members").status_code == 200
        with unscoped(reason="the test looks at what was founded"):
            assert Organization.objects.get(slug="bob-sons").kind == Organization.TEAM

    @pytest.mark.parametrize("name", ["", "☃", "Acme", "x" * 101])
    def test_is_founded_with_a_name_that_makes_an_address(
        self, name: str, acme: Acme, viewers: dict[str, Client]
    ):
        assert viewers["bob"].post("/organizations/new", {"name": name}).status_code == 422

    def test_is_told_which_address_is_taken(self, acme: Acme, viewers: dict[str, Client]):
        answer = viewers["bob"].post("/organizations/new", {"name": "Acme"})

        assert answer.context["form"].errors == {"slug": ["Another organization has the address “acme”."]}

    def test_can_be_switched_to_from_every_page(self, acme: Acme, viewers: dict[str, Client]):
        viewers["bob"].post("/organizations/new", {"name": "Bobs"})

        page = text_of(viewers["bob"].get("/o/acme/logs"))

        assert 'href="/o/bobs/"' in page
        assert 'href="/organizations/new"' in page


class TestAManagementKey:
    def test_is_shown_once_and_works(self, acme: Acme, viewers: dict[str, Client]):
        page = text_of(viewers["alice"].post("/o/acme/management-keys/new", {"name": "ci", "expires": "30"}))

        [secret] = re.findall(r"sk-hg-mgmt-v1-[0-9a-f]{64}", page)
        assert Api(secret).get("/credits").status_code == 200
        assert secret not in text_of(viewers["alice"].get("/o/acme/management-keys"))
        with tenant(acme.organization.pk):
            key = ManagementKey.objects.get(hash=hash_of(secret))
        assert key.created_by == acme.alice.user
        assert key.expires_at is not None

    def test_is_revoked_once_its_name_is_typed(self, acme: Acme, viewers: dict[str, Client]):
        path = f"/o/acme/management-keys/{acme.management_key.key.hash}/revoke"

        wrong = viewers["alice"].post(path, {"name": "other"}).status_code
        viewers["alice"].post(path, {"name": "acme management"})

        assert wrong == 422
        assert Api(acme.management_key.secret).get("/credits").status_code == 401
