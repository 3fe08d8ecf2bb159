"""Signing in, out and up, and choosing a new password."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.adapter import AccountAdapter
from accounts.models import Membership, Organization, User
from accounts.people import vouch_for_address
from config.lib import api
from config.lib.environment import environment
from config.lib.scoping import unscoped
from tests.dashboard_pages import text_of

pytestmark = pytest.mark.django_db

PASSWORD = "a gate of oak, and water"


@pytest.fixture(autouse=True)
def fast_passwords(settings: Settings) -> None:
    """Hashing slowly is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def erin() -> User:
    """Somebody with a password, and an address that is proved to be hers."""
    erin = User.objects.create_user("erin@example.com", PASSWORD)
    vouch_for_address(erin)
    return erin


@pytest.fixture
def open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation where people may sign up."""
    monkeypatch.setattr(AccountAdapter, "is_open_for_signup", lambda self, request: True)


class TestSigningIn:
    def test_leads_home(self, erin: User, client: Client) -> None:
        answer = client.post("/accounts/login/", {"login": "Erin@Example.com", "password": PASSWORD})

        assert (answer.status_code, answer["Location"]) == (302, "/")

    def test_makes_a_new_session(self, erin: User, client: Client) -> None:
        client.session.save()
        before = client.session.session_key

        client.post("/accounts/login/", {"login": erin.email, "password": PASSWORD})

        assert client.session.session_key != before

    def test_leads_to_no_foreign_site(self, erin: User, client: Client) -> None:
        answer = client.post(
            "/accounts/login/",
            {"login": erin.email, "password": PASSWORD, "next": "https://evil.example/"},
        )

        assert answer["Location"] == "/"

    def test_says_the_same_for_a_wrong_password_and_for_an_unknown_person(
        self, erin: User, client: Client
    ) -> None:
        wrong = client.post("/accounts/login/", {"login": erin.email, "password": "guess"})
        unknown = client.post("/accounts/login/", {"login": "who@example.com", "password": "guess"})

        errors = [answer.context["form"].errors for answer in (wrong, unknown)]
        assert errors[0] == errors[1] != {}

    def test_is_refused_to_whoever_guesses_and_to_nobody_else_behind_the_same_proxy(
        self, erin: User, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        behind_a_proxy = environment().model_copy(update={"trusted_proxies": 1})
        monkeypatch.setattr(api, "environment", lambda: behind_a_proxy)

        def sign_in(address: str, email: str, password: str) -> int:
            form = {"login": email, "password": password}
            forwarded = {"X-Forwarded-For": f"198.51.100.9, {address}"}
            return client.post("/accounts/login/", form, headers=forwarded).status_code

        for number in range(12):
            sign_in("203.0.113.7", f"guess-{number}@example.com", "wrong")

        assert sign_in("203.0.113.7", erin.email, PASSWORD) == 200
        assert sign_in("203.0.113.8", erin.email, PASSWORD) == 302

    def test_offers_no_account_where_sign_up_is_closed(self, client: Client) -> None:
        assert "Create an account" not in text_of(client.get("/accounts/login/"))


class TestSigningOut:
    def test_needs_a_click_and_not_only_a_link(self, erin: User, client: Client) -> None:
        client.force_login(erin)

        client.get("/accounts/logout/")
        is_still_in = "_auth_user_id" in client.session
        client.post("/accounts/logout/")

        assert is_still_in
        assert "_auth_user_id" not in client.session


class TestAForgottenPassword:
    def test_is_replaced_through_a_link_in_a_mail(self, erin: User, client: Client) -> None:
        client.post("/accounts/password/reset/", {"email": erin.email})
        [address] = re.findall(r"http://testserver(/\S+)", str(mail.outbox[0].body))
        form = client.get(address, follow=True)
        new = {"password1": "quite another one", "password2": "quite another one"}
        client.post(form.redirect_chain[-1][0], new)

        answer = client.post("/accounts/login/", {"login": erin.email, "password": "quite another one"})

        assert answer["Location"] == "/"

    def test_does_not_tell_who_has_an_account(self, erin: User, client: Client) -> None:
        known = client.post("/accounts/password/reset/", {"email": erin.email}, follow=True)
        unknown = client.post("/accounts/password/reset/", {"email": "who@example.com"}, follow=True)

        assert text_of(known) == text_of(unknown)


class TestSigningUp:
    def test_is_closed_unless_the_operator_opens_it(self, client: Client) -> None:
        form = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}

        answer = client.post("/accounts/signup/", form)

        assert "Signing up is closed" in text_of(answer)
        assert not User.objects.filter(email="new@example.com").exists()

    @pytest.mark.usefixtures("open_door")
    def test_founds_an_organization_of_ones_own(self, client: Client) -> None:
        form = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}

        client.post("/accounts/signup/", form)

        with unscoped(reason="the test looks at what sign-up made"):
            membership = Membership.objects.select_related("organization").get(user__email="new@example.com")
        assert membership.role == Membership.ADMIN
        assert membership.organization.kind == Organization.PERSONAL
        assert membership.organization.slug.startswith("new-")


class TestEveryPageForPeopleWithoutAnAccount:
    @pytest.mark.parametrize(
        "path",
        [
            "/accounts/login/",
            "/accounts/signup/",
            "/accounts/password/reset/",
            "/accounts/password/reset/done/",
            "/accounts/password/reset/key/1-bad/",
            "/accounts/password/reset/key/done/",
            "/accounts/inactive/",
        ],
    )
    def test_is_drawn_in_our_frame(self, path: str, client: Client) -> None:
        answer = text_of(client.get(path))

        assert "app.css" in answer
        assert 'class="skip-link"' in answer
        assert "<h1" in answer
