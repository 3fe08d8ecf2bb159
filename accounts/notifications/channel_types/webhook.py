"""A signed POST to a program, as https://www.standardwebhooks.com says."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from accounts.notifications.channel_types.channel_type import Address, ChannelType, send_to
from accounts.notifications.messages import Message
from accounts.notifications.standard_webhooks import PREFIX, is_secret, new_secret, signed_headers
from config.lib.declared import Text

TAIL = 4


class SigningSecret(Text):
    """A secret of the receiver's own making."""

    def read(self, value: Any) -> str:  # JSON of any kind
        text = super().read(value)
        if not is_secret(text):
            raise self.refused("must be whsec_ and 24 to 64 bytes in base64.")
        return text


class WebhookChannel(ChannelType):
    """JSON, signed with a secret that is made with the channel, and anew with another address."""

    slug = "webhook"
    label = "Webhook"
    help = "A signed POST, as Standard Webhooks says."
    fields = (
        Address(name="url", most=2_000, help="Where the POST goes."),
        SigningSecret(name="signing_secret", help="Made for you and shown once, unless you bring your own."),
    )
    secrets = frozenset({"signing_secret"})
    required = frozenset({"url"})

    def complete(self, config: dict[str, Any], changed: frozenset[str]) -> dict[str, Any]:
        if "signing_secret" in changed or ("url" not in changed and "signing_secret" in config):
            return config
        return config | {"signing_secret": new_secret()}

    def hint(self, name: str, value: str) -> str:
        return f"{PREFIX}…{value[-TAIL:]}"

    def send(self, message: Message, config: Mapping[str, Any]) -> None:
        body = json.dumps(payload_of(message), separators=(",", ":")).encode()
        signed = signed_headers(
            config["signing_secret"],
            identifier=message.identifier,
            timestamp=int(time.time()),
            body=body,
        )
        send_to(config["url"], body, {"Content-Type": "application/json", **signed})


def payload_of(message: Message) -> dict[str, Any]:
    """What happened, when, and to whom; the facts by the names that docs/notifications.md lists."""
    return {
        "type": f"notification.{message.kind}",
        "timestamp": message.at.isoformat().replace("+00:00", "Z"),
        "data": {
            "id": message.identifier,
            "title": message.title,
            "organization": message.organization_slug,
            "workspace_id": message.workspace,
            "link": message.link,
            "facts": dict(message.facts),
        },
    }
