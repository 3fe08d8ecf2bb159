"""Both planes as one ASGI application: one look at the path decides (DESIGN §1)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any, ParamSpec, TypeAlias, TypeVar
from urllib.parse import urlsplit

import django
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, close_old_connections, connections

from config import probes
from config.door import Door
from config.lib.environment import Environment, environment
from config.lib.outbound import OutboundRules
from config.lib.reporting import Reporter
from config.lib.tracing import Tracing
from config.lib.tracing import start as start_tracing
from config.system.checks import check_environment
from routing.errors import Refusal, encode_envelope
from routing.gateway.app import GatewayApp, is_ours, route_of
from routing.gateway.attempts import Patience
from routing.gateway.measuring import measure
from routing.gateway.policy_cache import SourceAway
from routing.gateway.runtime import Limits, Loaders, Runtime, Storage
from routing.gateway.server import Draining
from routing.gateway.upstream import PropagatingUpstream
from routing.plugin_services import operator_of

Message: TypeAlias = MutableMapping[str, Any]  # ASGI's own types
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Plane: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
P = ParamSpec("P")
T = TypeVar("T")

NOT_HERE = Refusal(404, "not_found", "This process serves no such route.", "not_found")

log = logging.getLogger(__name__)


class Application:
    """The planes that `HEADGATE_PLANE` names; `draining` is shared with the server that runs it."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self.draining = Draining(env.drain_notice_seconds, env.drain_seconds)
        self._probes = probes.Probes(env, self.draining)
        self._runtime: Runtime | None = None
        self._gateway: Plane | None = None
        self._tracing: Tracing | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the server's own start and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._gateway is not None and is_ours(scope["path"]):
            await self._gateway(scope, receive, send)
        elif scope["path"] in probes.PATHS:
            status, kind, body = await self._probes.answer(scope["path"], scope["method"], scope["headers"])
            await _send(send, status, body, kind)
        elif self._env.plane == "gateway":
            await _send(send, NOT_HERE.status, encode_envelope(NOT_HERE), b"application/json")
        else:
            await self._control(scope, receive, send)

    @cached_property
    def _control(self) -> Plane:
        from django.core.asgi import get_asgi_application  # a gateway alone never loads Django's handlers

        handler: Any = get_asgi_application()  # Django types a scope as a dict and nothing else
        return Door(handler)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._start()
        except Exception as error:
            log.exception("the gateway cannot start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._runtime is not None:
            await self._runtime.stop()
        if self._probes.reporter is not None:
            self._probes.reporter.stop()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.stop)
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        await asyncio.to_thread(_require_sealing_keys)
        await asyncio.to_thread(_follow_settings)
        if self._env.plane != "gateway":
            self._control  # noqa: B018  # loaded now, so that the first page does not wait
        if self._env.plane == "control":
            self._probes.reporter = Reporter(self._env, "control").start()
            return
        self._tracing = tracing = start_tracing(self._env, "gateway")
        upstream = None
        if tracing is not None and self._env.is_trace_propagated:
            upstream = PropagatingUpstream(OutboundRules.parse(self._env.outbound_allow), tracing.headers)
        runtime = self._runtime = self._probes.runtime = Runtime(
            _storage(self._env), _limits(self._env), _loaders(), upstream
        )
        gateway = GatewayApp(runtime)
        self._gateway = gateway if tracing is None else tracing.around(gateway, route_of)
        self._probes.reporter = Reporter(self._env, "gateway", lambda: measure(runtime)).start()
        self.draining.end_requests = self._runtime.end_requests
        await self._runtime.start()


def _require_sealing_keys() -> None:
    """Raise ImproperlyConfigured when a stored secret needs a key that is not here."""
    from config.system.stored_secrets import stored_secret_faults  # models, as in _loaders

    try:
        faults = stored_secret_faults(using="owner")
    except (OperationalError, InterfaceError):
        log.warning("the database is away: cannot tell whether every sealing key is here")
        return
    finally:
        connections["owner"].close()
    if faults:
        raise ImproperlyConfigured("\n".join(str(fault) for fault in faults))


def _follow_settings() -> None:
    """Bring to the database what the environment says about all organizations alike."""
    from workspaces.byok_allowance import follow_setting  # models, as in _loaders

    try:
        follow_setting(using="owner")
    except (OperationalError, InterfaceError):
        log.warning("the database is away: the free BYOK allowance stays as it was")
    finally:
        connections["owner"].close()


def _storage(env: Environment) -> Storage:
    url = env.owner_database_url or env.database_url
    return Storage(env.journal_folder, env.segment_bytes, url, env.listen_database_url or url)


def _limits(env: Environment) -> Limits:
    return Limits(
        max_body_bytes=env.max_body_bytes,
        max_concurrency=env.max_concurrency,
        organization_share=env.organization_share,
        stale_seconds=env.stale_policy_seconds,
        patience=Patience(env.first_token_seconds, env.stream_silence_seconds, env.answer_seconds),
        region_hosts=env.regions_by_host,
        outbound=OutboundRules.parse(env.outbound_allow),
        google_token_url=env.google_token_url,
        cache_bytes=env.response_cache_mb << 20,
        region=env.region or None,
        operator=operator_of(env),
        slow_seconds=env.slow_request_seconds,
        is_access_logged=env.is_access_logged,
        dashboard_origin=_origin(env.base_url),
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _loaders() -> Loaders:
    from routing import policies  # models, which exist only once Django is set up

    return Loaders(_from_database(policies.load_policy), _from_database(policies.load_catalog))


def _from_database(load: Callable[P, T]) -> Callable[P, T]:
    """The loader for a worker thread: says so when the database is away, and keeps no broken connection."""

    def loaded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return load(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            raise SourceAway(str(error)) from error
        finally:
            close_old_connections()

    return loaded


async def _send(send: Send, status: int, body: bytes, kind: bytes = b"text/plain") -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def make_application() -> Application:
    """The application of this process's environment. Raises ImproperlyConfigured for nonsense in it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    faults = check_environment()
    if faults:
        raise ImproperlyConfigured("\n".join(str(fault) for fault in faults))
    return Application(environment())


application = make_application()
