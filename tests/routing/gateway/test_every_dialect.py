"""What holds at one entrance holds at all: keys, malformed bodies, large ones, errors in the dialect's shape."""

from __future__ import annotations

import json

import pytest

from tests.routing.gateway.test_malformed import NOT_JSON

CHAT, COMPLETIONS = "/api/v1/chat/completions", "/api/v1/completions"
MESSAGES, EMBEDDINGS = "/api/v1/messages", "/api/v1/embeddings"
RESPONSES = "/api/v1/responses"
PATHS = (CHAT, COMPLETIONS, MESSAGES, EMBEDDINGS, RESPONSES)
ODD = "a\x00b \U0001f600 \u202e \ufffe end"


def body(path: str, text: str = "one two three", **more: object):
    if path == EMBEDDINGS:
        return {"model": "test/embed", "input": text, **more}
    if path == RESPONSES:
        return {"model": "test/echo", "input": text, **more}
    if path == COMPLETIONS:
        return {"model": "test/echo", "prompt": text, **more}
    return {"model": "test/echo", "messages": [{"role": "user", "content": text}], **more}


def error_of(path: str, answer):
    """The error, which must be in the shape of the entrance's dialect."""
    shown = answer.json()
    if path == MESSAGES:
        assert shown["type"] == "error"
        assert "request_id" in shown
        return shown["error"]["type"], shown["error"]["error_type"]
    return shown["error"]["code"], shown["error"]["metadata"]["error_type"]


@pytest.mark.parametrize("path", PATHS)
class TestAtEveryEntrance:
    @pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)
    def test_a_body_that_is_no_object_is_400(self, gateway, key, path, data):
        answer = gateway.post(key, data, path)

        assert answer.status == 400
        assert error_of(path, answer)[1] == "invalid_request"

    def test_a_large_body_is_read_elsewhere_and_answered_the_same(self, gateway, key, path):
        text = "word " * 80_000

        answer = gateway.post(key, body(path, text), path)

        assert answer.status == 200
        usage = gateway.end_of(answer.headers["x-generation-id"])
        assert usage.prompt_tokens == 80_000

    def test_a_large_body_that_is_none_is_400(self, gateway, key, path):
        assert gateway.post(key, b"[" + b" " * 300_000 + b"]", path).status == 400

    def test_odd_text_is_no_error_of_ours(self, gateway, key, path):
        assert gateway.post(key, body(path, ODD, user=ODD), path).status == 200

    def test_a_lone_surrogate_is_400(self, gateway, key, path):
        data = json.dumps(body(path)).replace("one", "\\udc00").encode()

        assert gateway.post(key, data, path).status == 400

    def test_no_key_is_401(self, gateway, path):
        answer = gateway.post(None, body(path), path)

        assert answer.status == 401
        assert error_of(path, answer)[1] == "authentication"

    def test_a_key_may_come_as_x_api_key(self, gateway, key, path):
        assert gateway.post(None, body(path), path, x_api_key=key).status == 200

    def test_two_different_keys_are_400(self, gateway, key, path):
        answer = gateway.post(key, body(path), path, x_api_key="sk-other")

        assert answer.status == 400

    def test_a_model_that_nobody_knows_is_400(self, gateway, key, path):
        answer = gateway.post(key, body(path, model="nobody/knows"), path)

        assert answer.status == 400
        assert "availability" in answer.json()["error"]

    @pytest.mark.parametrize("field", ["model", "provider", "session_id", "trace", "user"])
    def test_a_wrong_type_is_400_and_named(self, gateway, key, path, field):
        answer = gateway.post(key, body(path, **{field: 7}), path)

        assert answer.status == 400
        assert f"'{field}'" in answer.body.decode()

    def test_provider_preferences_are_kept(self, gateway, key, path):
        answer = gateway.post(key, body(path, provider={"only": ["nobody"]}), path)

        assert answer.status == 404

    def test_get_is_405(self, gateway, path):
        assert gateway.get(path).status == 405


class TestThePrice:
    @pytest.mark.parametrize("stream", [False, True])
    def test_of_the_same_words_is_the_same_at_every_entrance(self, gateway, key, stream):
        ids = [
            gateway.post(key, body(path, stream=stream), path).headers["x-generation-id"]
            for path in (CHAT, COMPLETIONS, MESSAGES, RESPONSES)
        ]

        assert {gateway.end_of(one).cost_nano for one in ids} == {9000}


class TestASilentStream:
    def test_is_kept_alive_by_comments_where_the_dialect_has_no_pings(self, gateway, key):
        answer = gateway.post(key, {"model": "test/slow", "prompt": "4500 late", "stream": True}, COMPLETIONS)

        assert answer.body.startswith(b": OPENROUTER PROCESSING\n\n")
