"""What is said is written down, sealed, for those who want to know: as guardrails left it, whatever became of it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

import pytest
from django.db import connections

from accounts import privacy
from config.lib.scoping import tenant
from observability import settings
from observability.content_sealing import MOST_BYTES
from routing import guardrail_settings
from routing.guardrail_assignments import assign_keys
from tests.cast import STAGE
from tests.routing.gateway.contents import add_destination, content_of, record_of
from tests.routing.gateway.positions import MODEL, POSITIONS
from tests.routing.gateway.process import question
from tests.routing.simulator.process import wait_until
from workspaces import api_keys, workspaces
from workspaces.models import ApiKey, Workspace

PATHS = [path for path in POSITIONS if not path.endswith("/embeddings")]
ADDRESS = "ann@example.com"
pytestmark = pytest.mark.usefixtures("shell", "restored_mirror")


@dataclass(frozen=True)
class Place:
    """A workspace of acme's, its key, and whose it is."""

    workspace: Workspace
    key: ApiKey
    secret: str

    @property
    def organization_id(self) -> int:
        return self.workspace.organization_id


def a_place(stage, **columns) -> Place:
    organization = stage.acme.organization
    with tenant(organization.pk):
        slug = f"said-{uuid.uuid4().hex[:8]}"
        workspace = workspaces.create(organization=organization, name=slug, slug=slug, by=STAGE, **columns)
        issued = api_keys.issue(workspace=workspace, name="said", by=STAGE)
    return Place(workspace, issued.key, issued.secret)


@pytest.fixture(scope="module")
def logged(stage, django_db_blocker) -> Place:
    """A workspace that logs everything."""
    with django_db_blocker.unblock():
        place = a_place(stage, is_io_logging_enabled=True)
        connections.close_all()
    return place


@pytest.fixture
def hold(logged):
    """Holds a new key of the workspace to a guardrail."""

    def held(**settings_of_guardrail) -> str:
        with tenant(logged.organization_id):
            name = uuid.uuid4().hex[:8]
            issued = api_keys.issue(workspace=logged.workspace, name=name, by=STAGE)
            guardrail = guardrail_settings.create(
                workspace=logged.workspace, name=name, by=STAGE, **settings_of_guardrail
            )
            assign_keys(guardrail=guardrail, keys=[issued.key], by=STAGE)
        return issued.secret

    return held


def said(gateway, place, answer):
    assert answer.status == 200, answer.body
    return content_of(gateway, place.organization_id, answer.headers["x-generation-id"])


