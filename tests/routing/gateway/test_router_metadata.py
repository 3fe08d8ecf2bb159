"""Router metadata: told to whoever asks with a header, in every dialect, with answers, streams and errors."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from openrouter.components import OpenRouterMetadata

from config.lib.scoping import tenant
from observability.journal_records import Begin, Refusal
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys
from tests.cast import STAGE
from tests.management_api import contract
from tests.routing.gateway.test_every_dialect import CHAT, COMPLETIONS, EMBEDDINGS, MESSAGES, RESPONSES, body
from workspaces import api_keys

PATHS = (CHAT, COMPLETIONS, MESSAGES, RESPONSES)
ASKED = {"X_OpenRouter_Metadata": "enabled"}
FIELD = "openrouter_metadata"


def checked(metadata):
    """The metadata, once the official client and the contract have read it."""
    OpenRouterMetadata.model_validate(metadata)
    if described := contract():
        schema = {"$ref": "#/components/schemas/OpenRouterMetadata", "components": described["components"]}
        Draft202012Validator(schema).validate(metadata)
    return metadata


def events_of(answer):
    lines = answer.body.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def within(event):
    """Where a dialect's last event has the metadata."""
    return event.get("response", event)


@pytest.fixture
def guarded(stage, shell):
    """A key of acme's Default workspace whose guardrail blocks a word and a model."""
    organization = stage.acme.organization
    with tenant(organization.pk):
        guardrail = guardrail_settings.create(
            workspace=stage.acme.default,
            name="for metadata",
            by=STAGE,
            content_filters=[{"pattern": "forbidden", "action": "block", "label": "word"}],
            ignored_providers=["beta"],
        )
        issued = api_keys.issue(workspace=stage.acme.default, name="guarded", by=STAGE)
        assign_keys(guardrail=guardrail, keys=[issued.key], by=STAGE)
    return issued.secret


@pytest.mark.parametrize("path", PATHS)
class TestAWholeAnswer:
    def test_says_who_was_asked_and_who_served(self, gateway, key, path):
        metadata = checked(gateway.post(key, body(path), path, **ASKED).json()[FIELD])

        assert metadata["requested"] == "test/echo"
        assert (metadata["strategy"], metadata["attempt"], metadata["is_byok"]) == ("direct", 1, False)
        assert metadata["summary"] == "available=1, selected=Alpha"
        assert metadata["endpoints"] == {
            "total": 1,
            "available": [{"provider": "Alpha", "model": "test/echo", "selected": True}],
        }
        assert metadata["attempts"] == [{"provider": "Alpha", "model": "test/echo", "status": 200}]
        assert metadata["region"] is None
        assert metadata["generation_time"] >= 0

    def test_lists_those_that_failed_before(self, gateway, key, path):
        asked = body(path, model="test/second-answers", provider={"order": ["alpha", "beta"]})

        metadata = checked(gateway.post(key, asked, path, **ASKED).json()[FIELD])

        assert metadata["attempt"] == 2
        assert [(one["provider"], one["status"]) for one in metadata["attempts"]] == [
            ("Alpha", 503),
            ("Beta", 200),
        ]
        assert [one["selected"] for one in metadata["endpoints"]["available"]] == [False, True]

    @pytest.mark.parametrize(
        "headers",
        [
            {"X_OpenRouter_Metadata": "ENABLED"},
            {"X_Headgate_Metadata": "enabled"},
            {"X_OpenRouter_Experimental_Metadata": "Enabled"},
        ],
        ids=str,
    )
    def test_is_asked_for_in_any_spelling(self, gateway, key, path, headers):
        assert FIELD in gateway.post(key, body(path), path, **headers).json()

    @pytest.mark.parametrize(
        "headers", [{}, {"X_OpenRouter_Metadata": "disabled"}, {"X_OpenRouter_Metadata": "yes"}], ids=str
    )
    def test_says_nothing_to_whoever_does_not_ask(self, gateway, key, path, headers):
        assert FIELD.encode() not in gateway.post(key, body(path), path, **headers).body


@pytest.mark.parametrize("path", PATHS)
class TestAStream:
    def test_brings_it_in_its_last_event_and_nowhere_else(self, gateway, key, path):
        *before, last = events_of(gateway.post(key, body(path, stream=True), path, **ASKED))

        assert checked(within(last)[FIELD])["endpoints"]["available"][0]["selected"] is True
        assert last.get("type") in (None, "message_stop", "response.completed")
        assert all(FIELD not in within(event) for event in before)

    def test_that_breaks_brings_it_with_the_error(self, gateway, key, path):
        *_, last = events_of(gateway.post(key, body(path, model="test/cut", stream=True), path, **ASKED))

        metadata = checked(within(last)[FIELD])
        assert "error" in within(last)
        assert not any(one["selected"] for one in metadata["endpoints"]["available"])


