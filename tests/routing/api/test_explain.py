"""/explain and /guardrails/preview: what they ask for, what they tell, and what they keep to themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.lib.api_body import MAX_BODY_BYTES
from config.lib.scoping import tenant, unscoped
from observability.models import Generation
from routing import explanations, guardrail_settings
from routing.guardrail_assignments import assign_keys
from routing.models import Guardrail
from tests.cast import STAGE, Acme, Cast, Globex
from tests.management_api import Api, data_of, error_of
from tests.routing.gateway.stage import furnish, grant

pytestmark = pytest.mark.django_db
QUESTION = {"model": "test/echo", "messages": [{"role": "user", "content": "mail a@b.example"}]}


@pytest.fixture(autouse=True)
def catalog(cast: Cast) -> None:
    """The stage's catalog, and credits."""
    furnish("http://127.0.0.1:9")
    grant(cast.acme.organization, "10")
    explanations.catalog.forget()


@pytest.fixture
def api(acme: Acme) -> Api:
    return Api(acme.management_key.secret)


@pytest.fixture
def ask(api: Api, acme: Acme):
    """Asks about a request with bob's key."""

    def explain(request: Any = QUESTION, **more: Any) -> dict[str, Any]:
        asked = {"key": acme.bob_key.key.hash, "request": request, **more}
        found: dict[str, Any] = data_of(api.post("/explain", asked))
        return found

    return explain


def hold_to(acme: Acme, **settings: Any) -> Guardrail:
    """Hold bob's key to a guardrail."""
    with tenant(acme.organization.pk):
        guardrail = guardrail_settings.create(workspace=acme.production, name="G", by=STAGE, **settings)
        assign_keys(guardrail=guardrail, keys=[acme.bob_key.key], by=STAGE)
    return guardrail


class TestAnAllowedRequest:
    def test_is_told_with_its_attempts_and_what_they_may_cost(self, ask):
        found = ask()

        assert (found["verdict"], found["model"], found["error"]) == ("allowed", "test/echo", None)
        assert [one["provider"] for one in found["attempts"]] == ["Alpha"]
        assert found["attempts"][0]["hold_usd"] > 0
        assert found["would_lift"] is None

    def test_shows_the_budgets_that_it_counts_against(self, ask):
        deposited = ask()["budgets"][0]

        assert (deposited["layer"], deposited["interval"], deposited["limit_usd"]) == (
            "credits",
            "lifetime",
            10,
        )
        assert (deposited["spent_usd"], deposited["remaining_usd"], deposited["admits"]) == (0, 10, True)

    def test_leaves_no_generation(self, ask):
        ask()

        with unscoped(reason="of anybody"):
            assert not Generation.objects.unscoped(reason="of anybody").exists()

    def test_is_drawn_by_the_seed_that_is_named_or_told(self, ask):
        assert ask(seed=12)["seed"] == 12
        assert isinstance(ask()["seed"], int)


class TestARefusedRequest:
    def test_names_the_layer_the_setting_and_what_would_lift_it(self, ask, acme):
        guardrail = hold_to(acme, ignored_providers=["alpha"])

        found = ask()

        assert found["verdict"] == "refused"
        assert (found["error"]["status"], found["error"]["body"]["error"]["code"]) == (404, 404)
        layer = found["layers"][-1]
        assert (layer["scope"], layer["guardrail_id"], layer["verdict"]) == (
            "api-key",
            str(guardrail.public_id),
            "refused",
        )
        assert layer["settings"] == [
            {
                "setting": "ignored_providers",
                "effect": "left_out",
                "subjects": ["test/echo alpha"],
                "matches": 0,
            }
        ]
        assert found["endpoints"] == [
            {
                "model": "test/echo",
                "endpoint": "alpha",
                "provider": "Alpha",
                "verdict": "dropped",
                "attempt": None,
                "reason": "allowed_providers",
                "cause": "api-key",
                "setting": "ignored_providers",
                "guardrail_id": str(guardrail.public_id),
            }
        ]
        change = found["would_lift"]["changes"][0]
        assert (change["setting"], change["action"], change["value"]) == (
            "ignored_providers",
            "remove",
            ["alpha"],
        )

    def test_is_answered_in_the_words_of_its_dialect(self, ask):
        found = ask({**QUESTION, "model": "nobody/knows", "max_tokens": 5}, dialect="messages")

        assert found["error"]["body"]["type"] == "error"


class TestADraft:
    def test_is_tried_without_being_written(self, ask, acme):
        found = ask(guardrail={"ignored_models": ["test/echo"]})

        assert (found["verdict"], found["error"]["layer"]) == ("refused", "api-key")
        with tenant(acme.organization.pk):
            assert not Guardrail.objects.for_organization(acme.organization).exists()

    def test_stands_in_the_place_of_what_its_scope_has(self, ask, acme):
        hold_to(acme, ignored_models=["test/echo"])

        assert ask(guardrail={})["verdict"] == "allowed"
        assert ask(guardrail={"replaces": False})["verdict"] == "refused"
        assert ask(guardrail={"scope": "workspace"})["verdict"] == "refused"

    def test_is_judged_as_a_written_one_is(self, api, acme):
        draft = {"content_filters": [{"pattern": "(?=x)", "action": "block"}]}

        answer = api.post("/explain", {"key": acme.bob_key.key.hash, "request": {}, "guardrail": draft})

        assert answer.status_code == 400
        assert json.loads(answer.content)["error"]["metadata"]["error_type"] == "invalid_regex_pattern"

    def test_shows_what_it_would_redact(self, ask):
        found = ask(guardrail={"content_filter_builtins": [{"slug": "email", "action": "redact"}]})

        assert found["scan"]["redacted_texts"] == [{"place": "messages[0].content", "text": "mail [EMAIL]"}]
        assert found["scan"]["redacted_request"]["messages"][0]["content"] == "mail [EMAIL]"
        assert [one["label"] for one in found["scan"]["findings"]] == ["Email address"]
        assert found["layers"][-1]["verdict"] == "redacted"

    def test_is_not_an_inference_keys_to_try(self, acme):
        answer = Api(acme.bob_key.secret).post("/explain", {"request": QUESTION, "guardrail": {}})

        assert answer.status_code == 403


