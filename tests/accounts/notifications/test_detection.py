"""Finding out what crossed a threshold, from real purses and catalog rows; by several workers, and by some that die."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts import tasks
from accounts.credits import deposit
from accounts.models import AlertState, Notification, NotificationDelivery
from accounts.notifications import rules
from accounts.notifications.detection import check_organization, moved
from accounts.notifications.kinds import KEY_LIMIT, LOW_BALANCE, MODEL_DEPRECATION, WORKSPACE_BUDGET
from config.lib.money import window_start
from config.lib.scoping import tenant
from config.lib.subjects import api_key_subject, organization_subject, workspace_subject
from routing.models import LanguageModel
from routing.preset_config import Content
from routing.presets import save_version
from tests.cast import STAGE, Acme, Cast
from workspaces import api_keys, workspaces
from workspaces.budgets import delete_budget, include_byok, set_budget
from workspaces.models import Purse

pytestmark = pytest.mark.django_db

USD = 10**9
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""A Tuesday."""


def budget(acme: Acme, dollars: int = 100, interval: str = "m") -> None:
    """Let production spend so much."""
    with tenant(acme.organization.pk):
        set_budget(workspace=acme.production, interval=interval, limit_nano=dollars * USD, by=STAGE)


def spend(
    acme: Acme, subject: int, interval: str, nano: int, *, byok_nano: int = 0, at: datetime = NOW
) -> None:
    """As ingest would count it."""
    with tenant(acme.organization.pk):
        Purse.objects.filter(subject=subject, interval=interval).update(
            spent_nano=nano, byok_nano=byok_nano, window_start=window_start(interval, at)
        )


def in_production(acme: Acme, dollars: float, interval: str = "m", at: datetime = NOW) -> None:
    """Production has spent so much."""
    spend(acme, workspace_subject(acme.production.pk), interval, int(dollars * USD), at=at)


def look(kinds: Sequence[str] = tasks.SPENDING, at: datetime = NOW) -> int:
    """What the tasks do."""
    ids = moved(kinds, now=at)
    return sum(check_organization(organization_id=one, kinds=kinds, now=at) for one in ids)


def told(acme: Acme) -> list[str]:
    """The titles, the oldest first."""
    with tenant(acme.organization.pk):
        return list(Notification.objects.order_by("pk").values_list("title", flat=True))


def facts(acme: Acme) -> dict[str, object]:
    """Those of the newest notification."""
    with tenant(acme.organization.pk):
        found: dict[str, object] = Notification.objects.latest("pk").facts
        return found


class TestAWorkspaceBudget:
    def test_is_told_of_with_what_is_spent_and_when_it_resets(self, acme: Acme):
        budget(acme)
        in_production(acme, 80.5)

        look()

        assert told(acme) == ["Production: 80 % of the monthly budget is spent"]
        assert facts(acme) == {
            "name": "Production",
            "workspace_name": "Production",
            "interval": "monthly",
            "spent_usd": "80.5",
            "limit_usd": "100",
            "threshold_percent": 80,
            "resets_at": "2026-12-01T00:00:00Z",
        }
        with tenant(acme.organization.pk):
            assert Notification.objects.get().workspace == acme.production.public_id

    def test_counts_byok_where_it_is_included(self, acme: Acme):
        budget(acme)
        spend(acme, workspace_subject(acme.production.pk), "m", 50 * USD, byok_nano=40 * USD)

        assert look() == 0
        with tenant(acme.organization.pk):
            include_byok(workspace=acme.production, is_included=True, by=STAGE)
        assert look() == 1

    @pytest.mark.parametrize(
        ("interval", "later"),
        [("d", NOW + timedelta(days=1)), ("w", NOW + timedelta(days=7)), ("m", NOW + timedelta(days=7))],
    )
    def test_is_told_of_again_in_the_next_window(self, acme: Acme, interval: str, later: datetime):
        budget(acme, interval=interval)
        in_production(acme, 85, interval)
        look()
        assert look(at=later) == 0  # a new window, and nothing is spent in it yet

        in_production(acme, 85, interval, at=later)

        assert look(at=later) == 1

    def test_is_told_of_twice_on_the_way_to_its_end(self, acme: Acme):
        budget(acme)

        for dollars in (79, 80, 81, 99.999, 100, 101):
            in_production(acme, dollars)
            look()

        assert told(acme) == [f"Production: {share} % of the monthly budget is spent" for share in (80, 100)]

    def test_that_is_deleted_leaves_nothing_behind(self, acme: Acme):
        budget(acme)
        in_production(acme, 85)
        look()
        with tenant(acme.organization.pk):
            delete_budget(workspace=acme.production, interval="m", by=STAGE)

        look()

        with tenant(acme.organization.pk):
            assert not AlertState.objects.exists()

    def test_is_not_told_of_where_the_rule_is_about_others(self, acme: Acme):
        budget(acme)
        in_production(acme, 85)
        with tenant(acme.organization.pk):
            rules.change(
                organization=acme.organization, kind=WORKSPACE_BUDGET, by=STAGE, workspaces=["research"]
            )

        assert look() == 0

    def test_is_not_told_of_while_the_rule_is_off(self, acme: Acme):
        budget(acme)
        in_production(acme, 85)
        with tenant(acme.organization.pk):
            rules.change(organization=acme.organization, kind=WORKSPACE_BUDGET, by=STAGE, is_disabled=True)

        assert look() == 0


