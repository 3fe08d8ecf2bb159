"""A kind of destination for tests: one POST per batch, with a secret in a header, to wherever it is told.

It goes by the name of a type of the contract, so that answers can be held against that.
"""

from __future__ import annotations

import json

from config.lib.declared import Text
from config.lib.outbound import CallFailed
from observability.destination_settings import create
from observability.destinations import DESTINATIONS
from observability.destinations.destination import DestinationKind, Probed
from observability.destinations.exchange import Outcome, VendorRequest
from tests.cast import STAGE

NEW = {
    "type": "otel-collector",
    "name": "Ours",
    "config": {
        "endpoint": "https://192.0.2.1/in",
        "apiKey": "sk-NeverToBeSeenAgain-AbCd",
    },
}


class Mailbox(DestinationKind):
    """A required and an optional secret, an address, and a field with a default."""

    slug = "otel-collector"
    name = "Mailbox"
    about = "For tests."
    fields = (
        Text(name="endpoint", most=2000),
        Text(name="apiKey"),
        Text(name="password"),
        Text(name="folder"),
    )
    required = ("endpoint", "apiKey")
    secrets = frozenset({"apiKey", "password"})
    defaults = {"folder": "inbox"}

    def requests(self, config, traces):
        body = json.dumps([[trace.trace_name, trace.input, dict(trace.custom)] for trace in traces])
        headers = {"X-Api-Key": config["apiKey"], **config.get("headers", {})}
        return [VendorRequest(config["endpoint"], headers, body.encode(), tuple(range(len(traces))))]

    def probe(self, config, door):
        try:
            status = door.send(self.requests(config, [])[0]).status
        except CallFailed as error:
            return Probed(False, str(error))
        return Probed(status < 300, "" if status < 300 else f"HTTP {status}")

    def send(self, config, traces, door):
        reply = door.send(self.requests(config, traces)[0])
        return (
            Outcome(http_status=reply.status) if reply.status < 300 else Outcome(frozenset({0}), error="no")
        )


def use_mailbox(monkeypatch):
    """Let there be mailboxes."""
    monkeypatch.setitem(DESTINATIONS, "otel-collector", Mailbox())


def a_destination(workspace, **settings):
    """A mailbox of a workspace's, within its organization's scope."""
    return create(
        workspace=workspace, kind=NEW["type"], name="Ours", config=NEW["config"], by=STAGE, **settings
    )
