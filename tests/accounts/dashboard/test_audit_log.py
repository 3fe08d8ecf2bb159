"""The audit log's pages."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from accounts.audit_events import SIGNED_IN, note
from accounts.credits import deposit
from accounts.models import AuditEvent, Revision, User
from accounts.revisions import Actor
from config.lib.scoping import tenant
from tests.cast import STAGE, Acme, acting
from tests.dashboard_pages import HTMX, text_of
from workspaces import api_keys, workspaces
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db

LOG = "/o/acme/audit-log"


def rename(acme: Acme, name: str) -> int:
    """Rename production as alice; the id of the revision."""
    with tenant(acme.organization.pk):
        workspaces.change(workspace=acme.production, by=acting(acme.alice), name=name)
        return int(Revision.objects.latest("pk").pk)


def name_of_production(acme: Acme) -> str:
    """What it is called now."""
    with tenant(acme.organization.pk):
        return str(Workspace.objects.get(pk=acme.production.pk).name)


def download(user: User, path: str) -> str:
    """A file as a browser gets it."""

    async def fetch() -> str:
        client = AsyncClient()
        await client.aforce_login(user)
        answer = await client.get(path)
        assert answer.status_code == 200
        return "".join([part.decode() async for part in answer.streaming_content])

    return async_to_sync(fetch)()


class TestTheLog:
    def test_tells_who_did_what(self, acme: Acme, viewers: dict[str, Client]) -> None:
        rename(acme, "Live")
        note(SIGNED_IN, by=Actor("dashboard", acme.bob.user), organization_ids=[acme.organization.pk])

        rows = viewers["alice"].get(LOG).context["page"].rows

        assert [f"{entry.who} {entry.summary}" for entry in rows[:2]] == [
            "bob@acme.example signed in",
            "alice@acme.example changed the workspace “Live” (name)",
        ]

    def test_is_shown_page_by_page(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made = [rename(acme, f"name {number}") for number in range(60)]

        first = viewers["alice"].get(LOG, {"action": "update"}).context["page"]
        rest = (
            viewers["alice"]
            .get(LOG, {"action": "update", "before": first.next_cursor}, headers=HTMX)
            .context["page"]
        )

        assert [entry.pk for entry in (*first.rows, *rest.rows)] == made[::-1]
        assert rest.next_cursor is None

    @pytest.mark.parametrize("before", ["x", "-1", "9" * 30])
    def test_knows_no_other_pages(self, viewers: dict[str, Client], before: str) -> None:
        assert viewers["alice"].get(LOG, {"before": before}).status_code == 404

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"action": "update"}, 1),
            ({"kind": "apikey"}, 6),
            ({"door": "admin"}, 0),
            ({"since": "2000-01-01", "action": "update"}, 1),
            ({"until": "2000-01-01"}, 0),
            ({"until": "9999-12-31", "action": "update"}, 1),
            ({"since": "never", "until": "\x00", "action": "update"}, 1),
            ({"who": "nobody"}, 0),
            ({"who": "9" * 40}, 0),
            ({"workspace": "production", "action": "update"}, 1),
            ({"workspace": "unheard-of"}, 0),
            ({"object": "\x00x" * 100}, 0),
        ],
    )
    def test_can_be_narrowed(
        self, acme: Acme, viewers: dict[str, Client], query: dict[str, str], count: int
    ) -> None:
        rename(acme, "Live")

        assert len(viewers["alice"].get(LOG, query).context["page"].rows) == count

    def test_is_reached_from_a_keys_page_by_those_who_may_read_it(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        address = f"/o/acme/w/production/keys/{acme.bob_key.key.hash}"
        link = f"{LOG}?kind=apikey&object={acme.bob_key.key.pk}"

        pages = {name: text_of(viewers[name].get(address)) for name in ("alice", "bob")}

        assert link in pages["alice"]
        assert link not in pages["bob"]
        assert len(viewers["alice"].get(link).context["page"].rows) == 1


class TestALine:
    def test_shows_each_column_before_and_after(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            api_keys.change(key=acme.bob_key.key, by=STAGE, limit_nano=12_500_000_000, is_disabled=True)
            number = Revision.objects.latest("pk").pk

        changes = viewers["alice"].get(f"{LOG}/{number}").context["changes"]

        assert [(change.name, change.before, change.after) for change in changes] == [
            ("disabled", "no", "yes"),
            ("limit", "—", "$12.50"),
        ]

    def test_of_an_event_offers_nothing_to_restore(self, acme: Acme, viewers: dict[str, Client]) -> None:
        note(SIGNED_IN, by=Actor("dashboard", acme.bob.user), organization_ids=[acme.organization.pk])
        with tenant(acme.organization.pk):
            number = AuditEvent.objects.get().pk

        answer = viewers["alice"].get(f"{LOG}/{number}")

        assert (answer.status_code, answer.context["sides"]) == (200, [])
        assert viewers["alice"].post(f"{LOG}/{number}/restore", {"to": "before"}).status_code == 404

    def test_offers_the_sides_that_differ_from_today(self, acme: Acme, viewers: dict[str, Client]) -> None:
        older, newer = rename(acme, "One"), rename(acme, "Two")

        offered = [viewers["alice"].get(f"{LOG}/{number}").context["sides"] for number in (older, newer)]

        assert offered == [["before", "after"], ["before"]]

    def test_says_why_it_cannot_be_brought_back(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)
            deleted = Revision.objects.latest("pk").pk
            made = Revision.objects.filter(object_type="workspace", action="create").latest("pk").pk
            deposit(
                organization=acme.organization, kind="adjustment", amount_nano=1, description="", by=STAGE
            )
            booked = Revision.objects.latest("pk").pk

        told = [viewers["alice"].get(f"{LOG}/{number}").context for number in (deleted, booked, made)]

        assert [context["sides"] for context in told] == [[], [], []]
        assert "A deleted key stays deleted" in told[0]["why_not"]
        assert "adjust" in told[1]["why_not"]
        assert "has active API keys" in told[2]["why_not"]

    def test_changes_nothing_by_being_looked_at(self, acme: Acme, viewers: dict[str, Client]) -> None:
        number = rename(acme, "Live")

        for page in (f"{LOG}/{number}", f"{LOG}/{number}/restore?to=before"):
            assert viewers["alice"].get(page).status_code == 200

        with tenant(acme.organization.pk):
            assert Revision.objects.latest("pk").pk == number
        assert name_of_production(acme) == "Live"


class TestRestoring:
    def test_shows_what_would_change_from_today_on(self, acme: Acme, viewers: dict[str, Client]) -> None:
        number = rename(acme, "Live")
        rename(acme, "Dead")

        shown = viewers["alice"].get(f"{LOG}/{number}/restore", {"to": "before"})

        [change] = shown.context["changes"]
        assert (change.name, change.before, change.after) == ("name", "Dead", "Production")

    def test_is_recorded_with_the_person_and_the_reason(self, acme: Acme, viewers: dict[str, Client]) -> None:
        number = rename(acme, "Live")

        viewers["alice"].post(f"{LOG}/{number}/restore", {"to": "before", "reason": "typo\x00"})

        with tenant(acme.organization.pk):
            made = Revision.objects.latest("pk")
        assert name_of_production(acme) == "Production"
        assert (made.user_id, made.door, made.reason) == (
            acme.alice.user_id,
            "dashboard",
            f"restores revision {number}: typo",
        )

    def test_says_why_not(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            api_keys.delete(key=acme.bob_key.key, by=STAGE)
            number = Revision.objects.latest("pk").pk

        asked = viewers["alice"].get(f"{LOG}/{number}/restore", {"to": "before"})
        answer = viewers["alice"].post(f"{LOG}/{number}/restore", {"to": "before"})

        assert [one.status_code for one in (asked, answer)] == [200, 422]
        assert all("A deleted key stays deleted" in text_of(one) for one in (asked, answer))
        assert asked.context["is_possible"] is False

    @pytest.mark.parametrize("who", ["bob", "mallory"])
    def test_is_nothing_for_others(self, acme: Acme, viewers: dict[str, Client], who: str) -> None:
        number = rename(acme, "Live")

        viewers[who].post(f"{LOG}/{number}/restore", {"to": "before"})

        assert name_of_production(acme) == "Live"


@pytest.mark.django_db(transaction=True)  # the file is read on a connection of its own
class TestTheFile:
    def test_holds_what_the_filters_let_through(self, acme: Acme) -> None:
        rename(acme, "One")
        rename(acme, "=cmd()")

        text = download(acme.alice.user, f"{LOG}.csv?action=update")

        assert text.splitlines()[0].startswith("id,time,who,what")
        assert [line.split(",")[2] for line in text.splitlines()[1:]] == ["alice@acme.example"] * 2
        assert "globex" not in text

    def test_has_no_cell_that_a_spreadsheet_would_run(self, acme: Acme) -> None:
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=STAGE.because("=1+1"), name="x")

        assert ",'=1+1" in download(acme.alice.user, f"{LOG}.csv?action=update")

    def test_is_itself_in_the_log(self, acme: Acme, viewers: dict[str, Client]) -> None:
        viewers["alice"].get(f"{LOG}.csv")

        with tenant(acme.organization.pk):
            event = AuditEvent.objects.get()
        assert (event.kind, event.user_id, event.detail) == (
            "exported",
            acme.alice.user_id,
            {"what": "the audit log"},
        )