@pytest.mark.parametrize("path", PATHS)
class TestAnError:
    def test_of_a_provider_says_how_far_it_came(self, gateway, key, path):
        answer = gateway.post(key, body(path, model="test/none-answers"), path, **ASKED)

        metadata = checked(answer.json()[FIELD])
        assert {one["status"] for one in metadata["attempts"]} == {503, 500}
        assert metadata["attempt"] == 2
        assert not any(one["selected"] for one in metadata["endpoints"]["available"])

    def test_of_availability_says_what_was_left_out(self, gateway, key, path):
        answer = gateway.post(key, body(path, provider={"only": ["beta"]}), path, **ASKED)

        metadata = checked(answer.json()[FIELD])
        assert (answer.status, metadata["attempt"], metadata["summary"]) == (404, 0, "available=1")
        assert metadata["endpoints"]["available"] == [
            {"provider": "Alpha", "model": "test/echo", "selected": False}
        ]
        assert metadata["endpoints"]["excluded"] == [
            {"model": "test/echo", "endpoint": "alpha", "reason": "allowed_providers"}
        ]
        assert "attempts" not in metadata

    def test_of_a_guardrail_shows_the_stage_that_blocked(self, gateway, guarded, path):
        answer = gateway.post(guarded, body(path, "a forbidden word"), path, **ASKED)

        metadata = checked(answer.json()[FIELD])
        assert answer.status == 403
        assert [(one["name"], one["guardrail_scope"]) for one in metadata["pipeline"]] == [
            ("content_filter", "api-key")
        ]
        assert metadata["pipeline"][0]["data"]["action"] == "blocked"
        assert metadata["endpoints"]["total"] == 1

    def test_of_a_key_or_a_broken_body_says_nothing(self, gateway, key, path):
        answers = [
            gateway.post("sk-hg-v1-" + "0" * 64, body(path), path, **ASKED),
            gateway.post(key, body(path, temperature="hot"), path, **ASKED),
        ]

        assert [answer.status for answer in answers] == [401, 400]
        assert all(FIELD not in answer.json() for answer in answers)


class TestWhatAProviderCannotBeTold:
    def test_is_named_and_kept(self, gateway, key):
        asked = body(CHAT, model="test/messages-echo", frequency_penalty=0.5)

        answer = gateway.post(key, asked, **ASKED)

        assert checked(answer.json()[FIELD])["dropped_parameters"] == ["frequency_penalty"]
        assert gateway.end_of(answer.headers["x-generation-id"]).detail["dropped"] == ["frequency_penalty"]


class TestEmbeddings:
    def test_have_no_metadata(self, gateway, key):
        answer = gateway.post(key, body(EMBEDDINGS), EMBEDDINGS, **ASKED)

        assert answer.status == 200
        assert FIELD not in answer.json()


class TestTheRegion:
    def test_is_what_the_operator_says(self, start_gateway, key):
        gateway = start_gateway(HEADGATE_REGION="fra")

        assert gateway.post(key, body(CHAT), **ASKED).json()[FIELD]["region"] == "fra"


class TestTheStrategy:
    def test_is_fallback_for_several_models(self, gateway, key):
        asked = body(CHAT, models=["test/lorem"])

        assert gateway.post(key, asked, **ASKED).json()[FIELD]["strategy"] == "fallback"


class TestTheLog:
    def test_keeps_the_attempts_of_whoever_did_not_ask(self, gateway, key):
        asked = body(CHAT, model="test/second-answers", provider={"order": ["alpha", "beta"]})

        end = gateway.end_of(gateway.post(key, asked).headers["x-generation-id"])

        assert [one["status"] for one in end.detail["attempts"]] == [503, 200]

    def test_keeps_why_endpoints_were_left_out(self, gateway, guarded):
        answer = gateway.post(guarded, body(CHAT, model="test/second-answers"))

        refused = gateway.post(guarded, body(CHAT, provider={"only": ["beta"]}))
        assert refused.status == 404
        assert answer.status == 503
        excluded = [
            record.context["excluded"]
            for record in gateway.records()
            if isinstance(record, Begin) and "excluded" in record.context
        ]
        reason = {"model": "test/second-answers", "endpoint": "beta", "reason": "allowed_providers"}
        assert [reason] in excluded
        refusals = [record for record in gateway.records() if isinstance(record, Refusal)]
        assert any("excluded" in record.detail for record in refusals)

    def test_keeps_nothing_more_of_an_answer_of_the_first_provider(self, gateway, key):
        end = gateway.end_of(gateway.post(key, body(CHAT)).headers["x-generation-id"])

        assert end.detail == {}
