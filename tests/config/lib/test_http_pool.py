"""The hot path's HTTP client, against a server that says what the test wants, byte by byte."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from config.lib import http_pool
from config.lib.http_exchange import BrokenOff
from config.lib.http_pool import HttpPool, parse_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Plays a part on each connection, once per request."""

    def __init__(self, *answers: bytes, then_close: bool = False) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0
        self._answers = answers
        self._then_close = then_close
        self._writers: list[asyncio.StreamWriter] = []

    async def stop(self) -> None:
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with suppress(OSError):
                await writer.wait_closed()
        await asyncio.sleep(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
                self.requests.append(head + await reader.readexactly(length))
                for part in self._answers:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0.005)
                if self._then_close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


@pytest.fixture
async def start_server():
    servers = []

    async def start(*answers: bytes, then_close: bool = False) -> Server:
        server = Server(*answers, then_close=then_close)
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        servers.append((listener, server))
        server.port = listener.sockets[0].getsockname()[1]
        return server

    yield start
    for listener, server in servers:
        listener.close()
        await server.stop()


@pytest.fixture
async def pool():
    pool = HttpPool()
    yield pool
    pool.close()


async def ask(pool: HttpPool, server: Server, body: bytes = b"{}") -> tuple[int, bytes]:
    exchange, origin = await pool.send("POST", f"http://127.0.0.1:{server.port}/v1/x?y=1", {"a": "b"}, body)
    data = b""
    while piece := await exchange.read_some():
        data += piece
    pool.release(exchange, origin)
    return exchange.status, data


