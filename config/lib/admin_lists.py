"""Lists of the Django admin that are long: read by key, without counting, filtered by what is in the scope."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, TextFilter
from unfold.views import ChangeList

from config.lib.admin import ScopedModelAdmin

BEFORE = "before"
LONGEST_NUMBER = 20


class KeysetPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Names the template of the links; pages are cut by KeysetChangeList."""

    template_name = "admin/headgate/keyset_pagination.html"


class KeysetChangeList(ChangeList):  # type: ignore[misc]  # unfold is untyped
    """The newest rows, or those before a key; nothing is counted."""

    next_key: str = ""
    """The key that the next page begins after; empty on the last one."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """The filters' parameters; the page's key is none of them."""
        found: dict[str, Any] = super().get_filters_params(params)
        found.pop(BEFORE, None)
        return found

    def get_results(self, request: HttpRequest) -> None:
        size = self.list_per_page
        rows = list(self._from(request.GET.get(BEFORE, ""))[: size + 1])
        self.result_list = rows[:size]
        self.next_key = str(rows[size - 1].pk) if len(rows) > size else ""
        self.is_first_page = BEFORE not in request.GET
        self.result_count = len(self.result_list)
        self.full_result_count = self.result_count
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = bool(rows)
        self.paginator = KeysetPaginator(self.result_list, size)

    def next_query(self) -> str:
        """The query string of the next page."""
        return str(self.get_query_string({BEFORE: self.next_key}))

    def first_query(self) -> str:
        """The query string of the first page."""
        return str(self.get_query_string(remove=[BEFORE]))

    def _from(self, before: str) -> models.QuerySet[Any]:
        rows: models.QuerySet[Any] = self.queryset
        if not before:
            return rows
        try:
            return rows.filter(pk__lt=self.model._meta.pk.to_python(before))
        except ValidationError as error:
            raise IncorrectLookupParameters(error) from error


class KeysetModelAdmin(ScopedModelAdmin):
    """A list that grows for ever: newest first, by key."""

    sortable_by = ()
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList


class ExactTextFilter(TextFilter):  # type: ignore[misc]  # unfold is untyped
    """A column that equals what is typed; an index serves it where a substring would read everything."""

    column: ClassVar[str]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.column: value}) if value else queryset


def exactly(column: str, *, title: str) -> type[ExactTextFilter]:
    """A filter by the exact text of a column."""
    names = {"column": column, "parameter_name": column, "title": title}
    return type(f"Exactly{column.title()}", (ExactTextFilter,), names)


class NamedFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """A column of numbers, chosen by the names of the rows in scope that have them."""

    named: ClassVar[type[models.Model]]
    column: ClassVar[str]
    limit: ClassVar[int] = 500

    def lookups(self, request: HttpRequest, model_admin: ScopedModelAdmin) -> list[tuple[str, str]]:
        rows = model_admin.admin_site.get_model_admin(self.named).get_queryset(request)
        return [(str(row.pk), str(row)) for row in rows.order_by("pk")[: self.limit]]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        value = self.value()
        if not value:
            return queryset
        if not (value.isascii() and value.isdecimal() and len(value) < LONGEST_NUMBER):
            raise IncorrectLookupParameters(f"{self.parameter_name} is no number")
        return queryset.filter(**{self.column: int(value)})


def by_name(model: type[models.Model], column: str) -> type[NamedFilter]:
    """A filter by the rows of another model in scope, for a column that holds their ids."""
    title = str(model._meta.verbose_name)
    return type(
        f"By{model.__name__}",
        (NamedFilter,),
        {"named": model, "column": column, "parameter_name": column, "title": title},
    )


class StateFilter(DropdownFilter):  # type: ignore[misc]  # unfold is untyped
    """A column with a handful of known values."""

    column: ClassVar[str]
    values: ClassVar[tuple[str, ...]]

    def lookups(self, request: HttpRequest, model_admin: ScopedModelAdmin) -> list[tuple[str, str]]:
        return [(value, value.replace("_", " ")) for value in self.values]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(**{self.column: self.value()}) if self.value() in self.values else queryset


def one_of(column: str, values: tuple[str, ...]) -> type[StateFilter]:
    """A filter by one of a column's known values."""
    title = column.replace("_", " ")
    return type(
        f"By{column.title()}",
        (StateFilter,),
        {"column": column, "parameter_name": column, "title": title, "values": values},
    )
