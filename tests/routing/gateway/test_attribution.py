"""Who is behind a request, as it says itself, goes to the generation, at every entrance and by either header's name."""

from __future__ import annotations

import uuid

import pytest

from observability.journal_records import Begin
from tests.routing.gateway.test_every_dialect import PATHS, body

TRACE = {"trace_id": "t-1", "trace_name": "nightly", "environment": {"tier": 3}}


def context_of(gateway, answer):
    name = str(uuid.UUID(answer.headers["x-generation-id"].removeprefix("gen-")))
    return next(one for one in gateway.records() if isinstance(one, Begin) and one.id == name).context


@pytest.mark.parametrize("path", PATHS)
class TestTheBody:
    def test_names_user_session_and_trace(self, gateway, key, path):
        answer = gateway.post(key, body(path, user="u-1", session_id="s-1", trace=TRACE), path)

        context = context_of(gateway, answer)
        assert (context["user"], context["session_id"], context["trace"]) == ("u-1", "s-1", TRACE)

    def test_may_hold_a_trace_of_16_kib_at_most(self, gateway, key, path):
        answer = gateway.post(key, body(path, trace={"note": "x" * 17_000}), path)

        assert (answer.status, "'trace'" in answer.body.decode()) == (400, True)

    def test_may_hold_a_trace_that_no_database_would_store(self, gateway, key, path):
        answer = gateway.post(key, body(path, trace={"a\x00": "\x00", "n": 10**300, "deep": [[[{}]]]}), path)

        assert answer.status == 200
        assert context_of(gateway, answer)["trace"]["deep"] == [[[{}]]]


class TestTheHeaders:
    def test_name_the_client(self, gateway, key):
        answer = gateway.post(key, body(PATHS[0]), User_Agent="acme/1.0 " + "x" * 600)

        assert context_of(gateway, answer)["user_agent"] == "acme/1.0 " + "x" * 491

    @pytest.mark.parametrize("vendor", ["OpenRouter", "Headgate"])
    def test_have_two_names(self, gateway, key, vendor):
        headers = {f"X_{vendor}_Title": "App", f"X_{vendor}_Categories": "cli-agent, ide-extension, game"}

        context = context_of(
            gateway, gateway.post(key, body(PATHS[0]), HTTP_Referer="https://a.test", **headers)
        )

        assert (context["app_title"], context["app_url"]) == ("App", "https://a.test")
        assert context["app_categories"] == ["cli-agent", "ide-extension"]

    def test_hold_categories_that_are_none_for_nothing(self, gateway, key):
        answer = gateway.post(key, body(PATHS[0]), X_OpenRouter_Categories=f"Cli Agent,{'x' * 31},,-")

        assert "app_categories" not in context_of(gateway, answer)

    def test_name_the_session_unless_the_body_does(self, gateway, key):
        in_header = gateway.post(key, body(PATHS[0]), X_Session_Id="header")
        in_both = gateway.post(key, body(PATHS[0], session_id="body"), X_Session_Id="header")

        assert context_of(gateway, in_header)["session_id"] == "header"
        assert context_of(gateway, in_both)["session_id"] == "body"