class TestAKeyLimit:
    def test_is_told_of_when_the_rule_is_on(self, acme: Acme):
        key = acme.bob_key.key
        with tenant(acme.organization.pk):
            api_keys.change(key=key, by=STAGE, limit_nano=10 * USD, limit_interval="t")
        spend(acme, api_key_subject(key.pk), "t", 10 * USD)
        before = look()
        with tenant(acme.organization.pk):
            rules.change(organization=acme.organization, kind=KEY_LIMIT, by=STAGE, is_disabled=False)

        look()

        assert before == 0
        assert told(acme) == ["Key “bob's key”: 100 % of its lifetime limit is spent"]
        assert facts(acme)["key_hash"] == key.hash
        assert facts(acme)["resets_at"] is None


class TestABalance:
    def test_is_told_of_once_until_it_is_topped_up(self, acme: Acme):
        self._buy(acme, 20)

        heard = []
        for spent, bought in ((14, 0), (15.1, 0), (14.9, 0), (15.2, 0), (15.2, 10), (26, 0)):
            if bought:
                self._buy(acme, bought)
            spend(acme, organization_subject(acme.organization.pk), "t", int(spent * USD))
            heard.append(look())

        assert heard == [0, 1, 0, 0, 0, 1]
        assert told(acme) == ["Credits are low: $4.9 left", "Credits are low: $4 left"]
        assert facts(acme)["threshold_usd"] == "5"

    def test_is_not_low_where_there_never_were_credits(self, acme: Acme):
        assert look() == 0

    def _buy(self, acme: Acme, dollars: int) -> None:
        with tenant(acme.organization.pk):
            deposit(
                organization=acme.organization,
                kind="purchase",
                amount_nano=dollars * USD,
                description="",
                by=STAGE,
            )


class TestAModelsEnd:
    @pytest.fixture
    def model(self) -> LanguageModel:
        """A model with a date, of which production's preset is made."""
        return LanguageModel.objects.create(
            slug="a/b", name="B", author="a", expires_at=NOW + timedelta(days=40)
        )

    def test_is_told_of_as_soon_as_it_is_known_and_as_it_comes_near(self, acme: Acme, model: LanguageModel):
        with tenant(acme.organization.pk):
            content = Content({"model": "a/b:nitro"})
            save_version(workspace=acme.production, slug="brief", content=content, by=STAGE)

        heard = {
            days: look(tasks.DATED, NOW + timedelta(days=days)) for days in (0, 1, 32, 33, 34, 39, 40, 41)
        }

        assert [days for days, count in heard.items() if count] == [0, 33, 39]
        assert told(acme) == ["a/b goes away on 2027-01-03"] * 3
        assert facts(acme)["used_by"] == "presets"

    def test_is_told_of_again_with_another_date(self, acme: Acme, model: LanguageModel):
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.production, by=STAGE, default_text_model="a/b")
        look(tasks.DATED)
        LanguageModel.objects.filter(pk=model.pk).update(expires_at=NOW + timedelta(days=60))

        assert look(tasks.DATED) == 1

    def test_is_no_business_of_those_who_do_not_use_it(self, cast: Cast, model: LanguageModel):
        assert look(tasks.DATED) == 0


class TestAGlance:
    def test_asks_as_much_of_many_organizations_as_of_one(self, cast: Cast):
        with CaptureQueriesContext(connection) as asked:
            moved(tasks.SPENDING, now=NOW)

        selects = [query["sql"] for query in asked if query["sql"].startswith(("SELECT", "\nSELECT"))]
        assert len([sql for sql in selects if "set_config" not in sql]) == 6

    def test_tells_nobody_what_happens_at_others(self, cast: Cast):
        budget(cast.acme)
        in_production(cast.acme, 85)

        look()

        with tenant(cast.globex.organization.pk):
            assert not Notification.objects.exists()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
class TestSeveralWorkers:
    def test_tell_of_a_crossing_once(self, acme: Acme):
        budget(acme)
        in_production(acme, 85)
        together = Barrier(4)

        def work(_: int) -> int:
            try:
                together.wait()
                return check_organization(organization_id=acme.organization.pk, kinds=tasks.SPENDING, now=NOW)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(4) as workers:
            counted = list(workers.map(work, range(4)))

        assert sorted(counted) == [0, 0, 0, 1]
        assert len(told(acme)) == 1

    def test_that_die_before_the_end_have_told_nobody(self, acme: Acme):
        budget(acme)
        in_production(acme, 85)

        class KilledError(Exception):
            """Between finding out and committing."""

        def die() -> None:
            with tenant(acme.organization.pk):
                check_organization(organization_id=acme.organization.pk, kinds=tasks.SPENDING, now=NOW)
                raise KilledError

        with pytest.raises(KilledError):
            die()
        before = told(acme)
        look()

        assert (before, len(told(acme))) == ([], 1)

    def test_that_die_after_it_leave_the_sending_to_others(self, acme: Acme):
        budget(acme)
        in_production(acme, 85)
        look()

        assert look() == 0
        with tenant(acme.organization.pk):
            assert NotificationDelivery.objects.get().status == "pending"


class TestTheTasks:
    def test_are_those_that_beat_names(self):
        from config.celery import app

        app.loader.import_default_modules()

        named = {entry["task"] for entry in app.conf.beat_schedule.values()}
        assert {name for name in named if name.startswith("accounts.")} <= app.tasks.keys()
        assert {LOW_BALANCE, WORKSPACE_BUDGET, KEY_LIMIT, MODEL_DEPRECATION} == {
            *tasks.SPENDING,
            *tasks.DATED,
        }

    def test_do_what_they_say(self, acme: Acme):
        budget(acme)
        in_production(acme, 85, at=datetime.now(UTC))

        tasks.check_organization(acme.organization.pk, list(tasks.SPENDING), of_tomorrow=True)

        assert len(told(acme)) == 1
