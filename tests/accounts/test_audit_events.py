"""What people do with their accounts is written down, for every organization of theirs and nobody else."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts import audit_events
from accounts.audit_events import UnknownKind, note
from accounts.models import AuditEvent, Revision, User
from accounts.organizations import add_member
from accounts.people import vouch_for_address
from config.lib.scoping import tenant, unscoped
from tests.cast import STAGE, Acme, Cast
from tests.dashboard_pages import uncollected_files
from workspaces import workspaces

__all__ = ["uncollected_files"]

pytestmark = pytest.mark.django_db

PASSWORD = "a gate of oak, and water"


@pytest.fixture(autouse=True)
def fast_passwords(settings: Settings) -> None:
    """Hashing slowly is not what is tested here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def bob(acme: Acme) -> User:
    """bob, with a password and a proved address."""
    acme.bob.user.set_password(PASSWORD)
    acme.bob.user.save()
    vouch_for_address(acme.bob.user)
    return acme.bob.user


def sign_in(client: Client, email: str, password: str = PASSWORD) -> None:
    """Try to."""
    client.post("/accounts/login/", {"login": email, "password": password})


def events_of(acme: Acme) -> list[tuple[str, str | None, str | None]]:
    """Acme's events, oldest first: kind, whose account, from where."""
    with tenant(acme.organization.pk):
        rows = AuditEvent.objects.select_related("user").order_by("pk")
        return [(row.kind, row.user and row.user.email, row.address) for row in rows]


class TestSigningIn:
    def test_is_written_with_its_address(self, acme: Acme, bob: User, client: Client) -> None:
        sign_in(client, bob.email)

        assert events_of(acme) == [("signed_in", bob.email, "127.0.0.1")]

    def test_is_written_for_each_of_his_organizations(self, cast: Cast, bob: User, client: Client) -> None:
        with tenant(cast.globex.organization.pk):
            add_member(organization=cast.globex.organization, user=bob, role="member", by=STAGE)

        sign_in(client, bob.email)

        with unscoped(reason="both organizations"):
            told = set(AuditEvent.objects.values_list("organization_id", flat=True))
        assert told == {cast.acme.organization.pk, cast.globex.organization.pk}

    def test_is_nothing_to_other_organizations(self, cast: Cast, bob: User, client: Client) -> None:
        sign_in(client, bob.email)

        with tenant(cast.globex.organization.pk):
            assert AuditEvent.objects.count() == 0

    def test_with_a_wrong_password_is_written_as_his(self, acme: Acme, bob: User, client: Client) -> None:
        sign_in(client, bob.email.upper(), "guess")

        assert events_of(acme) == [("sign_in_failed", bob.email, "127.0.0.1")]

    def test_as_somebody_unknown_is_for_platform_staff_and_keeps_nothing_of_what_was_typed(
        self, acme: Acme, client: Client
    ) -> None:
        sign_in(client, "my-password-by-mistake@example.com", "guess")

        assert events_of(acme) == []
        with unscoped(reason="what platform staff see"):
            event = AuditEvent.objects.get()
        assert (event.kind, event.organization_id, event.user_id, event.detail) == (
            "sign_in_failed",
            None,
            None,
            {},
        )

    def test_fails_with_the_same_statements_for_known_and_unknown_people(
        self, bob: User, client: Client
    ) -> None:
        counts = []
        for email in (bob.email, "unknown@example.com"):
            with CaptureQueriesContext(connection) as queries:
                sign_in(client, email, "guess")
            counts.append(len([query for query in queries if "audit" in query["sql"]]))

        assert counts[0] == counts[1] == 1


class TestSigningOut:
    def test_is_written(self, acme: Acme, bob: User, client: Client) -> None:
        client.force_login(bob)

        client.post("/accounts/logout/")

        assert events_of(acme) == [("signed_out", bob.email, "127.0.0.1")]


class TestAPassword:
    def test_that_is_changed_is_written(self, acme: Acme, bob: User, client: Client) -> None:
        client.force_login(bob)
        new = {"oldpassword": PASSWORD, "password1": "quite another one", "password2": "quite another one"}

        client.post("/accounts/password/change/", new)

        assert ("password_changed", bob.email, "127.0.0.1") in events_of(acme)

    def test_that_is_reset_is_written(self, acme: Acme, bob: User, client: Client) -> None:
        client.post("/accounts/password/reset/", {"email": bob.email})
        [address] = re.findall(r"http://testserver(/\S+)", str(mail.outbox[0].body))
        form = client.get(address, follow=True)
        new = {"password1": "quite another one", "password2": "quite another one"}

        client.post(form.redirect_chain[-1][0], new)

        assert ("password_reset", bob.email, "127.0.0.1") in events_of(acme)

    def test_is_nowhere_in_what_is_written(self, acme: Acme, bob: User, client: Client) -> None:
        sign_in(client, bob.email)
        sign_in(client, bob.email, "guess")

        with unscoped(reason="everything that was written"):
            written = str(list(AuditEvent.objects.values()))
        assert PASSWORD not in written
        assert "guess" not in written


class TestAnEvent:
    def test_of_an_unknown_kind_is_refused(self, acme: Acme) -> None:
        with pytest.raises(UnknownKind):
            note("sneezed", by=STAGE, organization_ids=[acme.organization.pk])

    def test_takes_its_place_among_the_revisions(self, acme: Acme) -> None:
        with tenant(acme.organization.pk):
            first = rename(acme, "First")
            note(audit_events.EXPORTED, by=STAGE, organization_ids=[acme.organization.pk])
            second = rename(acme, "Second")

            assert first < AuditEvent.objects.get().pk < second

    def test_is_no_revision_to_the_database(self, acme: Acme) -> None:
        with tenant(acme.organization.pk):
            note(audit_events.EXPORTED, by=STAGE, organization_ids=[acme.organization.pk])

            assert not Revision.objects.filter(pk=AuditEvent.objects.get().pk).exists()


def rename(acme: Acme, name: str) -> int:
    """Change a setting; the id of the revision."""
    workspaces.change(workspace=acme.production, by=STAGE, name=name)
    return int(Revision.objects.latest("pk").pk)