class TestWhoAsks:
    def test_may_be_the_key_itself(self, acme):
        found = data_of(Api(acme.bob_key.secret).post("/explain", {"request": QUESTION}))

        assert found["verdict"] == "allowed"
        assert [one["limit_usd"] for one in found["budgets"]] == [None]

    def test_names_the_key_by_its_hash(self, api, acme):
        assert error_of(api.post("/explain", {"request": QUESTION}))[0] == 400
        assert error_of(api.post("/explain", {"request": QUESTION, "key": acme.bob_key.secret}))[0] == 400

    def test_learns_nothing_of_somebody_elses_key(self, acme, globex: Globex):
        body = {"request": QUESTION, "key": acme.bob_key.key.hash}

        for secret in (globex.management_key.secret, acme.carol_key.secret):
            foreign = Api(secret).post("/explain", body)
            unknown = Api(secret).post("/explain", {**body, "key": "0" * 64})
            assert (foreign.status_code, foreign.content) == (400, unknown.content)


class TestABody:
    @pytest.mark.parametrize("request_text", [b'"\\ud800"', b"[" * 5000 + b"]" * 5000, b'{"model": 7}'])
    def test_that_holds_nonsense_is_explained_as_the_gateway_refuses_it(self, api, acme, request_text):
        body = b'{"key": "%b", "request": %b}' % (acme.bob_key.key.hash.encode(), request_text)

        answer = api.post("/explain", body)

        assert answer.status_code in (200, 400)
        if answer.status_code == 200:
            assert data_of(answer)["error"]["status"] == 400

    def test_that_is_too_large_is_413(self, api):
        body = b'{"request": {"messages": "' + b"x" * MAX_BODY_BYTES + b'"}}'

        assert api.post("/explain", body).status_code == 413

    def test_that_would_take_long_to_search_is_413(self, ask, api, acme):
        draft = {"content_filters": [{"pattern": "a[ab]{900}c", "action": "block"}]}
        request = {**QUESTION, "messages": [{"role": "user", "content": "ab" * 200_000}]}

        answer = api.post("/explain", {"key": acme.bob_key.key.hash, "request": request, "guardrail": draft})

        assert answer.status_code == 413

    def test_may_name_no_other_field(self, api, acme):
        answer = api.post("/explain", {"key": acme.bob_key.key.hash, "request": {}, "model": "a/b"})

        assert error_of(answer) == (400, "model: is not a field that can be set here.")


class TestAPreview:
    def test_says_which_models_and_providers_are_left(self, api):
        draft = {"allowed_models": ["test/second-answers"], "ignored_providers": ["alpha"]}

        found = data_of(api.post("/guardrails/preview?limit=100", {"guardrail": draft}))

        left = [one for one in found["models"] if one["is_eligible"]]
        assert [(one["model"], one["providers"], one["endpoints"]) for one in left] == [
            ("test/second-answers", ["Beta"], 1)
        ]
        assert (found["eligible_models"], found["total_count"]) == (1, len(found["models"]))
        assert [one["provider"] for one in found["providers"] if one["is_eligible"]] == ["beta"]
        others = {(one["scope"], one["setting"]) for one in found["models"] if not one["is_eligible"]}
        assert others == {("api-key", "allowed_models")}

    def test_is_paged(self, api):
        whole = data_of(api.post("/guardrails/preview?limit=100", {}))["models"]

        page = data_of(api.post("/guardrails/preview?offset=2&limit=3", {}))

        assert (page["models"], page["total_count"]) == (whole[2:5], len(whole))

    def test_is_of_a_key_a_workspace_or_the_default_one(self, api, acme):
        hold_to(acme, allowed_models=["nobody/none"])

        def eligible(**body: Any) -> int:
            return int(data_of(api.post("/guardrails/preview", body))["eligible_models"])

        assert eligible(key=acme.bob_key.key.hash) == 0
        assert eligible(workspace_id="production") == eligible() > 0

    def test_shows_what_would_be_found_in_a_text(self, api):
        draft = {
            "content_filters": [{"pattern": "word", "action": "redact"}],
            "content_filter_builtins": [{"slug": "email", "action": "block"}],
        }

        scan = data_of(
            api.post("/guardrails/preview", {"guardrail": draft, "text": "a word to a@b.example"})
        )["scan"]

        assert scan["verdict"] == "blocked"
        assert {one["action"] for one in scan["findings"]} == {"redact", "block"}
        assert scan["redacted_texts"][0]["text"] == "a [REDACTED] to a@b.example"

    def test_looks_at_no_text_that_was_not_sent(self, api):
        assert data_of(api.post("/guardrails/preview", {}))["scan"] is None


class TestTheNumberOfQueries:
    def test_does_not_grow_with_the_catalog_or_the_layers(self, ask, acme, django_assert_max_num_queries):
        hold_to(acme, ignored_models=["test/lorem"])
        ask()

        with django_assert_max_num_queries(40):
            ask()
