"""What the server promises to an ASGI application, and to its client whatever the application does."""

from __future__ import annotations

import asyncio

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from routing.gateway.http_protocol import Connection

DATE = (b"date", b"today")


async def echo(scope, receive, send):
    """Answer with the body, in one piece and of a stated length."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await send(start(200, (b"content-length", b"%d" % len(body))))
    await send({"type": "http.response.body", "body": body})


def start(status, *headers):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


async def talk(app, sent, *, then=b"", until=None):
    """Send bytes to a server of the application, and more once something came; all that it says until it closes.

    With `until`, an event: hang up at once, and wait for it.
    """
    loop, state = asyncio.get_running_loop(), ServerState()
    state.default_headers = [DATE]
    config = Config(app, http=Connection, lifespan="off", log_config=None, proxy_headers=False)
    config.load()
    server = await loop.create_server(lambda: Connection(config, state, {}, loop), "127.0.0.1", 0)
    async with server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)
        if until is not None:
            writer.close()
            await until.wait()
            return b""
        said = await reader.readuntil(b"\r\n\r\n") if then else b""
        writer.write(then)
        said += await reader.read()
        writer.close()
    return said


def ask(app, head, body=b"", **more):
    request = head.replace(b"\n", b"\r\n") + b"\r\nconnection: close\r\n\r\n" + body
    return asyncio.run(talk(app, request, **more))


class TestABody:
    def test_is_received_however_small_its_pieces_are(self):
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello there" * 3000)

        said = ask(echo, b"POST / HTTP/1.1\ntransfer-encoding: chunked", pieces + b"0\r\n\r\n")

        assert said.endswith(b"\r\n\r\n" + b"hello there" * 3000)

    def test_is_asked_for_when_the_client_waits_for_that(self):
        said = ask(echo, b"POST / HTTP/1.1\ncontent-length: 5\nexpect: 100-continue", then=b"hello")

        assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert said.endswith(b"\r\n\r\nhello")


class TestAResponse:
    def test_carries_the_servers_headers_and_says_that_the_connection_ends(self):
        said = ask(echo, b"GET / HTTP/1.1")

        assert b"\r\ndate: today\r\n" in said
        assert b"\r\nconnection: close\r\n" in said

    def test_of_unknown_length_is_sent_in_chunks(self):
        async def app(scope, receive, send):
            await send(start(200))
            await send({"type": "http.response.body", "body": b"one", "more_body": True})
            await send({"type": "http.response.body", "body": b"two"})

        said = ask(app, b"GET / HTTP/1.1")

        assert said.endswith(b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")

    def test_to_a_head_request_has_no_body(self):
        async def app(scope, receive, send):
            await send(start(200, (b"content-length", b"3")))
            await send({"type": "http.response.body", "body": b"one"})

        said = ask(app, b"HEAD / HTTP/1.1")

        assert b"content-length: 3\r\n" in said
        assert said.endswith(b"\r\n\r\n")

    @pytest.mark.parametrize(
        "header", [(b"x", b"a\r\nb: c"), (b"x", b"a\nb"), (b"x\r\ny", b"a"), (b"x", b"a\0b")]
    )
    def test_never_holds_a_header_that_would_be_two(self, header):
        async def app(scope, receive, send):
            await send(start(200, header))

        assert ask(app, b"GET / HTTP/1.1") == b""

    def test_that_is_shorter_than_it_says_ends_the_connection(self):
        async def app(scope, receive, send):
            await send(start(200, (b"content-length", b"10")))
            await send({"type": "http.response.body", "body": b"one"})

        assert b"one" not in ask(app, b"GET / HTTP/1.1")


class TestAnApplication:
    def test_that_fails_before_its_response_is_answered_for(self):
        async def app(scope, receive, send):
            raise ValueError("broken")

        assert ask(app, b"GET / HTTP/1.1").startswith(b"HTTP/1.1 500 ")

    def test_that_forgets_to_respond_is_answered_for(self):
        async def app(scope, receive, send):
            return

        assert ask(app, b"GET / HTTP/1.1").startswith(b"HTTP/1.1 500 ")

    def test_is_told_that_its_client_left(self):
        told = []

        async def leave():
            is_told = asyncio.Event()

            async def app(scope, receive, send):
                told.extend([await receive(), await receive()])
                is_told.set()

            await talk(app, b"GET / HTTP/1.1\r\n\r\n", until=is_told)

        asyncio.run(leave())

        assert [message["type"] for message in told] == ["http.request", "http.disconnect"]

    def test_learns_a_path_that_was_escaped_and_what_is_behind_it(self):
        seen = {}

        async def app(scope, receive, send):
            seen.update(scope)
            await echo(scope, receive, send)

        ask(app, b"GET /a%20b?c=%20d HTTP/1.1\nHost: here")

        assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/a b", b"/a%20b", b"c=%20d")
        assert (seen["method"], seen["http_version"]) == ("GET", "1.1")
        assert (b"host", b"here") in seen["headers"]
