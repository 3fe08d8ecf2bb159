"""The second factor: asked on every way in, kept sealed, used once."""

from __future__ import annotations

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import Membership, Revision, User
from accounts.people import vouch_for_address
from accounts.second_factor import SecondFactorAdapter
from config.lib.scoping import unscoped
from tests.cast import Acme
from tests.dashboard_pages import text_of

pytestmark = pytest.mark.django_db

PASSWORD = "a gate of oak, and water"
ACTIVATE = "/accounts/2fa/totp/activate/"


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


@pytest.fixture
def secret(alice: User) -> str:
    """What alice's authenticator app knows."""
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    return secret


def code(secret: str, *, steps: int = 0) -> str:
    """What the app shows now, or some half minutes away."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def wrong(secret: str) -> str:
    """A code that the app does not show about now."""
    near = {code(secret, steps=steps) for steps in (-2, -1, 0, 1, 2)}
    return next(text for number in range(9) if (text := f"{number:06}") not in near)


def sign_in(client: Client, password: str = PASSWORD, **extra: str) -> str:
    """Address and password; where that leads."""
    form = {"login": "alice@acme.example", "password": password, **extra}
    return str(client.post("/accounts/login/", form)["Location"])


def enter(client: Client, text: str) -> int:
    """Enter a code."""
    return client.post("/accounts/2fa/authenticate/", {"code": text}).status_code


def is_in(client: Client) -> bool:
    """Whether the dashboard opens."""
    return client.get("/o/acme/members").status_code == 200


class TestSigningIn:
    def test_with_the_password_alone_opens_neither_dashboard_nor_admin(self, secret: str, client: Client):
        assert sign_in(client) == "/accounts/2fa/authenticate/"

        assert not is_in(client)
        assert client.get("/admin/")["Location"].startswith("/accounts/login/")
        assert client.get("/settings")["Location"].startswith("/accounts/login/")

    def test_with_the_code_opens_both(self, secret: str, client: Client):
        sign_in(client)

        assert enter(client, code(secret)) == 302
        assert is_in(client)
        assert client.get("/admin/").status_code == 200

    def test_to_the_admin_goes_the_same_way(self, secret: str, client: Client):
        login = client.get("/admin/login/?next=/admin/accounts/membership/")["Location"]
        assert sign_in(client, next="/admin/accounts/membership/") == "/accounts/2fa/authenticate/"

        answer = client.post("/accounts/2fa/authenticate/", {"code": code(secret)})

        assert login.startswith("/accounts/login/")
        assert answer["Location"] == "/admin/accounts/membership/"

    def test_makes_a_new_session(self, secret: str, client: Client):
        sign_in(client)
        before = client.session.session_key

        enter(client, code(secret))

        assert client.session.session_key != before

    def test_takes_a_code_once(self, secret: str):
        first, second = Client(), Client()
        shown = code(secret)
        for client in (first, second):
            sign_in(client)

        enter(first, shown)
        cache.clear()  # another process knows nothing of what this one remembers
        enter(second, shown)

        assert (is_in(first), is_in(second)) == (True, False)

    def test_with_wrong_codes_is_refused_and_soon_throttled(self, secret: str, client: Client):
        sign_in(client)

        for _ in range(6):
            enter(client, wrong(secret))
        enter(client, code(secret))

        assert not is_in(client)

    @pytest.mark.parametrize("sealed", ["gone.AAAA", ""])
    def test_with_a_seed_that_cannot_be_opened_is_refused_like_a_wrong_code(
        self, secret: str, client: Client, sealed: str
    ):
        Authenticator.objects.filter(type="totp").update(data={"secret": sealed})
        sign_in(client)

        assert enter(client, code(secret)) == 200
        assert enter(client, format_hotp_value(hotp_value("", int(time.time()) // 30))) == 200
        assert not is_in(client)

    def test_with_a_recovery_code_works_once(self, alice: User, secret: str):
        owner, thief = Client(), Client()
        sign_in(owner)
        enter(owner, code(secret))
        owner.post("/accounts/reauthenticate/", {"password": PASSWORD})
        owner.post("/accounts/2fa/recovery-codes/generate/")
        one = Authenticator.objects.get(user=alice, type="recovery_codes").wrap().get_unused_codes()[0]

        tries: list[bool] = []
        for client in (thief, Client()):
            sign_in(client)
            enter(client, one)
            tries.append(is_in(client))

        assert tries == [True, False]


class TestAForgottenPassword:
    def test_does_not_lead_around_the_second_factor(self, secret: str, client: Client):
        client.post("/accounts/password/reset/", {"email": "alice@acme.example"})
        [address] = re.findall(r"http://testserver(/\S+)", str(mail.outbox[0].body))
        form = client.get(address, follow=True)
        new = "quite another one"
        client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})

        assert not is_in(client)
        assert sign_in(client, new) == "/accounts/2fa/authenticate/"
        assert not is_in(client)


@pytest.mark.django_db(transaction=True)
class TestSettingItUp:
    def activated(self, client: Client) -> str:
        sign_in(client)
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
        page = text_of(client.get(ACTIVATE))
        secret = re.search(r'id="authenticator_secret"[^>]*>(\w+)<', page)
        assert secret is not None
        client.post(ACTIVATE, {"code": code(secret.group(1))})
        return secret.group(1)

    def test_seals_the_secret(self, alice: User, client: Client):
        secret = self.activated(client)

        stored = Authenticator.objects.get(user=alice, type="totp").data["secret"]
        assert secret not in stored
        assert SecondFactorAdapter().decrypt(stored) == secret

    def test_gives_the_session_another_key_and_says_so_by_mail(self, alice: User, client: Client):
        sign_in(client)
        before = client.session.session_key

        self.activated(client)

        assert client.session.session_key != before
        assert is_in(client)
        assert mail.outbox[-1].to == [alice.email]

    def test_succeeds_although_no_mail_can_be_sent(self, alice: User, client: Client, settings: Settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

        self.activated(client)

        assert Authenticator.objects.filter(user=alice, type="totp").exists()

    def test_shows_recovery_codes(self, alice: User, client: Client):
        self.activated(client)

        page = text_of(client.get("/accounts/2fa/recovery-codes/"))

        codes = Authenticator.objects.get(user=alice, type="recovery_codes").wrap().get_unused_codes()
        assert len(codes) == 10
        assert all(one in page for one in codes)

    def test_asks_for_the_password_first(self, alice: User, client: Client):
        sign_in(client)

        assert client.get(ACTIVATE)["Location"].startswith("/accounts/reauthenticate/")


class TestAnOperator:
    def test_turns_it_off_for_somebody_who_lost_everything(self, alice: User, secret: str, client: Client):
        sign_in(client)
        enter(client, code(secret))

        call_command("reset_two_factor", "Alice@acme.example", reason="lost her phone")

        assert not is_in(client)
        assert sign_in(client) == "/"
        with unscoped(reason="the test looks at the record"):
            [revision] = Revision.objects.filter(object_type="user", reason="lost her phone")
        assert revision.after["two_factor"] is False

    @pytest.mark.parametrize("address", ["alice@acme.example", "who@acme.example"])
    def test_is_told_when_there_is_nothing_to_turn_off(self, alice: User, address: str):
        with pytest.raises(CommandError):
            call_command("reset_two_factor", address)


class TestTheSessionsOfARemovedMember:
    def test_end(self, acme: Acme, alice: User):
        bob, admin = Client(), Client()
        user = acme.bob.user
        user.set_password(PASSWORD)
        user.save()
        vouch_for_address(user)
        bob.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
        sign_in(admin)

        admin.post(f"/o/acme/members/{user.public_id}/remove", {"name": user.email})

        assert bob.get("/settings")["Location"].startswith("/accounts/login/")
        with unscoped(reason="the test looks at the membership"):
            assert Membership.objects.get(pk=acme.bob.pk).removed_at is not None
