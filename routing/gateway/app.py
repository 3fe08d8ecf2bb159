"""The data plane as an ASGI app: its routes, and the one place where errors become responses."""

from __future__ import annotations

import asyncio
import logging
import time

from config.lib.ids import NewId, new_id
from config.lib.log_context import current
from routing.errors import internal_error, invalid_request
from routing.gateway import catalog_routes, metrics
from routing.gateway.answering import refuse
from routing.gateway.chat_door import allowed_to, is_preflight, shared_with
from routing.gateway.client import Client, Gone, Receive, RefusedError, Scope, Send
from routing.gateway.dialects import CHAT, PATHS, Dialect
from routing.gateway.ending import STOPPING
from routing.gateway.pipeline import serve
from routing.gateway.runtime import Runtime
from routing.gateway.telling import note_refusal
from routing.gateway.watch import Interrupted, Reason

POSTS: dict[str, Dialect] = PATHS
OTHER = "other"
WRONG_METHOD = invalid_request("This method is not allowed here.", status=405)

log = logging.getLogger(__name__)


def is_ours(path: str) -> bool:
    """Whether the data plane serves the path."""
    return path in POSTS or catalog_routes.find(path) is not None


def route_of(path: str) -> str:
    """A path as figures name it: what else is in it may be anything."""
    return path if path in POSTS else OTHER


class GatewayApp:
    """Serves the data plane's routes."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; nothing is raised but a cancellation that is not ours."""
        began, identifier = time.monotonic(), new_id()
        client = Client(scope, receive, send, identifier.public)
        client.common += shared_with(self._runtime.limits.dashboard_origin, scope)
        current.set(client.subject)  # each request has a task of its own
        route = route_of(scope["path"])
        open_requests = self._runtime.open_requests
        open_requests.add(client)
        try:
            await self._serve(client, route, identifier)
        finally:
            open_requests.discard(client)
            client.release()
            seconds = time.monotonic() - began
            metrics.REQUESTS.observe(seconds, route, str(client.status))
            if self._runtime.limits.is_access_logged:
                log.info("%s: %d in %.3f s", route, client.status, seconds)

    async def _serve(self, client: Client, route: str, identifier: NewId) -> None:
        dialect = POSTS.get(route, CHAT)
        try:
            await self._dispatch(client, identifier)
        except RefusedError as error:
            note_refusal(error.refusal)
            await refuse(client, dialect, error.refusal, metadata=error.metadata)
        except (Gone, Interrupted, asyncio.CancelledError) as error:
            await self._leave(client, dialect, error)
        except Exception:
            log.exception("request %s to %s failed", identifier.public, route)
            await refuse(client, dialect, internal_error())

    async def _leave(self, client: Client, dialect: Dialect, error: BaseException) -> None:
        """End a request whose client left, or that the process cannot wait for."""
        reason = client.watch.take_back() or client.watch.reason
        if reason is None and isinstance(error, asyncio.CancelledError):
            raise error
        if reason is Reason.STOPPING:
            await refuse(client, dialect, STOPPING)

    async def _dispatch(self, client: Client, identifier: NewId) -> None:
        path, method = client.scope["path"], client.scope["method"]
        if is_preflight(client.scope):
            await client.answer(204, b"", allowed_to(self._runtime.limits.dashboard_origin, client.scope))
            return
        dialect = POSTS.get(path)
        if dialect is not None:
            if method != "POST":
                raise RefusedError(WRONG_METHOD)
            client.common.append((b"x-generation-id", identifier.public.encode()))
            await serve(self._runtime, client, dialect, identifier)
            return
        if method not in ("GET", "HEAD"):
            raise RefusedError(WRONG_METHOD)
        if catalog_route := catalog_routes.find(path):
            await catalog_route(self._runtime, client)
