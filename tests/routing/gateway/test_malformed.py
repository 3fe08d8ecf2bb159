"""Malformed input of any kind: never our own 5xx, and the parameter is named where there is one."""

from __future__ import annotations

import json
import socket

import pytest

from tests.routing.gateway.process import question

MESSAGES = [{"role": "user", "content": "hi"}]
DEEP = 10_000


def body(**fields):
    return {"model": "test/echo", "messages": MESSAGES} | fields


WRONG_TYPES = {
    "messages": [None, "hi", {}, [], ["hi"], [{}], [{"role": 1}], [{"role": "user", "content": 7}]],
    "model": [7, ["test/echo"], {"a": 1}],
    "models": ["test/echo", [7]],
    "stream": ["yes", 1],
    "max_tokens": ["many", 0, -1, 1.5, True, 10**30],
    "n": ["two", 0, 10**6],
    "temperature": ["hot", True],
    "stop": [7, [7]],
    "tools": ["none", ["none"]],
    "provider": ["alpha", ["alpha"]],
    "provider.order": [{"order": "alpha"}],
    "provider.sort": [{"sort": "beauty"}, {"sort": {"by": 3}}],
    "provider.max_price.prompt": [{"max_price": {"prompt": "cheap"}}, {"max_price": {"prompt": -1}}],
    "response_format": ["json"],
    "user": [7],
    "session_id": [["s"]],
    "stream_options": ["usage"],
}
CASES = [(name, value) for name, values in WRONG_TYPES.items() for value in values]


class TestAWrongType:
    @pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}-{value}"[:40] for name, value in CASES])
    def test_is_400_and_names_the_parameter(self, gateway, key, name, value):
        answer = gateway.post(key, body(**{name.partition(".")[0]: value}))

        error = answer.json()["error"]
        assert answer.status == error["code"] == 400
        assert error["metadata"]["parameter"] == name
        assert name in error["message"]

    def test_in_a_field_that_is_not_ours_is_the_providers_to_judge(self, gateway, key):
        assert gateway.post(key, body(surprise={"deep": [1, None]}, cache_control=7)).status == 200


NOT_JSON = {
    "nothing": b"",
    "half": b'{"model": "test/echo", "messages": [',
    "a list": b"[]",
    "a string": b'"hi"',
    "null": b"null",
    "NaN": b'{"temperature": NaN}',
    "a number too large": b'{"temperature": 1e999}',
    "bad UTF-8": b'{"model": "\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a lone surrogate": b'{"model": "\\ud800", "messages": [{"role": "user", "content": "\\udc00"}]}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "binary": bytes(range(256)) * 100,
}


class TestABodyThatIsNoObject:
    @pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)
    def test_is_400(self, gateway, key, data):
        answer = gateway.post(key, data)

        assert answer.status == 400
        assert answer.json()["error"]["metadata"]["error_type"] == "invalid_request"

    @pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)
    def test_is_400_also_when_it_is_large(self, gateway, key, data):
        assert gateway.post(key, data + b" " * 300_000).status == 400

    def test_is_415_when_it_says_that_it_is_compressed(self, gateway, key):
        assert gateway.post(key, b"x", Content_Encoding="gzip").status == 415


class TestOddText:
    ODD = "a\x00b \U0001f600 \u202e \ufffe end"

    @pytest.mark.parametrize("field", ["user", "session_id", "seed_text", "model", "metadata"])
    def test_in_any_field_is_no_error_of_ours(self, gateway, key, field):
        value = {"k\x00": self.ODD} if field == "metadata" else self.ODD

        assert gateway.post(key, body(**{field: value})).status in (200, 400)

    def test_reaches_the_provider_and_comes_back(self, gateway, key):
        answer = gateway.post(key, question("test/echo", self.ODD))

        assert answer.json()["choices"][0]["message"]["content"] == self.ODD

    def test_is_cleaned_where_it_is_written_down(self, gateway, key):
        answer = gateway.post(key, body(user="u\x00v"), X_Title="caf\u00e9 \u00ff".encode().decode("latin-1"))

        identifier = gateway.end_of(answer.headers["x-generation-id"]).id
        [begin] = [
            record
            for record in gateway.records()
            if getattr(record, "context", None) and record.id == identifier
        ]
        assert begin.context["user"] == "u\ufffdv"
        assert begin.context["app_title"] == "caf\u00e9 \u00ff"

    def test_repeated_keys_are_no_error(self, gateway, key):
        data = json.dumps(body()).replace('"model"', '"model": "nobody/x", "model"', 1).encode()

        assert gateway.post(key, data).status == 200

    @pytest.mark.parametrize("depth", [50, 300, 600, 900])
    def test_nested_deeply_is_served_or_refused(self, gateway, key, depth):
        deep = "[" * depth + "]" * depth
        data = json.dumps(body(metadata="@")).replace('"@"', deep).encode()

        assert gateway.post(key, data).status in (200, 400)


class TestALargeBody:
    def test_is_served_and_counted(self, gateway, key):
        text = "word " * 100_000

        answer = gateway.ask(key, "test/echo", text, max_tokens=3)

        assert answer.status == 200
        assert answer.json()["usage"]["prompt_tokens"] == 100_000

    @pytest.mark.parametrize("is_announced", [True, False])
    def test_beyond_the_limit_is_413(self, start_gateway, key, is_announced):
        gateway = start_gateway(HEADGATE_MAX_BODY_BYTES="100000")
        data = b" " * 100_001
        length = f"Content-Length: {len(data)}\r\n" if is_announced else "Transfer-Encoding: chunked\r\n"
        chunk = data if is_announced else b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)

        answer = raw(gateway, key, length, chunk)

        assert b" 413 " in answer.splitlines()[0]
        assert b"payload_too_large" in answer

    def test_does_not_make_small_requests_wait(self, gateway, key):
        large = json.dumps(question("test/echo", "word " * 1_000_000, max_tokens=1)).encode()
        with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
            head = f"POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(large) + large)

            assert gateway.ask(key, "test/echo").status == 200
            assert b" 200 " in connection.recv(100)


HEADS = {
    "no HTTP": b"hello there\r\n\r\n",
    "a bad header": b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n",
    "a bad length": b"POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a NUL": b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bad path": b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
}


class TestAMalformedHead:
    @pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
    def test_is_refused(self, gateway, head):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
            connection.sendall(head)

            assert connection.recv(1000)[:10] in (b"HTTP/1.1 4", b"")

    def test_without_an_end_is_431(self, gateway):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 80_000)

            assert b" 431 " in connection.recv(1000)

    def test_cannot_put_a_line_into_an_answer(self, gateway, key):
        answer = gateway.ask(key, "test/echo\r\nX-Evil: 1")

        assert answer.status == 400
        assert "x-evil" not in answer.headers


def raw(gateway, key, length, chunk):
    head = f"POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{length}\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(head.encode() + chunk)
        return connection.recv(4000)
