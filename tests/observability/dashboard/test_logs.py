"""The request log."""

from __future__ import annotations

import pytest
from django.test import Client

from observability.models import Generation
from tests.cast import Acme, Cast
from tests.dashboard_pages import HTMX, make_generation, text_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

LOGS = "/o/acme/logs"


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
