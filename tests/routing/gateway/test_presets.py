"""Requests refer to presets of their key's workspace, at every entrance, and get what these say."""

from __future__ import annotations

import uuid

import pytest

from config.lib.scoping import tenant
from observability.journal_records import Begin, Refusal
from routing import presets
from routing.preset_config import Content
from routing.simulator.record import read_calls
from tests.cast import STAGE, Cast
from tests.routing.gateway.test_every_dialect import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    PATHS,
    RESPONSES,
    body,
    error_of,
)
from tests.routing.simulator.process import wait_until
from workspaces import api_keys

PROMPT = "You are very brief."
CONFIG = {"max_tokens": 2, "models": ["test/echo"], "provider": {"only": ["alpha"]}}
TEXTS = [CHAT, COMPLETIONS, MESSAGES, RESPONSES]


@pytest.fixture(scope="module")
def secret(stage: Cast, django_db_blocker) -> str:
    """A key of acme's research workspace, which has presets; globex has one too."""
    acme, research = stage.acme.organization, stage.acme.research
    with django_db_blocker.unblock():
        with tenant(acme.pk):
            for slug, content in {
                "brief": Content(CONFIG | {"model": "test/error-500"}, PROMPT),
                "embedder": Content({"model": "test/embed"}),
                "nobody": Content({"provider": {"only": ["nobody"]}}),
                "searching": Content({"model": "test/echo", "tools": [{"type": "openrouter:web_search"}]}),
                "large": Content({"model": "test/echo"}, "word " * 50_000),
                "disabled": Content({"model": "test/echo"}),
                "archived": Content({"model": "test/echo"}),
            }.items():
                saved = presets.save_version(workspace=research, slug=slug, content=content, by=STAGE)
                if slug in ("disabled", "archived"):
                    presets.change(preset=saved, by=STAGE, status=slug)
            key = api_keys.issue(workspace=research, name="for presets", by=STAGE)
        with tenant(stage.globex.organization.pk):
            content = Content({"model": "test/echo"})
            presets.save_version(workspace=stage.globex.default, slug="theirs", content=content, by=STAGE)
    return key.secret


def begin_of(gateway, identifier: str) -> Begin:
    name = str(uuid.UUID(identifier.removeprefix("gen-")))
    return next(one for one in gateway.records() if isinstance(one, Begin) and one.id == name)


def ask(gateway, secret, path, **more):
    """Ask with a model only if there is one, and with no limit that the entrance does not need."""
    given = {name: value for name, value in (body(path) | more).items() if value is not None}
    return gateway.post(secret, given, path)


@pytest.mark.parametrize("path", TEXTS)
@pytest.mark.parametrize(
    "reference",
    [
        {"model": "@preset/brief"},
        {"model": "test/lorem@preset/brief", "models": []},
        {"model": None, "preset": "brief"},
    ],
    ids=["as a model", "after a model", "in a field"],
)
class TestAReference:
    def test_brings_what_the_preset_says(self, gateway, secret, path, reference):
        answer = ask(gateway, secret, path, **reference)

        assert answer.status == 200
        end = gateway.end_of(answer.headers["x-generation-id"])
        assert (end.prompt_tokens, end.completion_tokens, end.provider) == (3 + 4, 2, "alpha")

    def test_is_kept_with_the_generation(self, gateway, secret, path, reference):
        answer = ask(gateway, secret, path, **reference)

        used = begin_of(gateway, answer.headers["x-generation-id"]).context["preset"]
        assert (used["slug"], used["version"]) == ("brief", 1)
        assert len(used["id"]) == len(used["version_id"]) == 36


class TestTheRequestWins:
    @pytest.mark.parametrize("path", [CHAT, COMPLETIONS, MESSAGES])
    def test_with_its_own_parameters(self, gateway, secret, path):
        answer = ask(gateway, secret, path, model="test/echo@preset/brief", max_tokens=1)

        assert gateway.end_of(answer.headers["x-generation-id"]).completion_tokens == 1

    def test_with_its_own_parameters_by_their_names_in_responses(self, gateway, secret):
        answer = ask(gateway, secret, RESPONSES, model="test/echo@preset/brief", max_output_tokens=1)

        assert gateway.end_of(answer.headers["x-generation-id"]).completion_tokens == 1

    @pytest.mark.parametrize("path", TEXTS)
    def test_with_its_own_preferences(self, gateway, secret, path):
        answer = ask(gateway, secret, path, model="@preset/brief", provider={"only": ["nobody"]})

        assert answer.status == 404


