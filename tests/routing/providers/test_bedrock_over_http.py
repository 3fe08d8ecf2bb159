"""What arrives at Amazon's end of a real connection bears a signature that holds, and what comes back is read."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from config.lib.aws_signature import Scope
from routing.gateway.upstream import Upstream
from routing.providers import WIRE_FORMATS
from tests.routing.make import make_call, make_endpoint, make_provider
from tests.routing.providers.amazon import event, signed_by_amazon
from tests.routing.providers.streams import text_of

WIRE = WIRE_FORMATS["bedrock"]
KEYS = {"accessKeyId": "AKIAEXAMPLE", "secretAccessKey": "hidden", "region": "eu-central-1"}
MODEL = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-6"
EVENTS = (
    event("messageStart", role="assistant"),
    event("contentBlockDelta", delta={"text": "Hello"}, contentBlockIndex=0),
    event("messageStop", stopReason="end_turn"),
    event(
        "metadata", usage={"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, metrics={"latencyMs": 1}
    ),
)


class Amazon:
    """A server that keeps what it was sent and answers with a stream."""

    def __init__(self) -> None:
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        self.path = head.split(" ")[1]
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.body = await reader.readexactly(int(self.headers["content-length"]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n")
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        for one in EVENTS:
            writer.write(b"%x\r\n%b\r\n" % (len(one), one))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def amazon():
    server = Amazon()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()
    await listening.wait_closed()


def signature_of(amazon: Amazon) -> str:
    """The signature that Amazon's own signer makes of what has arrived."""
    _, _, names = amazon.headers["authorization"].partition("SignedHeaders=")
    signed = names.partition(",")[0].split(";")
    headers = {name: amazon.headers[name] for name in signed if name != "x-amz-date"}
    moment = datetime.strptime(amazon.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    url = f"http://127.0.0.1:{amazon.port}{amazon.path}"
    keys, scope = ("AKIAEXAMPLE", "hidden", None), Scope("eu-central-1", "bedrock")
    return signed_by_amazon(url, headers, amazon.body, keys, scope, moment)["authorization"]


class TestASignedRequest:
    async def test_arrives_as_it_was_signed_and_its_stream_is_read(self, amazon):
        provider = type(make_provider())(
            "bedrock", "Bedrock", "bedrock", f"http://127.0.0.1:{amazon.port}", json.dumps(KEYS)
        )
        endpoint = make_endpoint(upstream_model=MODEL, provider=provider)
        upstream = Upstream()

        request = WIRE.build_request(make_call("a/b", is_streamed=True), endpoint, generation_id="gen-1")
        response = await upstream.send(request)
        stream = WIRE.open_stream(generation_id="gen-1", model="a/b", provider="Bedrock")
        passed = b""
        while not stream.is_done and stream.failure is None:
            data = await response.read_some()
            passed += stream.feed(data) if data else stream.end()
        response.release()
        upstream.close()

        assert (text_of(passed), stream.failure, stream.finish_reason) == ("Hello", None, "stop")
        assert amazon.path.endswith("inference-profile%2Feu.anthropic.claude-sonnet-4-6/converse-stream")
        assert amazon.headers["authorization"] == signature_of(amazon)
