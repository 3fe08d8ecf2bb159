"""The observability app."""

from django.apps import AppConfig


class ObservabilityConfig(AppConfig):
    """Fills the slots of workspaces: what the home page tells about today."""

    name = "observability"

    def ready(self) -> None:
        from observability.dashboard.home import requests_today
        from workspaces.dashboard.home import workspace_home

        workspace_home.fill(requests_today)
