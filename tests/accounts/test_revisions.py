"""A revision says what its transaction changed, whoever changed it through whichever door."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

from accounts.models import Revision
from accounts.organizations import rename
from accounts.revisions import Scope, revisions_behind
from config.lib.environment import environment
from config.lib.scoping import tenant, unscoped
from tests.accounts.admin.test_changes import SETTINGS
from tests.admin_pages import page
from tests.cast import STAGE, Acme
from tests.dashboard_pages import uncollected_files, viewers
from tests.management_api import Api
from workspaces import api_keys, workspaces
from workspaces.models import Workspace

__all__ = ["uncollected_files", "viewers"]

pytestmark = pytest.mark.django_db


def newest(acme: Acme) -> Revision:
    """Acme's newest revision."""
    with tenant(acme.organization.pk):
        return Revision.objects.select_related("user", "management_key").latest("pk")


def this_transaction() -> int:
    """What the database calls the transaction that the test runs in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return int(cursor.fetchone()[0])


@pytest.fixture
def open_door(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Anybody may sign up."""
    monkeypatch.setenv("HEADGATE_SIGN_UP", "true")
    environment.cache_clear()
    yield
    monkeypatch.undo()
    environment.cache_clear()


class TestTheDoor:
    def test_of_the_api_is_the_management_key_and_its_address(self, acme: Acme) -> None:
        Api(acme.management_key.secret).patch("/workspaces/production", {"name": "Live"})

        made = newest(acme)
        assert (made.door, made.user, made.management_key, made.address) == (
            "api",
            None,
            acme.management_key.key,
            "127.0.0.1",
        )
        assert (made.before["name"], made.after["name"]) == ("Production", "Live")

    def test_of_the_dashboard_is_the_person_and_his_address(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        address = f"/o/acme/w/production/keys/{acme.bob_key.key.hash}"

        viewers["bob"].post(f"{address}/disable")

        made = newest(acme)
        assert (made.door, made.user, made.management_key, made.address) == (
            "dashboard",
            acme.bob.user,
            None,
            "127.0.0.1",
        )
        assert (made.before["is_disabled"], made.after["is_disabled"]) == (False, True)

    def test_of_the_admin_is_the_person_and_his_address(self, acme: Acme, doors) -> None:
        doors["alice"].post(page(Workspace, "change", acme.production.pk), SETTINGS | {"name": "Live"})

        made = newest(acme)
        assert (made.door, made.user, made.management_key, made.address) == (
            "admin",
            acme.alice.user,
            None,
            "127.0.0.1",
        )
        assert (made.before["name"], made.after["name"]) == ("Production", "Live")

    def test_of_a_command_is_the_shell_with_a_reason(self, db: None, tmp_path: Path) -> None:
        catalog = tmp_path / "catalog.json"
        catalog.write_text(json.dumps({"providers": [{"slug": "ours", "name": "Ours"}], "models": []}))

        call_command("sync_catalog", str(catalog), apply=True)

        with unscoped(reason="the platform's own revision"):
            made = Revision.objects.latest("pk")
        assert (made.door, made.user, made.address, made.object_type) == ("shell", None, None, "provider")
        assert made.reason.startswith("sync_catalog")

    def test_of_a_sign_up_is_the_new_person_and_his_address(self, client: Client, open_door: None) -> None:
        form = {"email": "new@example.com", "password1": "gate of oak 12", "password2": "gate of oak 12"}

        client.post("/accounts/signup/", form)

        with unscoped(reason="the test looks at what sign-up made"):
            founded = Revision.objects.filter(object_type="organization").latest("pk")
        assert founded.user is not None
        assert (founded.door, founded.user.email, founded.address) == (
            "dashboard",
            "new@example.com",
            "127.0.0.1",
        )


class TestARevision:
    def test_belongs_to_the_transaction_that_wrote_it(self, acme: Acme) -> None:
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=STAGE, name="Live")

            assert newest(acme).transaction_id == this_transaction()

    def test_names_the_version_of_every_scope_that_it_touched(self, acme: Acme) -> None:
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=STAGE, name="Live")
            first = newest(acme).versions
            workspaces.change(workspace=acme.production, by=STAGE, name="Production")
            second = newest(acme).versions

        name = f"workspace:{acme.production.pk}"
        assert first.keys() == second.keys() == {name}
        assert second[name] == first[name] + 1

    @pytest.mark.parametrize(
        ("kind", "change"),
        [
            ("workspace", lambda acme: workspaces.change(workspace=acme.production, by=STAGE, name="Live")),
            ("key", lambda acme: api_keys.change(key=acme.bob_key.key, by=STAGE, name="Live")),
            (
                "organization",
                lambda acme: rename(organization=acme.organization, by=STAGE, name="A", slug="a"),
            ),
        ],
    )
    def test_is_found_by_the_version_that_a_generation_names(
        self, acme: Acme, kind: str, change: Callable[[Acme], object]
    ) -> None:
        with tenant(acme.organization.pk):
            change(acme)
            made = newest(acme)
            [(name, value)] = made.versions.items()
            scope = Scope(kind, int(name.partition(":")[2]))

            assert list(revisions_behind(scope, value)) == [made]
            assert list(revisions_behind(scope, value + 1)) == []

    def test_costs_two_statements(self, acme: Acme, django_assert_num_queries) -> None:
        key = acme.bob_key.key
        # A savepoint and its release, the row locked, its workspace, saved; the versions, the revision.
        with tenant(acme.organization.pk), django_assert_num_queries(7):
            api_keys.change(key=key, by=STAGE, name="Renamed")

    def test_of_the_catalog_names_the_platforms_version(self, db: None, tmp_path: Path) -> None:
        catalog = tmp_path / "catalog.json"
        catalog.write_text(json.dumps({"providers": [{"slug": "ours", "name": "Ours"}], "models": []}))

        call_command("sync_catalog", str(catalog), apply=True)

        with unscoped(reason="the platform's own revision"):
            assert list(Revision.objects.latest("pk").versions) == ["platform:0"]
