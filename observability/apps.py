"""The observability app."""

from django.apps import AppConfig


class ObservabilityConfig(AppConfig):
    """Fills slots of the apps below: what the home page tells about today, and how settings are restored."""

    name = "observability"

    def ready(self) -> None:
        from accounts.restoring import restorers
        from observability import settings
        from observability.dashboard.home import requests_today
        from workspaces.dashboard.home import workspace_home

        workspace_home.fill(requests_today)
        restorers.fill("observabilitysettings", settings.restore)