class TestALoggedRequest:
    @pytest.mark.parametrize("is_streamed", [False, True])
    @pytest.mark.parametrize("path", PATHS)
    def test_of_any_dialect_is_kept_as_chat(self, gateway, mirror, logged, path, is_streamed):
        body = next(
            position.body("How are you?") for position in POSITIONS[path] if position.speaker == "user"
        )

        answer = gateway.post(logged.secret, body | {"stream": is_streamed}, path)

        content = said(gateway, logged, answer)
        assert "How are you?" in json.dumps(content["input"]["messages"])
        assert content["output"]["completion"] == "fine"
        assert content["output"]["finish_reason"] == "stop"
        assert (content["error"], content["is_truncated"]) == (None, False)
        assert content["parameters"]["model"] == MODEL
        record = record_of(gateway, answer.headers["x-generation-id"])
        assert (record.is_logged, record.destinations) == (True, ())

    def test_for_embeddings_is_its_text_alone(self, gateway, mirror, logged):
        path = "/api/v1/embeddings"

        answer = gateway.post(logged.secret, {"model": "test/mirror-embed", "input": ["one", "two"]}, path)

        content = said(gateway, logged, answer)
        assert content["input"] == {"prompt": "one\n\ntwo"}
        assert content["output"]["completion"] is None

    def test_says_which_tools_were_called(self, gateway, logged):
        tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]

        for is_streamed in (False, True):
            body = question("test/tools", tools=tools, stream=is_streamed)
            content = said(gateway, logged, gateway.post(logged.secret, body))

            [call] = content["output"]["tool_calls"]
            assert call["function"]["name"] == "weather"
            assert content["parameters"]["tools"] == tools

    def test_is_sealed_to_its_generation(self, gateway, mirror, logged):
        answer = gateway.ask(logged.secret, MODEL, "zanzibar")

        record = record_of(gateway, answer.headers["x-generation-id"])
        assert "zanzibar" not in record.sealed
        for segment in (gateway.folder / "journal").glob("*.journal"):
            assert b"zanzibar" not in segment.read_bytes()

    def test_has_no_media(self, gateway, mirror, logged):
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 1000}}
        parts = [{"type": "text", "text": "What is it?"}, image]

        answer = gateway.post(
            logged.secret, {"model": MODEL, "messages": [{"role": "user", "content": parts}]}
        )

        [message] = said(gateway, logged, answer)["input"]["messages"]
        assert message["content"][0] == parts[0]
        assert message["content"][1] == {"type": "image_url", "omitted": "[image/png, 3016 bytes]"}

    @pytest.mark.parametrize("size", [200_000, 3_000_000])
    def test_that_is_long_is_kept_within_bounds(self, gateway, mirror, logged, size):
        text = "".join(f"{number:07d} " for number in range(size // 8))

        answer = gateway.ask(logged.secret, MODEL, text)

        content = said(gateway, logged, answer)
        kept = content["input"]["messages"][0]["content"]
        assert len(json.dumps(content)) <= MOST_BYTES
        assert content["is_truncated"] is (size > MOST_BYTES)
        assert kept == text if size < MOST_BYTES else kept.endswith("…truncated")

    def test_is_kept_when_its_answer_comes_from_the_cache(self, gateway, mirror, logged):
        text = uuid.uuid4().hex
        for is_streamed in (False, True):
            for status in ("MISS", "HIT"):
                answer = gateway.post(
                    logged.secret, question(MODEL, text, stream=is_streamed), X_OpenRouter_Cache="true"
                )

                assert answer.headers["x-openrouter-cache-status"] == status
                assert said(gateway, logged, answer)["output"]["completion"] == "fine"

    def test_is_kept_up_to_where_its_caller_left(self, gateway, logged):
        words = "one two three four five six seven eight nine ten"
        stream = gateway.stream(logged.secret, "test/echo", words, simulator={"chunk_delay_ms": 300})
        while "two" not in stream.line():
            pass
        stream.close()

        assert gateway.end_of(stream.id).status == "cancelled"
        content = content_of(gateway, logged.organization_id, stream.id)
        assert content["output"]["completion"].strip().startswith("one")
        assert "ten" not in content["output"]["completion"]

    def test_is_kept_with_what_its_caller_was_told_when_nobody_answered(self, gateway, logged):
        answer = gateway.ask(logged.secret, "test/none-answers", "anybody?")

        content = content_of(gateway, logged.organization_id, answer.headers["x-generation-id"])
        assert content["input"]["messages"][0]["content"] == "anybody?"
        assert content["output"]["completion"] is None
        assert content["error"] == json.loads(answer.body)["error"]["message"]

    def test_is_kept_up_to_where_its_provider_broke_off(self, gateway, logged):
        body = question("test/cut", "one two three four five six", stream=True)

        answer = gateway.post(logged.secret, body)

        content = said(gateway, logged, answer)
        assert content["output"]["completion"]
        assert content["error"]


class TestGuardrails:
    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_have_redacted_what_is_kept(self, gateway, mirror, hold, logged, is_streamed):
        secret = hold(content_filter_builtins=[{"slug": "email", "action": "redact"}])

        answer = gateway.ask(secret, MODEL, f"I am {ADDRESS}", stream=is_streamed)

        content = said(gateway, logged, answer)
        assert content["input"]["messages"][0]["content"] == "I am [EMAIL]"
        assert ADDRESS not in json.dumps(content)

    def test_leave_nothing_of_what_they_refuse(self, gateway, mirror, hold):
        secret = hold(content_filter_builtins=[{"slug": "email", "action": "block"}])

        answer = gateway.ask(secret, MODEL, f"I am {ADDRESS}")

        assert answer.status == 403
        name = str(uuid.UUID(answer.headers["x-generation-id"].removeprefix("gen-")))
        assert [
            one for one in gateway.records() if getattr(one, "id", "") == name and hasattr(one, "sealed")
        ] == []

    @pytest.mark.parametrize("is_streamed", [False, True])
    def test_withhold_answers_from_what_is_kept_too(self, gateway, mirror, hold, logged, is_streamed):
        mirror.says = ("Write to ", "ann@exa", "mple.com", " now")
        secret = hold(
            content_filter_builtins=[{"slug": "email", "action": "block"}], is_filtering_outputs=True
        )

        answer = gateway.ask(secret, MODEL, "Whom?", stream=is_streamed)

        content = content_of(gateway, logged.organization_id, answer.headers["x-generation-id"])
        assert ADDRESS not in json.dumps(content)
        assert content["output"]["finish_reason"] == "content_filter"
        assert "mple.com" not in json.dumps(content)

    def test_redact_answers_before_they_are_kept(self, gateway, mirror, hold, logged):
        mirror.says = ("Write to ", "ann@exa", "mple.com", " now")
        secret = hold(
            content_filter_builtins=[{"slug": "email", "action": "redact"}], is_filtering_outputs=True
        )

        answer = gateway.ask(secret, MODEL, "Whom?")

        assert said(gateway, logged, answer)["output"]["completion"] == "Write to [EMAIL] now"


class TestNobodyWhoWantsIt:
    def test_keeps_not_one_byte(self, gateway, mirror, key):
        for is_streamed in (False, True):
            answer = gateway.ask(key, MODEL, "secret", stream=is_streamed)

            assert record_of(gateway, answer.headers["x-generation-id"]) is None


def kept_soon(gateway, place, is_kept) -> None:
    """Within a second, requests are kept or not."""

    def is_so() -> bool:
        answer = gateway.ask(place.secret, MODEL)
        return (record_of(gateway, answer.headers["x-generation-id"]) is not None) is is_kept

    wait_until(is_so, what="the policy")


class TestAChange:
    def test_of_the_workspaces_logging_governs_the_next_request(self, gateway, mirror, stage):
        place = a_place(stage)
        kept_soon(gateway, place, False)

        with tenant(place.organization_id):
            settings.change(workspace=place.workspace, is_io_logging_enabled=True, by=STAGE)
        kept_soon(gateway, place, True)

        with tenant(place.organization_id):
            settings.change(workspace=place.workspace, io_logging_api_key_ids=[], by=STAGE)
        kept_soon(gateway, place, False)

    def test_of_the_accounts_privacy_outdoes_the_workspace(self, gateway, mirror, stage):
        place = a_place(stage, is_io_logging_enabled=True)
        kept_soon(gateway, place, True)

        with tenant(place.organization_id):
            privacy.change(organization=stage.acme.organization, by=STAGE, is_io_logging_allowed=False)
        kept_soon(gateway, place, False)

        with tenant(place.organization_id):
            privacy.change(organization=stage.acme.organization, by=STAGE, is_io_logging_allowed=True)
        kept_soon(gateway, place, True)


class TestADestination:
    @pytest.fixture
    def place(self, stage) -> Place:
        return a_place(stage, is_broadcast_enabled=True)

    def test_that_takes_the_key_is_who_content_is_kept_for(self, gateway, mirror, place):
        with tenant(place.organization_id):
            wanting = [
                add_destination(place.workspace),
                add_destination(place.workspace, api_key_ids=[place.key.pk]),
            ]
            add_destination(place.workspace, is_enabled=False)
            add_destination(place.workspace, api_key_ids=[])
            add_destination(place.workspace, regions=["europe"])
            add_destination(place.workspace, is_private=True)

        answer = gateway.ask(place.secret, MODEL)

        record = record_of(gateway, answer.headers["x-generation-id"])
        assert (record.is_logged, record.destinations) == (False, tuple(row.pk for row in wanting))

    def test_of_a_workspace_that_does_not_broadcast_gets_nothing(self, gateway, mirror, place):
        with tenant(place.organization_id):
            add_destination(place.workspace)
            settings.change(workspace=place.workspace, is_broadcast_enabled=False, by=STAGE)

        kept_soon(gateway, place, False)

    def test_under_privacy_still_has_its_filter_rules_judged(self, gateway, mirror, place):
        rule = {"field": "output", "operator": "contains", "value": "fine"}
        with tenant(place.organization_id):
            add_destination(place.workspace, is_private=True, filter_rules={"groups": [{"rules": [rule]}]})

        answer = gateway.ask(place.secret, MODEL)

        record = record_of(gateway, answer.headers["x-generation-id"])
        assert (record.is_logged, record.destinations) == (False, ())
