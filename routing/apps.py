"""The routing app."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Fills the slots of the apps below."""

    name = "routing"
