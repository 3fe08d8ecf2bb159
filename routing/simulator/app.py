"""The simulator as an ASGI app: finds provider and wire format in the path, reads, and plays the plan."""

import hashlib
import itertools
import json
import re
import secrets
from collections import Counter
from collections.abc import Mapping
from typing import Any

from routing.simulator.ask import Ask, Body, RefusedError, Target
from routing.simulator.behaviours import list_models, plan_answer
from routing.simulator.client import BodyTooLargeError, Client, DisconnectedError, Receive, Send
from routing.simulator.dialects.base import Dialect, encode
from routing.simulator.dialects.chat import Chat
from routing.simulator.dialects.completions import Completions
from routing.simulator.dialects.embeddings import Embeddings
from routing.simulator.dialects.gemini import Gemini
from routing.simulator.dialects.messages import Messages
from routing.simulator.exchange import Exchange, Origin, send_error
from routing.simulator.record import Recorder
from routing.simulator.web.site import PREFIX, Site

Scope = Mapping[str, Any]  # an ASGI scope, whose values have no common type

MAX_BODY_BYTES = 64 * 1024 * 1024
LATENCIES = {
    "simulator": (0.004, 0.001),
    "simulator-fast": (0.0, 0.0),
    "simulator-zdr": (0.015, 0.002),
}
"""Seconds to the first token and between tokens, by provider slug."""

_GEMINI_PATH = re.compile(
    r"/v1(?:beta1?)?/(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/google/)?models/(?P<model>.+):(?P<verb>\w+)"
)
"""The addresses of AI Studio and of Vertex AI."""

_GEMINI = Gemini()
_DIALECTS: dict[str, Dialect] = {
    "/v1/chat/completions": Chat(),
    "/v1/completions": Completions(),
    "/v1/embeddings": Embeddings(),
    "/v1/messages": Messages(),
}
_ID_HEADERS = (b"x-request-id", b"x-generation-id")
_KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
_REFUSED_KEY = re.compile(r".*-error-([45][0-9][0-9])")
"""A key that is answered with this status, whatever is asked."""


class Simulator:
    """The ASGI app. Calls are numbered under a prefix of this process, so that a record may outlive it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._turns: Counter[tuple[str, str]] = Counter()
        self._web = Site()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = Client(receive, send)
        provider, path = split_provider(scope["path"])
        try:
            found = find_dialect(scope["method"], path, scope["query_string"], provider)
            if found is not None:
                await self._serve(scope, client, *found)
            elif scope["method"] == "GET" and path == "/v1/models":
                await _send_json(client, 200, encode(_models(provider)))
            elif scope["method"] == "GET" and path.startswith(f"{PREFIX}/"):
                served = self._web.serve(path, scope["query_string"], _host(scope))
                await _send(client, served.status, served.kind, served.body)
            else:
                await _send_json(client, 404, _refuse_path(scope["method"], path))
        except DisconnectedError:
            return  # before the request was complete: there was no call
        finally:
            client.release()

    async def _serve(self, scope: Scope, client: Client, dialect: Dialect, target: Target) -> None:
        key = find_key(scope["headers"])
        origin = Origin(
            call=f"{self._prefix}-{next(self._numbers)}",
            request_id=_find_request_id(scope["headers"]),
            provider=target.provider,
            dialect=dialect,
            credential=None if key is None else digest_of(key),
        )
        model = target.model or ""
        try:
            if refused := _REFUSED_KEY.fullmatch(key or ""):
                raise RefusedError(int(refused[1]), f"The key that begins with {(key or '')[:8]} is refused.")
            body = await _read_json(client)
            model = model or str(body.get("model") or "")
            ask = dialect.read(body, target)
            turn = (target.provider, ask.behaviour)
            plan = plan_answer(ask, self._turns[turn])
        except RefusedError as refusal:
            await send_error(client, self._recorder, origin, model, refusal)
            return
        self._turns[turn] += 1
        await Exchange(client, self._recorder, origin, ask, plan).run(
            *_choose_pace(ask, plan.first_seconds, target)
        )


def split_provider(path: str) -> tuple[str, str]:
    """Return the provider slug that the path begins with, and the rest; `simulator` where it names none."""
    head, _, rest = path[1:].partition("/")
    return (head, f"/{rest}") if head in LATENCIES else ("simulator", path)


def find_dialect(method: str, path: str, query: bytes, provider: str) -> tuple[Dialect, Target] | None:
    """Return the wire format of a path and what else the path says; nothing where the path is not ours."""
    if method != "POST":
        return None
    if path in _DIALECTS:
        return _DIALECTS[path], Target(provider)
    found = _GEMINI_PATH.fullmatch(path)
    if found is None:
        return None
    model, verb = found["model"], found["verb"]
    if verb == "generateContent":
        return _GEMINI, Target(provider, model)
    if verb == "streamGenerateContent" and b"alt=sse" in query.split(b"&"):
        return _GEMINI, Target(provider, model, is_stream=True)
    return None


async def _read_json(client: Client) -> Body:
    """Return the body as an object. Raises RefusedError, DisconnectedError."""
    try:
        body = json.loads(await client.read_body(MAX_BODY_BYTES))
    except BodyTooLargeError:
        raise RefusedError(413, f"The request is larger than {MAX_BODY_BYTES} bytes.") from None
    except (ValueError, RecursionError):
        raise RefusedError(400, "The request's body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "The request's body must be a JSON object.")
    return body


def _choose_pace(ask: Ask, planned: float | None, target: Target) -> tuple[float, float]:
    """Return the seconds to the first token and between tokens: as wished, else the model's or provider's."""
    first, chunk = LATENCIES[target.provider]
    wish = ask.pace
    if planned is not None:
        first = planned
    return (
        first if wish.first_seconds is None else wish.first_seconds,
        chunk if wish.chunk_seconds is None else wish.chunk_seconds,
    )


def find_key(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return what came as the key, in any of the headers that providers want it in."""
    given = {name: value.decode("latin-1") for name, value in headers if name in _KEY_HEADERS}
    for name in _KEY_HEADERS:
        if name in given:
            return given[name].removeprefix("Bearer ").strip()
    return None


def digest_of(key: str) -> str:
    """Return what the record calls a key by, which nobody can use."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _find_request_id(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return the id that the caller gave the request, so that a test can tell its calls apart."""
    given = {name: value for name, value in headers if name in _ID_HEADERS}
    for name in _ID_HEADERS:
        if name in given:
            return given[name].decode("latin-1")
    return None


def _models(provider: str) -> object:
    models = [
        {"id": name, "object": "model", "created": 1_767_225_600, "owned_by": provider}
        for name in list_models()
    ]
    return {"object": "list", "data": models}


def _refuse_path(method: str, path: str) -> bytes:
    dialect = _GEMINI if path.startswith("/v1beta") else _DIALECTS["/v1/chat/completions"]
    return dialect.refuse(RefusedError(404, f"Unknown request URL: {method} {path}", code="unknown_url"), "")


def _host(scope: Scope) -> str:
    """Return what the caller knows this server by."""
    given = dict(scope["headers"]).get(b"host", b"")
    return str(given.decode("latin-1")) or "127.0.0.1"


async def _send_json(client: Client, status: int, body: bytes) -> None:
    await _send(client, status, "application/json", body)


async def _send(client: Client, status: int, kind: str, body: bytes) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body))]
    await client.start(status, headers)
    await client.write(body)
