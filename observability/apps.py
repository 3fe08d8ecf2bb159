"""The observability app."""

from django.apps import AppConfig


class ObservabilityConfig(AppConfig):
    """Fills the slots of the apps below."""

    name = "observability"
