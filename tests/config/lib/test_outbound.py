"""Where a user may make us connect to: every form of a forbidden address is refused, before a connection is made."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading

import aiohttp
import pytest

from config.lib.outbound import (
    CallFailed,
    CheckingResolver,
    ForbiddenAddress,
    OutboundRules,
    open_pool,
    open_session,
    post,
    post_form,
)

FORBIDDEN = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "172.16.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "fec0::1",
    "3fff::1",
    "192.0.0.192",
    "192.88.99.1",
    "168.63.129.16",
    "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110",
]
DISGUISED = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "127.0.0.1.", "0", "017700000001"]


class TestAnAddress:
    @pytest.mark.parametrize("address", FORBIDDEN)
    def test_that_is_not_public_is_forbidden(self, address):
        assert not OutboundRules().permits(address)

    @pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
    def test_that_is_public_is_permitted(self, address):
        assert OutboundRules().permits(address)

    def test_is_permitted_where_the_operator_opened_its_range(self):
        rules = OutboundRules.parse("10.1.0.0/16, 192.168.7.9/32,fd00::/8")

        assert rules.permits("10.1.2.3")
        assert rules.permits("::ffff:10.1.2.3")
        assert rules.permits("fd00::1")
        assert not rules.permits("10.2.0.1")
        assert not rules.permits("192.168.7.10")

    def test_range_that_is_none_is_nonsense(self):
        with pytest.raises(ValueError, match="does not appear"):
            OutboundRules.parse("10.0.0.0/8, here")


class TestAUrl:
    @pytest.mark.parametrize("host", [*DISGUISED, "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
    def test_with_a_forbidden_address_in_any_form_is_refused(self, host):
        with pytest.raises(ForbiddenAddress):
            OutboundRules().check_url(f"http://{host}/")

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://example.com/",
            "file:///etc/passwd",
            "//example.com/",
            "http://",
            "http://me:secret@example.com/",
        ],
    )
    def test_of_another_kind_is_refused(self, url):
        with pytest.raises(ForbiddenAddress):
            OutboundRules().check_url(url)

    @pytest.mark.parametrize(
        "url", ["https://example.com/v1", "http://1.1.1.1:8080/", "https://7eleven.example/"]
    )
    def test_of_a_name_or_a_public_address_is_fine(self, url):
        OutboundRules().check_url(url)


class TestAName:
    async def test_that_leads_inside_is_forbidden(self):
        with pytest.raises(ForbiddenAddress):
            await CheckingResolver(OutboundRules()).resolve("localhost", 80, socket.AF_UNSPEC)

    async def test_leads_to_the_very_address_that_was_checked(self):
        found = await CheckingResolver(OutboundRules.parse("127.0.0.0/8")).resolve(
            "localhost", 80, socket.AF_INET
        )

        assert {entry["host"] for entry in found} == {"127.0.0.1"}

    @pytest.mark.parametrize("host", DISGUISED[:5])
    async def test_that_is_an_address_in_disguise_is_forbidden(self, host):
        with pytest.raises(ForbiddenAddress):
            await CheckingResolver(OutboundRules()).resolve(host, 80, socket.AF_INET)


class Neighbour:
    """A server on this machine that counts its visitors."""

    def __init__(self, answer: bytes) -> None:
        self.visitors = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visitors += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self._answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def start_neighbour():
    servers = []

    async def start(answer: bytes) -> tuple[Neighbour, int]:
        neighbour = Neighbour(answer)
        server = await asyncio.start_server(neighbour.serve, "127.0.0.1", 0)
        servers.append(server)
        return neighbour, server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


def _answer_once(server: socket.socket, answer: bytes) -> None:
    visitor, _ = server.accept()
    with visitor:
        visitor.recv(65536)
        visitor.sendall(answer)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class TestASession:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
    async def test_steered_by_a_user_does_not_knock_at_a_forbidden_door(self, start_neighbour, host):
        neighbour, port = await start_neighbour(OK)

        async with open_session(rules=OutboundRules()) as session:
            with pytest.raises((ForbiddenAddress, aiohttp.ClientError, ValueError)):
                await session.get(f"http://{host}:{port}/", allow_redirects=False)

        assert neighbour.visitors == 0

    async def test_steered_by_a_user_reaches_what_the_operator_opened(self, start_neighbour):
        _, port = await start_neighbour(OK)

        async with open_session(rules=OutboundRules.parse("127.0.0.1/32")) as session:
            answer = await session.get(f"http://localhost:{port}/", allow_redirects=False)

            assert await answer.text() == "ok"

    async def test_follows_no_proxy_variable(self, start_neighbour, monkeypatch):
        _, port = await start_neighbour(OK)
        proxy, proxy_port = await start_neighbour(OK)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy_port}")

        async with open_session() as session:
            await (await session.get(f"http://127.0.0.1:{port}/", allow_redirects=False)).read()

        assert proxy.visitors == 0

    async def test_keeps_no_cookies(self, start_neighbour):
        _, port = await start_neighbour(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))

        async with open_session() as session:
            await (await session.get(f"http://127.0.0.1:{port}/", allow_redirects=False)).read()

            assert len(session.cookie_jar) == 0


class TestAPool:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
    async def test_steered_by_a_user_does_not_knock_at_a_forbidden_door(self, start_neighbour, host):
        neighbour, port = await start_neighbour(OK)
        pool = open_pool(rules=OutboundRules())

        with pytest.raises(OSError, match="not allowed"):
            await pool.send("POST", f"http://{host}:{port}/", {}, b"")

        assert neighbour.visitors == 0

    async def test_steered_by_a_user_reaches_what_the_operator_opened(self, start_neighbour):
        neighbour, port = await start_neighbour(OK)
        pool = open_pool(rules=OutboundRules.parse("127.0.0.0/8, ::1/128"))

        exchange, _ = await pool.send("POST", f"http://localhost:{port}/", {}, b"")

        assert (exchange.status, neighbour.visitors) == (200, 1)
        pool.close()

    async def test_of_the_operators_own_addresses_checks_nothing(self, start_neighbour):
        _, port = await start_neighbour(OK)
        pool = open_pool()

        exchange, _ = await pool.send("POST", f"http://127.0.0.1:{port}/", {}, b"")

        assert exchange.status == 200
        pool.close()


class TestASingleCall:
    def test_brings_status_headers_and_body_and_follows_no_redirect(self):
        moved = b"HTTP/1.1 307 Moved\r\nLocation: /there\r\nContent-Length: 2\r\n\r\nno"
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=_answer_once, args=(server, moved)).start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"

            reply = post(url, b"{}", headers={}, rules=OutboundRules.parse("127.0.0.0/8"))

        assert (reply.status, reply.body, reply.headers["location"]) == (307, b"no", "/there")

    def test_goes_nowhere_that_is_not_permitted(self):
        with pytest.raises(CallFailed, match="not allowed"):
            post_form("http://127.0.0.1:9/", {}, headers={}, rules=OutboundRules())

    def test_that_reaches_nobody_fails(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

        with pytest.raises(CallFailed):
            post_form(f"http://127.0.0.1:{port}/", {}, headers={}, rules=OutboundRules.parse("127.0.0.0/8"))

    def test_that_takes_too_long_fails(self):
        rules = OutboundRules.parse("127.0.0.0/8")

        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            with pytest.raises(CallFailed):
                post_form(url, {}, headers={}, rules=rules, seconds=0.1)

    def test_says_nothing_of_the_addresses_behind_a_name(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

        with pytest.raises(CallFailed) as failed:
            post(f"http://localhost:{port}/", b"", headers={}, rules=OutboundRules.parse("127.0.0.0/8,::1"))

        assert str(failed.value) == "no connection can be made"

    def test_says_nothing_of_what_was_no_http_answer(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            banner = b"SSH-2.0-OpenSSH_9.6 inside\r\n\r\n"
            threading.Thread(target=_answer_once, args=(server, banner)).start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"

            with pytest.raises(CallFailed) as failed:
                post(url, b"", headers={}, rules=OutboundRules.parse("127.0.0.0/8"))

        assert str(failed.value) == "what came was no HTTP answer"

    def test_blows_up_nothing_that_was_packed_unasked(self):
        packed = gzip.compress(bytes(1 << 20))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=_answer_once, args=(server, head + packed)).start()
            url = f"http://127.0.0.1:{server.getsockname()[1]}/"

            reply = post(url, b"", headers={}, rules=OutboundRules.parse("127.0.0.0/8"))

        assert reply.body == packed
