"""The scoped base of every admin class.

Lists, filters, foreign-key choices, autocomplete, posted keys and actions take their rows from one place,
`get_queryset`, with row-level security behind it. Rows are written by domain functions alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db import models, transaction
from django.forms import BaseModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from config.lib.admin_scope import is_platform_staff, rows_in_scope
from config.lib.registry import Slot


@dataclass(frozen=True)
class HistoryLine:
    """One recorded change of an object: when, by whom, through which door, and each column's before and after."""

    at: datetime
    who: str
    door: str
    action: str
    reason: str
    changes: Mapping[str, tuple[Any, Any]]


object_history: Slot[[models.Model], list[HistoryLine]] = Slot("object_history")
"""Called with an object of the request's scope; answers what was recorded of it, newest first."""


class ScopedModelAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """Base of every admin class: it reads within the scope and writes through domain functions only.

    A class that lets rows be added, changed or deleted overrides `create_row`, `change_row` or `remove_row` with one
    domain call each, and lists in `refusals` what these raise and the field it is about (or None).
    """

    may: ClassVar[frozenset[str]] = frozenset({"view"})
    """What platform staff may do: view, add, change, delete."""
    administrators_may: ClassVar[frozenset[str]] = frozenset()
    """What organization administrators may do in their organizations."""
    shown: ClassVar[dict[str, Any]] = {}
    """Which rows are there at all; those that ended are not, for any purpose."""
    refusals: ClassVar[dict[type[Exception], str | None]] = {}

    ordering: tuple[str, ...] = ("-pk",)
    show_facets = ShowFacets.NEVER
    view_on_site = False
    list_per_page = 50
    list_filter_submit = True
    compressed_fields = True
    actions_on_top = True

    # --- Writing, by the subclasses

    def create_row(self, request: HttpRequest, values: dict[str, Any]) -> models.Model:
        """Create a row from the form's values."""
        raise PermissionDenied

    def change_row(self, request: HttpRequest, row: Any, changes: dict[str, Any]) -> models.Model:
        """Change a row as it is stored; `changes` holds the form's changed values."""
        raise PermissionDenied

    def remove_row(self, request: HttpRequest, row: Any) -> None:
        """End a row as it is stored."""
        raise PermissionDenied

    # --- Who may

    def _is_allowed(self, request: HttpRequest, action: str) -> bool:
        return action in (self.may if is_platform_staff(request) else self.administrators_may)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_allowed(request, "view")

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "view")

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._is_allowed(request, "delete")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Filter by what the list offers and nothing else: a password's hash could be guessed by its beginning."""
        entries = self.get_list_filter(request) if request else self.list_filter
        offered = [_parameter(entry) for entry in entries]
        if not any(lookup == path or lookup.startswith(f"{path}__") for path in offered):
            return False
        return bool(super().lookup_allowed(lookup, value, request))

    # --- Whose rows

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = rows_in_scope(self.model, request).filter(**self.shown)
        return rows.order_by(*self.get_ordering(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> models.Model:
        """The object; one that is unknown and one that is somebody else's are both not found."""
        found: models.Model | None = super().get_object(request, object_id, from_field)
        if found is None:
            raise Http404
        return found

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> models.QuerySet[Any]:
        """A foreign key's choices, and what it accepts when posted: what the other's own list would show."""
        model = db_field.remote_field.model
        if self.admin_site.is_registered(model):
            return cast("models.QuerySet[Any]", self.admin_site.get_model_admin(model).get_queryset(request))
        return rows_in_scope(model, request)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the links beside a foreign key that open other forms in a pop-up."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            wrapper = field.widget
            wrapper.can_add_related = wrapper.can_change_related = False
            wrapper.can_delete_related = wrapper.can_view_related = False
        return field

    # --- Lists and their actions

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        found: tuple[models.QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term.replace("\0", "")
        )
        return found

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """The list; an action that a domain function refuses changes nothing and says why."""
        for selected in request.POST.getlist(ACTION_CHECKBOX_NAME):
            _require_key(self.model, selected)
        try:
            answer: HttpResponseBase = super().changelist_view(request, extra_context)
        except tuple(self.refusals) as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return answer

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """All or none."""
        with transaction.atomic():
            for row in queryset:
                self.remove_row(request, row)

    # --- Forms

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        """The form; what a domain function refuses is an error of the form, shown by drawing it once more."""
        try:
            answer: HttpResponseBase = super().changeform_view(request, object_id, form_url, extra_context)
        except tuple(self.refusals) as refusal:
            cast(Any, request).refusal = refusal
            answer = super().changeform_view(request, object_id, form_url, extra_context)
        return answer

    def get_form(
        self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: Any
    ) -> type[BaseModelForm[Any]]:
        form: type[BaseModelForm[Any]] = super().get_form(request, obj, change, **kwargs)
        refusal = getattr(request, "refusal", None)
        return form if refusal is None else _refused(form, self._field_of(refusal), str(refusal))

    def _field_of(self, refusal: Exception) -> str | None:
        return next(field for kind, field in self.refusals.items() if isinstance(refusal, kind))

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:
        """Hand the values to the domain function, and go on with the row that it saved."""
        if change:
            # As it is stored: the form has written its values into `obj` already.
            stored = self.get_queryset(request).get(pk=obj.pk)
            values = {name: form.cleaned_data[name] for name in form.changed_data}
            saved = self.change_row(request, stored, values)
        else:
            saved = self.create_row(request, form.cleaned_data)
        obj.pk = saved.pk
        obj.refresh_from_db()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing: a row is saved whole by its domain function."""

    # --- Deleting

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The objects themselves: what they end with is up to their domain functions, and rows mostly stay."""
        rows = list(objs)
        return [str(row) for row in rows], {str(self.opts.verbose_name_plural): len(rows)}, set(), []

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Ask, then end the object; a refusal is told on its page."""
        try:
            answer: HttpResponseBase = super().delete_view(request, object_id, extra_context)
        except tuple(self.refusals) as refusal:
            self.message_user(request, str(refusal), messages.ERROR)
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(name, args=[object_id]))
        return answer

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        self.remove_row(request, obj)

    # --- History: revisions, not Django's log, which does not know whose its entries are

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        """Nothing: the domain function wrote a revision."""

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        """Nothing: the domain function wrote a revision."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Nothing: the domain function wrote a revision."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What was recorded of an object."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "lines": [line for lines in object_history(row) for line in lines],
            "object": row,
            "opts": self.opts,
            "module_name": str(self.opts.verbose_name_plural),
            "preserved_filters": self.get_preserved_filters(request),
        }
        return TemplateResponse(request, "admin/headgate/object_history.html", context)


def _parameter(entry: Any) -> str:
    """The beginning of what an entry of `list_filter` reads from the address."""
    if isinstance(entry, type):
        return str(getattr(entry, "parameter_name", ""))
    return str(entry[0] if isinstance(entry, tuple) else entry)


def _require_key(model: type[models.Model], text: str) -> None:
    try:
        model._meta.pk.to_python(text)
    except ValidationError as error:
        raise BadRequest("no key of this list") from error


def _refused(form: type[BaseModelForm[Any]], field: str | None, message: str) -> type[BaseModelForm[Any]]:
    """The same form, which says why its values were refused."""

    def clean(self: Any) -> Any:
        values = form.clean(self)
        self.add_error(field if field in self.fields else None, message)
        return values

    return type(form.__name__, (form,), {"clean": clean})
