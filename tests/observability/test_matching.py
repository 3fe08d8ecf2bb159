"""Which destinations ingest writes deliveries for."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import psycopg
import pytest
from django.db import connections

from config.lib.ids import uuid7
from config.lib.scoping import tenant
from observability import destination_settings, matching
from observability.filter_rules import read_rules
from observability.journal_reader import Finished
from observability.journal_records import Begin, End
from observability.judging_time import MOST_OWED, JudgingTime
from observability.matching import Compiled, DestinationMatcher, Row, targets_of
from observability.models import Destination
from tests.cast import STAGE, Acme, Cast
from tests.observability.destination_kinds import NEW, use_mailbox
from workspaces import workspaces
from workspaces.models import Workspace

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture(autouse=True)
def broadcasting(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Acme's workspaces tell their destinations, which are mailboxes; changes are seen at once."""
    use_mailbox(monkeypatch)
    monkeypatch.setattr(matching, "REFRESH_SECONDS", 0)
    with tenant(acme.organization.pk):
        for workspace in (acme.default, acme.production):
            workspaces.change(workspace=workspace, by=STAGE, is_broadcast_enabled=True)


@pytest.fixture
def matcher() -> Any:
    """Ingest's, as `manage.py ingest` makes it."""
    made = DestinationMatcher(connect)
    yield made
    made.close()


def connect() -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(os.environ["HEADGATE_OWNER_DATABASE_URL"], autocommit=True)


def destination(workspace: Workspace, **settings: Any) -> Destination:
    """A new one of the workspace's."""
    with tenant(workspace.organization_id):
        return destination_settings.create(
            workspace=workspace, kind=NEW["type"], name="Ours", config=NEW["config"], by=STAGE, **settings
        )


def change(row: Destination, **changes: Any) -> None:
    with tenant(row.organization_id):
        destination_settings.change(destination=row, by=STAGE, **changes)


def finished(workspace: Workspace, *, key: int | None = None, end: Any = (), **context: Any) -> Finished:
    """A request that is over."""
    identifier = str(uuid7())
    begin = Begin(
        identifier, 1, workspace.organization_id, workspace.pk, key, None, (), (), "openai/gpt-4o", context
    )
    values = {"prompt_tokens": 30, "completion_tokens": 12, "finish_reason": "stop", **dict(end)}
    return Finished(begin, (), End(identifier, 2 * 10**9, 0, "completed", provider="openai", **values))


def told(matcher: DestinationMatcher, *requests: Finished) -> list[tuple[int, str]]:
    """Which destinations are told of which requests."""
    return [(row.destination_id, str(row.generation_id)) for row in matcher(list(requests))]


class TestARequest:
    def test_is_told_to_each_destination_of_its_workspace(self, acme: Acme, matcher: DestinationMatcher):
        first, second = destination(acme.production), destination(acme.production)
        destination(acme.default)
        request = finished(acme.production)

        (row, other) = list(matcher([request]))

        assert row == (acme.organization.pk, acme.production.pk, first.pk, request.begin.id)
        assert other.destination_id == second.pk

    def test_is_told_to_nobody_where_nobody_is(self, cast: Cast, matcher: DestinationMatcher):
        assert told(matcher, finished(cast.acme.production), finished(cast.globex.default)) == []
        destination(cast.acme.production)
        assert told(matcher, finished(cast.acme.research), finished(cast.globex.default)) == []

    def test_is_told_to_nobody_while_its_workspace_is_silent(self, acme: Acme, matcher: DestinationMatcher):
        destination(acme.research)
        request = finished(acme.research)

        before = told(matcher, request)
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.research, by=STAGE, is_broadcast_enabled=True)
        between = told(matcher, request)
        with tenant(acme.organization.pk):
            workspaces.change(workspace=acme.research, by=STAGE, is_broadcast_enabled=False)

        assert (len(before), len(between), len(told(matcher, request))) == (0, 1, 0)

    def test_is_not_told_to_a_destination_that_is_off_or_gone(self, acme: Acme, matcher: DestinationMatcher):
        row = destination(acme.production)
        request = finished(acme.production)

        counts = [len(told(matcher, request))]
        change(row, is_enabled=False)
        counts.append(len(told(matcher, request)))
        change(row, is_enabled=True)
        counts.append(len(told(matcher, request)))
        with tenant(acme.organization.pk):
            destination_settings.delete(destination=row, by=STAGE)
        counts.append(len(told(matcher, request)))

        assert counts == [1, 0, 1, 0]

    def test_is_told_to_a_copy_as_to_any_other(self, acme: Acme, matcher: DestinationMatcher):
        source = destination(acme.production, is_everywhere=True)

        ((copy, _),) = told(matcher, finished(acme.default))

        assert copy != source.pk


class TestTheRegion:
    def test_of_a_request_must_be_one_of_the_destinations(self, acme: Acme, matcher: DestinationMatcher):
        everywhere = destination(acme.production, regions=["global"])
        european = destination(acme.production, regions=["europe", "us"])

        here = told(matcher, finished(acme.production))
        there = told(matcher, finished(acme.production, region="europe"))
        nowhere = told(matcher, finished(acme.production, region=["odd"]))

        assert [row for row, _ in here + there + nowhere] == [everywhere.pk, european.pk, everywhere.pk]


