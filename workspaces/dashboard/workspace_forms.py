"""Forms about a workspace: what it is called, what it may spend, and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils.text import slugify

from config.lib.money import nano_from_usd, usd_from_nano
from config.lib.rated import MOST, RATES
from workspaces.dashboard.budget_bars import BudgetBar
from workspaces.models import Workspace

SLUG_LENGTH = 50
LARGEST_BUDGET = Decimal(1_000_000_000)
SMALLEST_BUDGET = Decimal("0.000000001")
QUIET: Final = {"autocomplete": "off"}
ADDRESS: Final = QUIET | {"autocapitalize": "none", "spellcheck": "false"}
BUDGET_LABELS: Final = {"t": "Lifetime", "m": "Monthly", "w": "Weekly", "d": "Daily"}
RATE_LABELS: Final = dict(
    zip(RATES, ("Requests per minute", "Tokens per minute", "Requests at once"), strict=True)
)


class WorkspaceForm(forms.Form):
    """What a workspace is called; its address follows from its name unless it is given."""

    name = forms.CharField(
        max_length=Workspace._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs=QUIET | {"autofocus": True}),
    )
    slug = forms.CharField(
        label="Address",
        required=False,
        max_length=SLUG_LENGTH,
        validators=Workspace._meta.get_field("slug").validators,
        widget=forms.TextInput(attrs=ADDRESS),
    )
    description = forms.CharField(
        required=False,
        max_length=Workspace._meta.get_field("description").max_length,
        empty_value=None,
        widget=forms.TextInput(attrs=QUIET),
    )

    def clean(self) -> dict[str, Any]:
        """Fill in the address."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("name") and not values.get("slug") and "slug" not in self.errors:
            values["slug"] = slugify(values["name"]).replace("_", "-")[:SLUG_LENGTH].strip("-")
            if not values["slug"]:
                self.add_error("slug", "Give it an address of letters and digits.")
        return values

    def refuse_address(self) -> None:
        """Say that the address is taken: it may have followed from the name."""
        self.add_error("slug", f"Another workspace has the address “{self.cleaned_data['slug']}”.")


class GeneralForm(WorkspaceForm):
    """The same of a workspace that exists, and the models that it takes where none is named."""

    default_text_model = forms.CharField(
        required=False, max_length=200, empty_value=None, widget=forms.TextInput(attrs=ADDRESS)
    )
    default_image_model = forms.CharField(
        required=False, max_length=200, empty_value=None, widget=forms.TextInput(attrs=ADDRESS)
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["name"].widget.attrs["autofocus"]

    @classmethod
    def of(cls, workspace: Workspace) -> GeneralForm:
        """The form filled in with what the workspace has."""
        return cls(initial={name: getattr(workspace, name) for name in cls.base_fields})


class BudgetsForm(forms.Form):
    """A limit per interval, the broadest first; an empty one is none."""

    is_byok_included = forms.BooleanField(label="Count requests with your own provider keys", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for interval, label in BUDGET_LABELS.items():
            self.fields[interval] = forms.DecimalField(
                label=label,
                required=False,
                min_value=SMALLEST_BUDGET,
                max_value=LARGEST_BUDGET,
                decimal_places=9,
                widget=forms.NumberInput(
                    attrs={"inputmode": "decimal", "placeholder": "No budget", "step": "any"}
                ),
                error_messages={"min_value": "More than nothing, or empty for no budget."},
            )

    @classmethod
    def of(cls, workspace: Workspace, budgets: Sequence[BudgetBar]) -> BudgetsForm:
        """The form filled in with what the workspace has."""
        limits = {row.interval: format(usd_from_nano(row.limit_nano).normalize(), "f") for row in budgets}
        return cls(initial=limits | {"is_byok_included": workspace.is_byok_in_budgets})

    def limits(self) -> dict[str, int | None]:
        """Nano-dollars per interval."""
        given = {interval: self.cleaned_data[interval] for interval in BUDGET_LABELS}
        return {name: None if usd is None else nano_from_usd(usd) for name, usd in given.items()}

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        """The fields of the limits."""
        return [self[interval] for interval in BUDGET_LABELS]


class RatesForm(forms.Form):
    """Mixed into forms of whatever has rates; an empty one is none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in RATE_LABELS.items():
            self.fields[name] = forms.IntegerField(
                label=label,
                required=False,
                min_value=1,
                max_value=MOST,
                widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "Any number"}),
            )

    def rates(self) -> dict[str, int | None]:
        """The columns."""
        return {name: self.cleaned_data[name] for name in RATES}

    @property
    def rate_fields(self) -> list[forms.BoundField]:
        """The fields of the rates."""
        return [self[name] for name in RATES]

    @property
    def has_rates(self) -> bool:
        """Whether one of them is set, or set wrongly: then they are shown at once."""
        return any(field.value() or field.errors for field in self.rate_fields)


class EnforcementForm(RatesForm):
    """How strictly a workspace's budgets are held, and how much it may ask per minute."""

    is_strict = forms.BooleanField(label="Strict budgets", required=False)

    @classmethod
    def of(cls, workspace: Workspace) -> EnforcementForm:
        """The form filled in with what the workspace has."""
        return cls(initial={name: getattr(workspace, name) for name in ("is_strict", *RATES)})

    def changes(self) -> dict[str, Any]:
        """The workspace's columns as the domain wants them."""
        return self.rates() | {"is_strict": self.cleaned_data["is_strict"]}
