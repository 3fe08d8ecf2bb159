"""The pages of one destination: how it fares, its deliveries and receipts, replays and back-fills."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from config.lib.ids import generation_id
from config.lib.scoping import tenant
from observability.models import DeliveryJob, Destination
from tests.browser.quality import queries_of
from tests.cast import Acme
from tests.dashboard_pages import HTMX, text_of
from tests.observability.api.test_deliveries import Owner, delivered
from tests.observability.books import connect
from tests.observability.destination_kinds import a_destination, use_mailbox

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def owner() -> Iterator[Owner]:
    """The role that delivers."""
    with connect() as connection:
        yield connection


@pytest.fixture
def destination(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> Destination:
    """One of production's."""
    use_mailbox(monkeypatch)
    with tenant(acme.organization.pk):
        return a_destination(acme.production)


def page_of(destination: Destination, name: str = "") -> str:
    return f"/o/acme/w/production/destinations/{destination.public_id}{name}"


def jobs(acme: Acme) -> list[DeliveryJob]:
    """What was ordered."""
    with tenant(acme.organization.pk):
        return list(DeliveryJob.objects.for_organization(acme.organization).order_by("pk"))


class TestTheOverview:
    def test_teaches_before_anything_was_sent(
        self, destination: Destination, viewers: dict[str, Client]
    ) -> None:
        assert "Nothing was sent yet." in text_of(viewers["alice"].get(page_of(destination)))

    def test_adds_up_receipts_by_day(
        self, destination: Destination, viewers: dict[str, Client], owner: Owner
    ) -> None:
        delivered(owner, destination, "sent", "sent", "dead")
        owner.execute("UPDATE delivery_receipt SET delivered = 2")

        shown = text_of(viewers["alice"].get(page_of(destination)))

        assert '<td class="number">3</td><td class="number">2</td><td class="number">1</td>' in shown

    def test_says_why_a_destination_rests(
        self, destination: Destination, viewers: dict[str, Client], owner: Owner
    ) -> None:
        delivered(owner, destination, "pending")
        owner.execute("UPDATE delivery_state SET openings = 1, open_until = now() + interval '1 hour'")

        shown = text_of(viewers["alice"].get(page_of(destination)))

        assert "then one batch is tried" in shown
        assert "HTTP 400" in shown


class TestDeliveries:
    def test_are_listed_with_their_reasons(
        self, destination: Destination, viewers: dict[str, Client], owner: Owner
    ) -> None:
        ids = delivered(owner, destination, "sent", "dead", "pending")

        shown = text_of(viewers["alice"].get(page_of(destination, "/deliveries")))

        assert {generation_id(each) in shown for each in ids} == {True}
        assert "HTTP 400" in shown

    @pytest.mark.parametrize("status", ["sent", "dead", "pending"])
    def test_are_narrowed_by_status(
        self, status: str, destination: Destination, viewers: dict[str, Client], owner: Owner
    ) -> None:
        ids = delivered(owner, destination, "sent", "dead", "pending")

        shown = text_of(viewers["alice"].get(page_of(destination, f"/deliveries?status={status}")))

        wanted = ids[("sent", "dead", "pending").index(status)]
        assert [each for each in ids if generation_id(each) in shown] == [wanted]

    def test_go_on_where_the_page_ended(
        self, destination: Destination, viewers: dict[str, Client], owner: Owner
    ) -> None:
        ids = delivered(owner, destination, *["sent"] * 60)
        before = generation_id(ids[10])

        shown = text_of(
            viewers["alice"].get(page_of(destination, f"/deliveries?before={before}"), headers=HTMX)
        )

        assert "<h1" not in shown
        assert shown.count("<tr>") == 10

    def test_of_an_unknown_place_are_not_there(
        self, destination: Destination, viewers: dict[str, Client]
    ) -> None:
        for name in ("/deliveries?before=x", "/batches?before=x", "/batches?before=99999999999999999999"):
            assert viewers["alice"].get(page_of(destination, name)).status_code == 404

    def test_cost_as_many_queries_for_many_as_for_one(
        self, destination: Destination, viewers: dict[str, Client], owner: Owner
    ) -> None:
        delivered(owner, destination, *["dead"] * 40)

        for name in ("", "/deliveries", "/batches"):
            assert len(queries_of(viewers["alice"], page_of(destination, name))) <= 12


