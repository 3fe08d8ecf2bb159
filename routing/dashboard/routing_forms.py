"""The form about how a workspace's requests are routed when they do not say."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from config.lib.declared import NotValid
from config.lib.declared_forms import PLAIN as QUIET
from config.lib.declared_forms import LinesField, field_at, form_fields, initial_of, values_of
from routing.models import PluginSetting, RoutingDefaults
from routing.plugins.auto_router import AutoRouter
from routing.routing_defaults import PROVIDER, SWITCHES

MODELS: Final = ("default_text_model", "default_image_model")
PATTERNS: Final = ("allowed_models", "excluded_models")
LABELS: Final = {
    "sort": "Best first by",
    "order": "Try first",
    "only": "Only",
    "ignore": "Never",
    "allow_fallbacks": "Others may step in",
    "data_collection": "Providers may keep and use data",
    "zdr": "Only what keeps nothing (ZDR)",
    "max_price__prompt": "Input",
    "max_price__completion": "Output",
    "max_price__request": "Per request",
    "max_price__image": "Per image",
    "max_price__audio": "Audio",
    "preferred_min_throughput": "Tokens per second, at least",
    "preferred_max_latency": "Seconds to the first token, at most",
}
CHOICES: Final = {
    "sort": [
        ("", "Balanced: healthy first, then by price"),
        ("price", "Price: the cheapest first"),
        ("throughput", "Throughput: the fastest first"),
        ("latency", "Latency: the first token soonest"),
        ("exacto", "Exacto: the best with tools first"),
    ],
    "data_collection": [("", "Not said"), ("allow", "Yes, they may"), ("deny", "No, they may not")],
    "allow_fallbacks": [("", "Not said: they may"), ("true", "Yes"), ("false", "No")],
    "zdr": [("", "Not said"), ("true", "Yes"), ("false", "No")],
}


class RoutingForm(forms.Form):
    """A workspace's preferences as a request's `provider` object declares them, its models and its switches."""

    default_text_model = forms.CharField(
        label="Default text model", required=False, max_length=200, widget=forms.TextInput(attrs=QUIET)
    )
    default_image_model = forms.CharField(
        label="Default image model", required=False, max_length=200, widget=forms.TextInput(attrs=QUIET)
    )
    allowed_models = LinesField(
        label="It may choose", required=False, widget=forms.Textarea(attrs=QUIET | {"rows": 4})
    )
    excluded_models = LinesField(
        label="It must not choose", required=False, widget=forms.Textarea(attrs=QUIET | {"rows": 4})
    )
    is_auto_exacto_enabled = forms.BooleanField(label="Auto exacto", required=False)
    is_stickiness_enabled = forms.BooleanField(label="Sticky sessions", required=False)

    def __init__(self, *args: Any, defaults: RoutingDefaults, router: PluginSetting, **kwargs: Any) -> None:
        kwargs["initial"] = _initial(defaults, router)
        super().__init__(*args, **kwargs)
        self.router = router
        for name, field in form_fields(PROVIDER).items():
            field.label = LABELS.get(name, field.label)
            if name in CHOICES:
                field.choices = CHOICES[name]  # type: ignore[attr-defined]  # a field of choices
            self.fields[name] = field
        for model in MODELS:
            self.fields[model].widget.attrs["list"] = "models"

    def provider(self) -> dict[str, Any]:
        """What was filled in, as a request's `provider` object."""
        return values_of(PROVIDER, self.cleaned_data)

    def columns(self) -> dict[str, Any]:
        """The other columns as the domain wants them."""
        models = {name: self.cleaned_data[name].strip() or None for name in MODELS}
        return models | {name: self.cleaned_data[name] for name in SWITCHES}

    def router_change(self) -> dict[str, Any] | None:
        """What changes about the automatic router; None: nothing. What it is told works only while it is on."""
        wanted = {name: self.cleaned_data[name] for name in PATTERNS if self.cleaned_data[name]}
        if wanted == {name: self.router.config[name] for name in PATTERNS if self.router.config.get(name)}:
            return None
        rest = {name: value for name, value in self.router.config.items() if name not in PATTERNS}
        return {"config": rest | wanted, **({"is_enabled": True} if wanted else {})}

    def refuse(self, error: NotValid) -> None:
        """Say what is wrong, at the field that it is about."""
        path = error.path.partition(".")[2] or error.path
        self.add_error(field_at(self, path), error.fault[:1].upper() + error.fault[1:])

    def group(self, name: str) -> list[forms.BoundField]:
        """The fields of one of the declared groups."""
        return [self[field] for field in self.fields if field.startswith(f"{name}__")]

    @property
    def prices(self) -> list[forms.BoundField]:
        """The highest prices."""
        return self.group("max_price")


def _initial(defaults: RoutingDefaults, router: PluginSetting) -> dict[str, Any]:
    own = {field.name: getattr(defaults, field.name, None) for field in PROVIDER}
    said = own | {"sort": defaults.workspace.default_provider_sort}
    return {
        **initial_of(PROVIDER, said),
        **{name: getattr(defaults.workspace, name) or "" for name in MODELS},
        **{name: getattr(defaults, name) for name in SWITCHES},
        **{name: router.config.get(name, []) for name in PATTERNS},
    }


AUTO_ROUTER: Final = AutoRouter.slug