class TestTheFilterOfKeys:
    def test_lets_its_keys_through_and_not_the_chat_room(self, acme: Acme, matcher: DestinationMatcher):
        destination(acme.production, api_key_hashes=[acme.bob_key.key.hash])
        bob, other = acme.bob_key.key.pk, acme.production_key.key.pk

        counts = [len(told(matcher, finished(acme.production, key=key))) for key in (bob, other, None)]

        assert counts == [1, 0, 0]

    def test_that_is_none_lets_everybody_through(self, acme: Acme, matcher: DestinationMatcher):
        destination(acme.production)
        bob = acme.bob_key.key.pk

        assert [len(told(matcher, finished(acme.production, key=key))) for key in (bob, None)] == [1, 1]

    def test_that_is_empty_lets_nobody_through(self, acme: Acme, matcher: DestinationMatcher):
        row = destination(acme.production, api_key_hashes=[acme.bob_key.key.hash])
        with tenant(acme.organization.pk):
            destination_settings.forget_key(acme.bob_key.key, STAGE)
            row.refresh_from_db()

        assert row.api_key_ids == []
        assert told(matcher, finished(acme.production, key=acme.bob_key.key.pk)) == []


class TestTheSample:
    RATE = 0.25

    def share(self, matcher: DestinationMatcher, requests: list[Finished]) -> set[str]:
        return {request for _, request in told(matcher, *requests)}

    def test_is_the_share_that_was_asked_for(self, acme: Acme, matcher: DestinationMatcher):
        destination(acme.production, sampling_rate=self.RATE)
        requests = [finished(acme.production, session_id=str(number)) for number in range(4000)]

        assert 0.2 < len(self.share(matcher, requests)) / len(requests) < 0.3

    def test_has_all_of_a_session_or_nothing(self, acme: Acme, matcher: DestinationMatcher):
        destination(acme.production, sampling_rate=self.RATE)
        sessions = [[finished(acme.production, session_id=f"s{n}") for _ in range(5)] for n in range(100)]
        sessions += [
            [finished(acme.production, trace={"trace_id": f"t{n}"}) for _ in range(5)] for n in range(100)
        ]

        taken = self.share(matcher, [request for session in sessions for request in session])

        kept = [sum(request.begin.id in taken for request in session) for session in sessions]
        assert set(kept) == {0, 5}

    def test_of_a_higher_rate_has_all_of_a_lower_one(self, acme: Acme, matcher: DestinationMatcher):
        row = destination(acme.production, sampling_rate=self.RATE)
        requests = [finished(acme.production) for _ in range(500)]

        lower = self.share(matcher, requests)
        change(row, sampling_rate=0.5)

        assert lower < self.share(matcher, requests)

    def test_of_two_destinations_is_not_the_same(self, acme: Acme, matcher: DestinationMatcher):
        first = destination(acme.production, sampling_rate=0.5)
        destination(acme.production, sampling_rate=0.5)

        rows = told(matcher, *[finished(acme.production) for _ in range(500)])

        of_first = {request for row, request in rows if row == first.pk}
        both = of_first & {request for row, request in rows if row != first.pk}
        assert 0 < len(both) < len(of_first)


def rules(*of: dict[str, Any]) -> dict[str, Any]:
    """One group in which every rule must hold."""
    return {"groups": [{"rules": list(of)}]}


