"""Following the link of an invitation: signed in, with an account, or with none."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.invitations import invite, revoke
from accounts.models import Invitation, Membership, User
from accounts.people import owns_address, vouch_for_address
from config.lib.scoping import tenant, unscoped
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of

pytestmark = pytest.mark.django_db

PASSWORD = "a gate of oak, and water"
DORA = "dora@example.com"


@pytest.fixture(autouse=True)
def fast_passwords(settings: Settings) -> None:
    """Hashing slowly is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def invitation(acme: Acme) -> Invitation:
    """Dora is invited to acme, and into production."""
    with tenant(acme.organization.pk):
        return invite(
            organization=acme.organization, email=DORA, role="member", workspaces=["production"], by=STAGE
        )


@pytest.fixture
def dora(db: None) -> User:
    """Dora with an account."""
    dora = User.objects.create_user(DORA, PASSWORD)
    vouch_for_address(dora)
    return dora


def link() -> str:
    """The path of the link in the newest mail."""
    [path] = re.findall(r"https?://[^/\s]+(/invitations/\S+)", str(mail.outbox[-1].body))
    return path


def sign_up(client: Client, email: str = DORA) -> object:
    """Fill in the form."""
    form = {"email": email, "name": "Dora", "password1": PASSWORD, "password2": PASSWORD}
    return client.post("/accounts/signup/", form)


def organizations_of(email: str) -> set[str]:
    """Where somebody belongs, by name."""
    with unscoped(reason="the test looks everywhere"):
        rows = Membership.objects.live().filter(user__email=email).select_related("organization")
        return {row.organization.name for row in rows}


class TestTheLink:
    def test_vanishes_from_the_address_and_is_kept_as_a_hash(self, invitation: Invitation, client: Client):
        token = link().rsplit("/", 1)[1]

        answer = client.get(link())

        assert answer["Location"] == "/invitation"
        assert all(token not in str(row.get_decoded()) for row in Session.objects.all())
        assert token not in str(client.get("/invitation").content)

    def test_names_the_organization_and_both_ways_in(self, invitation: Invitation, client: Client):
        page = text_of(client.get(link(), follow=True))

        assert "Join Acme" in page
        assert "/accounts/signup/" in page
        assert "/accounts/login/?next=/invitation" in page

    def test_is_answered_alike_whether_the_address_has_an_account(
        self, invitation: Invitation, client: Client
    ):
        def body() -> str:
            return re.sub(r'value="\w{64}"', "", text_of(client.get(link(), follow=True)))

        without = body()
        User.objects.create_user(DORA, PASSWORD)

        assert body() == without

    def test_that_is_unknown_expired_or_revoked_is_answered_alike(self, acme: Acme, client: Client):
        with tenant(acme.organization.pk):
            pages = [client.get("/invitations/unknown", follow=True)]
            for email in ("late@x.example", "revoked@x.example"):
                made = invite(organization=acme.organization, email=email, role="member", by=STAGE)
                if email.startswith("late"):
                    past = made.sent_at - timedelta(days=8)
                    Invitation.objects.filter(pk=made.pk).update(expires_at=past)
                else:
                    revoke(invitation=made, by=STAGE)
                pages.append(client.get(link(), follow=True))

        assert {page.status_code for page in pages} == {404}
        assert len({page.content for page in pages}) == 1

    @pytest.mark.parametrize("token", ["%00", "x" * 3000, "%ED%A0%80", "é"])
    def test_of_nonsense_breaks_nothing(self, token: str, client: Client):
        assert client.get(f"/invitations/{token}", follow=True).status_code == 404


class TestSigningUpByInvitation:
    def test_is_possible_although_sign_up_is_closed(self, invitation: Invitation, client: Client):
        client.get(link())

        sign_up(client)

        assert organizations_of(DORA) == {"Acme", "Dora"}
        assert "_auth_user_id" in client.session

    def test_proves_the_address_and_opens_the_organization_from_then_on(
        self, acme: Acme, invitation: Invitation, client: Client
    ):
        client.get(link())
        sign_up(client)

        dora = User.objects.get(email=DORA)
        assert owns_address(dora, DORA)
        assert dora.default_organization_id == acme.organization.pk
        assert client.get("/")["Location"] == "/o/acme/"

    def test_is_for_the_invited_address_whatever_is_posted(self, invitation: Invitation, client: Client):
        client.get(link())

        sign_up(client, "somebody@else.example")

        assert User.objects.filter(email=DORA).exists()
        assert not User.objects.filter(email="somebody@else.example").exists()

    def test_works_once(self, invitation: Invitation):
        first, second = Client(), Client()
        first.get(link())
        second.get(link())

        sign_up(first)

        assert "Signing up is closed" in text_of(second.get("/accounts/signup/"))
        assert second.get("/invitation").status_code == 404

    def test_is_closed_again_once_it_is_revoked(self, acme: Acme, invitation: Invitation, client: Client):
        client.get(link())
        with tenant(acme.organization.pk):
            revoke(invitation=invitation, by=STAGE)

        sign_up(client)

        assert not User.objects.filter(email=DORA).exists()

    def test_with_an_account_sends_a_mail_and_changes_nothing(
        self, invitation: Invitation, dora: User, client: Client
    ):
        client.get(link())

        answer = sign_up(client)

        assert answer["Location"] == "/accounts/confirm-email/"  # type: ignore[index]  # a response
        assert "already" in str(mail.outbox[-1].body)
        assert organizations_of(DORA) == set()


class TestJoiningWithAnAccount:
    def test_takes_signing_in_and_a_click(self, invitation: Invitation, dora: User, client: Client):
        client.get(link())
        answer = client.post("/accounts/login/", {"login": DORA, "password": PASSWORD})
        assert answer["Location"] == "/invitation"
        before = client.session.session_key

        joined = client.post("/invitation")

        assert joined["Location"] == "/o/acme/"
        assert organizations_of(DORA) == {"Acme"}
        assert client.session.session_key != before

    def test_needs_more_than_a_link(self, invitation: Invitation, dora: User, client: Client):
        client.force_login(dora)

        client.get(link(), follow=True)

        assert organizations_of(DORA) == set()

    def test_is_refused_to_another_person(
        self, invitation: Invitation, globex: object, viewers: dict[str, Client]
    ):
        mallory = viewers["mallory"]
        page = text_of(mallory.get(link(), follow=True))

        mallory.post("/invitation")

        assert "You are signed in as" in page
        assert organizations_of("mallory@globex.example") == {"Globex"}

    def test_is_not_asked_of_nobody(self, invitation: Invitation, client: Client):
        client.get(link())

        assert client.post("/invitation")["Location"] == "/invitation"
