"""Answers that a caller asked to have cached are given again, free of charge, at every entrance, streamed and not."""

from __future__ import annotations

import json
import time
import uuid

import psycopg
import pytest

from config.lib.scoping import tenant
from observability.journal_records import Begin
from routing import presets
from routing.preset_config import Content
from routing.simulator.record import read_calls
from tests.cast import STAGE, Cast
from tests.own_database import own_database
from tests.routing.gateway.test_every_dialect import (
    CHAT,
    COMPLETIONS,
    EMBEDDINGS,
    MESSAGES,
    PATHS,
    RESPONSES,
    body,
)
from tests.routing.gateway.test_policies import admin_url
from tests.routing.simulator.process import wait_until
from workspaces import api_keys

STATUS, AGE, TTL = "x-openrouter-cache-status", "x-openrouter-cache-age", "x-openrouter-cache-ttl"
SOURCE = "x-openrouter-cache-source-id"
STREAMED = [CHAT, COMPLETIONS, MESSAGES, RESPONSES]


@pytest.fixture
def words() -> str:
    """What nobody has asked before."""
    return f"{uuid.uuid4().hex} two three"


@pytest.fixture(scope="module")
def secret(stage: Cast, django_db_blocker) -> str:
    """A key of acme's research workspace, which has presets that say whether answers are cached."""
    with django_db_blocker.unblock(), tenant(stage.acme.organization.pk):
        for slug, config in {
            "cached": {"cache_enabled": True, "cache_ttl_seconds": 77},
            "never": {"cache_enabled": False},
        }.items():
            content = Content({"model": "test/echo", **config})
            presets.save_version(workspace=stage.acme.research, slug=slug, content=content, by=STAGE)
        return api_keys.issue(workspace=stage.acme.research, name="caching", by=STAGE).secret


def ask(gateway, key, path, text, cache="true", **more):
    headers = {name: more.pop(name) for name in list(more) if name.startswith("X_")}
    given = {"X_OpenRouter_Cache": cache} if cache else {}
    return gateway.post(key, body(path, text, **more), path, **given, **headers)


def calls_of(simulator) -> int:
    return len(read_calls(simulator.record))


def context_of(gateway, answer):
    name = str(uuid.UUID(answer.headers["x-generation-id"].removeprefix("gen-")))
    return next(one for one in gateway.records() if isinstance(one, Begin) and one.id == name)


def execute(statement: str, *parameters):
    with psycopg.connect(admin_url(), dbname=own_database().name, autocommit=True) as connection:
        cursor = connection.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def spoken(answer, path: str, *, is_streamed: bool) -> str:
    """All that an answer says, without what differs from one to the next."""
    text = answer.body.decode().replace(answer.headers["x-generation-id"].removeprefix("gen-"), "ID")
    if not is_streamed:
        shown = json.loads(text)
        for name in ("usage", "created", "created_at", "completed_at"):
            shown.pop(name, None)
        return json.dumps(shown, sort_keys=True)
    deltas = [
        json.dumps(event.get("choices", event.get("delta")), sort_keys=True)
        for event in answer.events()
        if event != "[DONE]" and (event.get("choices") or event.get("delta"))
    ]
    return "".join(deltas)


@pytest.mark.parametrize(
    ("path", "is_streamed"), [(path, False) for path in PATHS] + [(path, True) for path in STREAMED]
)
class TestTheSameRequestAgain:
    def test_gets_the_same_answer_under_its_own_id_and_asks_nobody(
        self, gateway, key, simulator, words, path, is_streamed
    ):
        more = {"stream": True} if is_streamed else {}
        first = ask(gateway, key, path, words, **more)
        known = calls_of(simulator)

        second = ask(gateway, key, path, words, **more)

        assert (first.headers[STATUS], second.headers[STATUS]) == ("MISS", "HIT")
        assert second.headers[SOURCE] == first.headers["x-generation-id"] != second.headers["x-generation-id"]
        assert (first.headers[TTL], second.headers["x-headgate-cache-status"]) == ("300", "HIT")
        assert 0 <= int(second.headers[AGE]) < 60
        assert int(second.headers[TTL]) + int(second.headers[AGE]) == 300
        assert calls_of(simulator) == known
        said = spoken(first, path, is_streamed=is_streamed)
        assert said == spoken(second, path, is_streamed=is_streamed)
        assert second.headers["x-generation-id"].removeprefix("gen-") in second.body.decode()
        assert first.headers["x-generation-id"] not in second.body.decode()

    def test_costs_nothing_and_says_where_its_answer_is_from(self, gateway, key, words, path, is_streamed):
        more = {"stream": True} if is_streamed else {}
        first, second = (ask(gateway, key, path, words, **more) for _ in range(2))

        paid, free = (gateway.end_of(one.headers["x-generation-id"]) for one in (first, second))
        begin = context_of(gateway, second)
        assert paid.cost_nano > 0
        assert (free.cost_nano, free.byok_nano, free.prompt_tokens, free.completion_tokens) == (0, 0, 0, 0)
        assert (free.status, free.provider, free.model) == ("completed", paid.provider, paid.model)
        assert begin.holds == ()
        assert free.detail == {"cache": "hit", "response_cache_source_id": first.headers["x-generation-id"]}
        assert context_of(gateway, first).context["cache"] == "miss"

    def test_is_told_that_it_used_nothing(self, gateway, key, words, path, is_streamed):
        more = {"stream": True} if is_streamed else {}
        ask(gateway, key, path, words, **more)

        again = ask(gateway, key, path, words, **more)

        usage = (
            [event for event in again.events() if isinstance(event, dict)] if is_streamed else [again.json()]
        )
        found = [text for one in usage for text in [json.dumps(one)] if '"usage"' in text]
        counts = [
            value
            for text in found
            for name, value in _numbers(json.loads(text))
            if name in ("prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens")
        ]
        assert counts
        assert set(counts) == {0}


