"""A conversation goes back to who has it in his cache, per workspace, model and conversation, for ten minutes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from routing.call import Attribution, ProviderPreferences
from routing.gateway.stickiness import CONVERSATION, Stickiness, opening_of
from routing.policy import RoutingDefaults
from routing.pricing import Usage
from tests.routing.make import make_call, make_catalog, make_endpoint, make_model, make_policy, make_price

CACHING = make_endpoint("caching", model="acme/wise", price=make_price(10**9, 10**9, cache_read=10**8))
PLAIN = make_endpoint("plain", model="acme/wise")
CATALOG = make_catalog(make_model("acme/wise", CACHING, PLAIN))
POLICY = make_policy()
CACHED, UNCACHED = Usage(prompt=100, cached=80), Usage(prompt=100)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SESSION = {"attribution": Attribution(session_id="run-1")}


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def stickiness(clock):
    return Stickiness()


def talk(*texts, system="You are wise.", **more):
    messages = [{"role": "system", "content": system}]
    messages += [{"role": "user", "content": text} for text in texts]
    return make_call("acme/wise", body={"messages": messages, **more.pop("body", {})}, **more)


class TestAConversation:
    def test_is_told_by_its_opening_messages(self, stickiness):
        stickiness.note(POLICY, talk("Hello"), CACHING, CACHED)

        assert stickiness.find(POLICY, talk("Hello", "And then?"), CATALOG) == (CACHING.id,)
        assert stickiness.find(POLICY, talk("Good bye"), CATALOG) == ()
        assert stickiness.find(POLICY, talk("Hello", system="You are not."), CATALOG) == ()

    def test_sticks_only_once_a_cache_was_used(self, stickiness):
        stickiness.note(POLICY, talk("Hello"), CACHING, UNCACHED)

        assert stickiness.find(POLICY, talk("Hello"), CATALOG) == ()

    @pytest.mark.parametrize("named", [SESSION, {"body": {"prompt_cache_key": "run-1"}}])
    def test_sticks_at_once_where_the_caller_names_it(self, stickiness, named):
        stickiness.note(POLICY, talk("Hello", **named), CACHING, UNCACHED)

        assert stickiness.find(POLICY, talk("Something else", **named), CATALOG) == (CACHING.id,)

    def test_goes_by_the_session_before_the_cache_key(self, stickiness):
        stickiness.note(POLICY, talk("Hello", body={"prompt_cache_key": "x"}, **SESSION), CACHING, UNCACHED)

        assert stickiness.find(POLICY, talk("Hello", body={"prompt_cache_key": "x"}), CATALOG) == ()
        assert stickiness.find(POLICY, talk("Hello", **SESSION), CATALOG) == (CACHING.id,)

    def test_belongs_to_its_workspace(self, stickiness):
        other = replace(POLICY, principal=replace(POLICY.principal, workspace_id=99))
        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)

        assert stickiness.find(other, talk("Hello", **SESSION), CATALOG) == ()

    def test_pauses_for_ten_minutes_at_most(self, stickiness, clock):
        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)
        clock.shift(timedelta(minutes=9))
        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)
        clock.shift(timedelta(minutes=9))
        assert stickiness.find(POLICY, talk("Hello", **SESSION), CATALOG) == (CACHING.id,)

        clock.shift(timedelta(minutes=2))

        assert stickiness.find(POLICY, talk("Hello", **SESSION), CATALOG) == ()

    def test_of_a_large_body_is_told_by_what_was_seen_in_time(self, stickiness):
        opening = opening_of(talk("Hello").body["messages"])
        large = talk(body={"messages": None}, detail={CONVERSATION: opening})
        stickiness.note(POLICY, talk("Hello"), CACHING, CACHED)

        assert stickiness.find(POLICY, large, CATALOG) == (CACHING.id,)

    def test_follows_a_variant_of_its_model(self, stickiness):
        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)

        assert stickiness.find(POLICY, make_call("acme/wise:nitro", **SESSION), CATALOG) == (CACHING.id,)


class TestNothingSticks:
    def test_where_the_cache_costs_as_much_as_the_prompt(self, stickiness):
        stickiness.note(POLICY, talk("Hello", **SESSION), PLAIN, CACHED)

        assert stickiness.find(POLICY, talk("Hello", **SESSION), CATALOG) == ()

    def test_where_the_request_has_an_order(self, stickiness):
        ordered = talk("Hello", preferences=ProviderPreferences(order=("plain",)), **SESSION)
        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)

        assert stickiness.find(POLICY, ordered, CATALOG) == ()

    def test_where_the_workspace_wants_none(self, stickiness):
        off = make_policy(routing=RoutingDefaults(is_stickiness_enabled=False))
        stickiness.note(off, talk("Hello", **SESSION), CACHING, CACHED)
        assert stickiness.news() == {}

        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)

        assert stickiness.find(off, talk("Hello", **SESSION), CATALOG) == ()


class TestAnotherProcess:
    def test_hears_of_conversations(self, stickiness):
        other = Stickiness()
        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)

        other.hear(stickiness.news().items(), NOON.timestamp())

        assert other.find(POLICY, talk("Hello", **SESSION), CATALOG) == (CACHING.id,)

    def test_is_told_once(self, stickiness):
        stickiness.note(POLICY, talk("Hello", **SESSION), CACHING, CACHED)

        assert len(stickiness.news()) == 1
        assert stickiness.news() == {}
