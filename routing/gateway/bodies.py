"""Turn a request's body into a Call: at once when it is small, in another process when it would stall the loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace as replace_scan
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, ParamSpec, TypeVar

import msgspec
from msgspec.structs import replace

from routing.call import COUNTED, DEFAULT_REGION, Call
from routing.errors import Refusal, forbidden, unavailable
from routing.gateway.client import RefusedError
from routing.gateway.dialects import DIALECTS, Dialect
from routing.gateway.dialects.chat import count_prompt_tokens
from routing.gateway.dialects.server_tools import check_call
from routing.gateway.other_processes import WHAT, OtherProcesses
from routing.gateway.preparing import Governing, Preparation, Prepared, Screened, prepared_with
from routing.gateway.presets import find_preset, preset_named, size_of
from routing.gateway.stickiness import CONVERSATION, opening_of
from routing.gateway.turns import share_exceeded
from routing.policy import PresetEntry

P = ParamSpec("P")
T = TypeVar("T")

LARGE_BYTES = 256 * 1024
RAW_BYTES = 4096
"""A field above this size comes back from the other process as JSON text that is only passed on."""
MOST_WORK = 4_000_000
"""Bytes times a policy's weight that are looked at on the event loop: twenty milliseconds at the very worst."""
MOST_WORK_ELSEWHERE = 2_000_000_000
"""Of dear patterns in the other process: about ten seconds, in which it serves nobody else."""
LOOKED_AT: frozenset[str] = frozenset({"messages", "response_format"})
"""Fields that plugins look at, hence need whole."""
NOTHING: frozenset[str] = frozenset()
MOST_HELD_BYTES = 512 * 1024 * 1024
"""Of bodies that wait for the other processes, or are with them; half of it of one organization."""
TOO_MANY = unavailable(f"Too many {WHAT} at once.")
NO_REGIONS: Mapping[str, str] = MappingProxyType({})


class Wanted(NamedTuple):
    """The other process needs this preset to go on: it has none of its own, and nobody knew before it read the body."""

    slug: str


