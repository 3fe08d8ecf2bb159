"""What every kind of destination says about itself, and its one verb: sending a batch of traces.

A vendor that takes a batch in one HTTP request, and tells by the status what became of it, overrides `requests` alone.
One that needs more (a token first, one object per trace, an answer that has to be polled) overrides `send`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from config.lib.declared import Field, NotValid, read
from config.lib.outbound import CallFailed, Reply
from observability.destinations.exchange import Outcome, VendorRequest
from observability.destinations.fields import HEADERS
from observability.destinations.judging import judge, merged
from observability.trace import Trace

Config = Mapping[str, Any]  # what the kind declares, secrets included, defaults filled in


class Door(Protocol):
    """The way out of the house, which checks every address (DESIGN §8)."""

    def send(self, request: VendorRequest) -> Reply:
        """Send one request. Raises CallFailed."""

    def send_all(self, requests: Sequence[VendorRequest]) -> list[Reply | CallFailed]:
        """Send requests at the same time, a handful of them; answers and failures in their order."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a vendor takes in one batch, and how long it is worth waiting for more."""

    traces: int = 100
    bytes: int = 1 << 20
    linger_seconds: float = 1
    oldest_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """What a test of the connection showed; `message` is for the administrator."""

    is_ok: bool
    message: str = ""


class DestinationKind:
    """A vendor. Without state: one object serves all destinations of its type.

    `secrets` names the fields of `fields` that are sealed and shown masked; custom headers (`headers`) always are.
    `addresses` names the fields whose change clears the secrets (DESIGN §6).
    """

    slug: ClassVar[str]
    name: ClassVar[str]
    about: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]] = ()
    required: ClassVar[tuple[str, ...]] = ()
    secrets: ClassVar[frozenset[str]] = frozenset()
    made_here: ClassVar[frozenset[str]] = frozenset()
    """Fields whose value is ours to choose: nobody may send another one."""
    addresses: ClassVar[frozenset[str]] = frozenset({"baseUrl", "endpoint", "url", "host"})
    defaults: ClassVar[Mapping[str, Any]] = {}
    limits: ClassVar[Limits] = Limits()
    verified_against: ClassVar[str] = ""
    """What the payload was tried against, for docs/broadcast.md."""

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """What is declared, and the headers that each kind takes."""
        return (*self.fields, HEADERS)

    def read_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration as it is kept, with defaults and secrets. Raises NotValid."""
        config = {**self.defaults, **read(self.all_fields, given, within="config")}
        for name in self.required:
            if name not in config:
                raise NotValid(f"config.{name}", "is required.")
        return config

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        """The requests that carry the batch. Pure."""
        raise NotImplementedError

    def probe(self, config: Config, door: Door) -> Probed:
        """Try address and account without leaving a trace at the vendor, where the vendor allows that."""
        raise NotImplementedError

    def send(self, config: Config, traces: Sequence[Trace], door: Door) -> Outcome:
        """Deliver a batch."""
        requests = self.requests(config, traces)
        replies = door.send_all(requests)
        return merged(self.judge(*pair) for pair in zip(requests, replies, strict=True))

    def judge(self, request: VendorRequest, reply: Reply | CallFailed) -> Outcome:
        """What became of the traces of one request."""
        return judge(request, reply)
