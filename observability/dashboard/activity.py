"""The activity of an organization: what was spent, by what, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission
from config.lib.charts import COLOURS, REST, Chart, Series, stacked_bars
from config.lib.dashboard import query_without
from config.lib.display import money_text
from config.lib.exports import csv_answer, harmless
from config.lib.money import plain_usd, usd_from_nano
from observability.analytics import TooSlow
from observability.dashboard.names import GroupNames, NamesFor
from observability.usage_page import (
    GROUPS,
    MEASURES,
    RANGES,
    Activity,
    Shown,
    activity_of,
    everything,
)

NOBODY: Final = -1
"""Stands for a workspace that the reader does not know of: nothing was ever asked in it."""
GROUP_LABELS: Final = {name: dimension.label for name, dimension in GROUPS.items()}
MEASURES_BY_WORD: Final = dict(zip(("spend", "requests", "tokens"), MEASURES, strict=True))
COLUMNS: Final = ("requests", "tokens", "usage_usd")


@dataclass(frozen=True)
class Line:
    """A row of the table; `colour` is that of its part of the bars (config.lib.charts)."""

    name: str
    colour: int
    spend_nano: int
    requests: int
    tokens: int


class ActivityPage(OrganizationView):
    """What the page and its file share."""

    permission = Permission.LOGS_SEE
    section = "activity"

    def shown(self) -> Shown:
        """What the address asks for; whatever it does not understand is as if it were not there."""
        self.workspaces = NamesFor(self.membership)
        slug = self.asked("workspace")
        return Shown(
            span=RANGES.get(self.asked("range"), RANGES["30d"]),
            group=GROUPS.get(self.asked("group"), GROUPS["model"]),
            measure=MEASURES_BY_WORD.get(self.asked("show"), MEASURES[0]),
            workspace_id=(self.workspaces.workspace_id(slug) or NOBODY) if slug else None,
        )


class ActivityView(ActivityPage):
    """`/o/{organization}/activity`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Figures, bars and the largest groups."""
        shown = self.shown()
        try:
            found = activity_of(self.organization.pk, shown, now=timezone.now())
        except TooSlow:
            return self.page("observability/activity.html", is_too_slow=True, **self._choices(shown))
        return self.page(
            "observability/activity.html",
            total=found.total,
            chart=self._chart(shown, found),
            lines=self._lines(shown, found),
            query=query_without(request.GET),
            **self._choices(shown),
        )

    def _chart(self, shown: Shown, found: Activity) -> Chart:
        names = GroupNames(self.membership, shown.group.name, {group.key for group in found.groups})
        coloured = found.groups[:COLOURS]
        series = [
            Series(names.of(group.key), [bar.parts[number] for bar in found.bars], number + 1)
            for number, group in enumerate(coloured)
        ]
        rest = [max(bar.whole - sum(bar.parts), 0) for bar in found.bars]
        if any(rest):
            series.append(Series("everything else", rest, REST))
        return stacked_bars(
            label=f"{self._choices(shown)['chosen']['show'].capitalize()} over time, by {shown.group.label.lower()}",
            times=[bar.begins_at for bar in found.bars],
            series=series,
            write=money_text if shown.measure.is_money else "{:,}".format,
        )

    def _lines(self, shown: Shown, found: Activity) -> list[Line]:
        names = GroupNames(self.membership, shown.group.name, {group.key for group in found.groups})
        colours = chain(range(1, COLOURS + 1), repeat(REST))
        lines = [
            Line(names.of(group.key), colour, *group.values)
            for group, colour in zip(found.groups, colours, strict=False)
        ]
        sums = zip(*(group.values for group in found.groups), strict=True)
        rest = [whole - listed for whole, listed in zip(found.total, map(sum, sums), strict=False)]
        return [*lines, Line("everything else", REST, *rest)] if any(rest) else lines

    def _choices(self, shown: Shown) -> dict[str, Any]:
        words = {measure.name: word for word, measure in MEASURES_BY_WORD.items()}
        return {
            "ranges": list(RANGES.values()),
            "groups": list(GROUP_LABELS.items()),
            "measures": list(MEASURES_BY_WORD),
            "workspaces": self.workspaces.workspaces,
            "is_money": shown.measure.is_money,
            "group_label": shown.group.label,
            "chosen": {
                "range": shown.span.name,
                "group": shown.group.name,
                "show": words[shown.measure.name],
                "workspace": self.asked("workspace"),
            },
            "is_narrowed": bool(self.asked("workspace")),
        }


class ActivityFileView(ActivityPage):
    """`/o/{organization}/activity.csv`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponseBase:
        """All groups over time."""
        shown = self.shown()
        found = everything(self.organization.pk, shown, now=timezone.now())
        name, names = shown.group.name, GroupNames(self.membership, shown.group.name)

        def rows() -> Iterator[Sequence[str]]:
            for row in found:
                spend, requests, tokens = row.values
                at = f"{row.at:%Y-%m-%dT%H:%M:%SZ}" if row.at else ""
                group = harmless(names.of(row.keys[0]))
                yield (at, group, str(requests), str(tokens), plain_usd(usd_from_nano(spend)))

        header = ("time", name, *COLUMNS)
        return csv_answer(name=f"{self.organization.slug}-activity.csv", header=header, rows=rows)
