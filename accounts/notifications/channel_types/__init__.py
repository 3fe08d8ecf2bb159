"""The types of channels; each is a file here and a line in this list."""

from __future__ import annotations

from collections.abc import Mapping

from accounts.notifications.channel_types.channel_type import ChannelType, Refused, Unreachable
from accounts.notifications.channel_types.email import EmailChannel
from accounts.notifications.channel_types.slack import SlackChannel
from accounts.notifications.channel_types.webhook import WebhookChannel

TYPES: tuple[ChannelType, ...] = (EmailChannel(), SlackChannel(), WebhookChannel())
CHANNEL_TYPES: Mapping[str, ChannelType] = {each.slug: each for each in TYPES}

__all__ = ["CHANNEL_TYPES", "TYPES", "ChannelType", "Refused", "Unreachable"]
