"""Slack's incoming webhooks, and what understands the same: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from accounts.notifications.channel_types.channel_type import Address, ChannelType, send_to
from accounts.notifications.messages import Message

MOST_FIELDS = 10
LONGEST_FIELD, LONGEST_HEADER = 2_000, 150
TAIL = 4


class SlackChannel(ChannelType):
    """A message with blocks; the address is the secret."""

    slug = "slack"
    label = "Slack"
    help = "An incoming webhook of Slack, or of what understands its messages."
    fields = (Address(name="url", most=2_000, help="The incoming webhook's address; it is a secret."),)
    secrets = frozenset({"url"})
    required = frozenset({"url"})

    def hint(self, name: str, value: str) -> str:
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname}/…{value[-TAIL:]}"

    def send(self, message: Message, config: Mapping[str, Any]) -> None:
        body = json.dumps(payload_of(message)).encode()
        send_to(config["url"], body, {"Content-Type": "application/json"})


def payload_of(message: Message) -> dict[str, Any]:
    """Text for previews, and blocks. What people named is plain text or escaped: it mentions and links nobody."""
    header = {"type": "plain_text", "text": message.title[:LONGEST_HEADER]}
    fields = [
        {"type": "mrkdwn", "text": f"*{label}*\n{escaped(value)}"[:LONGEST_FIELD]}
        for label, value in message.lines[:MOST_FIELDS]
    ]
    context = f"{escaped(message.organization)} · {message.label} · <{message.link}|Open in Headgate>"
    blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
    if fields:
        blocks.append({"type": "section", "fields": fields})
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": context}]})
    return {"text": escaped(message.title), "blocks": blocks}


def escaped(text: str) -> str:
    """Text in which Slack sees no mention and no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
