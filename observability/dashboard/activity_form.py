"""What of an organization's activity is asked for, as an address carries it, and the addresses that it leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import QueryDict

from observability.dashboard.names import Named, NamesFor, named_member
from observability.usage_page import GROUPS, MEASURES, Shown
from observability.usage_spans import RANGES, Span, after, days

NOBODY: Final = -1
"""Stands for a workspace, key or member that the reader does not know of: nothing was ever asked with it."""
CUSTOM: Final = "custom"
PARAMETERS: Final = {
    "workspace": "workspace",
    "api_key_id": "key",
    "user": "member",
    "model": "model",
    "provider": "provider",
    "app": "app",
    "external_user": "user",
}
"""By what an address narrows each dimension; the log has the same names."""
NEXT_GROUP: Final = {"model": "api_key_id"}
"""By what a narrower page is grouped; most of all by model."""
MEASURES_BY_WORD: Final = dict(zip(("spend", "requests", "tokens"), MEASURES, strict=True))
LONGEST: Final = 500
FIRST_YEAR, LAST_YEAR = 2000, 9998


@dataclass(frozen=True)
class Narrowed:
    """A dimension of which the page shows one value; `address` is the page without that."""

    label: str
    name: str
    without: str


class ActivityForm:
    """What the address asks for; whatever it does not understand is as if it were not there."""

    def __init__(self, query: QueryDict, names: NamesFor, *, now: datetime) -> None:
        self._query, self._names, self._now = query, names, now
        self.range = query.get("range", "") if query.get("range") in (*RANGES, CUSTOM) else "30d"
        self.group = query.get("group", "") if query.get("group") in GROUPS else "model"
        self.word = query.get("show", "") if query.get("show") in MEASURES_BY_WORD else "spend"
        self.is_compared = query.get("compare") == "before"
        self.span = self._span()
        self._found = self._narrowed()

    @property
    def shown(self) -> Shown:
        """The same as the page's numbers are asked."""
        return Shown(
            span=self.span,
            group=GROUPS[self.group],
            measure=MEASURES_BY_WORD[self.word],
            narrowed={name: value for name, (value, _) in self._found.items()},
            is_compared=self.is_compared,
        )

    @property
    def narrowed(self) -> list[Narrowed]:
        """What the page shows of each dimension that it narrows, but for the workspace, which has a choice."""
        return [
            Narrowed(GROUPS[name].label, called, "?" + self._with({PARAMETERS[name]: ""}))
            for name, (_, called) in self._found.items()
            if name != "workspace"
        ]

    @property
    def workspace(self) -> str:
        """The slug of the one workspace that is shown."""
        return self.asked("workspace")

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What the form has no choice for and has to carry on."""
        kept = [name for name in PARAMETERS.values() if name != "workspace"]
        return [(name, self.asked(name)) for name in kept if self.asked(name)]

    def asked(self, name: str) -> str:
        """A parameter of the address, as PostgreSQL takes it."""
        return self._query.get(name, "").replace("\x00", "").strip()[:LONGEST]

    def narrower(self, named: Named) -> str:
        """The page of one group alone, grouped anew; empty where the group has no name of its own."""
        if not named.address or self.group in self._found:
            return ""
        group = NEXT_GROUP.get(self.group, "model")
        return "?" + self._with({PARAMETERS[self.group]: named.address, "group": group})

    def of_bar(self, at: datetime) -> str:
        """The page of the days of one bar; empty where the bar is shorter than that."""
        if self.span.granularity not in ("day", "month"):
            return ""
        last = after(at, self.span.granularity) - timedelta(days=1)
        return "?" + self._with({"range": CUSTOM, "from": f"{at:%Y-%m-%d}", "to": f"{last:%Y-%m-%d}"})

    def log_query(self, named: Named | None = None, *, at: datetime | None = None) -> str:
        """The same requests in the log: of one group alone, or of one bar."""
        start = at or self.span.start
        end = after(at, self.span.granularity) if at else self.span.end
        kept = {name: self.asked(name) for name in PARAMETERS.values()}
        times = {"from": f"{start:%Y-%m-%dT%H:%M}"}
        if end < self._now:
            times["to"] = f"{end:%Y-%m-%dT%H:%M}"
        one = {PARAMETERS[self.group]: named.address} if named else {}
        return urlencode({name: value for name, value in {**kept, **times, **one}.items() if value})

    def _with(self, changes: Mapping[str, str]) -> str:
        query = self._query.copy()
        for name, value in changes.items():
            query.pop(name, None)
            if value:
                query[name] = value
        return query.urlencode()

    def _span(self) -> Span:
        first, last = _day(self._query.get("from", "")), _day(self._query.get("to", ""))
        if self.range != CUSTOM:
            return RANGES[self.range].until(self._now)
        today = datetime.combine(self._now.date(), time.min, tzinfo=UTC)
        last = last or max(first or today, today)
        return days(first or last - timedelta(days=6), last, now=self._now)

    def _narrowed(self) -> dict[str, tuple[str | int, str]]:
        """By dimension: the value as the numbers know it, and what it is called."""
        found: dict[str, tuple[str | int, str]] = {}
        for name, parameter in PARAMETERS.items():
            asked = self.asked(parameter)
            if asked:
                found[name] = self._found_as(name, asked)
        return found

    def _found_as(self, name: str, asked: str) -> tuple[str | int, str]:
        finders: dict[str, Callable[[str], Any]] = {
            "workspace": self._names.workspace,
            "api_key_id": self._names.key,
            "user": self._names.member,
        }
        if name not in finders:
            return asked, asked
        row = finders[name](asked)
        if row is None:
            return NOBODY, "unknown"
        return row.pk, named_member(row).name if name == "user" else row.name


def _day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    is_near = FIRST_YEAR <= day.year <= LAST_YEAR
    return datetime.combine(day, time.min, tzinfo=UTC) if is_near else None