def _numbers(value, name=""):
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from _numbers(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item, name)
    elif isinstance(value, int):
        yield name, value


class TestWhatIsNotAskedFor:
    def test_is_neither_cached_nor_looked_for(self, gateway, key, words):
        ask(gateway, key, CHAT, words)

        for cache in (None, "false"):
            assert STATUS not in ask(gateway, key, CHAT, words, cache=cache).headers

    def test_is_not_for_another_key(self, gateway, key, stage, words):
        ask(gateway, key, CHAT, words)

        assert ask(gateway, stage.acme.production_key.secret, CHAT, words).headers[STATUS] == "MISS"

    def test_is_not_a_stream_for_a_whole_answer(self, gateway, key, words):
        ask(gateway, key, CHAT, words)

        assert ask(gateway, key, CHAT, words, stream=True).headers[STATUS] == "MISS"

    def test_is_not_possible_under_zero_data_retention(self, gateway, key, words):
        answer = ask(gateway, key, CHAT, words, provider={"zdr": True})

        assert STATUS not in answer.headers


class TestAnAnswerThatIsNoSuccess:
    @pytest.mark.parametrize("model", ["test/error-400", "test/cut"])
    @pytest.mark.parametrize("stream", [False, True])
    def test_is_not_cached(self, gateway, key, simulator, words, model, stream):
        for _ in range(2):
            known = calls_of(simulator)
            ask(gateway, key, CHAT, words, model=model, stream=stream)
            assert calls_of(simulator) > known


class TestTime:
    def test_may_be_short(self, gateway, key, words):
        ask(gateway, key, CHAT, words, X_OpenRouter_Cache_TTL="1")

        wait_until(
            lambda: ask(gateway, key, CHAT, words, X_OpenRouter_Cache_TTL="1").headers[STATUS] == "MISS",
            what="the end of a second",
        )

    def test_may_be_cut_short_by_asking_anew(self, gateway, key, words):
        ask(gateway, key, CHAT, words)

        fresh = ask(gateway, key, CHAT, words, X_OpenRouter_Cache_Clear="true")
        again = ask(gateway, key, CHAT, words)

        assert fresh.headers[STATUS] == "MISS"
        assert again.headers[SOURCE] == fresh.headers["x-generation-id"]


class TestAnotherProcess:
    def test_has_what_was_kept_by_the_first(self, gateway, start_gateway, key, words):
        other = start_gateway()
        first = ask(gateway, key, CHAT, words)

        wait_until(
            lambda: ask(other, key, CHAT, words).headers.get(SOURCE) == first.headers["x-generation-id"],
            what="the other process to find it",
        )

    def test_removes_what_has_expired_soon_after_its_start(self, gateway, start_gateway, key, words):
        ask(gateway, key, CHAT, words)
        wait_until(lambda: execute("SELECT 1 FROM response_cache"), what="the answer to be written")
        execute("UPDATE response_cache SET expires_at = now() - interval '1 second'")

        start_gateway()

        wait_until(lambda: not execute("SELECT 1 FROM response_cache"), what="the table to be empty")


class TestWhatIsStored:
    def test_is_sealed(self, gateway, key, words):
        ask(gateway, key, CHAT, words)
        wait_until(
            lambda: execute("SELECT 1 FROM response_cache WHERE expires_at > now()"), what="the answer"
        )

        (rows,) = [execute("SELECT row_to_json(response_cache)::text FROM response_cache")]

        assert rows
        assert not [text for (text,) in rows if words.split()[0] in text]

    def test_is_nothing_that_the_control_plane_may_read(self):
        rights = execute("SELECT has_table_privilege('headgate_app', 'response_cache', 'SELECT')")

        assert rights == [(False,)]


class TestAStoreThatFails:
    def test_is_a_miss_at_once(self, start_gateway, key, words):
        gateway = start_gateway()
        with psycopg.connect(admin_url(), dbname=own_database().name) as connection:
            connection.execute("LOCK TABLE response_cache IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()

            answer = ask(gateway, key, CHAT, words)

            assert (answer.status, answer.headers[STATUS]) == (200, "MISS")
            assert time.monotonic() - began < 3


class TestATightenedPolicy:
    @pytest.fixture
    def issued(self, stage: Cast, shell):
        with tenant(stage.acme.organization.pk):
            return api_keys.issue(workspace=stage.acme.default, name="to be tightened", by=STAGE)

    def test_is_asked_before_the_cache(self, gateway, issued, stage, words):
        key = issued.secret
        assert [ask(gateway, key, CHAT, words).headers[STATUS] for _ in range(2)] == ["MISS", "HIT"]

        with tenant(stage.acme.organization.pk):
            api_keys.change(key=issued.key, by=STAGE, limit_nano=0)

        wait_until(lambda: ask(gateway, key, CHAT, words).status == 402, what="the limit of nothing")


class TestAPreset:
    @pytest.mark.parametrize("path", [path for path in PATHS if path != EMBEDDINGS])
    def test_caches_for_all_who_refer_to_it(self, gateway, secret, words, path):
        answers = [ask(gateway, secret, path, words, cache=None, model="@preset/cached") for _ in range(2)]

        assert [answer.headers[STATUS] for answer in answers] == ["MISS", "HIT"]
        assert answers[0].headers[TTL] == "77"

    def test_may_be_overruled_by_a_header_but_not_its_no(self, gateway, secret, words):
        off = ask(gateway, secret, CHAT, words, cache="false", model="@preset/cached")
        on = ask(gateway, secret, CHAT, words, cache="true", model="@preset/never")

        assert STATUS not in off.headers | on.headers
