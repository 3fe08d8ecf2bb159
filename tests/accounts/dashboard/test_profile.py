"""A person's own settings: profile, address, password, sessions."""

from __future__ import annotations

import re

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Organization, Revision, User
from accounts.organizations import found
from accounts.people import change, owns_address, vouch_for_address
from config.lib.scoping import unscoped
from tests.cast import STAGE, Acme
from tests.dashboard_pages import text_of

pytestmark = pytest.mark.django_db

PASSWORD = "a gate of oak, and water"


@pytest.fixture(autouse=True)
def fast_passwords(settings: Settings) -> None:
    """Hashing slowly is not what is tested here; what others did is not counted."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()


@pytest.fixture
def alice(acme: Acme) -> User:
    """Alice with a password and a proved address."""
    alice = acme.alice.user
    alice.set_password(PASSWORD)
    alice.save()
    vouch_for_address(alice)
    return alice


def signed_in(email: str = "alice@acme.example", **headers: str) -> Client:
    """A browser of somebody who has just signed in."""
    client = Client(headers=headers)
    client.post("/accounts/login/", {"login": email, "password": PASSWORD})
    return client


def confirmed() -> Client:
    """Alice's browser, in which she has just entered her password once more."""
    client = signed_in()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


class TestTheProfile:
    def test_says_what_others_see(self, alice: User):
        signed_in().post("/settings", {"name": "Alice Liddell"})

        alice.refresh_from_db()
        assert alice.name == "Alice Liddell"
        with unscoped(reason="the test looks at the record"):
            assert Revision.objects.get(object_type="user", object_id=str(alice.pk)).door == "dashboard"

    def test_decides_where_signing_in_leads(self, alice: User):
        found(name="Zeta", slug="zeta", kind=Organization.TEAM, administrator=alice, by=STAGE)

        signed_in().post("/settings", {"name": "Alice", "default_organization": "zeta"})

        assert signed_in().get("/")["Location"] == "/o/zeta/"

    def test_offers_ones_own_organizations_only(self, alice: User, globex: object):
        answer = signed_in().post("/settings", {"name": "Alice", "default_organization": "globex"})

        assert answer.status_code == 422
        alice.refresh_from_db()
        assert alice.default_organization is None

    @pytest.mark.parametrize("name", ["x" * 101, "nul\x00"])
    def test_refuses_what_cannot_be_kept(self, alice: User, name: str):
        assert signed_in().post("/settings", {"name": name}).status_code == 422

    def test_is_for_people_who_are_signed_in(self, client: Client):
        assert client.get("/settings")["Location"] == "/accounts/login/?next=/settings"


class TestAnotherAddress:
    def confirm(self, client: Client) -> None:
        links = [
            path
            for row in mail.outbox
            for path in re.findall(r"(/accounts/confirm-email/\S+)", str(row.body))
        ]
        client.post(links[-1])

    def test_takes_the_old_ones_place_when_it_is_proved(self, alice: User):
        client = confirmed()

        client.post("/accounts/email/", {"email": "Alice@new.example", "action_add": ""})
        alice.refresh_from_db()
        before = alice.email
        self.confirm(client)

        alice.refresh_from_db()
        assert (before, alice.email) == ("alice@acme.example", "alice@new.example")
        assert owns_address(alice, "alice@new.example")
        assert not owns_address(alice, "alice@acme.example")

    def test_is_recorded_and_told_to_the_old_one(self, alice: User):
        client = confirmed()
        client.post("/accounts/email/", {"email": "alice@new.example", "action_add": ""})
        self.confirm(client)

        with unscoped(reason="the test looks at the record"):
            revision = Revision.objects.get(object_type="user", object_id=str(alice.pk))
        assert (revision.before["email"], revision.after["email"]) == (
            "alice@acme.example",
            "alice@new.example",
        )
        assert ["alice@acme.example"] in [message.to for message in mail.outbox]

    def test_that_somebody_has_is_not_told_and_not_given(self, alice: User, globex: object):
        client = confirmed()

        answers = [
            client.post("/accounts/email/", {"email": email, "action_add": ""}).status_code
            for email in ("mallory@globex.example", "free@globex.example")
        ]

        alice.refresh_from_db()
        assert answers == [302, 302]
        assert alice.email == "alice@acme.example"

    def test_asks_for_the_password_first(self, alice: User):
        answer = signed_in().post("/accounts/email/", {"email": "a@new.example", "action_add": ""})

        assert answer["Location"].startswith("/accounts/reauthenticate/")

    def test_given_by_staff_has_to_be_proved(self, alice: User, staff: User):
        change(user=alice, email="alice@new.example", by=STAGE)

        answer = Client().post("/accounts/login/", {"login": "alice@new.example", "password": PASSWORD})

        assert answer["Location"] == "/accounts/confirm-email/"


class TestAPassword:
    def test_that_is_changed_ends_the_other_sessions_and_renews_this_one(self, alice: User):
        here, there = signed_in(), signed_in()
        before = here.session.session_key
        new = {"oldpassword": PASSWORD, "password1": "quite another one", "password2": "quite another one"}

        here.post("/accounts/password/change/", new)

        assert here.get("/settings").status_code == 200
        assert here.session.session_key != before
        assert there.get("/settings").status_code == 302


class TestSessions:
    def test_are_listed_with_browser_and_address(self, alice: User):
        client = signed_in(**{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"})

        page = text_of(client.get("/accounts/sessions/"))

        assert "Firefox on Linux" in page
        assert "127.0.0.1" in page
        assert "This one" in page

    def test_are_ended_one_by_one(self, alice: User):
        here, there = signed_in(), signed_in()
        other = UserSession.objects.get(session_key=there.session.session_key)

        here.post(f"/settings/sessions/{other.pk}/end")

        assert there.get("/settings").status_code == 302
        assert here.get("/settings").status_code == 200

    def test_are_ended_all_but_this_one(self, alice: User):
        here, there = signed_in(), signed_in()

        here.post("/accounts/sessions/")

        assert there.get("/settings").status_code == 302
        assert here.get("/settings").status_code == 200

    def test_of_others_are_not_found(self, acme: Acme, alice: User, viewers: dict[str, Client]):
        client = signed_in()
        mine = UserSession.objects.get(session_key=client.session.session_key)

        answers = [
            viewers["bob"].post(f"/settings/sessions/{number}/end").status_code
            for number in (mine.pk, 999_999, 10**30)
        ]

        assert answers == [404, 404, 404]
        assert client.get("/settings").status_code == 200
