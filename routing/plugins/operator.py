"""What the operator has set up for plugins: whose services they may ask, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from config.lib.outbound import OutboundRules

ONLY_PUBLIC = OutboundRules()


@dataclass(frozen=True, slots=True)
class Service:
    """Where a service is, and the operator's key for it."""

    url: str
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Operator:
    """The services by the engine's name; prices in femto-dollars."""

    search: Mapping[str, Service] = field(default_factory=dict)
    search_femto: int = 0
    result_femto: int = 0
    fetch_femto: int = 0
    parsers: Mapping[str, Service] = field(default_factory=dict)
    moderation: Service | None = None
    moderation_model: str = ""
    outbound: OutboundRules = ONLY_PUBLIC


NOTHING_SET_UP = Operator()


class Missing(NamedTuple):
    """What a configuration needs and the operator has not set up: its field, "" for the plugin, and a reason."""

    field: str
    reason: str

    def at(self, place: str) -> str:
        """Where that is, below a place."""
        return f"{place}.{self.field}" if self.field else place