class TestARequest:
    async def test_is_sent_as_it_is(self, pool, start_server):
        server = await start_server(OK)

        assert await ask(pool, server, b"hello") == (200, b"ok")

        assert server.requests == [
            b"POST /v1/x?y=1 HTTP/1.1\r\nhost: 127.0.0.1:%d\r\na: b\r\ncontent-length: 5\r\n\r\nhello"
            % server.port
        ]

    @pytest.mark.parametrize("value", ["a\nb", "a\r\nX: y", "a\rb"])
    async def test_cannot_hold_another_header(self, pool, start_server, value):
        server = await start_server(OK)

        with pytest.raises(ValueError, match="line end"):
            await pool.send("POST", f"http://127.0.0.1:{server.port}/", {"a": value}, b"")

    @pytest.mark.parametrize(
        "url",
        ["ftp://x/", "http://", "http://a b/", "http://x/a b", "http://x/\u00e9", "http://me:pw@x/", "x"],
    )
    def test_needs_a_proper_address(self, url):
        with pytest.raises(ValueError, match=r".+"):
            parse_url(url)

    def test_may_go_to_an_address_of_version_6(self):
        target = parse_url("https://[2001:db8::1]:8443/v1")

        assert target.origin == (True, "2001:db8::1", 8443)
        assert target.host_header == b"[2001:db8::1]:8443"

    async def test_to_nobody_is_an_error(self, pool):
        with pytest.raises(OSError, match=r".+"):
            await pool.send("POST", "http://127.0.0.1:9/", {}, b"")


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class TestAResponse:
    @pytest.mark.parametrize(
        "answers",
        [
            [CHUNKED + b"2\r\nok\r\n0\r\n\r\n"],
            [CHUNKED, b"1\r\no\r\n", b"1\r\nk\r\n", b"0\r\n\r\n"],
            [bytes([byte]) for byte in OK],
            [b"HTTP/1.1 100 Continue\r\n\r\n", OK],
            [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK],
        ],
        ids=["chunked", "in pieces", "byte by byte", "after 100", "after 103"],
    )
    async def test_is_read_whole_and_its_connection_kept(self, pool, start_server, answers):
        server = await start_server(*answers)

        assert [await ask(pool, server) for _ in range(3)] == [(200, b"ok")] * 3
        assert server.connections == 1

    async def test_may_end_with_the_connection(self, pool, start_server):
        server = await start_server(b"HTTP/1.1 200 OK\r\n\r\n", b"ok", then_close=True)

        assert [await ask(pool, server) for _ in range(2)] == [(200, b"ok")] * 2
        assert server.connections == 2

    async def test_may_have_no_body(self, pool, start_server):
        server = await start_server(b"HTTP/1.1 204 No Content\r\n\r\n")

        assert [await ask(pool, server) for _ in range(2)] == [(204, b"")] * 2
        assert server.connections == 1

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
            CHUNKED + b"5\r\nok",
        ],
        ids=["at once", "in the head", "in the body", "in a chunk"],
    )
    async def test_that_is_cut_off_is_an_error(self, pool, start_server, answer):
        server = await start_server(answer, then_close=True)

        with pytest.raises(BrokenOff):
            await ask(pool, server)

    @pytest.mark.parametrize(
        "answer",
        [b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, CHUNKED + b"zz\r\n"],
        ids=["no HTTP", "an endless head", "a bad chunk"],
    )
    async def test_that_is_no_response_is_an_error(self, pool, start_server, answer):
        server = await start_server(answer)

        with pytest.raises(BrokenOff):
            await ask(pool, server)

    @pytest.mark.parametrize("excess", [b"more", OK, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"])
    async def test_that_more_follows_is_as_good_but_its_connection_is_not(self, pool, start_server, excess):
        server = await start_server(OK + excess)

        assert [await ask(pool, server) for _ in range(2)] == [(200, b"ok")] * 2
        assert server.connections == 2

    async def test_is_not_read_ahead_without_bound(self, pool, start_server):
        size = 20_000_000
        server = await start_server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, b"x" * size)
        exchange, origin = await pool.send("POST", f"http://127.0.0.1:{server.port}/", {}, b"")
        await asyncio.sleep(0.2)

        held = exchange._buffered
        read = 0
        while piece := await exchange.read_some():
            read += len(piece)
        pool.release(exchange, origin)

        assert held < 1_000_000
        assert read == size


class TestAKeptConnection:
    async def test_that_the_server_closed_is_not_used(self, pool, start_server):
        server = await start_server(OK, then_close=True)

        first = await ask(pool, server)
        await asyncio.sleep(0.05)

        assert [first, await ask(pool, server)] == [(200, b"ok")] * 2
        assert server.connections == 2

    async def test_is_closed_when_it_was_idle_for_long(self, pool, start_server, monkeypatch):
        server = await start_server(OK)
        await ask(pool, server)
        monkeypatch.setattr(http_pool, "IDLE_SECONDS", 0.0)

        pool.close_idle()
        await ask(pool, server)

        assert server.connections == 2

    async def test_waits_for_an_end_that_comes_after_all_that_was_wanted(self, pool, start_server):
        server = await start_server(CHUNKED + b"2\r\nok\r\n", b"0\r\n\r\n")
        for _ in range(3):
            exchange, origin = await pool.send("POST", f"http://127.0.0.1:{server.port}/", {}, b"")
            await exchange.read_some()
            pool.release(exchange, origin)
            await asyncio.sleep(0.05)

        assert server.connections == 1

    async def test_is_closed_when_that_end_does_not_come(self, pool, start_server, monkeypatch):
        monkeypatch.setattr(http_pool, "ENDING_SECONDS", 0.0)
        server = await start_server(CHUNKED + b"2\r\nok\r\n")
        exchange, origin = await pool.send("POST", f"http://127.0.0.1:{server.port}/", {}, b"")
        await exchange.read_some()
        pool.release(exchange, origin)

        pool.close_idle()
        await asyncio.sleep(0.05)

        assert not exchange.is_open

    async def test_is_never_shared(self, pool, start_server):
        server = await start_server(OK[:20], OK[20:])

        answers = await asyncio.gather(*[ask(pool, server) for _ in range(20)])

        assert answers == [(200, b"ok")] * 20
        assert server.connections == 20


class TestLeaving:
    async def test_while_waiting_closes_the_connection(self, pool, start_server):
        server = await start_server()
        task = asyncio.create_task(ask(pool, server))
        await asyncio.sleep(0.05)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert (await ask_with_answer(pool, server)) == 2


async def ask_with_answer(pool: HttpPool, server: Server) -> int:
    """Connect once more and say how many connections there were."""
    server._answers = (OK,)
    await ask(pool, server)
    return server.connections


class TestAHostWhoseAddressesAreAskedFor:
    async def test_is_connected_to_at_the_address_that_was_found(self, start_server):
        server = await start_server(OK)
        asked = []

        async def find(host: str, port: int) -> list[str]:
            asked.append((host, port))
            return ["127.0.0.1"]

        pool = HttpPool(find)
        url = f"http://rebinding.invalid:{server.port}/"
        exchange, origin = await pool.send("POST", url, {}, b"")
        pool.release(exchange, origin)
        await pool.send("POST", url, {}, b"")

        # Nobody resolved the name but `find`: it could not mean anything else a moment later.
        assert asked == [("rebinding.invalid", server.port)]
        assert b"host: rebinding.invalid" in server.requests[0].lower()
        assert server.connections == 1
        pool.close()

    async def test_is_tried_at_one_address_after_the_other(self, start_server):
        server = await start_server(OK)

        async def find(host: str, port: int) -> list[str]:
            return ["127.0.0.2", "127.0.0.1"]

        pool = HttpPool(find)
        exchange, _ = await pool.send("POST", f"http://two.invalid:{server.port}/", {}, b"")

        assert exchange.status == 200
        pool.close()

    async def test_is_asked_for_again_for_a_new_connection(self, start_server):
        server = await start_server(OK, then_close=True)
        found = iter([["127.0.0.1"], OSError("forbidden by now")])

        async def find(host: str, port: int) -> list[str]:
            answer = next(found)
            if isinstance(answer, OSError):
                raise answer
            return answer

        pool = HttpPool(find)
        url = f"http://rebinding.invalid:{server.port}/"
        exchange, _ = await pool.send("POST", url, {}, b"")
        exchange.abort()

        with pytest.raises(OSError, match="forbidden by now"):
            await pool.send("POST", url, {}, b"")
        pool.close()
