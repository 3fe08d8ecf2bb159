"""What the vendors that take OTLP have in common: one POST per batch, JSON, and protobuf where JSON is refused."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from config.lib.environment import environment
from config.lib.outbound import CallFailed, Reply
from observability.destinations.destination import Config, DestinationKind, Door, Probed
from observability.destinations.exchange import Outcome, VendorRequest
from observability.destinations.fields import with_headers
from observability.destinations.judging import judge, merged, said_by
from observability.destinations.otlp import Attributes, encoded, exported, root_attributes
from observability.destinations.otlp_protobuf import NoProtobuf, as_protobuf
from observability.trace import Trace

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
NOTHING: Final = b'{"resourceSpans":[]}'
COMPRESSED_FROM_BYTES: Final = 1024
MOST_REMEMBERED: Final = 1000
UNSUPPORTED_MEDIA_TYPE: Final = 415


class OtlpKind(DestinationKind):
    """A vendor that takes OTLP over HTTP."""

    is_compressed = True
    """Whether bodies are sent with gzip."""
    probe_statuses = frozenset({200, 201, 202, 204})

    def __init__(self) -> None:
        self._without_json: dict[str, None] = {}

    def address(self, config: Config) -> str:
        """Where traces are posted to."""
        raise NotImplementedError

    def headers(self, config: Config) -> dict[str, str]:
        """What says who we are, and what else the vendor asks for."""
        return {}

    def service(self, config: Config) -> str:
        """The service that traces are shown under."""
        return environment().service_name

    def method(self, config: Config) -> str:
        """How they are posted."""
        return "POST"

    def root(self, trace: Trace, config: Config) -> Attributes:
        """The attributes of the generation's span."""
        return root_attributes(trace)

    def resource(self, trace: Trace, config: Config) -> Attributes:
        """Further attributes of the resource."""
        return {}

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        export = exported(
            traces,
            service=self.service(config),
            root=lambda trace: self.root(trace, config),
            resource=lambda trace: self.resource(trace, config),
        )
        return [self._request(config, encoded(export), tuple(range(len(traces))))]

    def send(self, config: Config, traces: Sequence[Trace], door: Door) -> Outcome:
        try:
            sent = [self._sent(config, request, door) for request in self.requests(config, traces)]
        except NoProtobuf as error:
            carried = frozenset(range(len(traces)))
            return Outcome(retry=carried, is_misconfigured=True, http_status=415, error=str(error))
        return merged(self.judge(*pair) for pair in sent)

    def judge(self, request: VendorRequest, reply: Reply | CallFailed) -> Outcome:
        outcome = judge(request, reply)
        if isinstance(reply, CallFailed) or outcome.http_status is None or outcome.error:
            return outcome
        rejected, message = partial_success(reply)
        if not rejected:
            return outcome
        # OTLP does not say which spans; ids make it harmless to send the others again in halves.
        return replace(outcome, split=frozenset(request.traces), error=message)

    def probe(self, config: Config, door: Door) -> Probed:
        try:
            _, reply = self._sent(config, self._request(config, NOTHING, ()), door)
        except NoProtobuf as error:
            return Probed(is_ok=False, message=str(error))
        if isinstance(reply, CallFailed):
            return Probed(is_ok=False, message=f"No answer: {reply}")
        is_ok = reply.status in self.probe_statuses
        return Probed(is_ok, "" if is_ok else f"The other side answered with HTTP {reply.status}.")

    def _request(self, config: Config, body: bytes, traces: tuple[int, ...]) -> VendorRequest:
        own = {"Content-Type": JSON, **self.headers(config)}
        return VendorRequest(
            url=self.address(config),
            headers=with_headers(config, own),
            body=body,
            traces=traces,
            method=self.method(config),
        )

    def _sent(
        self, config: Config, request: VendorRequest, door: Door
    ) -> tuple[VendorRequest, Reply | CallFailed]:
        """The request as it was sent in the end, and its answer. Raises NoProtobuf."""
        if request.url in self._without_json:
            return request, _answer(door, self._packed(_in_protobuf(request)))
        reply = _answer(door, self._packed(request))
        if isinstance(reply, Reply) and reply.status == UNSUPPORTED_MEDIA_TYPE:
            reply = _answer(door, self._packed(_in_protobuf(request)))
            if isinstance(reply, Reply) and reply.status != UNSUPPORTED_MEDIA_TYPE:
                self._remember(request.url)
        return request, reply

    def _remember(self, url: str) -> None:
        """That this address takes no JSON; forgotten with the process."""
        while len(self._without_json) >= MOST_REMEMBERED:
            self._without_json.pop(next(iter(self._without_json)))
        self._without_json[url] = None

    def _packed(self, request: VendorRequest) -> VendorRequest:
        if not self.is_compressed or len(request.body) < COMPRESSED_FROM_BYTES:
            return request
        headers = {**request.headers, "Content-Encoding": "gzip"}
        return replace(request, body=gzip.compress(request.body, 1, mtime=0), headers=headers)


def partial_success(reply: Reply) -> tuple[int, str]:
    """How many spans a 200 rejected, and why (OTLP specification, partial success)."""
    if "json" not in reply.headers.get("content-type", ""):
        return 0, ""
    try:
        told = said_by(reply)["partialSuccess"]
        rejected = int(told.get("rejectedSpans") or 0)
    except (KeyError, TypeError, ValueError, AttributeError):
        return 0, ""
    return rejected, f"{rejected} spans were rejected."


def _answer(door: Door, request: VendorRequest) -> Reply | CallFailed:
    try:
        return door.send(request)
    except CallFailed as error:
        return error


def _in_protobuf(request: VendorRequest) -> VendorRequest:
    headers: Mapping[str, str] = {
        name: text for name, text in request.headers.items() if name.lower() != "content-type"
    }
    export: Any = msgspec.json.decode(request.body)
    return replace(request, body=as_protobuf(export), headers={**headers, "Content-Type": PROTOBUF})
