"""The activity of an organization: what was spent, by what, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, repeat
from typing import Any, Final

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from accounts.dashboard.pages import OrganizationView
from accounts.permissions import Permission
from config.lib.charts import BEFORE, COLOURS, REST, Chart, Series, stacked_bars
from config.lib.dashboard import query_without
from config.lib.display import change_text, exact_money_text, money_text
from config.lib.exports import csv_answer, harmless
from config.lib.money import plain_usd, usd_from_nano
from observability.analytics import InvalidQuery, TooSlow
from observability.dashboard.activity_form import CUSTOM, MEASURES_BY_WORD, ActivityForm
from observability.dashboard.names import GroupNames, Named, NamesFor
from observability.usage_page import GROUPS, Activity, activity_of, everything
from observability.usage_spans import RANGES

GROUP_LABELS: Final = {name: dimension.label for name, dimension in GROUPS.items()}
COLUMNS: Final = ("requests", "tokens", "usage_usd")
REST_NAME: Final = "everything else"
TOO_SLOW: Final = "It took longer than a page may. Choose a shorter time, or another grouping."


@dataclass(frozen=True)
class Figure:
    """A sum over all that is shown; `change` says how it was in the time before."""

    label: str
    text: str
    exact: str
    change: str


@dataclass(frozen=True)
class Line:
    """A row of the table; `colour` is that of its part of the bars (config.lib.charts).

    `values` are in the order of MEASURES; `narrower` and `logs` are addresses, empty where they lead nowhere;
    `change` is of the measure that is drawn.
    """

    name: str
    colour: int
    values: Sequence[int]
    narrower: str = ""
    logs: str = ""
    change: str = ""

    @property
    def spend_nano(self) -> int:
        """The first measure."""
        return self.values[0]

    @property
    def requests(self) -> int:
        """The second."""
        return self.values[1]

    @property
    def tokens(self) -> int:
        """The third."""
        return self.values[2]


class ActivityPage(OrganizationView):
    """What the page and its file share."""

    permission = Permission.LOGS_SEE
    section = "activity"

    @cached_property
    def names(self) -> NamesFor:
        """The names that this reader may see."""
        return NamesFor(self.membership)

    @cached_property
    def form(self) -> ActivityForm:
        """What the address asks for."""
        return ActivityForm(self.request.GET, self.names, now=timezone.now())


class ActivityView(ActivityPage):
    """`/o/{organization}/activity`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponse:
        """Figures, bars and the largest groups."""
        try:
            found = activity_of(self.organization.pk, self.form.shown)
        except TooSlow:
            return self._page(refusal=TOO_SLOW)
        except InvalidQuery as error:
            return self._page(refusal=str(error).partition(": ")[2].capitalize())
        names = GroupNames(self.names, self.form.group, {group.key for group in found.groups})
        named = [names.of(group.key) for group in found.groups]
        return self._page(
            total=found.total,
            figures=_figures(found),
            chart=self._chart(found, named),
            lines=self._lines(found, named),
            log_query=self.form.log_query(),
        )

    def _page(self, **shown: Any) -> HttpResponse:
        form = self.form
        ranges = [*((one.name, one.label) for one in RANGES.values()), (CUSTOM, "Custom…")]
        return self.page(
            "observability/activity.html",
            **shown,
            form=form,
            query=query_without(self.request.GET),
            first_day=f"{form.span.start:%Y-%m-%d}",
            last_day=f"{form.span.beginnings[-1]:%Y-%m-%d}" if form.span.beginnings else "",
            ranges=ranges,
            groups=[
                (name, f"By {label.lower().replace('api', 'API')}") for name, label in GROUP_LABELS.items()
            ],
            measures=[(word, word.capitalize()) for word in MEASURES_BY_WORD],
            workspaces=[(place.slug, place.name) for place in self.names.workspaces],
            is_money=form.shown.measure.is_money,
            group_label=form.shown.group.label,
            is_narrowed=bool(form.narrowed or form.workspace),
        )

    def _chart(self, found: Activity, named: list[Named]) -> Chart:
        form = self.form
        series = [
            Series(one.name, [bar.parts[number] for bar in found.bars], number + 1, form.narrower(one))
            for number, one in enumerate(named[:COLOURS])
        ]
        rest = [max(bar.whole - sum(bar.parts), 0) for bar in found.bars]
        if any(rest):
            series.append(Series(REST_NAME, rest, REST))
        before = Series("the time before", [bar.before for bar in found.bars], BEFORE)
        return stacked_bars(
            label=f"{form.word.capitalize()} over time, by {form.shown.group.label.lower()}",
            times=[bar.begins_at for bar in found.bars],
            series=series,
            write=money_text if form.shown.measure.is_money else "{:,}".format,
            beside=before if form.is_compared and found.bars else None,
            links=[form.of_bar(bar.begins_at) or self._log(at=bar.begins_at) for bar in found.bars],
        )

    def _lines(self, found: Activity, named: list[Named]) -> list[Line]:
        colours = chain(range(1, COLOURS + 1), repeat(REST))
        place = self.form.shown.place
        lines = [
            Line(
                one.name,
                colour,
                group.values,
                narrower=self.form.narrower(one),
                logs=self._log(one) if one.address else "",
                change=change_text(group.values[place], group.before[place]) if group.before else "",
            )
            for group, one, colour in zip(found.groups, named, colours, strict=False)
        ]
        sums = zip(*(group.values for group in found.groups), strict=True)
        rest = [whole - listed for whole, listed in zip(found.total, map(sum, sums), strict=False)]
        return [*lines, Line(REST_NAME, REST, rest)] if any(rest) else lines

    def _log(self, named: Named | None = None, **bar: Any) -> str:  # the beginning of one
        return (
            f"{reverse('dashboard:logs', args=[self.organization.slug])}?{self.form.log_query(named, **bar)}"
        )


class ActivityFileView(ActivityPage):
    """`/o/{organization}/activity.csv`."""

    def get(self, request: HttpRequest, organization: str) -> HttpResponseBase:
        """All groups over time."""
        try:
            found = everything(self.organization.pk, self.form.shown)
        except InvalidQuery as error:
            raise BadRequest(str(error)) from error
        names = GroupNames(self.names, self.form.group)

        def rows() -> Iterator[Sequence[str]]:
            for row in found:
                spend, requests, tokens = row.values
                at = f"{row.at:%Y-%m-%dT%H:%M:%SZ}" if row.at else ""
                group = harmless(names.of(row.keys[0]).name)
                yield (at, group, str(requests), str(tokens), plain_usd(usd_from_nano(spend)))

        header = ("time", self.form.group, *COLUMNS)
        return csv_answer(name=f"{self.organization.slug}-activity.csv", header=header, rows=rows)


def _figures(found: Activity) -> list[Figure]:
    """The sums, in the order of MEASURES."""
    figures = []
    for place, (word, measure) in enumerate(MEASURES_BY_WORD.items()):
        write = money_text if measure.is_money else "{:,}".format
        whole, before = found.total[place], found.before[place] if found.before else None
        change = "" if before is None else f"{change_text(whole, before)}, from {write(before)}"
        exact = exact_money_text(whole) if measure.is_money else ""
        figures.append(Figure(word.capitalize(), write(whole), exact, change))
    return figures
