"""The request log."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from config.lib.scoping import tenant
from observability.log_filters import LogFilter
from observability.logs import log_page
from observability.models import Classification, Generation
from tests.cast import Acme, Cast
from tests.dashboard_pages import HTMX, make_generation, text_of
from tests.observability.classifiers import a_classifier

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

LOGS = "/o/acme/logs"
CLEAN = {"pipeline": [{"type": "guardrail", "name": "pii", "data": {"detected": False}}]}
FOUND = {
    "pipeline": [{"type": "guardrail", "name": "pii", "summary": "1 match", "data": {"detected": True}}],
    "excluded": [{"model": "author/model", "endpoint": "azure/eu", "reason": "data region"}],
}


def ids(answer) -> list[str]:
    """The requests on a page, in order."""
    return [line.generation.public_id for line in answer.context["lines"]]


class TestTheLog:
    def test_lists_the_newest_request_first(self, acme: Acme, viewers: dict[str, Client]) -> None:
        old = make_generation(acme.bob_key.key, seconds_ago=60)
        new = make_generation(acme.carol_key.key, seconds_ago=5)

        answer = viewers["alice"].get(LOGS)

        assert ids(answer) == [new.public_id, old.public_id]

    def test_never_writes_nothing_for_a_cost_that_is_something(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make_generation(acme.bob_key.key, cost_nano=3)

        answer = text_of(viewers["alice"].get(LOGS))

        assert "$0.000000003" in answer

    def test_goes_on_after_the_last_request_shown(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made = [make_generation(acme.bob_key.key, seconds_ago=age) for age in range(1, 56)]

        first = viewers["alice"].get(LOGS)
        make_generation(acme.bob_key.key, seconds_ago=0)
        rest = viewers["alice"].get(LOGS, {"before": first.context["next_cursor"]}, headers=HTMX)

        assert ids(first) + ids(rest) == [generation.public_id for generation in made]
        assert rest.context["next_cursor"] is None

    def test_has_no_page_behind_a_cursor_of_nobodys_making(self, viewers: dict[str, Client]) -> None:
        assert viewers["alice"].get(LOGS, {"before": "gen-zz"}).status_code == 404

    def test_teaches_when_it_is_empty(self, viewers: dict[str, Client]) -> None:
        assert "Get the curl command" in text_of(viewers["alice"].get(LOGS))

    def test_shows_nothing_of_another_organization(self, cast: Cast, viewers: dict[str, Client]) -> None:
        make_generation(cast.acme.bob_key.key)

        answer = viewers["mallory"].get("/o/globex/logs")

        assert ids(answer) == []


class TestFilters:
    @pytest.mark.parametrize(
        "query",
        [{"status": "error"}, {"model": "author/other"}, {"workspace": "research"}, {"key": "carol's"}],
        ids=lambda query: next(iter(query)),
    )
    def test_narrow_the_log(self, query: dict[str, str], acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.bob_key.key)
        wanted = make_generation(acme.carol_key.key, status=Generation.ERROR, model="author/other")
        asked = query | ({"key": acme.carol_key.key.hash} if "key" in query else {})

        answer = viewers["alice"].get(LOGS, asked)

        assert ids(answer) == [wanted.public_id]

    @pytest.mark.parametrize("name", ["workspace", "key", "status", "model"])
    def test_find_nothing_for_what_does_not_exist(
        self, name: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make_generation(acme.bob_key.key)

        answer = viewers["alice"].get(LOGS, {name: "\x00unheard-of"})

        assert (answer.status_code, ids(answer)) == (200, [])

    def test_know_no_key_and_no_workspace_that_is_none_of_ones_business(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make_generation(acme.carol_key.key)

        by_key = viewers["bob"].get(LOGS, {"key": acme.carol_key.key.hash})
        by_workspace = viewers["bob"].get(LOGS, {"workspace": "research"})

        assert (ids(by_key), ids(by_workspace)) == ([], [])

    @pytest.mark.parametrize(
        ("query", "columns"),
        [
            ({"provider": "azure"}, {"provider": "azure"}),
            ({"user": "u-7"}, {"user": "u-7"}),
            ({"session_id": "s-7"}, {"session_id": "s-7"}),
            ({"app": "Cline"}, {"app_title": "Cline"}),
            ({"finish_reason": "length"}, {"finish_reason": "length"}),
            ({"error_type": "rate_limited"}, {"error_type": "rate_limited", "status": Generation.ERROR}),
            ({"least": "0.5"}, {"cost_nano": 500_000_000}),
            ({"most": "0.000000001"}, {"cost_nano": 1}),
            ({"cache": "prompt"}, {"cached_tokens": 3}),
            ({"cache": "response"}, {"detail": {"response_cache_source_id": "gen-1"}}),
            ({"guardrail": "1"}, {"detail": FOUND}),
            ({"user": "u-7", "guardrail": "1"}, {"user": "u-7", "detail": FOUND}),
        ],
        ids=lambda value: "+".join(value),
    )
    def test_find_what_has_it_and_nothing_else(
        self, query: dict[str, str], columns: dict[str, Any], acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make_generation(acme.bob_key.key, user="u-8", detail=CLEAN)
        wanted = make_generation(acme.bob_key.key, **columns)

        answer = viewers["alice"].get(LOGS, query)

        assert ids(answer) == [wanted.public_id]
        assert answer.context["is_narrowed"]

    def test_find_what_happened_between_two_moments(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made = [make_generation(acme.bob_key.key, seconds_ago=age) for age in (30, 90, 150)]
        now = datetime.now(UTC)
        asked = {
            "from": (now - timedelta(seconds=120)).isoformat(),
            "to": f"{now - timedelta(seconds=60):%Y-%m-%dT%H:%M:%S}",
        }

        assert ids(viewers["alice"].get(LOGS, asked)) == [made[1].public_id]

    def test_find_the_requests_of_a_member(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.carol_key.key, member_id=acme.carol.pk)
        wanted = make_generation(acme.bob_key.key, member_id=acme.bob.pk)
        of_bob, of_carol = ({"member": who.user.public_id} for who in (acme.bob, acme.carol))

        assert ids(viewers["alice"].get(LOGS, of_bob)) == [wanted.public_id]
        assert ids(viewers["bob"].get(LOGS, of_bob)) == [wanted.public_id]
        assert ids(viewers["bob"].get(LOGS, of_carol)) == []

    @pytest.mark.parametrize(
        "query",
        [
            *({"from": text} for text in ("yesterday", "2026-13-45T00:00", "0001-01-01T00:00", "\x00")),
            *({"least": text} for text in ("much", "NaN", "-1", "1e999")),
            *({"member": text} for text in ("user_", "user_９", "user_" + "9" * 40)),
            {"cache": "other"},
        ],
        ids=str,
    )
    def test_survive_what_means_nothing(self, query: dict[str, str], viewers: dict[str, Client]) -> None:
        assert viewers["alice"].get(LOGS, query).status_code == 200

    def test_look_at_so_many_requests_and_go_on_from_there(self, acme: Acme) -> None:
        wanted = make_generation(acme.bob_key.key, seconds_ago=60, provider="rare")
        for age in range(1, 6):
            make_generation(acme.bob_key.key, seconds_ago=age)
        of, rare = acme.organization.pk, LogFilter(provider="rare")

        with tenant(of):
            first = log_page(of, rare, size=50, look_at=3)
            rest = log_page(of, rare, before=first.next_cursor or "", size=50, look_at=3)

        assert (list(first.rows), first.looked_back_to is not None) == ([], True)
        assert ([row.pk for row in rest.rows], rest.next_cursor) == ([wanted.pk], None)


class TestTheLiveTail:
    def test_shows_new_requests_in_place_of_what_was_there(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make_generation(acme.bob_key.key, seconds_ago=60)
        page = viewers["alice"].get(LOGS, {"live": "1"})
        new = make_generation(acme.bob_key.key, seconds_ago=1)

        answer = viewers["alice"].get(LOGS, {"live": "1", "seen": page.context["mark"]}, headers=HTMX)

        assert ids(answer)[0] == new.public_id
        assert "every 2s" in answer.content.decode()

    def test_says_nothing_while_nothing_happens(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.bob_key.key)
        page = viewers["alice"].get(LOGS, {"live": "1"})

        answer = viewers["alice"].get(LOGS, {"live": "1", "seen": page.context["mark"]}, headers=HTMX)

        assert (answer.status_code, answer.content) == (204, b"")

    def test_begins_with_an_empty_log(self, viewers: dict[str, Client]) -> None:
        assert "every 2s" in viewers["alice"].get(LOGS, {"live": "1"}).content.decode()


class TestNamesInTheLog:
    def test_are_all_there_for_an_administrator(self, acme: Acme, viewers: dict[str, Client]) -> None:
        make_generation(acme.carol_key.key)

        [line] = viewers["alice"].get(LOGS).context["lines"]

        assert (line.key, line.workspace) == ("carol's key", "Research")

    def test_of_others_keys_and_workspaces_are_hidden_from_a_member(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        make_generation(acme.carol_key.key)

        answer = viewers["bob"].get(LOGS)

        [line] = answer.context["lines"]
        assert (line.key, line.workspace) == ("", "")
        assert "Research" not in text_of(answer)


class TestOneRequest:
    def test_tells_what_was_done_to_it_and_who_could_not_serve_it(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        made = make_generation(acme.bob_key.key, detail=FOUND, session_id="s-7")

        answer = text_of(viewers["alice"].get(f"{LOGS}/{made.public_id}"))

        assert "Found something" in answer
        assert "azure/eu" in answer
        assert "data region" in answer

    def test_has_the_labels_that_classifiers_gave_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        row = make_generation(acme.bob_key.key)
        with tenant(acme.organization.pk):
            classifier = a_classifier(acme.production)
        Classification.everything.using("owner").create(
            classifier_id=classifier.pk,
            generation_id=row.pk,
            organization_id=row.organization_id,
            workspace_id=row.workspace_id,
            status="done",
            tags={"topic": "billing"},
        )

        page = text_of(viewers["alice"].get(f"{LOGS}/{row.public_id}"))

        assert "Topics · topic" in page
        assert "billing" in page

    def test_shows_its_row_without_the_databases_own_numbers(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        made = make_generation(acme.bob_key.key, session_id="s-7")

        raw = viewers["alice"].get(f"{LOGS}/{made.public_id}").context["raw"]

        assert json.loads(raw)["id"] == made.public_id
        assert json.loads(raw)["session_id"] == "s-7"
        assert not {"organization_id", "subjects", "process_id"} & json.loads(raw).keys()

    def test_is_shown_beside_the_list_or_as_a_page(self, acme: Acme, viewers: dict[str, Client]) -> None:
        generation = make_generation(acme.bob_key.key)

        drawer = viewers["alice"].get(f"{LOGS}/{generation.public_id}", headers=HTMX)
        page = viewers["alice"].get(f"{LOGS}/{generation.public_id}")

        assert "<html" not in text_of(drawer)
        assert "<html" in text_of(page)
        assert "$0.001234567" in text_of(page)

    def test_tells_which_providers_were_tried(self, acme: Acme, viewers: dict[str, Client]) -> None:
        failed = {"provider": "first", "code": "provider_overloaded", "status": 529}
        generation = make_generation(
            acme.bob_key.key, provider="second", detail={"previous_errors": [failed]}
        )

        answer = viewers["alice"].get(f"{LOGS}/{generation.public_id}")

        shown = [(attempt.provider, attempt.error_type) for attempt in answer.context["attempts"]]
        assert shown == [("first", "provider_overloaded"), ("second", "")]

    def test_tells_why_it_was_refused(self, acme: Acme, viewers: dict[str, Client]) -> None:
        detail = {"rule": "key_limit", "message": "The key's limit of $1.00 is used up.", "layer": "key"}
        generation = make_generation(acme.bob_key.key, status=Generation.REFUSED, provider="", detail=detail)

        answer = viewers["alice"].get(f"{LOGS}/{generation.public_id}")

        assert "The key's limit of $1.00 is used up." in text_of(answer)
        assert answer.context["attempts"] == []

    @pytest.mark.parametrize(
        "detail",
        [None, [], {"previous_errors": "none"}, {"previous_errors": [1, None, {"status": []}]}],
        ids=repr,
    )
    def test_is_shown_whatever_its_detail_looks_like(
        self, detail: object, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        generation = make_generation(acme.bob_key.key, detail=detail)

        assert viewers["alice"].get(f"{LOGS}/{generation.public_id}").status_code == 200
