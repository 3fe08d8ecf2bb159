"""Requests with credentials of one's own: what is sent, what it costs, who may, and what others notice of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from config.lib.scoping import tenant
from routing import byok
from routing.simulator.app import digest_of
from routing.simulator.record import read_calls
from tests.cast import STAGE
from tests.routing.gateway.byok_stage import (
    CLOSED,
    CLOSED_MODEL,
    TWO,
    VERTEX,
    VERTEX_MODEL,
    TokenEndpoint,
    bring,
    clear,
    furnish,
    service_account,
    take_away,
    token_endpoint,
)
from tests.routing.gateway.process import GatewayProcess
from tests.routing.gateway.test_every_dialect import EMBEDDINGS, MESSAGES, PATHS, RESPONSES, body
from tests.routing.simulator.process import wait_until

pytestmark = pytest.mark.usefixtures("shell")

MINE, OTHER = "sk-mine-0123456789abcdef", "sk-other-0123456789abcdef"
BAD = "sk-0123456789abcdef-error-401"


@pytest.fixture(scope="module")
def tokens() -> Iterator[TokenEndpoint]:
    with token_endpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def gateway(stage, simulator, tokens, django_db_blocker, tmp_path_factory) -> Iterator[GatewayProcess]:
    """A gateway that signs in service accounts at ours, with providers that nobody has a credential for."""
    with django_db_blocker.unblock():
        furnish(simulator.url)
        connections.close_all()
    process = GatewayProcess(tmp_path_factory.mktemp("byok"), HEADGATE_GOOGLE_TOKEN_URL=tokens.url)
    yield process.wait_until_ready()
    process.stop()
    with django_db_blocker.unblock():
        clear()
        connections.close_all()


@pytest.fixture(autouse=True)
def nobody_keeps_any(stage, shell) -> Iterator[None]:
    yield
    take_away(stage.acme, stage.globex)


@pytest.fixture
def acme(stage):
    return stage.acme


def sent_with(simulator, answer) -> list[str | None]:
    """The digests of the keys that the provider saw for one generation, in order."""
    found = answer.headers["x-generation-id"]
    return [call.credential for call in read_calls(simulator.record).values() if call.request_id == found]


def usage_of(answer) -> dict:
    return answer.json()["usage"]


def ask_until(gateway, secret, model, is_so, what):
    """Ask until the answer is as wanted: settings are there within a second."""
    found = []

    def is_there() -> bool:
        found[:] = [gateway.ask(secret, model)]
        return is_so(found[0])

    began = time.monotonic()
    wait_until(is_there, what=what)
    assert time.monotonic() - began < 1.5
    return found[0]


class TestARequest:
    @pytest.mark.parametrize("stream", [False, True])
    def test_is_sent_with_ones_own_and_metered_at_list_price(self, gateway, acme, simulator, stream):
        bring(acme, "alpha", MINE, workspace=acme.research)

        answer = gateway.ask(acme.research_key.secret, TWO, "one two three", stream=stream)

        assert answer.status == 200, answer.body
        assert sent_with(simulator, answer) == [digest_of(MINE)]
        end = gateway.end_of(answer.headers["x-generation-id"])
        listed = 3 * 1000 + 3 * 2000
        assert (end.is_byok, end.cost_nano, end.byok_nano, end.upstream_cost_nano) == (
            True,
            0,
            listed,
            listed,
        )
        shown = answer.body.decode()
        usage = json.loads(shown.split("data: ")[-2])["usage"] if stream else usage_of(answer)
        assert (usage["is_byok"], usage["cost"]) == (True, 0)
        assert usage["cost_details"]["upstream_inference_cost"] == listed / 10**9
        assert MINE not in shown

    @pytest.mark.parametrize("path", PATHS)
    def test_says_so_in_every_dialect(self, gateway, acme, simulator, path):
        bring(acme, "alpha", MINE, workspace=acme.research)

        answer = gateway.post(acme.research_key.secret, body(path), path)

        assert answer.status == 200, answer.body
        usage = usage_of(answer)
        assert (usage["is_byok"], usage["cost"]) == (True, 0)
        assert usage["cost_details"]["upstream_inference_cost"] > 0
        assert sent_with(simulator, answer) == [digest_of(MINE)]
        assert path in (MESSAGES, RESPONSES, EMBEDDINGS) or "prompt_tokens" in usage

    def test_that_was_cut_short_is_settled_as_what_it_was(self, gateway, acme):
        bring(acme, "alpha", MINE, workspace=acme.research)

        stream = gateway.stream(acme.research_key.secret, "test/cut", "one two three four five six")
        stream.rest()
        stream.close()

        end = gateway.end_of(stream.id)
        assert (end.status, end.is_byok, end.cost_nano, end.byok_nano) == (
            "error",
            True,
            0,
            6 * 1000 + 3 * 2000,
        )


class TestABadKey:
    @pytest.mark.parametrize("stream", [False, True])
    def test_gives_way_to_the_next_and_then_to_shared_capacity(self, gateway, acme, simulator, stream):
        bring(acme, "alpha", BAD, workspace=acme.research)
        bring(acme, "alpha", BAD.replace("401", "429"), workspace=acme.research)

        answer = gateway.ask(acme.research_key.secret, TWO, stream=stream)

        assert answer.status == 200
        assert sent_with(simulator, answer) == [
            digest_of(BAD),
            digest_of(BAD.replace("401", "429")),
            None,
        ]
        end = gateway.end_of(answer.headers["x-generation-id"])
        assert (end.is_byok, end.byok_nano, end.cost_nano) == (False, 0, 3 * 1000 + 3 * 2000)

    def test_of_ones_own_alone_is_an_error_that_says_whose_it_is(self, gateway, acme):
        bring(acme, "alpha", BAD, workspace=acme.research, is_byok_only=True)

        answer = gateway.ask(acme.research_key.secret, "test/echo")

        assert answer.status == 502
        assert "your own credential" in answer.json()["error"]["message"]
        assert BAD.encode() not in answer.body
        assert BAD not in gateway.log

    def test_says_nothing_about_the_provider_to_others(self, gateway, acme, key, simulator):
        bring(acme, "alpha", BAD.replace("401", "503"), workspace=acme.research)
        gateway.ask(acme.research_key.secret, TWO)

        answers = [gateway.ask(key, TWO) for _ in range(5)]

        assert {answer.json()["provider"] for answer in answers} == {"Alpha"}

    def test_comes_before_a_fallback_credential_only_through_shared_capacity(self, gateway, acme, simulator):
        bring(acme, "alpha", MINE, workspace=acme.research, is_fallback=True)

        answer = gateway.ask(acme.research_key.secret, "test/error-500")

        assert sent_with(simulator, answer) == [None, digest_of(MINE)]


class TestWhoMayUseIt:
    def test_is_the_workspace_and_nobody_elses(self, gateway, acme, stage, simulator):
        bring(acme, "alpha", MINE, workspace=acme.research)
        bring(stage.globex, "alpha", OTHER)

        secrets = (acme.research_key.secret, acme.production_key.secret, stage.globex.default_key.secret)
        seen = [sent_with(simulator, gateway.ask(secret, TWO)) for secret in secrets]

        assert seen == [[digest_of(MINE)], [None], [digest_of(OTHER)]]

    def test_is_the_keys_and_members_that_its_filters_name(self, gateway, acme, simulator):
        bring(acme, "alpha", MINE, allowed_api_key_hashes=[acme.research_key.key.hash])
        bring(acme, "alpha", OTHER, allowed_user_ids=[str(acme.bob.user.public_id)])

        keys = (acme.research_key, acme.bob_key, acme.carol_key, acme.production_key)
        seen = [sent_with(simulator, gateway.ask(issued.secret, TWO)) for issued in keys]

        assert seen == [[digest_of(MINE)], [digest_of(OTHER)], [None], [None]]

    def test_changes_within_a_second(self, gateway, acme, simulator):
        secret = acme.research_key.secret
        assert sent_with(simulator, gateway.ask(secret, TWO)) == [None]

        credential = bring(acme, "alpha", MINE, workspace=acme.research)
        ask_until(
            gateway, secret, TWO, lambda answer: sent_with(simulator, answer) == [digest_of(MINE)], "its own"
        )
        with tenant(acme.organization.pk):
            byok.change(credential=credential, secret=OTHER, by=STAGE)
        ask_until(
            gateway, secret, TWO, lambda answer: sent_with(simulator, answer) == [digest_of(OTHER)], "the new"
        )
        with tenant(acme.organization.pk):
            byok.change(credential=credential, is_disabled=True, by=STAGE)
        ask_until(gateway, secret, TWO, lambda answer: sent_with(simulator, answer) == [None], "nobody's")


class TestAProviderThatOnlyOnesOwnReaches:
    def test_serves_who_has_a_credential_and_nobody_else(self, gateway, acme, key, simulator):
        bring(acme, CLOSED, MINE, workspace=acme.research)

        mine = gateway.ask(acme.research_key.secret, CLOSED_MODEL)
        others = gateway.ask(key, CLOSED_MODEL)

        assert (mine.status, sent_with(simulator, mine)) == (200, [digest_of(MINE)])
        assert others.status == 404
        assert others.json()["error"]["metadata"]["error_type"] == "not_found"

    def test_is_listed_for_who_has_a_credential_and_for_nobody_else(self, gateway, acme, key):
        bring(acme, CLOSED, MINE, workspace=acme.research)

        def listed(secret: str | None) -> set[str]:
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
            models = gateway.get("/api/v1/models", **headers).json()["data"]
            return {model["id"] for model in models} & {CLOSED_MODEL}

        assert [listed(acme.research_key.secret), listed(key), listed(None)] == [{CLOSED_MODEL}, set(), set()]
        path = f"/api/v1/models/{CLOSED_MODEL}/endpoints"
        found = [
            gateway.get(path, Authorization=f"Bearer {secret}").status
            for secret in (acme.research_key.secret, key)
        ]
        assert found == [200, 404]


class TestAServiceAccount:
    def test_signs_in_once_however_many_ask(self, gateway, acme, simulator, tokens):
        bring(acme, VERTEX, service_account(), workspace=acme.research)
        before = tokens.exchanges

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: gateway.ask(acme.research_key.secret, VERTEX_MODEL), range(8)))

        assert [answer.status for answer in answers] == [200] * 8
        assert {seen for answer in answers for seen in sent_with(simulator, answer)} == {
            digest_of("ya29.of-the-test")
        }
        assert tokens.exchanges == before + 1

    def test_that_is_not_let_in_is_not_tried_with_every_request(self, gateway, acme, tokens):
        account = service_account()
        bring(acme, VERTEX, account, workspace=acme.research)
        before, tokens.status = tokens.exchanges, 401

        answers = [gateway.ask(acme.research_key.secret, VERTEX_MODEL) for _ in range(3)]
        tokens.status = 200

        assert {answer.status for answer in answers} == {502}
        assert "your own credential" in answers[0].json()["error"]["message"]
        assert tokens.exchanges == before + 1
        assert "PRIVATE KEY" not in gateway.log
