"""The form of a guardrail: everything that it may restrict, in sections."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any

from django import forms
from django.http import QueryDict

from config.lib.money import nano_from_usd, usd_from_nano
from routing.dashboard.filter_rows import (
    DO,
    LONGEST_SAMPLE,
    PatternRow,
    builtin_entries,
    builtin_fields,
    posted_rows,
    stored_rows,
)
from routing.dashboard.restrictions_form import KEEPING_OUT, ZDR, RestrictionsForm
from routing.guardrail_checks import DATA_REGIONS, MOST_FILTERS
from routing.guardrails import BUILTINS
from routing.models import Guardrail

LARGEST_LIMIT = Decimal(1_000_000_000)
LONGEST_TEXT = 100_000
RESETS = [("", "Choose…"), ("d", "Every day"), ("w", "Every week"), ("m", "Every month")]
REGIONS = [(region, {"us": "United States"}.get(region, region.capitalize())) for region in DATA_REGIONS]
POLICIES = tuple(name for name in KEEPING_OUT if name != "enable_paid_model_publication")


class GuardrailForm(RestrictionsForm):
    """A guardrail, or the draft of one; a workspace's default one keeps its name."""

    flags = (*POLICIES, *ZDR)
    name = forms.CharField(
        max_length=Guardrail._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        max_length=Guardrail._meta.get_field("description").max_length,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    limit_usd = forms.DecimalField(
        label="Budget",
        required=False,
        min_value=Decimal(0),
        max_value=LARGEST_LIMIT,
        decimal_places=9,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "placeholder": "No budget", "step": "any"}),
    )
    limit_interval = forms.ChoiceField(label="Starts anew", choices=RESETS, required=False)
    is_byok_in_budgets = forms.BooleanField(
        label="Requests with own provider keys count, too", required=False
    )
    allowed_data_regions = forms.MultipleChoiceField(
        label="Requests may arrive in",
        choices=REGIONS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    is_filtering_outputs = forms.BooleanField(label="Look at what models answer, too", required=False)
    sample = forms.CharField(
        label="Try the patterns on a text",
        max_length=LONGEST_SAMPLE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    text = forms.CharField(
        label="A text as a user would write it",
        max_length=LONGEST_TEXT,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "form": "editor"}),
    )

    def __init__(self, *args: Any, stored: Guardrail, **kwargs: Any) -> None:
        limit = None if stored.limit_nano is None else usd_from_nano(stored.limit_nano).normalize()
        initial = {
            "name": stored.name,
            "description": stored.description or "",
            "limit_usd": None if limit is None else format(limit, "f"),
            "limit_interval": stored.limit_interval or "",
            "is_byok_in_budgets": stored.is_byok_in_budgets,
            "allowed_data_regions": stored.allowed_data_regions or [],
            "is_filtering_outputs": stored.is_filtering_outputs,
        }
        super().__init__(*args, stored=stored, initial=initial, **kwargs)
        self.fields.update(builtin_fields(stored.content_filter_builtins))
        if stored.is_default:
            del self.fields["name"]

    @cached_property
    def patterns(self) -> list[PatternRow]:
        """The rows of own patterns, tried on the sample, and an empty one for the next."""
        if not isinstance(self.data, QueryDict) or not self.is_bound:
            return [*stored_rows(self.stored.content_filters), PatternRow()]
        rows = posted_rows(self.data)
        for row in rows:
            row.try_on(str(self.data.get("sample", "")))
        return [*rows, PatternRow()]

    @property
    def what_patterns_do(self) -> list[tuple[str, str]]:
        """The choices beside each pattern."""
        return DO

    @property
    def policies(self) -> list[tuple[forms.BoundField, str]]:
        """The data policies with what each keeps out."""
        return [(self[name], KEEPING_OUT[name][1]) for name in POLICIES]

    @property
    def retention(self) -> list[forms.BoundField]:
        """Zero retention, group by group."""
        return [self[name] for name in ZDR]

    @property
    def checks(self) -> list[tuple[forms.BoundField, forms.BoundField | None, str, str]]:
        """Each built-in check with its scope, what stands for what it finds, and the extra that is missing."""
        rows = []
        for slug, check in BUILTINS.items():
            scope = self[f"scope_{slug}"] if check.scan_scopes else None
            missing = check.needs.extra if check.needs and not check.needs.is_installed else ""
            rows.append((self[f"builtin_{slug}"], scope, check.placeholder, missing))
        return rows

    def clean(self) -> dict[str, Any]:
        """A budget and its interval come together, or neither; each pattern is one."""
        values = super().clean() or self.cleaned_data
        has_limit, has_interval = values.get("limit_usd") is not None, bool(values.get("limit_interval"))
        is_read = not self.errors.keys() & {"limit_usd", "limit_interval"}
        if is_read and has_limit and not has_interval:
            self.add_error("limit_interval", "Say how often the budget starts anew.")
        if is_read and has_interval and not has_limit:
            self.add_error("limit_usd", "Give the budget, or choose no interval.")
        if any(row.error for row in self.patterns):
            self.add_error(None, "A pattern cannot be used: see below.")
        if len(self.patterns) > MOST_FILTERS + 1:
            self.add_error(None, f"A guardrail may have at most {MOST_FILTERS} patterns.")
        return values

    def columns(self) -> dict[str, Any]:
        """The guardrail's columns as the domain wants them, as far as the form is valid."""
        given = getattr(self, "cleaned_data", {})
        columns = self.restrictions()
        if "name" in given:
            columns["name"] = given["name"]
        if "description" in given:
            columns["description"] = given["description"] or None
        for name in ("is_byok_in_budgets", "is_filtering_outputs"):
            columns[name] = given.get(name, getattr(self.stored, name))
        if not self.errors.keys() & {"limit_usd", "limit_interval"} and "limit_usd" in given:
            limit = given["limit_usd"]
            columns["limit_nano"] = None if limit is None else nano_from_usd(limit)
            columns["limit_interval"] = given["limit_interval"] or None
        regions = given.get("allowed_data_regions") or None
        kept = self.stored.allowed_data_regions
        columns["allowed_data_regions"] = kept if set(kept or ()) == set(regions or ()) else regions
        return columns | self._filters(given)

    def _filters(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is looked for; lists that were not touched stay as the API may have written them."""
        patterns = [row.entry for row in self.patterns if row.pattern and not row.error]
        stored = [row.entry for row in stored_rows(self.stored.content_filters)]
        is_touched = any(name.startswith(("builtin_", "scope_")) for name in self.changed_data)
        kept = self.stored.content_filter_builtins
        return {
            "content_filters": self.stored.content_filters if patterns == stored else patterns or None,
            "content_filter_builtins": builtin_entries(given) if is_touched else kept,
        }