class TestFilterRules:
    @pytest.mark.parametrize(
        ("rule", "is_told"),
        [
            ({"field": "model", "operator": "starts_with", "value": "openai/"}, True),
            ({"field": "provider", "operator": "equals", "value": "openai"}, True),
            ({"field": "session_id", "operator": "equals", "value": "s-1"}, True),
            ({"field": "user_id", "operator": "not_equals", "value": "u-1"}, False),
            ({"field": "api_key_name", "operator": "equals", "value": "bob's key"}, True),
            ({"field": "finish_reason", "operator": "regex", "value": "^(stop|length)$"}, True),
            ({"field": "total_cost", "operator": "gte", "value": 2}, True),
            ({"field": "total_cost", "operator": "gt", "value": 2}, False),
            ({"field": "total_tokens", "operator": "equals", "value": 42}, True),
            ({"field": "prompt_tokens", "operator": "lt", "value": 30}, False),
            ({"field": "completion_tokens", "operator": "lte", "value": 12}, True),
            ({"field": "input", "operator": "exists"}, False),
            ({"field": "output", "operator": "not_contains", "value": "secret"}, True),
        ],
    )
    def test_ask_what_is_known(
        self, acme: Acme, matcher: DestinationMatcher, rule: dict[str, Any], is_told: bool
    ):
        destination(acme.production, filter_rules=rules(rule))
        request = finished(acme.production, key=acme.bob_key.key.pk, session_id="s-1", user="u-1")

        assert bool(told(matcher, request)) is is_told

    def test_see_what_was_said_also_in_privacy_mode_and_open_it_once(self, acme: Acme):
        asked: list[str] = []

        def content_of(request: Finished) -> dict[str, Any]:
            asked.append(request.begin.id)
            return {"input": {"messages": [{"content": "Tell me a joke"}]}, "output": {"completion": "No."}}

        joke = {"field": "input", "operator": "contains", "value": "joke"}
        refused = {"field": "output", "operator": "regex", "value": "(?i)^no"}
        destination(acme.production, filter_rules=rules(joke, refused), is_private=True)
        destination(acme.production, filter_rules=rules(joke))
        destination(acme.production)
        matcher = DestinationMatcher(connect, content_of=content_of)

        assert len(told(matcher, finished(acme.production))) == 3
        assert len(asked) == 1
        matcher.close()

    def test_leave_what_was_said_alone_where_none_asks_for_it(self, acme: Acme):
        def content_of(request: Finished) -> dict[str, Any]:
            raise AssertionError(request)

        destination(acme.production, filter_rules=rules({"field": "user_id", "operator": "exists"}))
        matcher = DestinationMatcher(connect, content_of=content_of)

        assert len(told(matcher, finished(acme.production, user="u"))) == 1
        matcher.close()

    def test_that_are_off_let_everything_through(self, acme: Acme, matcher: DestinationMatcher):
        never = rules({"field": "model", "operator": "equals", "value": "x"})
        destination(acme.production, filter_rules=never | {"enabled": False})

        assert len(told(matcher, finished(acme.production))) == 1


class TestAnOddRow:
    def test_costs_only_its_own_destination_its_requests(self, acme: Acme, matcher: DestinationMatcher):
        odd, fine = destination(acme.production), destination(acme.production)
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                """WITH why AS (INSERT INTO revision (object_type, object_id, action, door)
                                VALUES ('test', '', 'update', 'shell'))
                   UPDATE destination SET filter_rules = '{"enabled": true, "groups": [7]}' WHERE id = %s""",
                [odd.pk],
            )

        assert [row for row, _ in told(matcher, finished(acme.production))] == [fine.pk]


class TestTheDatabase:
    def test_that_is_away_leaves_what_is_known(self, acme: Acme):
        destination(acme.production)
        places = iter([os.environ["HEADGATE_OWNER_DATABASE_URL"], "postgresql://127.0.0.1:1/nowhere"])
        matcher = DestinationMatcher(lambda: psycopg.connect(next(places), autocommit=True))
        request = finished(acme.production)

        before = told(matcher, request)
        matcher.close()

        assert told(matcher, request) == before != []

    def test_that_was_never_there_is_an_error(self, acme: Acme):
        matcher = DestinationMatcher(lambda: psycopg.connect("postgresql://127.0.0.1:1/nowhere"))

        with pytest.raises(psycopg.OperationalError):
            matcher([finished(acme.production)])


class TestASampleIsTheGatewaysToo:
    def test_by_the_destinations_number_and_the_session(self, acme: Acme, matcher: DestinationMatcher):
        row = destination(acme.production, sampling_rate=0.5)
        digest = hashlib.blake2b(f"destination:{row.pk}:s-1".encode(), digest_size=8).digest()

        is_told = bool(told(matcher, finished(acme.production, session_id="s-1")))

        assert is_told is (int.from_bytes(digest, "big") < 1 << 63)


class TestRulesThatTakeLong:
    RULES = {"groups": [{"rules": [{"field": "model", "operator": "exists"}]}]}

    def test_keep_ingest_no_longer_than_their_organization_may(self, acme: Acme, cast: Cast):
        time = JudgingTime()
        ours = destination(acme.production, filter_rules=self.RULES)
        plain = destination(acme.production)
        matcher = DestinationMatcher(connect, judging_time=time)
        time.take(acme.organization.pk, MOST_OWED + 60)

        rows = list(matcher([finished(acme.production)]))

        matcher.close()
        assert [(row.destination_id, row.is_judged) for row in rows] == [(ours.pk, False), (plain.pk, True)]

    def test_are_nobody_elses_concern(self, acme: Acme):
        time = JudgingTime()
        ours = destination(acme.production, filter_rules=self.RULES)
        matcher = DestinationMatcher(connect, judging_time=time)
        time.take(acme.organization.pk + 1, MOST_OWED + 60)

        rows = list(matcher([finished(acme.production)]))

        matcher.close()
        assert [(row.destination_id, row.is_judged) for row in rows] == [(ours.pk, True)]

    def test_are_compiled_anew_only_when_they_change(self):
        row = Row(1, NEW["type"], 7, None, ["global"], 1.0, read_rules(self.RULES))
        known: Compiled = {}

        [first] = targets_of([row], known)[7]
        [same] = targets_of([Row(*row), row._replace(id=2)], known)[7][:1]
        [other] = targets_of([row._replace(regions=["us"])], known)[7]

        assert same is first
        assert other.regions == {"us"}
        assert known.keys() == {1}