class TestEmbeddings:
    def test_take_model_and_routing_from_a_preset(self, gateway, secret):
        assert ask(gateway, secret, EMBEDDINGS, model="@preset/embedder").status == 200
        assert ask(gateway, secret, EMBEDDINGS, preset="nobody").status == 404


@pytest.mark.parametrize("path", PATHS)
class TestAPresetThatIsNotThere:
    @pytest.mark.parametrize(
        ("slug", "fault"),
        [
            ("none", "does not exist"),
            ("disabled", "is disabled"),
            ("archived", "is archived"),
            ("", "does not exist"),
        ],
    )
    def test_is_400_and_named(self, gateway, secret, path, slug, fault):
        answer = ask(gateway, secret, path, model=f"test/echo@preset/{slug}")

        assert answer.status == 400
        assert error_of(path, answer)[1] == "invalid_request"
        assert f"The preset '{slug}' {fault}" in answer.body.decode()

    def test_is_the_same_as_another_tenants(self, gateway, secret, path):
        theirs = ask(gateway, secret, path, preset="theirs")
        unknown = ask(gateway, secret, path, preset="nobodys")

        assert theirs.status == unknown.status == 400
        named = unknown.body.replace(b"nobodys", b"theirs").replace(
            unknown.headers["x-generation-id"].encode(), theirs.headers["x-generation-id"].encode()
        )
        assert theirs.body == named

    def test_is_no_provider_s_business(self, gateway, secret, simulator, path):
        known = len(read_calls(simulator.record))

        ask(gateway, secret, path, model="@preset/none")

        assert len(read_calls(simulator.record)) == known

    def test_makes_a_wrong_type_400_by_name(self, gateway, secret, path):
        answer = ask(gateway, secret, path, preset=7)

        assert answer.status == 400
        assert "'preset'" in answer.body.decode()


class TestAServerToolOfAPreset:
    @pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
    def test_is_asked_for_as_in_a_body(self, gateway, secret, path):
        answer = ask(gateway, secret, path, model="@preset/searching")

        assert answer.status == 400
        assert (
            "'tools[0].parameters.engine' needs a search engine, and none is set up here."
            in answer.body.decode()
        )


@pytest.mark.parametrize("path", PATHS)
class TestALargeRequest:
    def test_gets_its_preset_in_the_other_process(self, gateway, secret, path):
        reference = "test/embed@preset/brief" if path == EMBEDDINGS else "@preset/brief"

        answer = gateway.post(secret, body(path, "word " * 80_000, model=reference), path)

        assert answer.status == 200
        words = 80_000 if path == EMBEDDINGS else 80_004
        assert gateway.end_of(answer.headers["x-generation-id"]).prompt_tokens == words

    def test_for_a_preset_that_is_not_there_is_400(self, gateway, secret, path):
        answer = gateway.post(secret, body(path, "word " * 80_000, preset="none"), path)

        assert (answer.status, "'none'" in answer.body.decode()) == (400, True)


class TestALargePreset:
    def test_is_merged_in_the_other_process_where_it_makes_the_request_large(self, gateway, secret):
        answer = gateway.post(secret, body(CHAT, "word " * 10_000, model="@preset/large"))

        assert answer.status == 200
        assert gateway.end_of(answer.headers["x-generation-id"]).prompt_tokens == 60_000


class TestANewVersion:
    def test_is_used_within_a_second(self, gateway, secret, shell, stage):
        with tenant(stage.acme.organization.pk):
            presets.save_version(
                workspace=stage.acme.research,
                slug="brief",
                content=Content(CONFIG | {"max_tokens": 1}, PROMPT),
                by=STAGE,
            )

        def tokens() -> int:
            answer = ask(gateway, secret, CHAT, model="@preset/brief")
            return gateway.end_of(answer.headers["x-generation-id"]).completion_tokens

        wait_until(lambda: tokens() == 1, what="the new version")


class TestARefusal:
    def test_names_the_preset_in_the_log(self, gateway, secret):
        answer = ask(gateway, secret, CHAT, model="test/echo", preset="nobody")

        assert answer.status == 404
        noted = [one for one in gateway.records() if isinstance(one, Refusal)]
        assert noted[-1].detail["preset"]["slug"] == "nobody"