class TestReceipts:
    def test_are_listed_and_narrowed_by_outcome(
        self, destination: Destination, viewers: dict[str, Client], owner: Owner
    ) -> None:
        delivered(owner, destination, "sent", "dead")

        everything = text_of(viewers["alice"].get(page_of(destination, "/batches")))
        refused = text_of(viewers["alice"].get(page_of(destination, "/batches?outcome=refused")))

        assert "0 of 2" in everything
        assert "None of these" in refused


class TestReplaying:
    def test_orders_all_dead_letters(
        self, destination: Destination, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(page_of(destination, "/deliveries/replay"))

        assert answer["Location"] == page_of(destination, "/deliveries")
        assert [(job.kind, job.generation_ids) for job in jobs(acme)] == [("replay", None)]

    def test_orders_one(
        self, destination: Destination, acme: Acme, viewers: dict[str, Client], owner: Owner
    ) -> None:
        [one, _] = delivered(owner, destination, "dead", "dead")

        viewers["alice"].post(page_of(destination, "/deliveries/replay"), {"generation": generation_id(one)})

        assert [job.generation_ids for job in jobs(acme)] == [[str(one)]]

    def test_of_what_is_no_request_is_not_there(
        self, destination: Destination, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = viewers["alice"].post(
            page_of(destination, "/deliveries/replay"), {"generation": "gen-x\x00"}
        )

        assert answer.status_code == 404
        assert jobs(acme) == []

    def test_says_that_too_much_is_ordered(
        self, destination: Destination, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        for _ in range(5):
            viewers["alice"].post(page_of(destination, "/deliveries/replay"))

        answer = viewers["alice"].post(page_of(destination, "/deliveries/replay"), follow=True)

        assert "Too many orders" in text_of(answer)


class TestForgettingDeadLetters:
    def test_asks_first(self, destination: Destination, acme: Acme, viewers: dict[str, Client]) -> None:
        shown = text_of(viewers["alice"].get(page_of(destination, "/deliveries/discard")))
        asked = jobs(acme)
        viewers["alice"].post(page_of(destination, "/deliveries/discard"))

        assert "Forget all dead letters?" in shown
        assert (asked, [job.kind for job in jobs(acme)]) == ([], ["discard"])


class TestABackFill:
    def test_is_of_a_range_of_time(
        self, destination: Destination, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        since = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=2)
        typed = {"since": f"{since:%Y-%m-%dT%H:%M}", "until": f"{since + timedelta(days=1):%Y-%m-%dT%H:%M}"}

        answer = viewers["alice"].post(page_of(destination, "/backfill"), typed)

        [job] = jobs(acme)
        assert answer["Location"] == page_of(destination)
        assert (job.kind, job.since, job.until) == ("backfill", since, since + timedelta(days=1))

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({}, "This field is required."),
            ({"since": "yesterday"}, "Enter a valid date/time."),
            ({"since": "2020-01-01T00:00"}, "Must be at most 31 days before until."),
            ({"since": "0001-01-01T00:00", "until": "0001-01-02T00:00"}, ""),
            ({"since": "9999-12-31T23:59"}, "Must be later than since, and since in the past."),
        ],
        ids=str,
    )
    def test_of_another_range_is_refused(
        self,
        typed: dict[str, str],
        said: str,
        destination: Destination,
        acme: Acme,
        viewers: dict[str, Client],
    ) -> None:
        answer = viewers["alice"].post(page_of(destination, "/backfill"), typed)

        assert said in text_of(answer)
        assert len(jobs(acme)) == (0 if said else answer.status_code == 302)