class BodyReader:
    """Reads bodies. Its processes start with the first large one. `region_hosts` are regions by host name."""

    def __init__(
        self, region_hosts: Mapping[str, str] = NO_REGIONS, most_held_bytes: int = MOST_HELD_BYTES
    ) -> None:
        self._region_hosts = region_hosts
        self._others = OtherProcesses()
        self._most_held = most_held_bytes
        self._held: Counter[int] = Counter()

    async def read(
        self,
        dialect: Dialect,
        data: bytes,
        headers: Mapping[bytes, bytes],
        preparation: Preparation,
        organization: int = 0,
    ) -> Prepared:
        """The call of a body, prepared. Raises RefusedError: 400 for what cannot be, 429 and 503 when too many wait."""
        prepared = await self._read(dialect, data, headers, preparation, organization)
        if not self._region_hosts:
            return prepared
        region = self._region_hosts.get(_host(headers), DEFAULT_REGION)
        return Prepared(replace(prepared.call, region=region), prepared.scan)

    async def _read(
        self,
        dialect: Dialect,
        data: bytes,
        headers: Mapping[bytes, bytes],
        preparation: Preparation,
        organization: int,
    ) -> Prepared:
        preset = None
        _check_work(len(data), preparation.dear)
        if _is_light(len(data), preparation.weight):
            call = read_checked(dialect, data, headers)
            slug = preset_named(call)
            if slug is None:
                return preparation.prepare(call)
            preset = find_preset(preparation.presets, slug)
            if _is_light(len(data) + size_of(preset), preparation.weight):
                return preparation.prepare(call, preset)
        read = partial(read_large, dialect.slug, data, dict(headers), preparation.governing)
        with self._holding(organization, len(data)):
            found = await self.elsewhere(organization, read, preset)
            if isinstance(found, Wanted):
                found = await self.elsewhere(organization, read, find_preset(preparation.presets, found.slug))
        if isinstance(found, Prepared):
            return found
        raise RefusedError(unavailable() if isinstance(found, Wanted) else found)

    @contextmanager
    def _holding(self, organization: int, size: int) -> Iterator[None]:
        """Count what is held; one body fits always. Raises RefusedError."""
        if (held := self._held.total()) and held + size > self._most_held:
            raise RefusedError(TOO_MANY)
        if (held := self._held[organization]) and held + size > self._most_held // 2:
            raise RefusedError(share_exceeded(WHAT))
        self._held[organization] += size
        try:
            yield
        finally:
            self._held[organization] -= size
            if not self._held[organization]:
                del self._held[organization]

    async def elsewhere(
        self, organization: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do work that would stall the loop in another process. Raises RefusedError (429, 503)."""
        return await self._others.do(organization, partial(work, *args, **kwargs))

    async def screen(self, texts: Sequence[str], preparation: Preparation, organization: int) -> Screened:
        """Texts that plugins add, as the guardrails let them pass. Raises RefusedError: 403, 429, 503."""
        size = sum(map(len, texts))
        _check_work(size, preparation.dear)
        if size <= LARGE_BYTES and size * preparation.weight <= MOST_WORK:
            screened = preparation.screen(texts)
        else:
            screened = await self.elsewhere(organization, screen_large, list(texts), preparation.governing)
        if screened.refusal is not None:
            raise RefusedError(screened.refusal)
        return screened

    def close(self) -> None:
        """End the processes."""
        self._others.close()


def read_checked(dialect: Dialect, data: bytes, headers: Mapping[bytes, bytes]) -> Call:
    """The call of a body, which asks for nothing that is refused everywhere. Raises RefusedError."""
    call = dialect.read_call(data, headers)
    check_call(call)
    return call


def read_large(
    slug: str,
    data: bytes,
    headers: Mapping[bytes, bytes],
    governing: Governing,
    preset: PresetEntry | None = None,
) -> Prepared | Refusal | Wanted:
    """Read a body in the other process, and make large fields text that costs the gateway nothing."""
    try:
        call = read_checked(DIALECTS[slug], data, headers)
        if preset is None and (named := preset_named(call)) is not None:
            return Wanted(named)
        prepared = prepared_with(governing).prepare(call, preset)
    except RefusedError as error:
        return error.refusal
    call = prepared.call
    kept = LOOKED_AT if call.plugins else NOTHING
    body = {name: value if name in kept else _light(value) for name, value in call.body.items()}
    seen = {COUNTED: count_prompt_tokens(call), CONVERSATION: opening_of(call.body.get("messages"))}
    light = replace(call, body=body, detail={**call.detail, **seen})
    return Prepared(light, replace_scan(prepared.scan, body={}))


def screen_large(texts: Sequence[str], governing: Governing) -> Screened:
    """Look at what plugins add in the other process."""
    return prepared_with(governing).screen(texts)


def _check_work(size: int, dear: int) -> None:
    """Refuse what would take too long to be looked at, rather than let it pass. Raises RefusedError (403)."""
    if size * dear > MOST_WORK_ELSEWHERE:
        message = "The request is too large to be searched for the patterns of its guardrails."
        raise RefusedError(forbidden(message, rule="guardrail"))


def _is_light(size: int, weight: int) -> bool:
    """Whether so many bytes may be read and looked at on the event loop."""
    return size <= LARGE_BYTES and size * weight <= MOST_WORK


def _host(headers: Mapping[bytes, bytes]) -> str:
    """The host name that the request was sent to, without its port."""
    return headers.get(b"host", b"").decode("latin-1").partition(":")[0].lower()


def _light(value: object) -> object:
    if isinstance(value, dict | list):
        encoded = msgspec.json.encode(value)
        if len(encoded) > RAW_BYTES:
            return msgspec.Raw(encoded)
    return value
