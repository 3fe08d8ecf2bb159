"""The filters of the log as an address carries them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from config.lib.ids import parse_generation_id
from config.lib.money import NANO_PER_USD
from observability.dashboard.names import NamesFor
from observability.log_filters import LogFilter

PLAIN = ("status", "model", "provider", "finish_reason", "error_type", "user", "session_id", "cache", "tool")
"""Parameters that are columns, or named as LogFilter names them."""
NAMES = (
    *PLAIN,
    "workspace",
    "key",
    "member",
    "app",
    "from",
    "to",
    "least",
    "most",
    "guardrail",
    "request",
    "inner",
    "label",
)
ALWAYS_SHOWN = frozenset({"workspace", "key", "status", "model", "label"})
NO_REQUEST = UUID(int=0)
"""Stands for an id that is none."""
NOBODY = -1
"""Stands for a workspace, key or member that the reader does not know of: nothing was ever asked with it."""
MOST_USD = Decimal(1_000_000)


class LogForm:
    """What the address asks for. What is no time and no amount is treated as if it were not there."""

    def __init__(self, query: QueryDict, names: NamesFor) -> None:
        self._names = names
        self.asked = {name: query.get(name, "").replace("\x00", "").strip()[:500] for name in NAMES}

    @property
    def has_more(self) -> bool:
        """Whether one of the filters is used that are folded away."""
        return any(value for name, value in self.asked.items() if name not in ALWAYS_SHOWN)

    @cached_property
    def wanted(self) -> LogFilter:
        """The filter."""
        asked, names = self.asked, self._names
        return LogFilter(
            since=_moment(asked["from"]),
            until=_moment(asked["to"]),
            workspace_id=_known(asked["workspace"], names.workspace),
            api_key_id=_known(asked["key"], names.key),
            member_id=_known(asked["member"], names.member),
            app_title=asked["app"],
            least_cost_nano=_nano(asked["least"]),
            most_cost_nano=_nano(asked["most"]),
            has_guardrail_event=bool(asked["guardrail"]),
            request_id=(parse_generation_id(asked["request"]) or NO_REQUEST) if asked["request"] else None,
            is_outer_only=asked["inner"] == "false",
            label=names.label(asked["label"]) if asked["label"] else None,
            **{name: asked[name] for name in PLAIN},
        )


def _known(asked: str, find: Callable[[str], Any]) -> int | None:  # a workspace, a key, a member
    """The number of what is asked for; nothing is asked where the address names none."""
    found = find(asked) if asked else None
    return (found.pk if found else NOBODY) if asked else None


def _moment(text: str) -> datetime | None:
    """A time of the address: of UTC where it does not say."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    if moment is None or not 1970 < moment.year < 9999:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _nano(text: str) -> int | None:
    """Dollars of the address."""
    try:
        usd = Decimal(text)
    except InvalidOperation:
        return None
    return int(usd * NANO_PER_USD) if usd.is_finite() and 0 <= usd <= MOST_USD else None
