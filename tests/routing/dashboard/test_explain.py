"""The page that explains what would become of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client

from config.lib.scoping import tenant
from routing import explanations, guardrail_settings
from routing.dashboard.told_decision import ToldDecision
from routing.guardrail_assignments import assign_keys
from tests.browser.quality import queries_of
from tests.cast import STAGE, Acme, Cast
from tests.dashboard_pages import make_generation, text_of
from tests.observability.said import keep
from tests.routing.gateway.stage import furnish, grant
from workspaces.budgets import set_budget
from workspaces.models import ApiKey

pytestmark = pytest.mark.django_db

EXPLAIN = "/o/acme/w/production/explain"
REQUEST = {"model": "test/echo", "messages": [{"role": "user", "content": "mail a@b.example"}]}


@pytest.fixture(autouse=True)
def catalog(cast: Cast) -> None:
    """The stage's catalog, and credits."""
    furnish("http://127.0.0.1:9")
    grant(cast.acme.organization, "10")
    explanations.catalog.forget()


def ask(client: Client, key: ApiKey, request: Any = REQUEST, **more: Any) -> HttpResponseBase:
    """Send the question."""
    text = request if isinstance(request, str) else json.dumps(request)
    return client.post(EXPLAIN, {"key": key.hash, "dialect": "chat", "request": text, **more})


def found_in(answer: HttpResponseBase) -> ToldDecision:
    """The decision that a page shows."""
    found: ToldDecision = answer.context["found"]  # type: ignore[attr-defined]  # a test's response has it
    return found


def hold_to(acme: Acme, **settings: Any) -> None:
    """Hold bob's key to a guardrail."""
    with tenant(acme.organization.pk):
        guardrail = guardrail_settings.create(workspace=acme.production, name="G", by=STAGE, **settings)
        assign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)


class TestARequestThatWouldBeServed:
    def test_is_told_with_its_endpoints_their_prices_and_what_is_set_aside(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = ask(viewers["alice"], acme.bob_key.key)

        assert "It would be served" in text_of(answer)
        [left] = found_in(answer).left
        assert (left.number, left.provider, left.tag) == (1, "Alpha", "alpha")
        assert left.prices.startswith("$")
        assert left.hold != "$0.00"

    def test_shows_how_full_each_limit_is(self, acme: Acme, viewers: dict[str, Client]) -> None:
        [deposited] = found_in(ask(viewers["alice"], acme.bob_key.key)).limits

        assert (deposited.name, deposited.limit_nano, deposited.spent_nano, deposited.is_admitting) == (
            "Credits of the organization",
            10 * 10**9,
            0,
            True,
        )

    def test_is_read_in_every_dialect(self, acme: Acme, viewers: dict[str, Client]) -> None:
        body = {"model": "test/echo", "max_tokens": 5, "messages": REQUEST["messages"]}

        answer = ask(viewers["alice"], acme.bob_key.key, body, dialect="messages")

        assert ("Answer, at most", "5 tokens") in found_in(answer).understood


class TestARequestThatWouldBeRefused:
    def test_is_told_with_who_refuses_and_what_would_let_it_through(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        hold_to(acme, ignored_providers=["alpha"])

        answer = ask(viewers["alice"], acme.bob_key.key)

        found = found_in(answer)
        assert "It would be refused with 404" in text_of(answer)
        assert [(one.tag, one.reason, one.cause, one.setting) for one in found.out] == [
            (
                "alpha",
                "the provider is not among those that may serve",
                "the API key's guardrail",
                "ignored_providers",
            )
        ]
        assert (found.layers[-1].name, found.layers[-1].verdict) == ("The key’s guardrail", "refused")
        assert ["Remove alpha from ignored_providers of the API key's guardrail."] in found.ways

    def test_says_what_is_wrong_with_a_body_that_cannot_be_read(
        self, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = ask(viewers["alice"], acme.bob_key.key, '{"model": ')

        assert "The request's body is not valid JSON." in text_of(answer)

    @pytest.mark.parametrize(
        "body", ["[" * 100_000, '{"model": "\\ud800"}', "null", '{"model": "a", "messages": "\\u0000"}']
    )
    def test_is_no_error_of_ours_whatever_it_is(
        self, body: str, acme: Acme, viewers: dict[str, Client]
    ) -> None:
        answer = ask(viewers["alice"], acme.bob_key.key, body)

        assert found_in(answer).raw["error"]["status"] == 400


class TestARequestOfTheLog:
    """Committed as ingest commits it."""

    pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

    def test_is_asked_again_with_its_key_and_seed(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made = make_generation(acme.bob_key.key, model="test/echo", detail={"seed": 12})

        form = viewers["bob"].get(f"{EXPLAIN}?generation={made.public_id}").context["form"]

        assert (form["key"].value(), form["seed"].value()) == (acme.bob_key.key.hash, 12)
        assert json.loads(form["request"].value())["model"] == "test/echo"

    def test_has_its_text_for_those_who_may_read_it(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made = make_generation(acme.bob_key.key, model="test/echo")
        keep(made, input={"messages": [{"role": "user", "content": "a secret plan"}]})

        def request_for(who: str) -> str:
            answer = viewers[who].get(f"{EXPLAIN}?generation={made.public_id}")
            return str(answer.context["form"]["request"].value())

        assert "a secret plan" in request_for("alice")
        assert "a secret plan" not in request_for("bob")

    def test_leads_here_from_its_page(self, acme: Acme, viewers: dict[str, Client]) -> None:
        made = make_generation(acme.bob_key.key)

        link = f"{EXPLAIN}?generation={made.public_id}"
        assert link in text_of(viewers["bob"].get(f"/o/acme/logs/{made.public_id}"))
        assert link not in text_of(viewers["carol"].get(f"/o/acme/logs/{made.public_id}"))


class TestWhoAsks:
    def test_a_member_may_ask_about_his_own_keys_only(self, acme: Acme, viewers: dict[str, Client]) -> None:
        assert ask(viewers["bob"], acme.bob_key.key).status_code == 200
        assert ask(viewers["bob"], acme.production_key.key).status_code == 422

    def test_a_member_is_not_told_what_others_have_set(self, acme: Acme, viewers: dict[str, Client]) -> None:
        with tenant(acme.organization.pk):
            set_budget(workspace=acme.production, interval="d", limit_nano=7 * 10**9, by=STAGE)

        answer = ask(viewers["bob"], acme.bob_key.key)

        assert {(one.limit_nano, one.spent_nano) for one in found_in(answer).limits} == {(None, None)}
        assert "for administrators to see" in text_of(answer)

    def test_whoever_has_no_key_is_led_to_one(self, viewers: dict[str, Client]) -> None:
        answer = text_of(viewers["carol"].get("/o/acme/w/default/explain"))

        assert "A request is made with a key" in answer

    def test_the_page_asks_little(self, viewers: dict[str, Client]) -> None:
        assert len(queries_of(viewers["alice"], EXPLAIN)) <= 12
