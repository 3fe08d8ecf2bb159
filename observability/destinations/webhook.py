"""The administrator's own server: OTLP JSON, signed if a secret is set."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from accounts.notifications.standard_webhooks import is_secret, signed_headers
from config.lib.declared import Choice, NotValid, Text
from config.lib.outbound import CallFailed, Reply
from observability.destinations.destination import Config, Door, Probed
from observability.destinations.exchange import VendorRequest
from observability.destinations.fields import Address
from observability.destinations.otlp_kind import NOTHING, OtlpKind
from observability.trace import Trace


class Webhook(OtlpKind):
    """`signingSecret` is an addition to the contract: with it each request carries Standard Webhooks' headers."""

    slug = "webhook"
    name = "Webhook"
    about = "Your own HTTP endpoint gets OTLP JSON."
    fields = (
        Address(name="url", help="Where traces are sent to."),
        Choice(name="method", values=("POST", "PUT"), help="How they are sent."),
        Text(
            name="signingSecret",
            help="whsec_ and base64; requests are signed as Standard Webhooks says.",
        ),
    )
    required = ("url",)
    secrets = frozenset({"signingSecret"})
    defaults = {"method": "POST"}
    is_compressed = False
    probe_statuses = OtlpKind.probe_statuses | {400}
    verified_against = "a strict local receiver, with signatures by the formula of Standard Webhooks"

    def read_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        config = super().read_config(given)
        if "signingSecret" in config and not is_secret(config["signingSecret"]):
            raise NotValid("config.signingSecret", "must be whsec_ and 24 to 64 bytes in base64.")
        return config

    def address(self, config: Config) -> str:
        return str(config["url"])

    def method(self, config: Config) -> str:
        return str(config["method"])

    def requests(self, config: Config, traces: Sequence[Trace]) -> list[VendorRequest]:
        identity = hashlib.sha256("".join(trace.generation_id for trace in traces).encode()).hexdigest()[:32]
        headers = {"Idempotency-Key": identity}
        return [
            _signed(replace(request, headers={**headers, **request.headers}), config, identity)
            for request in super().requests(config, traces)
        ]

    def probe(self, config: Config, door: Door) -> Probed:
        request = self._request(config, NOTHING, ())
        headers = {**request.headers, "X-Test-Connection": "true"}
        try:
            reply = door.send(_signed(replace(request, headers=headers), config, "test"))
        except CallFailed as error:
            return Probed(is_ok=False, message=f"No answer: {error}")
        return self.probed(reply)

    def probed(self, reply: Reply) -> Probed:
        """A test passes with 400, too: the server is there and merely wants something to be in it."""
        is_ok = 200 <= reply.status < 300 or reply.status in self.probe_statuses
        return Probed(is_ok, "" if is_ok else f"The other side answered with HTTP {reply.status}.")


def _signed(request: VendorRequest, config: Config, identity: str) -> VendorRequest:
    secret = config.get("signingSecret")
    if not secret:
        return request
    signed = signed_headers(secret, identifier=identity, timestamp=int(time.time()), body=request.body)
    return replace(request, headers={**request.headers, **signed})
